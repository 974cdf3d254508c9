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
    updated_column: str | None,
) -> Written:
    """Insert new rows and update changed ones; a row that is equal is not touched.

    Equal means the same image: ``IS DISTINCT FROM`` takes 0.0 for -0.0 and, in citext, a for A,
    and the digest would then differ. ``updated_column`` is None when the target has none.

    Raises:
        PublishError: the target does not hold what was written; roll the transaction back.
    """
    names = [column.name for column in columns]
    values = [name for name in names if name not in spec.key]
    differing = _differing(staging, spec, names)
    action: sql.Composable = sql.SQL("DO NOTHING")
    if values:
        updates = [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in values]
        if updated_column:
            updates.append(sql.SQL("{} = now()").format(sql.Identifier(updated_column)))
        action = sql.SQL("DO UPDATE SET {}").format(sql.SQL(", ").join(updates))
    statement = sql.SQL(
        "WITH changed AS MATERIALIZED (SELECT {columns}, t.{key} IS NOT NULL AS {existed}"
        " FROM {differing}),"
        " written AS (INSERT INTO {target} AS {alias} ({names}) SELECT {names} FROM changed"
        " ON CONFLICT ({keys}) {action} RETURNING 1)"
        " SELECT (SELECT count(*) FROM changed WHERE NOT {existed}),"
        " (SELECT count(*) FROM changed WHERE {existed}),"
        " (SELECT count(*) FROM written), (SELECT count(*) FROM {staging}),"
        " (SELECT coalesce(array_agg(DISTINCT {day}), '{{}}') FROM changed)"
    ).format(
        columns=_listed(names, "s"),
        key=sql.Identifier(spec.key[0]),
        existed=sql.Identifier(_free("neonsync existed", names)),
        # Without a name of its own, a target called excluded could not be told from EXCLUDED.
        alias=sql.Identifier("neonsync target"),
        differing=differing,
        target=sql.Identifier(spec.schema, spec.target),
        names=_listed(names),
        keys=_listed(list(spec.key)),
        action=action,
        staging=sql.Identifier(SCHEMA, staging),
        day=sql.SQL("NULL::text") if spec.day is None else day_of_row(spec.day),
    )
    inserted, updated, written, staged, days = await _row(connection, statement)
    if written != inserted + updated:
        raise PublishError(
            f"{spec.qualified} took {written:,} of the {inserted + updated:,} rows that differ: "
            "a trigger or rule of the table leaves rows out",
            "The table is as it was. Change the trigger, or sync into another table.",
        )
    if written:
        left = await differing_rows(connection, staging, spec, columns)
        if left:
            raise PublishError(
                f"{left:,} rows of {spec.qualified} differ from what was written into them: "
                "a trigger of the table or another session changes them",
                "The table is as it was. Change the trigger, or sync into another table.",
            )
    return Written(inserted, updated, staged - inserted - updated, tuple(days))


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
