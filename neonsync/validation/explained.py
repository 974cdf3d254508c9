"""Declared checks as Postgres would take them: parsed and planned, and not run.

A table that is not there yet, or lacks columns that a sync adds, is stood in for by an empty one
with the columns that it will have.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import psycopg
from psycopg import sql

from neonsync.postgres.catalog import TargetTable, read_table
from neonsync.postgres.connect import Connection
from neonsync.postgres.refusals import Showing, with_hint
from neonsync.tables import CheckKind, DeclaredCheck, OnDrift, TableSpec
from neonsync.validation.declared import counting, violating
from neonsync.validation.read_only import read_only

LOCK_SECONDS = 3.0
"""How long a table that somebody has locked is waited for, by each check."""
_SYSTEM_COLUMNS = frozenset(("tableoid", "ctid", "xmin", "cmin", "xmax", "cmax"))
_BUSY = (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable)
_PART = r'(?:"(?:[^"]|"")+"|[^\W\d][\w$]*|\*)'
_NAME = re.compile(rf"{_PART}(?:\s*\.\s*{_PART})*")


class Refusal(StrEnum):
    """Why a check is not taken, in words that go on after its name."""

    WRONG = "is wrong"
    EARLY = "cannot be looked at before the first sync"
    BUSY = "could not be looked at in time"


@dataclass(frozen=True)
class Refused:
    """A check that Postgres does not take, and why."""

    check: DeclaredCheck
    refusal: Refusal
    why: str


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
    showing = Showing(private={name for spec, _ in tables for name in spec.private})
    targets = [await _target(connection, spec, limit_seconds) for spec, _ in tables]
    path = await _search_path(connection)
    for target, (_, checks) in zip(targets, tables, strict=True):
        for check in checks:
            if check.kind is CheckKind.FRESH_DAYS:
                continue
            rows = _violating(check, target)
            try:
                async with _looking(connection, limit_seconds):
                    await _explain(connection, check, rows)
            except psycopg.Error as error:
                if connection.closed:
                    raise
                unknown = _unknown(error, _explained(rows).as_string(connection))
                stand_in = target.spec.target if target.stood_in_for(check) else ""
                refusal = _refusal(error, unknown, stand_in, targets, path)
                found.append(Refused(check, refusal, with_hint(error, showing)))
    return found


@dataclass(frozen=True)
class _Target:
    """A table of the run, and what is there of it: None for nothing, or where it is locked."""

    spec: TableSpec
    table: TargetTable | None
    locked: bool = False

    @property
    def absent(self) -> bool:
        """Whether a run makes it."""
        return self.table is None and not self.locked

    @property
    def lacking(self) -> dict[str, str]:
        """The columns that a run adds to it, with their types."""
        # One that is left out stays unknown.
        if self.table is None or self.spec.on_drift is OnDrift.IGNORE:
            return {}
        columns = self.spec.columns
        return {each.name: str(each.type) for each in columns if not self.table.column(each.name)}

    def stood_in_for(self, check: DeclaredCheck) -> bool:
        """Whether a check is planned with a stand-in; a query names its tables by itself."""
        return check.kind is not CheckKind.SQL and (self.absent or bool(self.lacking))


async def _target(connection: Connection, spec: TableSpec, limit_seconds: float) -> _Target:
    try:
        async with _looking(connection, limit_seconds):
            return _Target(spec, await read_table(connection, spec.schema, spec.target))
    except _BUSY:
        return _Target(spec, None, locked=True)


async def _search_path(connection: Connection) -> list[str]:
    cursor = await connection.execute("SELECT current_schemas(true)::text[]")
    return [schema for (schemas,) in await cursor.fetchall() for schema in schemas]


@contextlib.asynccontextmanager
async def _looking(connection: Connection, limit_seconds: float) -> AsyncIterator[None]:
    """A look that waits for no lock: planning takes one on each table, as reading does."""
    async with read_only(connection, limit_seconds):
        milliseconds = str(round(LOCK_SECONDS * 1000))
        await connection.execute("SELECT set_config('lock_timeout', %s, true)", (milliseconds,))
        yield


def _violating(check: DeclaredCheck, target: _Target) -> sql.Composed:
    """The rows that violate a check, of the table or of its stand-in."""
    spec = target.spec
    if not target.stood_in_for(check):
        return violating(check, sql.Identifier(spec.schema, spec.target), spec.key)
    alias = sql.Identifier(spec.target)
    return violating(check, alias, spec.key, _stand_in(target, alias))


def _explained(statement: sql.Composed) -> sql.Composed:
    return sql.SQL("EXPLAIN {}").format(statement)


async def _explain(connection: Connection, check: DeclaredCheck, rows: sql.Composed) -> None:
    """Have Postgres plan what a run would send: first the rows, which tells of unknown names.

    Raises:
        psycopg.Error: it does not take it.
    """
    # By the extended protocol, which takes one statement alone.
    await connection.execute(_explained(rows), binary=True)
    await connection.execute(_explained(await counting(connection, check, rows)), binary=True)
    if check.kind is CheckKind.REGEX:
        # Planning need not look into it.
        matched = sql.SQL("SELECT '' ~ {}").format(sql.Literal(check.text))
        await connection.execute(matched, binary=True)


def _stand_in(target: _Target, alias: sql.Identifier) -> sql.Composed:
    """The table as a run makes it; of one that is there, its own columns and those to come."""
    spec = target.spec
    if target.absent:
        types = {
            **({spec.generated_id: "bigint"} if spec.generated_id else {}),
            **{name: "timestamptz" for name in (spec.created_column, spec.updated_column) if name},
            **{column.name: str(column.type) for column in spec.columns},
        }
    else:
        types = target.lacking
    # These types are of our own table of types, never of the branch.
    columns: list[sql.Composable] = [
        sql.SQL("NULL::{} AS {}").format(sql.SQL(type_), sql.Identifier(name))
        for name, type_ in types.items()
    ]
    source: sql.Composable = sql.SQL("")
    if not target.absent:
        columns.insert(0, sql.SQL("there.*"))
        name = sql.Identifier(spec.schema, spec.target)
        source = sql.SQL(" FROM {} AS there").format(name)
    # OFFSET keeps the NULLs from being reckoned with.
    return sql.SQL("(SELECT {}{} OFFSET 0) AS {}").format(
        sql.SQL(", ").join(columns), source, alias
    )


def _unknown(error: psycopg.Error, statement: str) -> tuple[str, ...]:
    """The name that a statement has where Postgres has stumbled over it, part by part; or none.

    By its place: the words around it are of the server's language.
    """
    position = int(error.diag.statement_position or 0)
    found = _NAME.match(statement, position - 1) if position else None
    parts: list[str] = re.findall(_PART, found[0]) if found is not None else []
    return tuple(
        part[1:-1].replace('""', '"') if part.startswith('"') else part.lower() for part in parts
    )


def _refusal(
    error: psycopg.Error,
    unknown: tuple[str, ...],
    stand_in: str,
    targets: Sequence[_Target],
    path: Sequence[str],
) -> Refusal:
    """What an error means of a check, by its code and the name at which it has arisen.

    ``stand_in`` is what the check's own stand-in is called, if there is any.
    """
    if isinstance(error, _BUSY):
        return Refusal.BUSY
    early = False
    if isinstance(error, psycopg.errors.UndefinedTable):
        # It stands after FROM; or before a column, where a stand-in is no table of a schema, so
        # that schema.table.column does not lead to it.
        early = unknown in _relations_to_come(targets, path) or unknown[-2:-1] == (stand_in,)
    elif isinstance(error, psycopg.errors.UndefinedColumn):
        to_come = {each for target in targets for each in target.lacking}
        early = bool({*unknown[-1:]} & (to_come | (_SYSTEM_COLUMNS if stand_in else set())))
    return Refusal.EARLY if early else Refusal.WRONG


def _relations_to_come(targets: Sequence[_Target], path: Sequence[str]) -> set[tuple[str, ...]]:
    specs = [target.spec for target in targets if target.absent]
    return {(spec.schema, spec.target) for spec in specs} | {
        (spec.target,) for spec in specs if spec.schema in path
    }
