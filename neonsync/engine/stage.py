"""Stage: one table, from the lake to a staging table that is full, proved and indexed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Generic, TypeVar

from neonsync.athena.partitions import days_of_partitions
from neonsync.digest import DigestSums, Frame
from neonsync.engine.concurrency import alongside
from neonsync.engine.context import RunContext
from neonsync.engine.events import Level, Step
from neonsync.engine.loading.extract import (
    SourceCounts,
    count_source,
    exported_types,
    extract,
    figures_of_source,
    new_export,
)
from neonsync.engine.loading.indexes import build_indexes
from neonsync.engine.loading.load import load, prepare_staging
from neonsync.engine.loading.rows import ExportedRows, MadeRows, Rows
from neonsync.engine.plan import TablePlan
from neonsync.engine.planning.held_dates import held_dates, no_rows
from neonsync.engine.proof.audit import Proof, audit
from neonsync.engine.proof.frames import figures_of, frame_of
from neonsync.engine.runs import ledger
from neonsync.engine.runs import outcome as outcomes
from neonsync.engine.runs.ledger import ExportRecord
from neonsync.errors import NeonsyncError, RefusedError
from neonsync.postgres import staging
from neonsync.postgres.catalog import (
    IndexShape,
    TargetTable,
    check_mergeable,
    check_swap_names,
    missing_indexes,
    read_table,
    require_table,
    swap_obstacles,
    wanted_indexes,
)
from neonsync.postgres.connect import Connection
from neonsync.postgres.deletion import check_deletable, foreign_keys_to
from neonsync.postgres.drift import NO_DRIFT, Drift, check_changeable, loaded_columns
from neonsync.postgres.made_rows import count_made_rows, count_real_rows, refuse_cascades
from neonsync.postgres.marks import marks_of, tells_made_rows
from neonsync.tables import ColumnSpec, OnMissing, Publish, TableSpec, Validation
from neonsync.testdata import TableGenerator

T = TypeVar("T")

COMPARED = {
    Validation.EXACT: "digests",
    Validation.AGGREGATE: "counts, sums and bounds",
    Validation.COUNTS: "counts",
}
IDS_MAY_CHANGE = "ids that the branch has generated may change"


@dataclass(frozen=True)
class Digests:
    """The digests of the rows that were proved, by date, with what they are taken of."""

    frame: Frame
    columns: tuple[ColumnSpec, ...]
    rows: Counter[str | None]
    sums: DigestSums


@dataclass(frozen=True)
class Staged:
    """A table whose staging is full and proved; publishing it takes a moment.

    ``columns`` are those that a merge writes: the loaded ones, and the marks by which the target
    tells made rows from real ones.
    """

    plan: TablePlan
    record: ExportRecord
    columns: tuple[ColumnSpec, ...]
    shapes: tuple[IndexShape, ...]
    proof: Proof
    counts: SourceCounts
    drift: Drift = NO_DRIFT
    digests: Digests | None = None

    @property
    def spec(self) -> TableSpec:
        """The table."""
        return self.plan.spec


@dataclass(frozen=True)
class Target:
    """The target as it was looked at: ``obstacles`` say why it must stay where it is, if it must.

    ``made_rows`` are those of an earlier test-data run, which give way to real ones. ``rewritten``
    tells that all rows of a target that stays are to be written anew, and none is found by its key.
    """

    table: TargetTable | None
    obstacles: tuple[str, ...]
    loaded: tuple[ColumnSpec, ...]
    written: tuple[ColumnSpec, ...]
    shapes: tuple[IndexShape, ...]
    made_rows: int = 0
    drift: Drift = NO_DRIFT
    rewritten: bool = False

    @property
    def method(self) -> str:
        """What staging is made for: to be swapped in, or to be read from."""
        return "merge" if self.obstacles else "swap"


async def stage(context: RunContext, table: TablePlan) -> Staged:
    """Bring one table to the point where publishing it takes a moment."""
    spec = table.spec
    target = await context.with_connection(
        partial(look_at_target, table, [each.spec for each in context.plan.tables])
    )
    record, recorded = await _record(context, table, target.method)
    if table.publish is Publish.REPLACE and target.table is not None:
        context.notice(f"all rows of {spec.qualified} will be replaced; {IDS_MAY_CHANGE}")
    elif target.obstacles:
        context.notice(f"{spec.qualified} will be merged into: {'; '.join(target.obstacles)}")
    for note in target.drift.notes(spec):
        context.notice(note, Level.WARNING)
    if target.made_rows:
        context.notice(f"{target.made_rows:,} made rows of {spec.qualified} give way to real ones")
    if context.plan.test_data is None:
        record, proof, counts, digests = await _stage_export(
            context, table, target, record, recorded
        )
    else:
        digests = None
        made = context.plan.test_data.table(spec.qualified)
        rows = MadeRows(made, tuple(column.name for column in target.loaded))
        counts = await asyncio.to_thread(_made_counts, made)
        async with context.step(Step.LOAD, spec.qualified) as report:
            await _fill(context, table, target, record, rows)
            report.detail = f"{made.rows:,} rows made"
        proof, _ = await _prove(context, table, target, record, rows, counts)
    if record.method == "swap":
        async with context.step(Step.INDEX, spec.qualified) as report:
            built = await build_indexes(context, spec, record.staging, target.shapes)
            indexes = f"index{'' if len(target.shapes) == 1 else 'es'}"
            report.detail = f"{built} of {len(target.shapes)} {indexes} built"
    return Staged(
        table, record, target.written, target.shapes, proof, counts, target.drift, digests
    )


async def counts_of(context: RunContext, table: TablePlan) -> SourceCounts | None:
    """What a table's source has, for one that needs no staging any more; None without a source."""
    if context.plan.test_data is not None:
        made = context.plan.test_data.table(table.spec.qualified)
        return await asyncio.to_thread(_made_counts, made)
    return await count_source(context, table) if table.count else None


def _made_counts(made: TableGenerator) -> SourceCounts:
    return SourceCounts(made.rows, made.days(), made.states())


async def _stage_export(
    context: RunContext, table: TablePlan, target: Target, record: ExportRecord, recorded: bool
) -> tuple[ExportRecord, Proof, SourceCounts, Digests | None]:
    """Export, load and prove what Athena has."""
    name = table.spec.qualified
    async with alongside() as beside:
        # The count is asked beside the UNLOAD: near to what that reads, and done with when rows are
        # loaded. Where the UNLOAD is done again, the count is: the source may be another by then.
        count = _Question(partial(count_source, context, table), beside)
        # The figures read all columns: they are asked when no UNLOAD can fail any more.
        statement = figures_of(table, target.loaded)
        figures = _Question(partial(figures_of_source, context, table, statement), beside)
        async with context.step(Step.EXTRACT, name) as report:
            frame = frame_of(table, target.loaded)
            record, export = await extract(
                context, table, record, frame, recorded=recorded, at_work=count.ask
            )
            files = f"{len(export.files):,} file{'' if len(export.files) == 1 else 's'}"
            report.detail = f"{export.rows:,} rows in {files}"
        figures.ask()
        wanted = {column.name for column in target.loaded}
        aliases = zip(table.spec.columns, table.exported, strict=True)
        taken = tuple(alias for column, alias in aliases if column.name in wanted)
        source = ExportedRows(context.athena.s3, export, taken, exported_types(table), frame)
        async with context.step(Step.LOAD, name) as report:
            await _fill(context, table, target, record, source)
            report.detail = f"{export.rows:,} rows"
        counts = replace(await count.answer(), figures=await figures.answer())
    if table.scope and not counts.total:
        context.notice(_nothing(table), Level.WARNING)
    proof, sums = await _prove(context, table, target, record, source, counts)
    digests = None
    if frame is not None:
        digests = Digests(frame, target.loaded, counts.dates, sums)
    return record, proof, counts, digests


def _nothing(table: TablePlan) -> str:
    """That the lake has no row for the run's filters, with what it has instead if that is known."""
    keys = [key.name for key in table.catalogue.partition_keys] if table.catalogue else []
    days = days_of_partitions(keys, table.partitions, table.resolved.day)
    return no_rows(str(table.spec.source), table.scope, held_dates(days, table.scope.days))


class _Question(Generic[T]):
    """A question to Athena that is asked beside the work, which is in vain without an answer."""

    def __init__(
        self, answered: Callable[[], Coroutine[Any, Any, T]], beside: asyncio.TaskGroup
    ) -> None:
        self._answered = answered
        self._beside = beside
        self._asked: list[asyncio.Task[T | NeonsyncError]] = []

    def ask(self) -> None:
        """Ask, in place of what was asked before."""
        for earlier in self._asked:
            earlier.cancel()
        self._asked.append(self._beside.create_task(self._answer()))

    async def answer(self) -> T:
        """What was asked last.

        Raises:
            NeonsyncError: there is no answer.
        """
        answer = await self._asked[-1]
        if isinstance(answer, NeonsyncError):
            raise answer
        return answer

    async def _answer(self) -> T | NeonsyncError:
        try:
            return await self._answered()
        except NeonsyncError as error:
            # Where a next run goes on, what is exported and loaded meanwhile is not done in vain.
            if error.resumable:
                return error
            raise


async def _fill(
    context: RunContext, table: TablePlan, target: Target, record: ExportRecord, source: Rows
) -> None:
    await prepare_staging(context, table, record, source, target.table, target.written)
    await load(context, table, record, source, target.loaded)


async def _prove(
    context: RunContext,
    table: TablePlan,
    target: Target,
    record: ExportRecord,
    source: Rows,
    counts: SourceCounts,
) -> tuple[Proof, DigestSums]:
    async with context.step(Step.AUDIT, table.spec.qualified) as report:
        proof, sums = await audit(context, table, record, source, counts, target.loaded)
        files = f"{proof.files:,} file{'' if proof.files == 1 else 's'}, " if proof.files else ""
        report.detail = (
            f"{files}{proof.rows:,} rows, {COMPARED[proof.validation]} equal "
            f"on {proof.dates:,} date{'' if proof.dates == 1 else 's'}"
        )
    return proof, sums


async def look_at_target(
    table: TablePlan, synced: Sequence[TableSpec], connection: Connection
) -> Target:
    """The target as it is, and how the table can be published.

    What could not be published is refused here, before the export is paid for. ``synced`` are the
    tables of the run.

    Raises:
        TargetError: the target has no such column, no key, no rights, or is no table.
        RefusedError: made rows would stand among real ones.
    """
    spec = table.spec
    target = await read_table(connection, spec.schema, spec.target)
    if target is not None:
        await require_table(connection, target, spec)
    replaced = table.publish is Publish.REPLACE
    obstacles = ["the setting publish says so"] if table.publish is Publish.MERGE else []
    if target is not None and not obstacles:
        obstacles = await swap_obstacles(connection, target, spec, with_rows=replaced)
    if target is not None and table.made_rows:
        await refuse_real_rows(connection, target, spec)
    shapes = shapes_for(target, spec)
    filled_before = await _filled_before(connection, table) if target is not None else ()
    loaded, drift = loaded_columns(target, spec, may_add=not obstacles, filled_before=filled_before)
    if target is not None and drift.changes_target:
        await check_changeable(connection, target, spec, drift)
        obstacles.append(
            "its columns change, as on_drift wants it, and readers wait while it is written"
        )
        # No swap adds the marks of made rows then.
        loaded, drift = loaded_columns(target, spec, filled_before=filled_before)
    rewritten = False
    if target is not None and obstacles:
        rewritten = replaced and not await foreign_keys_to(connection, target)
        await check_mergeable(connection, target, spec, by_key=not rewritten)
        if replaced or table.on_missing is OnMissing.DELETE:
            await check_deletable(connection, target, spec)
    else:
        await check_swap_names(connection, spec, target, shapes)
    marks: tuple[ColumnSpec, ...] = ()
    made_rows = 0
    made = bool(table.made_rows)
    if target is not None and not made and tells_made_rows(target, spec, made=made):
        marks = marks_of(target)
        made_rows = 0 if replaced else await count_made_rows(connection, spec)
        if made_rows:
            await refuse_cascades(connection, spec, synced)
    return Target(
        target, tuple(obstacles), loaded, loaded + marks, shapes, made_rows, drift, rewritten
    )


async def _filled_before(connection: Connection, table: TablePlan) -> list[str]:
    """The columns that the last run into the target has copied, and the lake no longer offers.

    One that a configuration leaves out is no drift.
    """
    config = table.resolved.config
    offered = {config.rename.get(name, name) for name in table.resolved.lake}
    columns = await outcomes.columns_published(connection, table.spec.qualified)
    return [name for name in columns if name not in offered]


async def refuse_real_rows(connection: Connection, target: TargetTable, spec: TableSpec) -> None:
    """Make sure that a target holds no row that nobody made.

    Raises:
        RefusedError: it does.
    """
    count = await count_real_rows(connection, target, spec)
    if count:
        raise RefusedError(
            f"{spec.qualified} holds {count:,} real rows, and test data is not mixed with them",
            # Any other child has its parent's rows.
            "Make the test data in a branch without rows, as this makes one: "
            "neonsync branches create NAME --schema-only",
        )


async def _record(context: RunContext, table: TablePlan, method: str) -> tuple[ExportRecord, bool]:
    """The export's record, and whether an earlier attempt has left it."""

    async def find(connection: Connection) -> tuple[ExportRecord, bool]:
        run_id, target = context.lease.run_id, table.spec.qualified
        record = await ledger.read_export(connection, run_id, target)
        if record is None:
            record = new_export(context, table, method)
            await ledger.store_export(connection, context.lease, record)
            return record, False
        if record.method != method:
            # The target or the setting has changed since; what was staged has the wrong shape.
            context.notice(
                f"{target}: what an earlier attempt has loaded is of no use, as the table is "
                "published in another way now; loading it anew",
                Level.WARNING,
            )
            record = replace(record, method=method)
            async with connection.transaction():
                await context.lease.guard(connection)
                await ledger.store_method(connection, context.lease, record)
                await staging.drop(connection, record.staging)
                await ledger.forget_chunks(connection, run_id, target)
        return record, True

    return await context.with_connection(find)


def shapes_for(target: TargetTable | None, spec: TableSpec) -> tuple[IndexShape, ...]:
    """The indexes of the table that a swap publishes: all that the old one has, and the plan's."""
    if target is None:
        return wanted_indexes(spec)
    return (*target.indexes, *missing_indexes(target, spec))
