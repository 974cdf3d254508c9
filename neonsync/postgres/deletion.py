"""Rows that go: those that staging does not have, and what refers to them."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from neonsync.errors import PublishError, RefusedError, TargetError
from neonsync.postgres.catalog import TargetTable
from neonsync.postgres.connect import Connection
from neonsync.postgres.merge import differing_rows
from neonsync.postgres.queries import query
from neonsync.postgres.scope import WHOLE, TargetScope
from neonsync.postgres.staging import SCHEMA
from neonsync.tables import ColumnSpec, TableSpec

_TARGET, _CHILD = "t", "c"


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key that leads to a table; ``within`` when it comes from the table itself."""

    name: str
    schema: str
    table: str
    within: bool
    columns: tuple[str, ...]
    referenced: tuple[str, ...]


@dataclass(frozen=True)
class Goners:
    """The rows of a table, within a scope, whose key its staging table does not have."""

    spec: TableSpec
    staging: str
    scope: TargetScope = WHOLE

    def condition(self, alias: str) -> sql.Composed:
        """That a row of the target, which is called ``alias``, goes."""
        same_key = sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(sql.Identifier("s", name), sql.Identifier(alias, name))
            for name in self.spec.key
        )
        return sql.SQL("{} AND NOT EXISTS (SELECT FROM {} AS s WHERE {})").format(
            self.scope.condition(alias), sql.Identifier(SCHEMA, self.staging), same_key
        )


async def check_deletable(connection: Connection, table: TargetTable, spec: TableSpec) -> None:
    """Make sure, before anything is exported, that rows can be deleted from a table.

    Raises:
        TargetError: no right, row security, rules, heirs; the message says which.
    """
    cursor = await connection.execute(query("delete_obstacles"), {"table": table.oid})
    reasons = [str(row[0]) for row in await cursor.fetchall()]
    if reasons:
        raise TargetError(
            f"nothing can be deleted from {spec.qualified}: {'; '.join(reasons)}",
            "Change the table or its grants, or let its rows stay: "
            "--publish auto --on-missing keep.",
        )


async def foreign_keys_to(connection: Connection, table: TargetTable) -> list[ForeignKey]:
    """The foreign keys that lead to a table, from others and from itself."""
    cursor = await connection.execute(query("references_to"), {"table": table.oid})
    return [
        ForeignKey(name, schema, child, within, tuple(columns), tuple(referenced))
        for name, schema, child, within, columns, referenced in await cursor.fetchall()
    ]


async def count_all(connection: Connection, spec: TableSpec) -> int:
    """All rows of a table."""
    return await _count(connection, sql.SQL("SELECT count(*) FROM {}").format(_name(spec)))


async def count_within(connection: Connection, spec: TableSpec, scope: TargetScope) -> int:
    """The rows of a table that are within a scope."""
    return await _count_where(connection, spec, scope.condition(_TARGET))


async def count_goners(connection: Connection, goners: Goners) -> int:
    """The rows that go."""
    return await _count_where(connection, goners.spec, goners.condition(_TARGET))


async def delete_goners(connection: Connection, table: TargetTable, goners: Goners) -> int:
    """Delete the rows that go, which nothing may refer to; returns how many.

    Raises:
        RefusedError: rows that stay refer to some; roll the transaction back.
        PublishError: some are still there, as a trigger has kept them.
    """
    await _refuse_dangling(connection, table, goners)
    condition = goners.condition(_TARGET)
    name = _name(goners.spec)
    cursor = await connection.execute(
        sql.SQL("DELETE FROM {} AS {} WHERE {}").format(name, sql.Identifier(_TARGET), condition)
    )
    deleted = cursor.rowcount
    left = await count_goners(connection, goners)
    if left:
        raise PublishError(
            f"{left:,} rows of {goners.spec.qualified} that were deleted are still there: "
            "a trigger of the table or another session keeps them",
            "The table is as it was. Change the trigger, or run again.",
        )
    return deleted


async def rewrite(
    connection: Connection, staging: str, spec: TableSpec, columns: tuple[ColumnSpec, ...]
) -> tuple[int, int]:
    """Delete all rows of a table and insert those of staging; nobody else may write meanwhile.

    Returns how many went and came.

    Raises:
        PublishError: the target does not hold what was written; roll the transaction back.
    """
    cursor = await connection.execute(sql.SQL("DELETE FROM {}").format(_name(spec)))
    removed = cursor.rowcount
    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in columns)
    cursor = await connection.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(
            _name(spec), names, names, sql.Identifier(SCHEMA, staging)
        )
    )
    inserted = cursor.rowcount
    there = await count_all(connection, spec)
    staged = await _count(
        connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(SCHEMA, staging))
    )
    differing = await differing_rows(connection, staging, spec, columns)
    if there != staged or differing:
        raise PublishError(
            f"{spec.qualified} holds {there:,} rows where {staged:,} were written, and "
            f"{differing:,} of those differ: a trigger of the table changes them",
            "The table is as it was. Change the trigger, or sync into another table.",
        )
    return removed, inserted


async def _refuse_dangling(connection: Connection, table: TargetTable, goners: Goners) -> None:
    """Make sure that no row that stays refers to one that goes.

    Whatever the foreign key would do about it: a cascade would take rows along that nobody meant.

    Raises:
        RefusedError: some do; the message names the foreign key and counts them.
    """
    for key in await foreign_keys_to(connection, table):
        same = sql.SQL(" AND ").join(
            sql.SQL("{} = {}").format(
                sql.Identifier(_CHILD, column), sql.Identifier(_TARGET, referenced)
            )
            for column, referenced in zip(key.columns, key.referenced, strict=True)
        )
        stays = sql.SQL("NOT ({})").format(goners.condition(_CHILD))
        count = await _count(
            connection,
            sql.SQL(
                "SELECT count(*) FROM {} AS {} WHERE {}"
                " AND EXISTS (SELECT FROM {} AS {} WHERE {} AND {})"
            ).format(
                sql.Identifier(key.schema, key.table),
                sql.Identifier(_CHILD),
                stays if key.within else sql.SQL("true"),
                _name(goners.spec),
                sql.Identifier(_TARGET),
                same,
                goners.condition(_TARGET),
            ),
        )
        if count:
            raise RefusedError(
                f"{count:,} rows of {key.schema}.{key.table} refer by {key.name} to rows of "
                f"{goners.spec.qualified} that its source does not have any more",
                f"Delete those rows of {key.schema}.{key.table} or lead them elsewhere, then run "
                "again; or let the rows stay: --publish auto --on-missing keep.",
            )


async def _count_where(connection: Connection, spec: TableSpec, condition: sql.Composable) -> int:
    return await _count(
        connection,
        sql.SQL("SELECT count(*) FROM {} AS {} WHERE {}").format(
            _name(spec), sql.Identifier(_TARGET), condition
        ),
    )


async def _count(connection: Connection, statement: sql.Composed) -> int:
    cursor = await connection.execute(statement)
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


def _name(spec: TableSpec) -> sql.Identifier:
    return sql.Identifier(spec.schema, spec.target)
