"""Merge staging into its target: unchanged rows are joined out before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from neonsync.postgres.catalog import IndexShape
from neonsync.postgres.connect import Connection
from neonsync.postgres.staging import SCHEMA
from neonsync.tables import ColumnSpec, TableSpec


@dataclass(frozen=True)
class Written:
    """What publishing a table did to its rows."""

    inserted: int
    updated: int
    unchanged: int


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
    """
    names = [column.name for column in columns]
    values = [name for name in names if name not in spec.key]
    target = sql.Identifier(spec.schema, spec.target)

    def listed(columns: list[str], alias: str | None = None) -> sql.Composed:
        return sql.SQL(", ").join(
            sql.Identifier(alias, name) if alias else sql.Identifier(name) for name in columns
        )

    same_key = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("t", name), sql.Identifier("s", name))
        for name in spec.key
    )
    changed = sql.SQL("t.{} IS NULL").format(sql.Identifier(spec.key[0]))
    action: sql.Composable = sql.SQL("DO NOTHING")
    if values:
        changed += sql.SQL(" OR row({})::record *<> row({})::record").format(
            listed(values, "s"), listed(values, "t")
        )
        updates = [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in values]
        if updated_column:
            updates.append(sql.SQL("{} = now()").format(sql.Identifier(updated_column)))
        action = sql.SQL("DO UPDATE SET {}").format(sql.SQL(", ").join(updates))
    statement = sql.SQL(
        "WITH written AS ("
        " INSERT INTO {target} ({names})"
        " SELECT {from_staging} FROM {staging} AS s LEFT JOIN {target} AS t ON {same_key}"
        " WHERE {changed}"
        " ON CONFLICT ({key}) {action}"
        # xmax is 0 in a row version that no update made
        " RETURNING (xmax = 0) AS fresh)"
        " SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh),"
        " (SELECT count(*) FROM {staging}) FROM written"
    ).format(
        target=target,
        names=listed(names),
        from_staging=listed(names, "s"),
        staging=sql.Identifier(SCHEMA, staging),
        same_key=same_key,
        changed=changed,
        key=listed(list(spec.key)),
        action=action,
    )
    cursor = await connection.execute(statement)
    row = await cursor.fetchone()
    if row is None:
        raise AssertionError("an aggregate without GROUP BY gives one row")
    inserted, updated, staged = map(int, row)
    return Written(inserted, updated, staged - inserted - updated)


async def add_missing_index(connection: Connection, spec: TableSpec, shape: IndexShape) -> None:
    """Build an index on a target that has rows, without locking its writers out.

    CONCURRENTLY leaves an invalid index behind when it fails, which is dropped here.
    """
    name = sql.Identifier(shape.name)
    try:
        await connection.execute(
            sql.SQL("CREATE INDEX CONCURRENTLY {} ON {} {}").format(
                name,
                sql.Identifier(spec.schema, spec.target),
                sql.SQL(shape.tail),  # made of quoted identifiers
            )
        )
    except Exception:
        await connection.execute(
            sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(spec.schema, shape.name))
        )
        raise
