"""The pipeline: one front door, ``run``, for the terminal, the UI, the tests and the benchmarks.

    extract ─► load ─► audit ─► index ┐
    extract ─► load ─► audit ─► index ┴► publish (one transaction) ─► verify ─► clean up

Tables go side by side until they are proved, and are published together; or each apart, where the
others shall go on when one fails. Test data begins at load; a schema alone at publish.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

import psycopg

from neonsync.athena.client import Athena, billed_bytes, price
from neonsync.engine.cancel import CancelToken
from neonsync.engine.concurrency import side_by_side
from neonsync.engine.context import RunContext
from neonsync.engine.ending import (
    FAILED,
    STOPPED,
    Allowance,
    delete_files,
    end_run,
    in_time,
    tell_not_cleared,
)
from neonsync.engine.events import (
    Emit,
    Event,
    Level,
    Notice,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    TablePublished,
)
from neonsync.engine.failures import Failures, as_ours, words
from neonsync.engine.loading.extract import SourceCounts
from neonsync.engine.plan import Plan, TablePlan
from neonsync.engine.proof.audit import Proof
from neonsync.engine.publishing.in_place import parents_first
from neonsync.engine.publishing.publish import find_outcome, publish, seal
from neonsync.engine.publishing.published import Published, describe
from neonsync.engine.publishing.quality import measure_quality
from neonsync.engine.publishing.schema import publish_schema
from neonsync.engine.publishing.verify import tidy, verify
from neonsync.engine.publishing.verify_digest import verify_digest
from neonsync.engine.result import RunResult
from neonsync.engine.runs.session import held_session
from neonsync.engine.stage import Staged, counts_of, stage
from neonsync.errors import (
    ExitCode,
    LeaseHeldError,
    LeaseLostError,
    NeonsyncError,
    RunCancelled,
    TablesFailedError,
)
from neonsync.postgres.connect import Database
from neonsync.postgres.pool import Pool
from neonsync.tables import Mode
from neonsync.validation.metrics import TableMetrics
from neonsync.validation.result import CheckResult, Status, overall

UNWINDING_SECONDS = 1.5
"""For those who wait for the branch when the run is asked to stop: their statements are cancelled.
Then all lines are cut, as one that is silent would be waited for without end."""


async def run(plan: Plan, emit: Emit, cancel: CancelToken) -> RunResult:
    """Carry a plan out, and say how it ended; never raises for what can go wrong in a run."""
    return await _Run(plan, emit, cancel).carry_out()


@dataclass
class _Run:
    """The facts of a run as they come in."""

    plan: Plan
    listener: Emit
    cancel: CancelToken
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    context: RunContext | None = None
    resumed: bool = False
    published: list[Published] = field(default_factory=list)
    proofs: dict[str, Proof] = field(default_factory=dict)
    checks: list[CheckResult] = field(default_factory=list)
    quality: list[TableMetrics] = field(default_factory=list)
    steps: list[StepFinished] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    lost: Exception | None = None
    publishing: bool = False
    outcome_known: bool = False
    failed: bool = False
    failures: Failures = field(init=False)
    database: Database = field(init=False)
    work: asyncio.Future[None] | None = None
    allowance: Allowance | None = None
    """Of a run that is ending; from then on it is hurried, and not cancelled any more."""
    cutting: asyncio.TimerHandle | None = None
    cut: bool = False

    def __post_init__(self) -> None:
        self.failures = Failures(self.plan, self.emit)
        self.database = Database(self.plan.address.uri)

    def emit(self, event: Event) -> None:
        if isinstance(event, StepFinished):
            self.steps.append(event)
        if isinstance(event, Notice):
            self.notices.append(event.message)
        self.listener(event)

    async def carry_out(self) -> RunResult:
        cancel = self.cancel
        self.work = asyncio.ensure_future(self._work())
        detach = cancel.listen(asyncio.get_running_loop(), self._stop)
        error: NeonsyncError | None = None
        try:
            await self.work
        except (asyncio.CancelledError, Exception) as caught:
            # An error after the stop was asked for is its doing, as that of a line that was cut.
            if self.lost is not None and not self.failed:
                error = as_ours(self.lost, self.plan.address.uri)
            elif cancel.requested and not self.failed:
                error = RunCancelled("the run was stopped", cancel.exit_code)
            elif isinstance(caught, asyncio.CancelledError):
                raise
            else:
                error = as_ours(caught, self.plan.address.uri)
        finally:
            detach()
            self._stop_cutting()
        if cancel.requested and self.context is not None and not isinstance(error, RunCancelled):
            self.context.notice(
                "the run was asked to stop as well, when it was ending already", Level.WARNING
            )
        return self._result(error)

    def _stop(self) -> None:
        """Stop the run: the queries first, which cost money, and whoever is silent in the end."""
        if self.context is not None:
            self.context.ask_to_stop_queries()
        if self.work is not None and not self._hurry():
            self.work.cancel()
            loop = asyncio.get_running_loop()
            self.cutting = loop.call_later(UNWINDING_SECONDS, self._cut)

    def _hurry(self) -> bool:
        """Leave less time to a run that is ending; False where it is still at work."""
        if self.allowance is not None:
            self.allowance.shorten(STOPPED)
        return self.allowance is not None

    def _cut(self) -> None:
        self.cut = True
        self.database.cut()

    def _stop_cutting(self) -> None:
        if self.cutting is not None:
            self.cutting.cancel()

    async def _work(self) -> None:
        plan = self.plan
        athena = await asyncio.to_thread(Athena, plan.settings.athena)
        task = asyncio.current_task()

        def lost(error: Exception) -> None:
            self.lost = error
            if not self._hurry() and task is not None:
                task.cancel()

        async with held_session(plan, self.database, athena, self.emit, lost) as session:
            self.resumed = session.resumed
            context = self.context = RunContext(
                plan,
                athena,
                Pool(session.database),
                session.lease,
                self.emit,
                asyncio.Semaphore(plan.settings.jobs),
            )
            self.emit(
                RunStarted(
                    session.lease.run_id,
                    plan.branch.name,
                    plan.branch.id,
                    tuple(table.spec.qualified for table in plan.tables),
                    2 if session.resumed else 1,
                )
            )
            for warning in (*plan.warnings, *(w for table in plan.tables for w in table.warnings)):
                context.notice(warning, Level.WARNING)
            try:
                await self._steps(context)
            except BaseException as error:
                # Until the publishing has committed nothing of this is visible to anybody.
                await self._after_failure(context, error)
                raise
            finally:
                await context.pool.close()

    async def _steps(self, context: RunContext) -> None:
        apart = self.failures.apart
        if apart and self.resumed:
            self._add_published(await find_outcome(context), "the attempt that was cut off")
        before = {entry.table for entry in self.published}
        tables = [table for table in self.plan.tables if table.spec.qualified not in before]
        staged: list[Staged] = []
        if self.plan.mode is not Mode.SCHEMA_ONLY:
            room = asyncio.Semaphore(self.plan.settings.jobs)
            found = await side_by_side(
                self.failures.watch(
                    table.spec.qualified, partial(self._stage, context, table, room)
                )
                for table in tables
            )
            staged = [each for each in found if each is not None]
        self.failures.raise_if_all()
        async with context.step(Step.PUBLISH) as report:
            self.publishing = True
            await self._publish(context, tables, staged)
            self.failures.raise_if_all()
            report.detail = "; ".join(map(describe, self.published))
        async with context.step(Step.VERIFY) as report:
            published = {entry.table: entry for entry in self.published}
            proved = {entry.spec.qualified: entry for entry in staged}
            for table in self.plan.tables:
                name = table.spec.qualified
                if name not in published:
                    continue
                count = proved[name].counts if name in proved else await counts_of(context, table)
                await tidy(context, table.spec, published[name])
                self.checks += await verify(context, table, published[name], count)
                if name in proved:
                    self.checks += await verify_digest(context, proved[name], published[name])
                await self._measure(context, table, count)
            report.detail = f"{len(self.checks)} checks, {overall(self.checks)}"
        self.failures.raise_if_any()
        async with context.step(Step.CLEAN_UP):
            # All is done: how the run ends hangs on the record of it alone.
            self.allowance = Allowance()
            await end_run(context, self.allowance, self._status())
            await delete_files(context, self.allowance)

    async def _measure(
        self, context: RunContext, table: TablePlan, counts: SourceCounts | None
    ) -> None:
        metrics, check = await measure_quality(context, table, counts)
        self.quality += [metrics] if metrics is not None else []
        self.checks += [check] if check is not None else []

    async def _publish(
        self, context: RunContext, tables: Sequence[TablePlan], staged: Sequence[Staged]
    ) -> None:
        """Publish all together, or each apart from the others."""
        schema_only = self.plan.mode is Mode.SCHEMA_ONLY
        if not self.failures.apart:
            done = publish_schema(context, tables) if schema_only else publish(context, staged)
            self._add_published(await done)
            return
        for each in parents_first(staged):
            work = partial(publish, context, [each], apart=True)
            self._add_published(await self.failures.watch(each.spec.qualified, work) or [])
        for table in tables if schema_only else ():
            work = partial(publish_schema, context, [table], apart=True)
            self._add_published(await self.failures.watch(table.spec.qualified, work) or [])
        if not self.failures.errors:
            await seal(context, self.published)

    async def _stage(
        self, context: RunContext, table: TablePlan, room: asyncio.Semaphore
    ) -> Staged:
        async with room:
            staged = await stage(context, table)
        self.proofs[table.spec.qualified] = staged.proof
        return staged

    def _add_published(self, published: Sequence[Published], by: str = "") -> None:
        known = {entry.table for entry in self.published}
        for entry in published:
            if entry.table in known:
                continue
            self.published.append(entry)
            self.emit(TablePublished(**entry.figures()))
            if by:
                self.emit(Notice(Level.INFO, f"{entry.table} was published by {by}; not again"))

    async def _after_failure(self, context: RunContext, error: BaseException) -> None:
        """Clear what is of no use to a next run; what is of use stays recorded for it."""
        cancelled = isinstance(error, asyncio.CancelledError) or self.cancel.requested
        self.failed = not cancelled and self.lost is None
        allowance = self.allowance = Allowance(STOPPED if cancelled else FAILED)
        if isinstance(error, LeaseLostError) or self.lost is not None:
            return
        self._stop_cutting()
        if self.cut:
            await context.pool.close()  # those of no use that were idle
        keep = isinstance(error, NeonsyncError) and error.resumable
        if cancelled:
            keep = self.cancel.keep
        try:
            if self.publishing and not (self.published and not self.failures.apart):
                # Cut off in the midst of it: only the ledger knows how the COMMIT ended.
                self._add_published(await in_time(context, allowance, find_outcome(context)))
            spared = {table.spec.qualified for table in self.plan.tables} if keep else set()
            if isinstance(error, TablesFailedError):
                spared &= self.failures.resumable
            elif self.published:
                spared = set()
            await end_run(
                context,
                allowance,
                "cancelled" if cancelled else "failed",
                words(error, self.plan.address.uri),
                spared=spared,
                room=self.failures.lack_room(error),
            )
            self.outcome_known = True
            await delete_files(context, allowance, spared=spared)
        except (NeonsyncError, psycopg.Error) as problem:
            tell_not_cleared(context, problem)

    def _standing(self, error: NeonsyncError) -> str:
        """How the targets stand after a failure; it must be true whatever has happened."""
        if isinstance(error, LeaseLostError | LeaseHeldError) and not self.published:
            return "this run has changed nothing"
        if len(self.published) == len(self.plan.tables):
            return "the tables are published and complete, but what follows did not run"
        if self.published:
            names = ", ".join(entry.table for entry in self.published)
            return f"published and complete: {names}; every other table is as it was"
        if self.publishing and not self.outcome_known:
            return "the tables are as they were, or published whole: the next run will tell"
        return "every table is as it was"

    def _status(self) -> str:
        return "invalid" if overall(self.checks) is Status.FAILED else "succeeded"

    def _result(self, error: NeonsyncError | None) -> RunResult:
        if error is None:
            status = self._status()
            code = ExitCode.VALIDATION if status == "invalid" else ExitCode.OK
        else:
            error.message = f"{error.message}; {self._standing(error)}"
            status = "cancelled" if isinstance(error, RunCancelled) else "failed"
            if isinstance(error, TablesFailedError) and self.published:
                status = "partial"
            code = error.exit_code
        queries = tuple(self.context.queries.values()) if self.context else ()
        billed = sum(billed_bytes(query.scanned_bytes) for query in queries if not query.resumed)
        finished_at = datetime.now(UTC)
        result = RunResult(
            status=status,
            exit_code=code,
            run_id=self.context.lease.run_id if self.context else "",
            attempt_resumed=self.resumed,
            branch=self.plan.branch.name,
            branch_id=self.plan.branch.id,
            database=self.plan.address.database,
            mode=self.plan.settings.mode,
            started_at=self.started_at,
            finished_at=finished_at,
            tables=tuple(table.spec.qualified for table in self.plan.tables),
            scopes={
                table.spec.qualified: str(table.scope) for table in self.plan.tables if table.scope
            },
            published=tuple(self.published),
            failed=tuple(self.failures.events),
            proofs=dict(self.proofs),
            dates=dict(self.context.dates) if self.context else {},
            checks=tuple(self.checks),
            quality=tuple(self.quality),
            steps=tuple(self.steps),
            queries=queries,
            billed_bytes=billed,
            price=price(billed, self.plan.settings.athena.price_per_tb),
            notices=tuple(self.notices),
            error=error,
        )
        self.emit(
            RunFinished(
                result.run_id,
                status,
                result.seconds,
                error.message if error else "",
                error.remedy if error else "",
            )
        )
        return result
