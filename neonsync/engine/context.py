"""What all steps of a run share."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from neonsync.athena.client import Athena, QueryStatus
from neonsync.engine.events import (
    Emit,
    Level,
    Notice,
    QueryProgress,
    Step,
    StepFinished,
    StepStarted,
)
from neonsync.engine.ledger import Lease
from neonsync.engine.plan import Plan
from neonsync.postgres.connect import Connection, Database, connected


@dataclass
class StepReport:
    """What a step says of itself when it ends."""

    detail: str = ""


@dataclass
class QueryCost:
    """A query of this run: its purpose, and what it scanned."""

    purpose: str
    table: str
    query_id: str
    scanned_bytes: int


@dataclass(frozen=True)
class RunContext:
    """The run's plan, clients and lease; the two collections gather facts for the reports."""

    plan: Plan
    athena: Athena
    database: Database
    lease: Lease
    emit: Emit
    queries: dict[str, QueryCost] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of its own for a piece of work, under the run's name."""
        async with connected(self.database) as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def step(self, step: Step, table: str = "") -> AsyncIterator[StepReport]:
        """Announce a step, and its end with the time it took; an error announces no end."""
        self.emit(StepStarted(step, table))
        report = StepReport()
        started = time.monotonic()
        yield report
        self.emit(StepFinished(step, table, time.monotonic() - started, report.detail))

    def notice(self, message: str, level: Level = Level.INFO) -> None:
        """Tell a person something."""
        self.emit(Notice(level, message))

    def watch_query(self, purpose: str, table: str) -> QueryWatcher:
        """A listener for ``Athena.wait`` that may be called in any thread."""
        return QueryWatcher(self, purpose, table, asyncio.get_running_loop())


class QueryWatcher:
    """Passes a query's progress on to the events, from Athena's thread to the engine's loop."""

    def __init__(
        self, context: RunContext, purpose: str, table: str, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._context = context
        self._purpose = purpose
        self._table = table
        self._loop = loop
        self._stopped = False

    def stop(self) -> None:
        """Let the next poll end the waiting."""
        self._stopped = True

    def __call__(self, status: QueryStatus) -> None:
        """Take a status in; raises ``QueryAbandoned`` once the run has been cancelled."""
        if self._stopped and not status.finished:
            raise QueryAbandoned
        self._loop.call_soon_threadsafe(self._record, status)

    def _record(self, status: QueryStatus) -> None:
        self._context.queries[status.query_id] = QueryCost(
            self._purpose, self._table, status.query_id, status.scanned_bytes
        )
        self._context.emit(
            QueryProgress(self._table, status.query_id, status.state, status.scanned_bytes)
        )


class QueryAbandoned(Exception):  # noqa: N818  # a signal to the waiting thread, not a fault
    """Ends a wait whose run was cancelled; the query itself is stopped by the caller."""
