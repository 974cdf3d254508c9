"""Preview: what a plan would do to the branch, without doing any of it."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, replace

import psycopg

from neonsync.athena.client import Athena, price
from neonsync.engine.estimate import Estimate, estimate
from neonsync.engine.loading.extract import export_statement
from neonsync.engine.plan import Plan, TablePlan
from neonsync.engine.proof.frames import figures_of, frame_of
from neonsync.engine.publishing.schema import look_at_schema
from neonsync.engine.room import Measure, Room, in_all, measure, needed
from neonsync.engine.runs.left_runs import LeftRun, left_runs
from neonsync.engine.stage import Target, look_at_target
from neonsync.errors import NeonsyncError
from neonsync.neon.project import ProjectView
from neonsync.postgres.catalog import (
    TargetTable,
    missing_indexes,
    read_table,
    wanted_indexes,
)
from neonsync.postgres.connect import Connection, Database, connected, server_error
from neonsync.postgres.ddl import schema_of
from neonsync.postgres.deletion import count_within
from neonsync.tables import Mode, OnMissing, Publish

_ABSENT = "it does not exist"


@dataclass(frozen=True)
class TablePreview:
    """One table: how it would be published and why, with which DDL, at what cost.

    ``method`` is swap, merge, replace, create or keep. ``estimate`` is None where nothing is
    exported. ``held`` are the target's rows of now, within the run's scope, where those that its
    source no longer has are deleted, and ``may_go`` how many of them may; else None. ``needed`` is
    the room for it in bytes, None when its rows are not known. ``select`` is what Athena would
    export, with the digest of each row where that is the proof; ``figures`` is what it would be
    asked besides for a proof by aggregates.
    """

    table: TablePlan
    method: str
    reason: str
    ddl: tuple[str, ...]
    estimate: Estimate | None = None
    held: int | None = None
    may_go: int | None = None
    rewritten: bool = False
    measure: Measure | None = None
    select: str = ""
    figures: str = ""

    @property
    def rows(self) -> int | None:
        """The rows that would be loaded, None when they are not known."""
        if self.estimate is not None:
            return self.estimate.rows
        return self.table.made_rows if self.method not in ("create", "keep") else 0

    @property
    def needed(self) -> int | None:
        """The room that it needs at its height, in bytes."""
        if self.rows is None or self.measure is None:
            return 0 if self.rows == 0 else None
        return needed(self.method, self.rows, self.measure, rewritten=self.rewritten)


@dataclass(frozen=True)
class Preview:
    """All tables. ``price`` is in dollars, None when a table's bytes are not known.

    ``left`` are earlier runs that would be continued or cleared.
    """

    plan: Plan
    tables: tuple[TablePreview, ...]
    left: tuple[LeftRun, ...]
    room: Room

    @property
    def price(self) -> float | None:
        """What Athena would bill for all of it."""
        billed = [table.estimate.billed_bytes for table in self.tables if table.estimate]
        if None in billed:
            return None
        total = sum(size for size in billed if size is not None)
        return price(total, self.plan.settings.athena.price_per_tb)


async def preview(plan: Plan) -> Preview:
    """Look at the targets and at the lake's files. Writes nowhere, and asks Athena nothing.

    Raises:
        NeonsyncError: what a run would be refused for, before it exports anything.
    """
    exports = plan.mode is Mode.FULL
    athena = await asyncio.to_thread(Athena, plan.settings.athena) if exports else None
    database = Database(plan.address.uri)
    look = _look_at_schema if plan.mode is Mode.SCHEMA_ONLY else _look
    tables = []
    try:
        async with connected(database) as connection:
            for table in plan.tables:
                tables.append(await look(plan, table, connection))
            left = tuple(await left_runs(connection, plan))
    except psycopg.Error as error:
        raise server_error(error) from error
    if athena is not None:
        costs = await asyncio.gather(
            *(asyncio.to_thread(estimate, athena, table) for table in plan.tables)
        )
        tables = [replace(found, estimate=cost) for found, cost in zip(tables, costs, strict=True)]
    room = Room(
        in_all(table.needed for table in tables),
        plan.branch.logical_size,
        await asyncio.to_thread(_size_limit, plan),
    )
    return Preview(plan, tuple(tables), left, room)


def _size_limit(plan: Plan) -> int | None:
    """What Neon lets a branch hold; None for a branch that is known by its address alone."""
    if plan.settings.neon.api_key is None:
        return None
    try:
        return ProjectView(plan.settings.neon).size_limit()
    except NeonsyncError:
        return None  # a plan that is whole but for this is worth more than none


async def _look(plan: Plan, table: TablePlan, connection: Connection) -> TablePreview:
    target = await look_at_target(table, [each.spec for each in plan.tables], connection)
    allowed = plan.settings.allow_delete
    spec = table.spec
    made = f"; {target.made_rows:,} made rows give way" if target.made_rows else ""
    select = export_statement(table, frame_of(table, target.loaded)) if table.select else ""
    figures = figures_of(table, target.loaded)
    size = await measure(connection, spec, target.table.oid if target.table else None)
    if target.table is None:
        reason = "; ".join([_ABSENT, *target.obstacles])
        ddl = schema_of(spec, target.shapes, table=True)
        return TablePreview(
            table,
            target.method,
            reason,
            tuple(ddl),
            measure=size,
            select=select,
            figures=figures,
        )
    missing = missing_indexes(target.table, spec)
    if target.obstacles:
        missing = tuple(shape for shape in missing if not shape.constraint)
        reason = "; ".join((*target.obstacles, *target.drift.notes(spec))) + made
    else:
        empty = "it is empty, and nothing depends on it"
        reason = "; ".join((empty, *target.drift.notes(spec)))
    method = target.method
    if table.publish is Publish.REPLACE:
        method, reason = "replace", _why_replaced(target)
    held = None
    if table.on_missing is OnMissing.DELETE and method == "merge":
        within = await count_within(connection, spec, table.target_scope)
        held = max(within - target.made_rows, 0)  # those give way, whatever the scope is
    ddl = schema_of(spec, missing, table=False)
    return TablePreview(
        table,
        method,
        reason,
        tuple(ddl),
        held=held,
        may_go=None if held is None else math.floor(held * allowed / 100),
        rewritten=target.rewritten,
        measure=size,
        select=select,
        figures=figures,
    )


def _why_replaced(target: Target) -> str:
    """That it was asked for, and the way that is taken."""
    if not target.obstacles:
        way = "the new table takes its place, as nothing depends on it"
    elif target.rewritten:
        way = f"all rows are deleted and inserted, as {'; '.join(target.obstacles)}"
    else:
        way = "rows that stay are updated and all others deleted, as foreign keys lead to it"
    return f"the setting publish says so; {way}"


async def _look_at_schema(plan: Plan, table: TablePlan, connection: Connection) -> TablePreview:
    spec = table.spec
    target: TargetTable | None = await read_table(connection, spec.schema, spec.target)
    if target is None:
        await look_at_target(table, [each.spec for each in plan.tables], connection)
        ddl = schema_of(spec, wanted_indexes(spec), table=True)
        return TablePreview(table, "create", _ABSENT, tuple(ddl))
    drift = await look_at_schema(spec, connection)
    missing = tuple(shape for shape in missing_indexes(target, spec) if not shape.constraint)
    reason = "; ".join(("it exists, and its rows stay", *drift.notes(spec)))
    return TablePreview(table, "keep", reason, tuple(schema_of(spec, missing, table=False)))
