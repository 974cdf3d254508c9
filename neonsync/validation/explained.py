"""Declared checks as Postgres would take them: parsed and planned, and not run.

A table that is not there yet, or lacks columns that a sync adds, is stood in for by an empty one
with the columns that it will have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from neonsync.postgres.catalog import TargetTable, read_table
from neonsync.postgres.connect import Connection
from neonsync.tables import CheckKind, DeclaredCheck, TableSpec
from neonsync.validation.declared import violating, without_values
from neonsync.validation.read_only import read_only


@dataclass(frozen=True)
class Refused:
    """A check that Postgres does not take, and why; ``early`` where a sync may mend that."""

    check: DeclaredCheck
    why: str
    early: bool = False


async def refused(
    connection: Connection,
    tables: Sequence[tuple[TableSpec, Sequence[DeclaredCheck]]],
    limit_seconds: float,
) -> list[Refused]:
    """The checks of some tables that Postgres does not take.

    Raises:
        psycopg.Error: the connection is lost.
    """
    found = []
    there = {
        spec.qualified: await read_table(connection, spec.schema, spec.target) for spec, _ in tables
    }
    ready = all(_has_all(there[spec.qualified], spec) for spec, _ in tables)
    for spec, checks in tables:
        for check in checks:
            try:
                async with read_only(connection, limit_seconds):
                    for statement in _statements(check, spec, there[spec.qualified]):
                        # By the extended protocol, which takes one statement alone.
                        await connection.execute(statement, binary=True)
            except psycopg.Error as error:
                if connection.closed:
                    raise
                early = not ready and isinstance(error, _may_come(check))
                found.append(Refused(check, without_values(error), early))
    return found


def _statements(
    check: DeclaredCheck, spec: TableSpec, table: TargetTable | None
) -> list[sql.Composed]:
    if check.kind is CheckKind.FRESH_DAYS:
        return []
    name = sql.Identifier(spec.schema, spec.target)
    if check.kind is CheckKind.SQL or _has_all(table, spec):
        found = violating(check, name, spec.key)
    else:
        alias = sql.Identifier(spec.target)
        found = violating(check, alias, spec.key, _stand_in(spec, table, alias))
    statements = [sql.SQL("EXPLAIN {}").format(found)]
    if check.kind is CheckKind.REGEX:
        # Planning need not look into it.
        statements.append(sql.SQL("SELECT '' ~ {}").format(sql.Literal(check.text)))
    return statements


def _may_come(check: DeclaredCheck) -> tuple[type[psycopg.Error], ...]:
    """What a sync may mend: the columns of the check's own table are known beforehand."""
    if check.kind in (CheckKind.SQL, CheckKind.REFERENCES):
        return psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn
    return (psycopg.errors.UndefinedTable,)


def _has_all(table: TargetTable | None, spec: TableSpec) -> bool:
    return table is not None and all(table.column(column.name) for column in spec.columns)


def _stand_in(spec: TableSpec, table: TargetTable | None, alias: sql.Identifier) -> sql.Composed:
    types: Mapping[str, str] = {
        **({spec.generated_id: "bigint"} if spec.generated_id else {}),
        **{name: "timestamptz" for name in (spec.created_column, spec.updated_column) if name},
        **{column.name: str(column.type) for column in spec.columns},
        **{column.name: str(column.type) for column in (table.columns if table else ())},
    }
    # Types are of our own table of types. OFFSET keeps the NULLs from being reckoned with.
    columns = sql.SQL(", ").join(
        sql.SQL("NULL::{} AS {}").format(sql.SQL(type_), sql.Identifier(name))
        for name, type_ in types.items()
    )
    return sql.SQL("(SELECT {} OFFSET 0) AS {}").format(columns, alias)
