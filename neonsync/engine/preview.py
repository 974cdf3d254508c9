"""Preview: what a plan would do to the branch, without doing any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import psycopg

from neonsync.athena.client import Athena
from neonsync.engine.estimate import BYTES_PER_TB, Estimate, estimate
from neonsync.engine.plan import Plan, TablePlan
from neonsync.engine.schema import look_at_schema
from neonsync.engine.stage import look_at_target
from neonsync.postgres.catalog import (
    TargetTable,
    missing_indexes,
    read_table,
    wanted_indexes,
)
from neonsync.postgres.connect import Connection, Database, connected, server_error
from neonsync.postgres.ddl import schema_of
from neonsync.tables import Mode, TableSpec

_ABSENT = "it does not exist"


@dataclass(frozen=True)
class TablePreview:
    """One table: how it would be published and why, with which DDL, at what cost.

    ``method`` is swap, merge, create or keep. ``estimate`` is None where nothing is exported.
    """

    table: TablePlan
    method: str
    reason: str
    ddl: tuple[str, ...]
    estimate: Estimate | None = None


@dataclass(frozen=True)
class Preview:
    """All tables. ``price`` is in dollars, None when a table's bytes are not known."""

    plan: Plan
    tables: tuple[TablePreview, ...]

    @property
    def price(self) -> float | None:
        """What Athena would bill for all of it."""
        billed = [table.estimate.billed_bytes for table in self.tables if table.estimate]
        if None in billed:
            return None
        total = sum(size for size in billed if size is not None)
        return total / BYTES_PER_TB * self.plan.settings.athena.price_per_tb


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
            synced = [table.spec for table in plan.tables]
            for table in plan.tables:
                tables.append(await look(table, synced, connection))
    except psycopg.Error as error:
        raise server_error(error) from error
    if athena is None:
        return Preview(plan, tuple(tables))
    costs = await asyncio.gather(
        *(asyncio.to_thread(estimate, athena, table) for table in plan.tables)
    )
    return Preview(
        plan,
        tuple(
            TablePreview(found.table, found.method, found.reason, found.ddl, cost)
            for found, cost in zip(tables, costs, strict=True)
        ),
    )


Look = Callable[[TablePlan, Sequence[TableSpec], Connection], Awaitable[TablePreview]]


async def _look(
    table: TablePlan, synced: Sequence[TableSpec], connection: Connection
) -> TablePreview:
    target = await look_at_target(table, synced, connection)
    spec = table.spec
    made = f"; {target.made_rows:,} made rows give way" if target.made_rows else ""
    if target.table is None:
        ddl = schema_of(spec, target.shapes, table=True)
        return TablePreview(table, "swap", _ABSENT, tuple(ddl))
    missing = missing_indexes(target.table, spec)
    if target.obstacles:
        missing = tuple(shape for shape in missing if not shape.constraint)
        reason = "; ".join((*target.obstacles, *target.drift.notes(spec))) + made
    else:
        empty = "it is empty, and nothing depends on it"
        reason = "; ".join((empty, *target.drift.notes(spec)))
    ddl = schema_of(spec, missing, table=False)
    return TablePreview(table, target.method, reason, tuple(ddl))


async def _look_at_schema(
    table: TablePlan, synced: Sequence[TableSpec], connection: Connection
) -> TablePreview:
    spec = table.spec
    target: TargetTable | None = await read_table(connection, spec.schema, spec.target)
    if target is None:
        await look_at_target(table, synced, connection)
        ddl = schema_of(spec, wanted_indexes(spec), table=True)
        return TablePreview(table, "create", _ABSENT, tuple(ddl))
    drift = await look_at_schema(spec, connection)
    missing = tuple(shape for shape in missing_indexes(target, spec) if not shape.constraint)
    reason = "; ".join(("it exists, and its rows stay", *drift.notes(spec)))
    return TablePreview(table, "keep", reason, tuple(schema_of(spec, missing, table=False)))
