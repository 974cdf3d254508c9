"""What a table of the branch looks like: columns, indexes, and whether it may be swapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from psycopg import sql

from neonsync.columns import SqlType, parse_postgres
from neonsync.errors import TargetError
from neonsync.postgres.connect import Connection
from neonsync.postgres.names import fitted
from neonsync.postgres.queries import query
from neonsync.tables import ColumnSpec, IndexSpec, TableSpec
from neonsync.tables.spec import TEST_FLAG, TEST_SCENARIO

_KINDS = {
    "v": "a view",
    "m": "a materialized view",
    "f": "a foreign table",
    "S": "a sequence",
    "i": "an index",
    "c": "a type",
}


@dataclass(frozen=True)
class IndexShape:
    """An index without its table: ``tail`` is its definition from USING on.

    ``constraint`` is ``p`` for the primary key, ``u`` for a unique constraint, else empty.
    ``columns`` is None for an index with expressions.
    """

    name: str
    unique: bool
    tail: str
    constraint: str
    columns: tuple[str, ...] | None
    partial: bool
    usable: bool = True


@dataclass(frozen=True)
class TableColumn:
    """A column of a table of the branch."""

    name: str
    type: SqlType
    not_null: bool
    generated: bool
    fills_itself: bool


@dataclass(frozen=True)
class TargetTable:
    """A table of the branch as it is."""

    oid: int
    columns: tuple[TableColumn, ...]
    indexes: tuple[IndexShape, ...]

    def column(self, name: str) -> TableColumn | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


async def find_table(connection: Connection, schema: str, name: str) -> int | None:
    """The oid of whatever has the name, or None."""
    cursor = await connection.execute(
        "SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = %s",
        (schema, name),
    )
    row = await cursor.fetchone()
    return None if row is None else int(row[0])


async def read_table(connection: Connection, schema: str, name: str) -> TargetTable | None:
    """Describe a table, or None when nothing has the name."""
    oid = await find_table(connection, schema, name)
    if oid is None:
        return None
    columns = await connection.execute(query("table_columns"), {"table": oid})
    indexes = await connection.execute(query("table_indexes"), {"table": oid})
    return TargetTable(
        oid,
        tuple(
            TableColumn(name, parse_postgres(type_), not_null, generated, fills_itself)
            for name, type_, not_null, generated, fills_itself in await columns.fetchall()
        ),
        tuple(
            IndexShape(
                name, unique, tail, constraint, tuple(names) if names else None, partial, usable
            )
            for name, unique, tail, constraint, names, partial, usable in await indexes.fetchall()
        ),
    )


async def swap_obstacles(
    connection: Connection, table: TargetTable, spec: TableSpec, *, with_rows: bool = False
) -> list[str]:
    """Why another table may not take the table's place: empty when it may, ``with_rows`` or not.

    To be asked again under the lock that the swap holds.
    """
    cursor = await connection.execute(
        query("swap_obstacles"), {"table": table.oid, "generated_id": spec.generated_id}
    )
    reasons = [str(row[0]) for row in await cursor.fetchall()]
    if not reasons and not with_rows and await has_rows(connection, spec.schema, spec.target):
        reasons.append("it holds rows")
    return reasons


async def require_table(connection: Connection, table: TargetTable, spec: TableSpec) -> None:
    """Make sure that what has the target's name is a table.

    Raises:
        TargetError: it is a view, a sequence or the like.
    """
    cursor = await connection.execute(
        "SELECT relkind::text FROM pg_class WHERE oid = %s::oid", (table.oid,)
    )
    row = await cursor.fetchone()
    kind = "" if row is None else str(row[0])
    if kind not in ("r", "p"):
        what = _KINDS.get(kind, "something else")
        raise TargetError(
            f"{spec.qualified} is {what}, not a table, and its rows cannot be synced",
            "Name another target, or rename what has the name.",
        )


async def has_rows(connection: Connection, schema: str, name: str) -> bool:
    """Whether a table holds any row at all; under ``row_security = off`` none is hidden."""
    cursor = await connection.execute(
        sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(schema, name))
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


def wanted_indexes(spec: TableSpec) -> tuple[IndexShape, ...]:
    """The indexes that a target made by neonsync has: primary key, unique key, the others."""
    shapes = [_shape(spec.key_name, spec.key, "u" if spec.generated_id else "p")]
    if spec.generated_id:
        shapes.insert(0, _shape(fitted(spec.target, "_pkey"), (spec.generated_id,), "p"))
    shapes += [_shape(index.name, index.columns, "", index) for index in spec.indexes]
    return tuple(shapes)


def serves(index: IndexShape, wanted: IndexShape) -> bool:
    """Whether an index that is there does what the wanted one is for, under whatever name."""
    if index.columns is None or not index.usable or index.partial != wanted.partial:
        return False
    if wanted.unique:
        return index.unique and set(index.columns) == set(wanted.columns or ())
    same_condition = not wanted.partial or _plain(index.tail) == _plain(wanted.tail)
    return index.columns == wanted.columns and same_condition


def _plain(tail: str) -> str:
    """A definition without quotes: Postgres sets them only where they are needed."""
    return tail.replace('"', "")


def missing_indexes(table: TargetTable, spec: TableSpec) -> tuple[IndexShape, ...]:
    """Those indexes of the plan that no index of the table serves, whatever their names.

    A key turns into a unique constraint where another primary key is there already.
    """
    has_primary_key = any(index.constraint == "p" for index in table.indexes)
    missing: list[IndexShape] = []
    for shape in wanted_indexes(spec):
        if any(serves(index, shape) for index in table.indexes):
            continue
        if not all(table.column(name) or spec.column(name) for name in shape.columns or ()):
            continue  # the generated id, which a table of somebody else's making may lack
        if shape.constraint == "p" and has_primary_key:
            shape = replace(shape, constraint="u")
        missing.append(shape)
    return tuple(missing)


async def check_swap_names(
    connection: Connection,
    spec: TableSpec,
    table: TargetTable | None,
    shapes: tuple[IndexShape, ...],
) -> None:
    """Make sure, before anything is exported, that a swap can give all things their names.

    Raises:
        TargetError: the schema is missing or closed to the role, or a name is taken.
    """
    cursor = await connection.execute(
        "SELECT has_schema_privilege(oid, 'CREATE') FROM pg_namespace WHERE nspname = %s",
        (spec.schema,),
    )
    row = await cursor.fetchone()
    if row is None or not row[0]:
        what = "does not exist" if row is None else "is closed to this role, which may not CREATE"
        raise TargetError(
            f'the schema "{spec.schema}" of {spec.qualified} {what}',
            f'CREATE SCHEMA "{spec.schema}", or grant CREATE on it, then run again.',
        )
    names = [shape.name for shape in shapes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if table is None and spec.generated_id:
        names.append(fitted(spec.target, f"_{spec.generated_id}_seq"))
    cursor = await connection.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relname = ANY (%s)"
        " AND NOT EXISTS (SELECT FROM pg_index i"
        "                  WHERE i.indexrelid = c.oid AND i.indrelid = %s::oid)",
        (spec.schema, names, 0 if table is None else table.oid),
    )
    taken = twice + [str(name) for (name,) in await cursor.fetchall()]
    if taken:
        raise TargetError(
            f"{spec.qualified} needs the name {taken[0]!r}, which something else "
            f'of the schema "{spec.schema}" has',
            "Rename the other index or sequence, then run again.",
        )


async def check_mergeable(
    connection: Connection, table: TargetTable, spec: TableSpec, *, by_key: bool = True
) -> None:
    """Make sure, before anything is exported, that rows can be written into a table.

    ``by_key`` is False where all rows are written anew, and none has to be found.

    Raises:
        TargetError: no unique key, no rights, row security, rules; the message says which.
    """
    cursor = await connection.execute(query("merge_obstacles"), {"table": table.oid})
    reasons = [str(row[0]) for row in await cursor.fetchall()]
    if reasons:
        raise TargetError(
            f"nothing can be merged into {spec.qualified}: {'; '.join(reasons)}",
            "Change the table or its grants, or sync with a role for which this does not hold.",
        )
    if by_key:
        require_key(table, spec)


def same_shape(staged: TargetTable, target: TargetTable) -> bool:
    """Whether a staging table has the target's columns, and else only marks of made rows."""
    there = {column.name for column in target.columns}
    # A primary key that the swap adds makes its columns NOT NULL, which the target's need not be.
    keyed = {
        name for index in staged.indexes if index.constraint == "p" for name in index.columns or ()
    }

    def shape(column: TableColumn) -> TableColumn:
        if column.name not in keyed:
            return column
        return replace(column, not_null=True, fills_itself=False)

    return tuple(map(shape, target.columns)) == tuple(
        shape(column)
        for column in staged.columns
        if column.name in there or column.name not in (TEST_FLAG, TEST_SCENARIO)
    )


async def carried_otherwise(
    connection: Connection, staged: TargetTable, target: TargetTable
) -> list[str]:
    """The columns and checks that a target has otherwise than the staging table that was made
    like it: defaults, comments, storage, the options of a sequence."""
    cursor = await connection.execute(
        query("carried_over"),
        {"table": target.oid, "staging": staged.oid, "marks": [TEST_FLAG, TEST_SCENARIO]},
    )
    return [str(name) for (name,) in await cursor.fetchall()]


def has_columns(table: TargetTable, columns: Sequence[ColumnSpec]) -> bool:
    """Whether a table has these columns with these types, and no others."""
    return [(column.name, column.type) for column in table.columns] == [
        (column.name, column.type) for column in columns
    ]


def require_key(table: TargetTable, spec: TableSpec) -> None:
    """Make sure that the table has a unique index on exactly the key, for ON CONFLICT.

    Raises:
        TargetError: it has none.
    """
    for index in table.indexes:
        if (
            index.unique
            and index.usable
            and not index.partial
            and set(index.columns or ()) == set(spec.key)
        ):
            return
    key = ", ".join(spec.key)
    raise TargetError(
        f"the table {spec.qualified} has no unique key on ({key}) to merge by",
        f"ALTER TABLE {spec.qualified} ADD CONSTRAINT {spec.key_name} UNIQUE ({key});",
    )


def _shape(
    name: str, columns: tuple[str, ...], constraint: str, index: IndexSpec | None = None
) -> IndexShape:
    tail = sql.SQL("USING btree ({})").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
    partial = index is not None and index.where_not_null is not None
    if index is not None and index.where_not_null is not None:
        tail += sql.SQL(" WHERE ({} IS NOT NULL)").format(sql.Identifier(index.where_not_null))
    return IndexShape(name, bool(constraint), tail.as_string(None), constraint, columns, partial)
