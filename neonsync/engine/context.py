"""What all steps of a run share."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg

from neonsync.athena.client import Athena, QueryStatus
from neonsync.engine import retry
from neonsync.engine.concurrency import Room
from neonsync.engine.events import (
    Emit,
    Level,
    Notice,
    Purpose,
    QueryProgress,
    Step,
    StepFinished,
    StepStarted,
)
from neonsync.engine.plan import Plan
from neonsync.engine.queries import START_GRACE_SECONDS, Queries
from neonsync.engine.runs.lease import Lease, end_session
from neonsync.postgres.connect import Connection
from neonsync.postgres.pool import Pool

T = TypeVar("T")

LOADING_BYTES = 200 * 1024 * 1024
"""For the reading and encoding of rows, so that a run stays under 400 MB with all that it is."""


@dataclass
class StepReport:
    """What a step says of itself when it ends."""

    detail: str = ""


@dataclass
class QueryCost:
    """A query of this run: its purpose, and what it scanned.

    ``resumed`` tells that an earlier attempt has started it, and paid for it. Of one that was
    stopped it is what Athena told when it was asked to stop it.
    """

    purpose: Purpose
    table: str
    query_id: str
    scanned_bytes: int
    resumed: bool = False


@dataclass(frozen=True)
class DateCount:
    """Rows of a date, in the source and as loaded; ``date`` is None for those without one."""

    date: str | None
    source: int
    loaded: int


@dataclass(frozen=True)
class DateCounts:
    """The counts that a proof has compared: of ``dates`` in all, ``differing`` ones among them.

    ``counts`` holds no more of them than a report should.
    """

    dates: int
    differing: int
    counts: tuple[DateCount, ...]


@dataclass(frozen=True)
class RunContext:
    """The run's plan, clients and lease; the collections gather facts for the reports.

    ``loading`` counts the connections that may copy rows, over all tables, and ``memory`` is what
    the chunks that are under way share. ``stranded`` are the server's processes behind connections
    that were lost, ``outlasting`` those of others that publishing has waited for in vain.
    ``running`` are the queries that may be at work, by id with their tables; ``in_doubt`` the
    tables of which a query may have been started that nobody has named.
    """

    plan: Plan
    athena: Athena
    pool: Pool
    lease: Lease
    emit: Emit
    loading: asyncio.Semaphore
    memory: Room = field(default_factory=lambda: Room(LOADING_BYTES))
    queries: dict[str, QueryCost] = field(default_factory=dict)
    dates: dict[str, DateCounts] = field(default_factory=dict)
    stranded: set[int] = field(default_factory=set)
    outlasting: set[int] = field(default_factory=set)
    running: dict[str, str] = field(default_factory=dict)
    in_doubt: set[str] = field(default_factory=set)
    _asking: set[StartedQueries] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def connection(self, *, kept: bool = True) -> AsyncIterator[Connection]:
        """A connection of its own for a piece of work, under the run's name; see the pool's.

        Where the server has not noticed that an earlier one was lost, its process is ended first:
        it would hold its locks against those who do the work again. Who is cancelled gets none.
        """
        retry.go_no_further_if_cancelled()
        async with self.pool.connection(kept=kept) as connection:
            pid = connection.info.backend_pid
            try:
                for lost in list(self.stranded):
                    await end_session(connection, lost)
                    self.stranded.discard(lost)
                yield connection
            finally:
                if connection.closed:
                    self.stranded.add(pid)

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

    @contextlib.asynccontextmanager
    async def queries_stopped_on_cancel(
        self, purpose: Purpose, table: str, *, resumed: bool = False
    ) -> AsyncIterator[StartedQueries]:
        """Start queries within; a cancel stops those that were started. Left alone they go on,
        and are billed."""
        queries = StartedQueries(self, purpose, table, resumed=resumed)
        self._asking.add(queries)
        try:
            yield queries
        except asyncio.CancelledError:
            await queries.stop()
            raise
        finally:
            self._asking.discard(queries)
            queries.deaf = True

    def ask_to_stop_queries(self) -> None:
        """Ask Athena to stop what is at work, before anything else ends: it costs money."""
        for queries in self._asking:
            queries.ask_to_stop()

    async def with_connection(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Do an idempotent piece of work, again on a new connection where the error may pass.

        Raises:
            DatabaseAccessError: the connection was lost too often.
            ServerError: Postgres refused for a reason that does not lie in the data.
        """

        async def once() -> T:
            async with self.connection() as connection:
                return await work(connection)

        def tell(error: Exception) -> None:
            self.notice(f"{retry.what_broke(error)}; trying again", Level.WARNING)

        try:
            return await retry.persist(once, retry.WORK, tell)
        except psycopg.Error as error:
            raise retry.given_up(error, retry.WORK) from error


class StartedQueries(Queries):
    """Queries that report to the events of a run, and to its bill."""

    def __init__(
        self, context: RunContext, purpose: Purpose, table: str, *, resumed: bool = False
    ) -> None:
        minutes = context.plan.settings.athena.timeout_minutes
        super().__init__(context.athena, minutes, self._record)
        self._context = context
        self._purpose = purpose
        self._table = table
        self._resumed = resumed
        self._loop = asyncio.get_running_loop()
        self.deaf = False

    def listen(self, status: QueryStatus) -> None:
        """What ``Athena.wait`` and ``ask`` report to, from a thread of theirs."""
        with contextlib.suppress(RuntimeError):  # the loop is gone, and the run with it
            self._loop.call_soon_threadsafe(self._record, status)

    def add(self, query_id: str) -> None:
        """Know of a query, which may be at work from now on."""
        self._context.running[query_id] = self._table
        super().add(query_id)

    async def stop(self) -> dict[str, str]:
        """Ask Athena to stop them all; of those that may go on a person is told."""
        left = await super().stop()
        doing = f"the {self._purpose} of {self._table}"
        for query_id, reason in left.items():
            self._context.notice(
                f"query {query_id}, {doing}, may go on and be billed: {reason}", Level.WARNING
            )
        if self.in_doubt:
            self._context.in_doubt.add(self._table)
            self._context.notice(
                f"{doing} may have been started, and goes on then: Athena did not say within "
                f"{START_GRACE_SECONDS:g} s whether it was",
                Level.WARNING,
            )
        return left

    def _record(self, status: QueryStatus) -> None:
        if self.deaf:
            return
        query_id, scanned = status.query_id, status.scanned_bytes
        if status.finished:
            self._context.running.pop(query_id, None)
        self._context.queries[query_id] = QueryCost(
            self._purpose, self._table, query_id, scanned, self._resumed
        )
        self._context.emit(
            QueryProgress(self._table, self._purpose, query_id, status.state, scanned)
        )
