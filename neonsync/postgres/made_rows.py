"""Made rows in a table: counted, and removed when their time is over.

A row is made when it is flagged and names its scenario. The flag alone is not enough: its default
is true, so that a row which an application adds to a table of test data has it too.
"""

from __future__ import annotations

from collections.abc import Sequence

import psycopg
from psycopg import sql

from neonsync.errors import RefusedError
from neonsync.postgres.catalog import TargetTable
from neonsync.postgres.connect import Connection
from neonsync.postgres.marks import is_marked
from neonsync.postgres.staging import SCHEMA
from neonsync.tables import TableSpec
from neonsync.tables.spec import TEST_FLAG, TEST_SCENARIO

DEFAULT_LOCK_TIMEOUT = "2s"
_MADE = sql.SQL("({} IS TRUE AND {} IS NOT NULL)").format(
    sql.Identifier("t", TEST_FLAG), sql.Identifier("t", TEST_SCENARIO)
)


async def count_real_rows(connection: Connection, table: TargetTable, spec: TableSpec) -> int:
    """Rows that nobody made; all of them where the columns are missing."""
    where = sql.SQL("WHERE NOT {}").format(_MADE) if is_marked(table) else sql.SQL("")
    return await _count(
        connection, sql.SQL("SELECT count(*) FROM {} AS t {}").format(_name(spec), where)
    )


async def count_made_rows(connection: Connection, spec: TableSpec) -> int:
    """Made rows of a table that has the two columns."""
    return await _count(
        connection, sql.SQL("SELECT count(*) FROM {} AS t WHERE {}").format(_name(spec), _MADE)
    )


async def lock_out_writers(connection: Connection, spec: TableSpec) -> None:
    """Let nobody else write into a table until the end of the transaction; readers go on."""
    await connection.execute(
        sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(_name(spec))
    )


async def delete_made_rows(
    connection: Connection, spec: TableSpec, *, but_those_in: str | None = None
) -> int:
    """Delete made rows: all, or but those whose key is in the staging table of that name."""
    where = _MADE
    if but_those_in is not None:
        same_key = sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier("t", name), sql.Identifier("s", name))
            for name in spec.key
        )
        where = sql.SQL("{} AND NOT EXISTS (SELECT FROM {} AS s WHERE {})").format(
            _MADE, sql.Identifier(SCHEMA, but_those_in), same_key
        )
    cursor = await connection.execute(
        sql.SQL("DELETE FROM {} AS t WHERE {}").format(_name(spec), where)
    )
    return cursor.rowcount


async def refuse_cascades(
    connection: Connection, spec: TableSpec, synced: Sequence[TableSpec]
) -> None:
    """Make sure that deleting made rows takes no rows of a table along that is not synced.

    Raises:
        RefusedError: a foreign key with ON DELETE CASCADE or SET leads from one that has rows.
    """
    cursor = await connection.execute(
        "SELECT n.nspname, c.relname, k.conname FROM pg_constraint k"
        " JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE k.contype = 'f' AND k.confdeltype IN ('c', 'n', 'd')"
        " AND k.confrelid = to_regclass(format('%%I.%%I', %s::text, %s::text))",
        (spec.schema, spec.target),
    )
    ours = {(other.schema, other.target) for other in synced}
    for schema, table, constraint in await cursor.fetchall():
        if (schema, table) in ours:
            continue
        rows = await _count(
            connection,
            sql.SQL("SELECT count(*) FROM (SELECT FROM {} LIMIT 1) AS one").format(
                sql.Identifier(schema, table)
            ),
        )
        if rows:
            raise RefusedError(
                f"the made rows of {spec.qualified} cannot give way: the foreign key {constraint} "
                f"would delete or change rows of {schema}.{table} with them",
                f"Delete or move the rows of {schema}.{table} first, or sync into a fresh branch.",
            )


async def stop_flagging(connection: Connection, spec: TableSpec) -> bool:
    """Let a row that says nothing of itself be a real one. False when others hold the table."""
    try:
        async with connection.transaction():
            await connection.execute(
                sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(DEFAULT_LOCK_TIMEOUT))
            )
            await connection.execute(
                sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET DEFAULT false").format(
                    _name(spec), sql.Identifier(TEST_FLAG)
                )
            )
    except (psycopg.errors.LockNotAvailable, psycopg.errors.InsufficientPrivilege):
        return False
    return True


async def flags_by_default(connection: Connection, spec: TableSpec) -> bool:
    """Whether the flag's default is true."""
    cursor = await connection.execute(
        "SELECT column_default = 'true' FROM information_schema.columns"
        " WHERE table_schema = %s AND table_name = %s AND column_name = %s",
        (spec.schema, spec.target, TEST_FLAG),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def _count(connection: Connection, statement: sql.Composed) -> int:
    cursor = await connection.execute(statement)
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


def _name(spec: TableSpec) -> sql.Identifier:
    return sql.Identifier(spec.schema, spec.target)
