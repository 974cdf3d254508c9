"""Staging tables: made in the shape that will be published, indexed when they are full."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from neonsync.errors import LoadError
from neonsync.postgres.catalog import IndexShape, TargetTable, find_table
from neonsync.postgres.connect import Connection
from neonsync.postgres.ddl import column_definition, new_constraint, new_index, new_table
from neonsync.postgres.identity import copy_position, identity_sequence
from neonsync.postgres.marks import is_marked
from neonsync.postgres.refusals import PRIVATE, Showing
from neonsync.tables import ColumnSpec, TableSpec
from neonsync.tables.spec import TEST_FLAG

SCHEMA = "neonsync"
DUPLICATES_SHOWN = 5
NOT_SHOWN = "…"


def relation(staging: str) -> sql.Identifier:
    """A staging table, for SQL."""
    return sql.Identifier(SCHEMA, staging)


def index_name(staging: str, position: int) -> str:
    """The name that an index of a staging table has until it is published."""
    return f"{staging}_i{position}"


async def create_for_swap(
    connection: Connection,
    staging: str,
    spec: TableSpec,
    target: TargetTable | None,
    columns: Sequence[ColumnSpec] = (),
) -> None:
    """Make a staging table that can take the target's place: same columns, no indexes yet.

    The columns that mark made rows are added where the target lacks them and ``columns``, those
    that are written, have them; where the target has them and the spec does not, rows are real
    unless they say otherwise.
    """
    name = sql.Identifier(SCHEMA, staging)
    quiet = sql.SQL(" WITH (autovacuum_enabled = off)")
    if target is None:
        await connection.execute(new_table(name, spec, quiet))
    else:
        await connection.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL EXCLUDING INDEXES){}").format(
                name, sql.Identifier(spec.schema, spec.target), quiet
            )
        )
    if target is None:
        await _comment(connection, staging, spec)
    else:
        for column in columns:
            if target.column(column.name) is None:
                await connection.execute(
                    sql.SQL("ALTER TABLE {} ADD COLUMN {}").format(name, column_definition(column))
                )
    if target is not None:
        # Else the old table's default would flag real rows as made, or made ones as real.
        flagged = spec.column(TEST_FLAG)
        default = flagged.default if flagged else False
        if is_marked(target) and default is not None:
            await connection.execute(
                sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT {}").format(
                    name, sql.Identifier(TEST_FLAG), sql.Literal(default)
                )
            )
    if target is not None:
        await _go_on_counting(connection, staging, spec, target)


async def _comment(connection: Connection, staging: str, spec: TableSpec) -> None:
    """Give a new table the lake's comments."""
    name = sql.Identifier(SCHEMA, staging)
    if spec.comment:
        await connection.execute(
            sql.SQL("COMMENT ON TABLE {} IS {}").format(name, sql.Literal(spec.comment))
        )
    for column in spec.columns:
        if column.comment:
            await connection.execute(
                sql.SQL("COMMENT ON COLUMN {} IS {}").format(
                    sql.Identifier(SCHEMA, staging, column.name), sql.Literal(column.comment)
                )
            )


async def create_for_merge(
    connection: Connection, staging: str, columns: tuple[ColumnSpec, ...]
) -> None:
    """Make a staging table of the written columns alone, with the defaults of those not loaded."""
    await connection.execute(
        sql.SQL("CREATE TABLE {} ({}) WITH (autovacuum_enabled = off)").format(
            sql.Identifier(SCHEMA, staging), sql.SQL(", ").join(map(column_definition, columns))
        )
    )


async def drop(connection: Connection, staging: str) -> None:
    """Drop a staging table, if it is there."""
    await connection.execute(
        sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(SCHEMA, staging))
    )


async def build_index(
    connection: Connection, staging: str, position: int, shape: IndexShape
) -> None:
    """Build one index of a full staging table; ``add_constraint`` may follow."""
    await connection.execute(
        new_index(index_name(staging, position), sql.Identifier(SCHEMA, staging), shape)
    )


async def add_constraint(
    connection: Connection, staging: str, position: int, shape: IndexShape
) -> None:
    """Make a built unique index the primary key or a unique constraint.

    Apart from the build, since it takes a lock that would wait for the other builds.
    """
    await connection.execute(
        new_constraint(index_name(staging, position), sql.Identifier(SCHEMA, staging), shape)
    )


async def existing_indexes(connection: Connection, staging: str) -> dict[str, bool]:
    """The indexes that a staging table has, each with whether its constraint is there."""
    cursor = await connection.execute(
        "SELECT ic.relname, k.oid IS NOT NULL FROM pg_index i"
        " JOIN pg_class ic ON ic.oid = i.indexrelid"
        " JOIN pg_class tc ON tc.oid = i.indrelid JOIN pg_namespace n ON n.oid = tc.relnamespace"
        " LEFT JOIN pg_constraint k ON k.conindid = ic.oid AND k.contype IN ('p', 'u')"
        " WHERE n.nspname = %s AND tc.relname = %s",
        (SCHEMA, staging),
    )
    return {str(name): bool(constraint) for name, constraint in await cursor.fetchall()}


async def find_duplicates(
    connection: Connection,
    staging: str,
    spec: TableSpec,
    columns: Sequence[str],
    showing: Showing | None = None,
) -> None:
    """Make sure that no two rows of a staging table have the same values in ``columns``.

    NULLs of the table's key are the same, those of other columns are not: as a merge and a unique
    index have it. ``showing`` is by default the rule for the table's key.

    Raises:
        LoadError: some do; the message counts them and names a few.
    """
    names = [sql.Identifier(name) for name in columns]
    key = sql.SQL(", ").join(names)
    showing = showing or Showing(spec.key, spec.private)
    hidden = [name for name in columns if not showing.column(name)]
    # A field that is not shown is written as such, in each of them.
    shown = sql.SQL(", ").join(
        sql.SQL("{}::text").format(each)
        if name not in hidden
        else sql.Literal(PRIVATE if name in spec.private else NOT_SHOWN)
        for name, each in zip(columns, names, strict=True)
    )
    told_apart: sql.Composable = sql.SQL("")
    if set(columns) != set(spec.key):
        told_apart = sql.SQL(" WHERE ROW({}) IS NOT NULL").format(key)
    cursor = await connection.execute(
        sql.SQL(
            "SELECT count(*) OVER (), {} FROM {}{} GROUP BY {} HAVING count(*) > 1 LIMIT {}"
        ).format(
            shown, sql.Identifier(SCHEMA, staging), told_apart, key, sql.Literal(DUPLICATES_SHOWN)
        )
    )
    rows = await cursor.fetchall()
    if rows:
        some = ", ".join(f"({', '.join(map(str, values))})" for _, *values in rows)
        found = rows[0][0]
        stand = f"{found:,} keys stand" if found > 1 else "1 key stands"
        told = f", as {some}" if len(hidden) < len(columns) else ""
        raise duplicate_key_error(spec, columns, f"{stand} more than once{told}")


async def analyze(connection: Connection, staging: str, columns: Sequence[str] = ()) -> None:
    """Collect statistics, of some columns or all; they go along with a table that is published."""
    await connection.execute(
        sql.SQL("ANALYZE {}{}").format(
            sql.Identifier(SCHEMA, staging),
            sql.SQL(" ({})").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
            if columns
            else sql.SQL(""),
        )
    )


def duplicate_key_error(spec: TableSpec, columns: Sequence[str], detail: str) -> LoadError:
    """The error for a source that has a key twice, or what another unique index forbids."""
    remedy = "Mend the source, or drop the unique index of these columns."
    if set(columns) == set(spec.key):
        remedy = (
            "Mend the source, name a key that is unique, or set on_duplicate and order_column to "
            "take one row of each key."
        )
    return LoadError(
        f"the Athena table {spec.source} has rows with the same key "
        f"({', '.join(columns)}): {detail}",
        f"The target stays as it was. {remedy}",
    )


async def _go_on_counting(
    connection: Connection, staging: str, spec: TableSpec, target: TargetTable
) -> None:
    """Let the ids of staged rows go on where the target's sequence stands."""
    old = await identity_sequence(connection, target.oid, spec.generated_id)
    made = await find_table(connection, SCHEMA, staging)
    new = None if made is None else await identity_sequence(connection, made, spec.generated_id)
    if old is not None and new is not None:
        await copy_position(connection, old, new)
