"""Merge staging into its target: unchanged rows are joined out before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg import sql

from neonsync.errors import PublishError
from neonsync.postgres.catalog import IndexShape
from neonsync.postgres.connect import Connection
from neonsync.postgres.days import day_of_row
from neonsync.postgres.staging import SCHEMA
from neonsync.tables import ColumnSpec, TableSpec

INDEX_LOCK_TIMEOUT = "60s"


@dataclass(frozen=True)
class Written:
    """What publishing a table did to its rows, and the days of those that were written."""

    inserted: int
    updated: int
    unchanged: int
    days: tuple[str | None, ...] = ()


async def merge(
    connection: Connection,
    staging: str,
    spec: TableSpec,
    columns: tuple[ColumnSpec, ...],
    *,
    rows: int,
    updated_column: str | None,
) -> Written:
    """Insert new rows and update changed ones; a row that is equal is not touched.

    ``rows`` are staging's, as the proof has counted them.

    Equal means the same image: ``IS DISTINCT FROM`` takes 0.0 for -0.0 and, in citext, a for A,
    and the digest would then differ. ``updated_column`` is None when the target has none.

    Raises:
        PublishError: the target does not hold what was written; roll the transaction back.
    """
    names = [column.name for column in columns]
    existed = sql.Identifier(_free("neonsync existed", names))
    changed = f"{staging}_c"
    # Into a table of its own: a plain SELECT is spread over the processors, one that writes is not,
    # and what was written is looked at again without all the rows that were not.
    statement = sql.SQL(
        "CREATE UNLOGGED TABLE {changed} WITH (autovacuum_enabled = off) AS"
        " SELECT {columns}, t.{key} IS NOT NULL AS {existed} FROM {differing}"
    ).format(
        changed=sql.Identifier(SCHEMA, changed),
        columns=_listed(names, "s"),
        key=sql.Identifier(spec.key[0]),
        existed=existed,
        differing=_differing(staging, spec, names),
    )
    # Else the planner keeps the join to itself, as it takes every row for one that differs.
    await _set(connection, "parallel_tuple_cost", "0")
    await connection.execute(statement)
    await _set(connection, "parallel_tuple_cost", "DEFAULT")
    statement = sql.SQL(
        "SELECT count(*) FILTER (WHERE NOT {existed}), count(*) FILTER (WHERE {existed}),"
        " coalesce(array_agg(DISTINCT {day}), '{{}}') FROM {changed}"
    ).format(
        existed=existed,
        day=sql.SQL("NULL::text") if spec.day is None else day_of_row(spec.day),
        changed=sql.Identifier(SCHEMA, changed),
    )
    inserted, updated, days = await _row(connection, statement)
    if inserted or updated:
        written = await _write(connection, changed, spec, names, updated_column)
        if written != inserted + updated:
            raise PublishError(
                f"{spec.qualified} took {written:,} of the {inserted + updated:,} rows that "
                "differ: a trigger or rule of the table leaves rows out",
                "The table is as it was. Change the trigger, or sync into another table.",
            )
        await _look_again(connection, staging, changed, spec, columns)
    await connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(SCHEMA, changed)))
    return Written(inserted, updated, rows - inserted - updated, tuple(days))


async def _write(
    connection: Connection,
    changed: str,
    spec: TableSpec,
    names: list[str],
    updated_column: str | None,
) -> int:
    """Insert the rows of ``changed``, or update those that are there; how many were taken."""
    action: sql.Composable = sql.SQL("DO NOTHING")
    if values := [name for name in names if name not in spec.key]:
        updates = [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in values]
        if updated_column:
            updates.append(sql.SQL("{} = now()").format(sql.Identifier(updated_column)))
        action = sql.SQL("DO UPDATE SET {}").format(sql.SQL(", ").join(updates))
    statement = sql.SQL(
        "WITH written AS (INSERT INTO {target} AS {alias} ({names}) SELECT {names} FROM {changed}"
        " ON CONFLICT ({keys}) {action} RETURNING 1) SELECT count(*) FROM written"
    ).format(
        # Without a name of its own, a target called excluded could not be told from EXCLUDED.
        alias=sql.Identifier("neonsync target"),
        target=sql.Identifier(spec.schema, spec.target),
        names=_listed(names),
        changed=sql.Identifier(SCHEMA, changed),
        keys=_listed(list(spec.key)),
        action=action,
    )
    (count,) = await _row(connection, statement)
    return int(count)


async def _look_again(
    connection: Connection,
    staging: str,
    changed: str,
    spec: TableSpec,
    columns: tuple[ColumnSpec, ...],
) -> None:
    """Make sure that the target holds what was written: all of staging, where a trigger or rule
    of its own may have reached for rows that were not.

    Raises:
        PublishError: it does not.
    """
    if await _writes_no_other_rows(connection, spec):
        staging = changed
        # The planner must know how few they are; and where they lie was just written, so that it
        # is in memory.
        await _set(connection, "random_page_cost", "1")
        await connection.execute(
            sql.SQL("ANALYZE {} ({})").format(
                sql.Identifier(SCHEMA, changed), _listed(list(spec.key))
            )
        )
    left = await differing_rows(connection, staging, spec, columns)
    await _set(connection, "random_page_cost", "DEFAULT")
    if left:
        raise PublishError(
            f"{left:,} rows of {spec.qualified} differ from what was written into them: "
            "a trigger of the table or another session changes them",
            "The table is as it was. Change the trigger, or sync into another table.",
        )


async def _writes_no_other_rows(connection: Connection, spec: TableSpec) -> bool:
    """Whether no trigger or rule of a table, or of one below it, can write rows beside ours."""
    (alone,) = await _row(
        connection,
        sql.SQL(
            "SELECT relkind = 'r' AND NOT relhasrules AND NOT relhassubclass AND NOT EXISTS"
            " (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal)"
            " FROM pg_class AS c WHERE oid = {}::regclass"
        ).format(
            sql.Literal(
                sql.Identifier(spec.schema, spec.target).as_string(connection),
            )
        ),
    )
    return bool(alone)


async def _set(connection: Connection, name: str, value: str) -> None:
    """Set what the planner goes by, until the transaction ends or it is set again."""
    await connection.execute(sql.SQL("SET LOCAL {} = {}").format(sql.SQL(name), sql.SQL(value)))


async def differing_rows(
    connection: Connection, staging: str, spec: TableSpec, columns: tuple[ColumnSpec, ...]
) -> int:
    """How many of staging's rows have no equal in the target."""
    differing = _differing(staging, spec, [column.name for column in columns])
    (count,) = await _row(connection, sql.SQL("SELECT count(*) FROM {}").format(differing))
    return int(count)


def _free(name: str, taken: list[str]) -> str:
    """A name that no column has."""
    while name in taken:
        name += "'"
    return name


def _differing(staging: str, spec: TableSpec, names: list[str]) -> sql.Composed:
    """Staging's rows ``s`` that have no equal in the target, each with its old row ``t``."""
    values = [name for name in names if name not in spec.key]
    same_key = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("t", name), sql.Identifier("s", name))
        for name in spec.key
    )
    changed = sql.SQL("t.{} IS NULL").format(sql.Identifier(spec.key[0]))
    if values:
        changed += sql.SQL(" OR row({})::record *<> row({})::record").format(
            _listed(values, "s"), _listed(values, "t")
        )
    return sql.SQL("{} AS s LEFT JOIN {} AS t ON {} WHERE {}").format(
        sql.Identifier(SCHEMA, staging),
        sql.Identifier(spec.schema, spec.target),
        same_key,
        changed,
    )


def _listed(names: list[str], alias: str | None = None) -> sql.Composed:
    return sql.SQL(", ").join(
        sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in names
    )


async def _row(connection: Connection, statement: sql.Composed) -> tuple[Any, ...]:
    cursor = await connection.execute(statement)
    row = await cursor.fetchone()
    if row is None:
        raise AssertionError("an aggregate without GROUP BY gives one row")
    return row


async def add_missing_index(connection: Connection, spec: TableSpec, shape: IndexShape) -> None:
    """Build an index on a target that has rows, without locking its writers out.

    CONCURRENTLY leaves an invalid index behind when it fails or is cancelled: it is dropped
    before a new one is built. It waits for older transactions, but not for ever.
    """
    name = sql.Identifier(shape.name)
    await connection.execute(
        sql.SQL("SET lock_timeout = {}").format(sql.Literal(INDEX_LOCK_TIMEOUT))
    )
    await connection.execute(
        sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(spec.schema, shape.name))
    )
    await connection.execute(
        sql.SQL("CREATE {}INDEX CONCURRENTLY {} ON {} {}").format(
            sql.SQL("UNIQUE " if shape.unique else ""),
            name,
            sql.Identifier(spec.schema, spec.target),
            sql.SQL(shape.tail),  # made of quoted identifiers
        )
    )
    await connection.execute("SET lock_timeout = 0")  # as every session of ours has it
