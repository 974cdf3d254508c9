"""Stage: one table, from the lake to a staging table that is full, proved and indexed."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from functools import partial

from neonsync.engine import ledger
from neonsync.engine.audit import Proof, audit
from neonsync.engine.context import RunContext
from neonsync.engine.events import Step
from neonsync.engine.extract import SourceCounts, count_source, extract, new_export
from neonsync.engine.indexes import build_indexes
from neonsync.engine.ledger import ExportRecord
from neonsync.engine.load import load, prepare_staging
from neonsync.engine.plan import TablePlan
from neonsync.errors import NeonsyncError
from neonsync.postgres import staging
from neonsync.postgres.catalog import (
    IndexShape,
    TargetTable,
    check_mergeable,
    check_swap_names,
    loaded_columns,
    missing_indexes,
    read_table,
    swap_obstacles,
    wanted_indexes,
)
from neonsync.postgres.connect import Connection
from neonsync.tables import ColumnSpec, TableSpec


@dataclass(frozen=True)
class Staged:
    """A table whose staging is full and proved; publishing it takes a moment."""

    plan: TablePlan
    record: ExportRecord
    columns: tuple[ColumnSpec, ...]
    shapes: tuple[IndexShape, ...]
    proof: Proof
    counts: SourceCounts

    @property
    def spec(self) -> TableSpec:
        """The table."""
        return self.plan.spec


async def stage(context: RunContext, table: TablePlan) -> Staged:
    """Bring one table to the point where publishing it takes a moment."""
    spec = table.spec
    target, obstacles = await context.with_connection(partial(_look_at_target, spec))
    columns = loaded_columns(target, spec)
    record, recorded = await _record(context, table, "merge" if obstacles else "swap")
    if obstacles:
        context.notice(f"{spec.qualified} will be merged into: {'; '.join(obstacles)}")
    async with context.step(Step.EXTRACT, spec.qualified) as report:
        record, export = await extract(context, table, record, recorded=recorded)
        report.detail = f"{export.rows:,} rows in {len(export.files)} files"
    # The count is asked while the rows are loaded: as near to the export as costs no time.
    counting = asyncio.create_task(count_source(context, table))
    try:
        async with context.step(Step.LOAD, spec.qualified) as report:
            await prepare_staging(context, table, record, export, target, columns)
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
    shapes = shapes_for(target, spec)
    if record.method == "swap":
        async with context.step(Step.INDEX, spec.qualified) as report:
            built = await build_indexes(context, spec, record.staging, shapes)
            report.detail = f"{built} of {len(shapes)} indexes built"
    else:
        await context.with_connection(
            lambda connection: staging.analyze(connection, record.staging)
        )
    return Staged(table, record, columns, shapes, proof, counts)


async def _look_at_target(
    spec: TableSpec, connection: Connection
) -> tuple[TargetTable | None, list[str]]:
    """The target as it is, and why it must be merged into, if it must.

    What could not be published is refused here, before the export is paid for.
    """
    target = await read_table(connection, spec.schema, spec.target)
    obstacles = [] if target is None else await swap_obstacles(connection, target, spec)
    if target is not None and obstacles:
        await check_mergeable(connection, target, spec)
    else:
        await check_swap_names(connection, spec, target, shapes_for(target, spec))
    return target, obstacles


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
            # The target has changed since; what was staged has the wrong shape.
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
