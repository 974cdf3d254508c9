"""The pipeline: one front door, ``run``, for the terminal, the UI, the tests and the benchmarks.

    extract ─► load ─► audit ─► index ┐
    extract ─► load ─► audit ─► index ┴► publish (one transaction) ─► verify ─► clean up

Tables go side by side until they are proved, and are published together.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
from psycopg import sql

from neonsync.athena.client import Athena, billed_bytes
from neonsync.engine import ledger, leftovers
from neonsync.engine.audit import Proof, audit
from neonsync.engine.cancel import CancelToken
from neonsync.engine.concurrency import side_by_side
from neonsync.engine.context import RunContext
from neonsync.engine.events import (
    CheckFinished,
    Emit,
    Event,
    Level,
    Notice,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
)
from neonsync.engine.extract import SourceCounts, count_source, extract, new_export
from neonsync.engine.load import load, prepare_staging
from neonsync.engine.plan import Plan, TablePlan
from neonsync.engine.publish import Published, Staged, build_indexes, publish, shapes_for
from neonsync.engine.result import RunResult
from neonsync.engine.session import held_session
from neonsync.errors import (
    AccessError,
    ExitCode,
    LeaseLostError,
    NeonsyncError,
    PublishError,
    RunCancelled,
    SyncError,
)
from neonsync.postgres import staging
from neonsync.postgres.catalog import (
    loaded_columns,
    missing_indexes,
    read_table,
    require_key,
    swap_obstacles,
)
from neonsync.postgres.merge import add_missing_index
from neonsync.secret import redact
from neonsync.validation.checks import CheckResult, Expected, Status, overall, run_checks

BYTES_PER_TB = 1e12
CANCEL_SECONDS = 20.0
"""How long a cancelled run may take to clear what it left; the next run clears the rest."""

# After these the work done so far is of use: the next run goes on from it.
_RESUMABLE = (AccessError, PublishError)

log = logging.getLogger("neonsync")


async def run(plan: Plan, emit: Emit, cancel: CancelToken) -> RunResult:
    """Carry a plan out, and say how it ended; never raises for what can go wrong in a run."""
    return await _Run(plan, emit).carry_out(cancel)


@dataclass
class _Run:
    """The facts of a run as they come in."""

    plan: Plan
    listener: Emit
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    context: RunContext | None = None
    resumed: bool = False
    published: list[Published] = field(default_factory=list)
    proofs: dict[str, Proof] = field(default_factory=dict)
    counts: dict[str, SourceCounts] = field(default_factory=dict)
    checks: list[CheckResult] = field(default_factory=list)
    steps: list[StepFinished] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    lost: Exception | None = None

    def emit(self, event: Event) -> None:
        if isinstance(event, StepFinished):
            self.steps.append(event)
        if isinstance(event, Notice):
            self.notices.append(event.message)
        self.listener(event)

    async def carry_out(self, cancel: CancelToken) -> RunResult:
        work = asyncio.ensure_future(self._work())
        detach = cancel.attach(work)
        error: NeonsyncError | None = None
        try:
            await work
        except asyncio.CancelledError:
            if self.lost is not None:
                error = self._wrapped(self.lost)
            elif cancel.requested:
                error = RunCancelled("the run was stopped, and rolled back", cancel.exit_code)
            else:
                raise
        except Exception as caught:
            error = self._wrapped(caught)
        finally:
            detach()
        return self._result(error)

    async def _work(self) -> None:
        plan = self.plan
        athena = await asyncio.to_thread(Athena, plan.settings.athena)
        task = asyncio.current_task()

        def lost(error: Exception) -> None:
            self.lost = error
            if task is not None:
                task.cancel()

        async with held_session(plan, athena, self.emit, lost) as session:
            self.resumed = session.resumed
            context = self.context = RunContext(
                plan, athena, session.database, session.lease, self.emit
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
            try:
                await self._steps(context)
            except BaseException as error:
                # Until the publishing has committed nothing of this is visible to anybody.
                await asyncio.shield(self._after_failure(context, error))
                raise

    async def _steps(self, context: RunContext) -> None:
        staged = await side_by_side(self._stage(context, table) for table in self.plan.tables)
        async with context.step(Step.PUBLISH) as report:
            self.published = await publish(context, staged)
            report.detail = "; ".join(map(describe, self.published))
        async with context.step(Step.VERIFY) as report:
            for table in staged:
                await self._complete(context, table)
                await self._verify(context, table)
            report.detail = f"{len(self.checks)} checks, {overall(self.checks)}"
        async with context.step(Step.CLEAN_UP):
            await self._clean_up(context)

    async def _stage(self, context: RunContext, table: TablePlan) -> Staged:
        """Bring one table to the point where publishing it takes a moment."""
        spec = table.spec
        async with context.connection() as connection:
            target = await read_table(connection, spec.schema, spec.target)
            columns = loaded_columns(target, spec)
            obstacles = [] if target is None else await swap_obstacles(connection, target, spec)
            if target is not None and obstacles:
                require_key(target, spec)
            record = await ledger.read_export(connection, context.lease.run_id, spec.qualified)
            recorded = record is not None
            if record is None:
                record = new_export(context, table, "merge" if obstacles else "swap")
                await ledger.store_export(connection, context.lease, record)
        if obstacles:
            context.notice(f"{spec.qualified} will be merged into: {'; '.join(obstacles)}")
        async with context.step(Step.EXTRACT, spec.qualified) as report:
            record, export = await extract(context, table, record, recorded=recorded)
            report.detail = f"{export.rows:,} rows in {len(export.files)} files"
        # The count is asked while the rows are loaded: as near to the export as costs no time.
        counting = asyncio.create_task(count_source(context, table))
        try:
            async with context.step(Step.LOAD, spec.qualified) as report:
                await prepare_staging(context, table, record, target, columns)
                await load(context, table, record, export, columns)
                report.detail = f"{export.rows:,} rows"
            async with context.step(Step.AUDIT, spec.qualified) as report:
                counts = await counting
                proof = await audit(context, table, record, export, counts)
                report.detail = (
                    f"{proof.files} files, {proof.rows:,} rows, counts equal on {proof.dates} dates"
                )
        finally:
            counting.cancel()
            with contextlib.suppress(asyncio.CancelledError, NeonsyncError):
                await counting
        self.proofs[spec.qualified] = proof
        self.counts[spec.qualified] = counts
        staged = Staged(table, record, columns, shapes_for(target, spec), proof.rows)
        if record.method == "swap":
            async with context.step(Step.INDEX, spec.qualified) as report:
                built = await build_indexes(context, staged)
                report.detail = f"{built} of {len(staged.shapes)} indexes built"
        else:
            async with context.connection() as connection:
                await staging.analyze(connection, record.staging)
        return staged

    async def _complete(self, context: RunContext, staged: Staged) -> None:
        """After the commit: indexes that a merged target lacks, and statistics.

        Neither is part of the promise, so a failure is told and does not undo what is published.
        """
        spec = staged.spec
        async with context.connection() as connection:
            target = await read_table(connection, spec.schema, spec.target)
            try:
                if target is not None:
                    for shape in missing_indexes(target, spec):
                        if not shape.constraint:
                            context.notice(f"building {shape.name} on {spec.qualified}")
                            await add_missing_index(connection, spec, shape)
                if self._wrote(spec.qualified):
                    await connection.execute(
                        sql.SQL("VACUUM (ANALYZE) {}").format(
                            sql.Identifier(spec.schema, spec.target)
                        )
                    )
            except psycopg.Error as error:
                context.notice(
                    f"{spec.qualified} is published, but its upkeep failed: {error}",
                    Level.WARNING,
                )

    def _wrote(self, table: str) -> bool:
        return any(
            entry.inserted or entry.updated for entry in self.published if entry.table == table
        )

    async def _verify(self, context: RunContext, staged: Staged) -> None:
        counts = self.counts[staged.spec.qualified]
        swapped = any(
            entry.method == "swap"
            for entry in self.published
            if entry.table == staged.spec.qualified
        )
        expected = Expected(counts.total, frozenset(counts.states), counts.dates, swapped)
        async with context.connection() as connection:
            results = await run_checks(connection, staged.spec, expected)
        for result in results:
            self.checks.append(result)
            self.emit(CheckFinished(result.table, result.check, result.status, result.message))

    async def _clean_up(self, context: RunContext) -> None:
        await self._give_up_lease(context, self._status(), clear=True)

    async def _after_failure(self, context: RunContext, error: BaseException) -> None:
        """Clear what is of no use to a next run; what is of use stays recorded for it."""
        if isinstance(error, LeaseLostError) or self.lost is not None:
            return
        if self.published:
            return  # the next run finds it published, and clears the rest
        cancelled = isinstance(error, asyncio.CancelledError)
        keep = isinstance(error, _RESUMABLE) or not isinstance(
            error, NeonsyncError | asyncio.CancelledError
        )
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await self._give_up_lease(
                    context,
                    "cancelled" if cancelled else "failed",
                    redact(str(error), self.plan.address.uri),
                    clear=not keep,
                )
        except (NeonsyncError, psycopg.Error, TimeoutError) as problem:
            context.notice(
                f"clearing up after the failure did not work, the next run will do it: {problem}",
                Level.WARNING,
            )

    async def _give_up_lease(
        self, context: RunContext, status: str, error: str | None = None, *, clear: bool
    ) -> None:
        """Record the end; with ``clear`` also drop staging and delete the exported files.

        All under the guard: what lies under the run's name is somebody else's after a takeover.
        """
        async with context.connection() as connection, connection.transaction():
            await context.lease.guard(connection)
            if clear:
                for problem in await leftovers.clear(
                    connection, context.athena, context.lease.run_id
                ):
                    context.notice(problem, Level.WARNING)
            await ledger.finish_run(connection, context.lease, status, error)

    def _wrapped(self, error: BaseException) -> NeonsyncError:
        if isinstance(error, NeonsyncError):
            return error
        text = redact(f"{type(error).__name__}: {error}", self.plan.address.uri)
        wrapped = SyncError(
            f"unexpected: {text}",
            "The targets are as they were. Run again; if it happens again, report it with the log.",
        )
        wrapped.__cause__ = error
        return wrapped

    def _status(self) -> str:
        return "invalid" if overall(self.checks) is Status.FAILED else "succeeded"

    def _result(self, error: NeonsyncError | None) -> RunResult:
        if error is None:
            status = self._status()
            code = ExitCode.VALIDATION if status == "invalid" else ExitCode.OK
        else:
            status = "cancelled" if isinstance(error, RunCancelled) else "failed"
            code = error.exit_code
        queries = tuple(self.context.queries.values()) if self.context else ()
        billed = sum(billed_bytes(query.scanned_bytes) for query in queries)
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
            published=tuple(self.published),
            proofs=dict(self.proofs),
            checks=tuple(self.checks),
            steps=tuple(self.steps),
            queries=queries,
            billed_bytes=billed,
            price=billed / BYTES_PER_TB * self.plan.settings.athena.price_per_tb,
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


def describe(published: Published) -> str:
    """A publishing in one line, for people."""
    if published.method == "swap":
        return f"{published.table}: {published.inserted:,} rows swapped in"
    if not published.inserted and not published.updated:
        return f"{published.table}: {published.unchanged:,} rows unchanged, nothing written"
    return (
        f"{published.table}: {published.inserted:,} inserted, {published.updated:,} updated, "
        f"{published.unchanged:,} unchanged"
    )


def total_written(published: Sequence[Published]) -> int:
    """Rows inserted or updated, in all tables."""
    return sum(entry.inserted + entry.updated for entry in published)
