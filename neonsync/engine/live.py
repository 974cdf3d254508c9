"""The live check: rows of every type through the whole way, into a schema that is dropped again.

The rows stand in Athena queries of VALUES, so no table of the lake is read; then all is as in any
run: UNLOAD, Parquet, COPY, proof, publishing, checks. At the end each value is read back and
compared with what it must be.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import psycopg
from psycopg import sql

from neonsync.athena.client import Athena
from neonsync.athena.values import select_values
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Emit, Level, Notice
from neonsync.engine.pipeline import run
from neonsync.engine.plan import Plan, make_plan
from neonsync.engine.result import RunResult
from neonsync.engine.runs import holder as holders
from neonsync.engine.runs import lease as leases
from neonsync.engine.runs import ledger, leftovers
from neonsync.errors import NeonsyncError, ProofError, RefusedError, RunCancelled, SyncError
from neonsync.postgres.connect import Connection, Database, connected, server_error
from neonsync.settings import Filters, OnError, QualitySettings, Settings
from neonsync.tables import Mode, OnMissing, Publish, TableConfig
from neonsync.validation.live import ROWS, TABLES, LiveColumn

PREFIX = "neonsync_live_"
"""What the schemas of live checks begin with; eight hexadecimal digits follow."""
LOCK_TIMEOUT = "20s"
"""How long the drop waits for whoever looks at the tables."""
_KEY = "id"
T = TypeVar("T")


@dataclass(frozen=True)
class Difference:
    """A value that is not what it must be; ``found`` is a text where the value is another kind."""

    row: int
    literal: str
    expected: Any
    found: Any


@dataclass(frozen=True)
class TypeResult:
    """How the values of one type arrived."""

    type: str
    values: int
    differing: tuple[Difference, ...]

    @property
    def equal(self) -> int:
        """How many values are what they must be."""
        return self.values - len(self.differing)


@dataclass(frozen=True)
class LiveResult:
    """The end of a live check.

    ``run`` tells how the run ended; only when it published are there ``types``. ``left`` is what
    could not be cleared away, None when nothing of the check remains but the run's ledger row.
    """

    schema: str
    run: RunResult
    types: tuple[TypeResult, ...]
    left: NeonsyncError | None

    @property
    def equal(self) -> bool:
        """Whether every value is what it must be."""
        return bool(self.types) and not any(result.differing for result in self.types)


async def check_live(settings: Settings, emit: Emit, cancel: CancelToken) -> LiveResult:
    """Send rows of every type through the whole way; branch, services and rights are the user's.

    The schema is dropped however it ends. How the run failed is told by the result.

    Raises:
        NeonsyncError: what came before or after the run failed, or was stopped.
    """
    schema = f"{PREFIX}{secrets.token_hex(4)}"
    wanted = replace(
        settings,
        tables=live_tables(schema),
        mode=Mode.FULL,
        filters=Filters(),
        publish=Publish.AUTO,
        on_missing=OnMissing.KEEP,
        dry_run=False,
        on_error=OnError.STOP,
        fresh=False,
        checks=(),
        quality=QualitySettings(metrics=False),
    )
    plan = await _stoppable(cancel, asyncio.to_thread(make_plan, wanted))
    database = Database(plan.address.uri, "neonsync config check --live")
    result: RunResult | None = None
    types: tuple[TypeResult, ...] = ()
    await _stoppable(cancel, _look_before(database, plan, emit))
    try:
        await _stoppable(cancel, _create(database, schema))
        emit(Notice(Level.INFO, f"made the schema {schema}, which is dropped at the end"))
        result = await run(plan, emit, cancel)
        if result.error is None:
            types = await _stoppable(cancel, _compare(database, schema))
    except BaseException:
        left = await asyncio.shield(_clear(database, schema, plan, result))
        if left is not None:
            emit(Notice(Level.WARNING, f"{left.message}. {left.remedy}"))
        raise
    left = await asyncio.shield(_clear(database, schema, plan, result))
    return LiveResult(schema, result, types, left)


def live_tables(schema: str) -> tuple[TableConfig, ...]:
    """The tables of the check, as a configuration would name them."""
    return tuple(
        TableConfig(query=_query(columns), target=f"{schema}.{name}", key=(_KEY,))
        for name, columns in TABLES.items()
    )


def _query(columns: tuple[LiveColumn, ...]) -> str:
    rows = [[str(row), *(column.cell(row) for column in columns)] for row in range(1, ROWS + 1)]
    return select_values([_KEY, *(column.column for column in columns)], rows)


async def _stoppable(cancel: CancelToken, work: Coroutine[Any, Any, T]) -> T:
    """Do a piece of work that the token may stop.

    Raises:
        RunCancelled: it did.
    """
    task = asyncio.ensure_future(work)
    detach = cancel.attach(task)
    try:
        return await task
    except asyncio.CancelledError:
        if cancel.requested:
            raise RunCancelled("the live check was stopped", cancel.exit_code) from None
        raise
    except psycopg.Error as error:
        raise server_error(error) from error
    finally:
        detach()


async def _look_before(database: Database, plan: Plan, emit: Emit) -> None:
    """Make sure that the run clears nothing away that somebody can still use.

    Raises:
        RefusedError: a run of the user's was interrupted, and can be continued.
    """
    async with connected(database) as connection:
        cursor = await connection.execute(
            "SELECT nspname FROM pg_namespace WHERE starts_with(nspname, %s)", (PREFIX,)
        )
        for (name,) in await cursor.fetchall():
            emit(
                Notice(
                    Level.WARNING,
                    f"the schema {name} is of another live check; unless that is at work now: "
                    f"DROP SCHEMA {name} CASCADE",
                )
            )
        cursor = await connection.execute("SELECT to_regclass('neonsync.chunks') IS NOT NULL")
        if await cursor.fetchone() != (True,):
            return
        for old in await leases.unfinished_runs(connection):
            useful = (
                old.branch_id == plan.branch.id
                and old.resumable
                and old.age_hours < leases.RESUME_WINDOW_HOURS
            )
            exports = await ledger.read_exports(connection, old.run_id)
            if useful and any(not export.target.startswith(PREFIX) for export in exports):
                raise RefusedError(
                    f"run {old.run_id} ({old.holder}) is at work on this branch or was "
                    "interrupted, and the live check would clear away what it has loaded",
                    "Finish it with the command that began it, then check again.",
                )


async def _create(database: Database, schema: str) -> None:
    async with connected(database) as connection:
        await connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))


async def _compare(database: Database, schema: str) -> tuple[TypeResult, ...]:
    """Read every value back, and compare it.

    Raises:
        ProofError: a table has other rows than were sent.
    """
    results: list[TypeResult] = []
    async with connected(database) as connection:
        for table, columns in TABLES.items():
            found = await _read(connection, sql.Identifier(schema, table), columns)
            if found.keys() != set(range(1, ROWS + 1)):
                raise ProofError(
                    f"{schema}.{table} has the rows {sorted(found)}, and 1 to {ROWS} were sent",
                    "Report it with the output of this check.",
                )
            for position, column in enumerate(columns):
                differing = tuple(
                    Difference(row, column.literal(row), column.expected(row), values[position])
                    for row, values in found.items()
                    if not column.is_equal(row, values[position])
                )
                results.append(TypeResult(column.name, len(found), differing))
    return tuple(results)


async def _read(
    connection: Connection, table: sql.Identifier, columns: tuple[LiveColumn, ...]
) -> dict[int, tuple[Any, ...]]:
    items = [
        sql.SQL("{}::text" if column.is_json else "{}").format(sql.Identifier(column.column))
        for column in columns
    ]
    cursor = await connection.execute(
        sql.SQL("SELECT {}, {} FROM {} ORDER BY 1").format(
            sql.Identifier(_KEY), sql.SQL(", ").join(items), table
        )
    )
    return {row[0]: row[1:] for row in await cursor.fetchall()}


async def _clear(
    database: Database, schema: str, plan: Plan, result: RunResult | None
) -> NeonsyncError | None:
    """Drop the schema, and what a failed run kept for a next one; returns what did not work."""
    try:
        async with connected(database) as connection:
            await _drop(connection, schema)
            if result is not None and result.error is not None and result.error.resumable:
                await _forget(connection, plan, result.run_id)
    except (NeonsyncError, psycopg.Error) as error:
        left = SyncError(
            f"what the live check made could not be cleared away: {error}",
            f"Drop its schema by hand: DROP SCHEMA IF EXISTS {schema} CASCADE; "
            "the next run deletes exported files, should any be left.",
        )
        left.__cause__ = error
        return left
    return None


async def _drop(connection: Connection, schema: str) -> None:
    """Drop the tables and the schema, and nothing that somebody else has made to hang on them."""
    tables = sql.SQL(", ").join(sql.Identifier(schema, table) for table in TABLES)
    async with connection.transaction():
        await connection.execute(
            sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(LOCK_TIMEOUT))
        )
        await connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(tables))
        await connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {}").format(sql.Identifier(schema)))


async def _forget(connection: Connection, plan: Plan, run_id: str) -> None:
    """Clear what a run has left to be continued: no other run will have its schema."""
    athena = await asyncio.to_thread(Athena, plan.settings.athena)
    for old in await leases.unfinished_runs(connection):
        if old.run_id == run_id:
            await leases.take_over(connection, old, old.status, holders.this_process())
            await leftovers.drop_staging(connection, run_id)
            problems = await leftovers.delete_exports(connection, athena=athena, run_id=run_id)
            if problems:
                raise SyncError("; ".join(problems))
