"""Made rows in a table, told from real ones by two columns.

A row is made when it is flagged and names its scenario. The flag alone is not enough: its default
is true, so that a row which an application adds to a table of test data has it too.
"""

from __future__ import annotations

from psycopg import sql

from neonsync.columns import SqlType
from neonsync.postgres.catalog import TargetTable
from neonsync.postgres.connect import Connection
from neonsync.postgres.staging import SCHEMA
from neonsync.tables import ColumnSpec, TableSpec
from neonsync.tables.spec import TEST_FLAG, TEST_SCENARIO

MARKS = (
    ColumnSpec(TEST_FLAG, SqlType("boolean")),
    ColumnSpec(TEST_SCENARIO, SqlType("varchar", (100,))),
)
_MADE = sql.SQL("({} IS TRUE AND {} IS NOT NULL)").format(
    sql.Identifier("t", TEST_FLAG), sql.Identifier("t", TEST_SCENARIO)
)


def is_marked(table: TargetTable | None) -> bool:
    """Whether a table has the two columns."""
    flag = table.column(TEST_FLAG) if table else None
    return bool(table and flag and flag.type.base == "boolean" and table.column(TEST_SCENARIO))


async def count_real_rows(connection: Connection, table: TargetTable, spec: TableSpec) -> int:
    """Rows that nobody made; all of them where the columns are missing."""
    where = sql.SQL("WHERE NOT {}").format(_MADE) if is_marked(table) else sql.SQL("")
    cursor = await connection.execute(
        sql.SQL("SELECT count(*) FROM {} AS t {}").format(_name(spec), where)
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def count_made_rows(connection: Connection, spec: TableSpec) -> int:
    """Made rows of a table that has the two columns."""
    cursor = await connection.execute(
        sql.SQL("SELECT count(*) FROM {} AS t WHERE {}").format(_name(spec), _MADE)
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def delete_stale_rows(connection: Connection, staging: str, spec: TableSpec) -> int:
    """Delete the made rows whose key is not in staging; those that are get overwritten."""
    same_key = sql.SQL(" AND ").join(
        sql.SQL("{} = {}").format(sql.Identifier("t", name), sql.Identifier("s", name))
        for name in spec.key
    )
    cursor = await connection.execute(
        sql.SQL(
            "DELETE FROM {} AS t WHERE {} AND NOT EXISTS (SELECT FROM {} AS s WHERE {})"
        ).format(_name(spec), _MADE, sql.Identifier(SCHEMA, staging), same_key)
    )
    return cursor.rowcount


def _name(spec: TableSpec) -> sql.Identifier:
    return sql.Identifier(spec.schema, spec.target)
