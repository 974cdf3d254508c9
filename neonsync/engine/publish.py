"""Publish: indexes on the full staging tables, then one transaction for all tables."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import psycopg

from neonsync.engine import ledger
from neonsync.engine.concurrency import side_by_side
from neonsync.engine.context import RunContext
from neonsync.engine.events import Level, TablePublished
from neonsync.engine.ledger import ExportRecord
from neonsync.engine.plan import TablePlan
from neonsync.errors import PublishError
from neonsync.postgres import staging
from neonsync.postgres.catalog import (
    IndexShape,
    TargetTable,
    missing_indexes,
    read_table,
    require_key,
    swap_obstacles,
    wanted_indexes,
)
from neonsync.postgres.connect import Connection, is_connection_lost
from neonsync.postgres.merge import Written, merge
from neonsync.postgres.swap import lock_targets, swap
from neonsync.tables import ColumnSpec, TableSpec

INDEX_CONNECTIONS = 2
LOCK_PATIENCE_SECONDS = 120.0
CONNECTION_ATTEMPTS = 3


@dataclass(frozen=True)
class Staged:
    """A table whose staging is full and proved."""

    plan: TablePlan
    record: ExportRecord
    columns: tuple[ColumnSpec, ...]
    shapes: tuple[IndexShape, ...]
    rows: int

    @property
    def spec(self) -> TableSpec:
        """The table."""
        return self.plan.spec


@dataclass(frozen=True)
class Published:
    """How a table was published, and what that did to its rows."""

    table: str
    method: str
    inserted: int
    updated: int
    unchanged: int


class _NotSwappable(Exception):  # noqa: N818  # not a fault: the table is merged instead
    """Found under the lock: the target has changed since it was looked at."""

    def __init__(self, table: str, reasons: Sequence[str]) -> None:
        super().__init__(table)
        self.table = table
        self.reasons = reasons


def shapes_for(target: TargetTable | None, spec: TableSpec) -> tuple[IndexShape, ...]:
    """The indexes of the table that a swap publishes: all that the old one has, and the plan's."""
    if target is None:
        return wanted_indexes(spec)
    return (*target.indexes, *missing_indexes(target, spec))


async def build_indexes(context: RunContext, staged: Staged) -> int:
    """Build what staging lacks of its indexes, unique ones first. Returns how many were built."""
    async with context.connection() as connection:
        there = await staging.existing_indexes(connection, staged.record.staging)
    numbered = list(enumerate(staged.shapes))
    missing = [
        (position, shape)
        for position, shape in numbered
        if staging.index_name(staged.record.staging, position) not in there
    ]
    missing.sort(key=lambda item: not item[1].unique)
    waiting = iter(missing)

    async def build() -> None:
        async with context.connection() as connection:
            for position, shape in waiting:
                async with connection.transaction():
                    await context.lease.guard(connection)
                    await staging.build_index(
                        connection, staged.record.staging, position, shape, staged.spec
                    )

    await side_by_side(build() for _ in range(min(INDEX_CONNECTIONS, len(missing))))
    async with context.connection() as connection:
        for position, shape in numbered:
            if shape.constraint and not there.get(
                staging.index_name(staged.record.staging, position), False
            ):
                async with connection.transaction():
                    await context.lease.guard(connection)
                    await staging.add_constraint(connection, staged.record.staging, position, shape)
        await staging.analyze(connection, staged.record.staging)
    return len(missing)


async def publish(context: RunContext, tables: Sequence[Staged]) -> list[Published]:
    """Publish all tables in one transaction: merges first, swaps last, the ledger with them.

    Raises:
        PublishError: it could not be done; everything is rolled back.
        LeaseLostError: another run took over.
    """
    remaining = list(tables)
    for attempt in range(1, CONNECTION_ATTEMPTS + 1):
        try:
            return await _publish_or_demote(context, remaining)
        except psycopg.Error as error:
            if not is_connection_lost(error):
                raise PublishError(
                    f"publishing failed and was rolled back: {error}",
                    "The targets are as they were. Run again; staging is kept.",
                ) from error
            # The connection may have been lost in COMMIT: only the ledger knows how it ended.
            async with context.connection() as connection:
                outcome = await ledger.published_outcome(connection, context.lease)
            if outcome is not None:
                return [Published(**entry) for entry in outcome["tables"]]
            if attempt == CONNECTION_ATTEMPTS:
                raise PublishError(
                    f"the connection was lost {attempt} times while publishing: {error}",
                    "The targets are as they were. Run again; staging is kept.",
                ) from error
            context.notice("the connection was lost while publishing; trying again", Level.WARNING)
    raise AssertionError("the last attempt returns or raises")


async def _publish_or_demote(context: RunContext, tables: list[Staged]) -> list[Published]:
    while True:
        try:
            async with context.connection() as connection:
                published = await _transaction(context, connection, tables)
        except _NotSwappable as found:
            context.notice(
                f"{found.table} is merged, not swapped: {'; '.join(found.reasons)}", Level.WARNING
            )
            for position, staged in enumerate(tables):
                if staged.spec.qualified == found.table:
                    tables[position] = replace(
                        staged, record=replace(staged.record, method="merge")
                    )
            continue
        for entry in published:
            context.emit(TablePublished(**asdict(entry)))
        return published


async def _transaction(
    context: RunContext, connection: Connection, tables: Sequence[Staged]
) -> list[Published]:
    swaps = [staged for staged in tables if staged.record.method == "swap"]
    async with connection.transaction():
        await context.lease.guard(connection)
        published = [
            await _merge(connection, staged) for staged in tables if staged.record.method == "merge"
        ]
        if swaps:
            await _lock(context, connection, swaps)
            for staged in swaps:
                await _check_swappable(connection, staged)
            for staged in swaps:
                published.append(await _swap(connection, staged))
        outcome: dict[str, Any] = {"tables": [asdict(entry) for entry in published]}
        await ledger.mark_published(connection, context.lease, outcome)
    return published


async def _merge(connection: Connection, staged: Staged) -> Published:
    spec = staged.spec
    target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        raise PublishError(f"{spec.qualified} was dropped while it was being synced", "Run again.")
    require_key(target, spec)
    updated_column = spec.updated_column
    if updated_column is not None and target.column(updated_column) is None:
        updated_column = None
    written: Written = await merge(
        connection, staged.record.staging, spec, staged.columns, updated_column=updated_column
    )
    return Published(spec.qualified, "merge", written.inserted, written.updated, written.unchanged)


async def _swap(connection: Connection, staged: Staged) -> Published:
    try:
        await swap(connection, staged.record.staging, staged.spec, staged.shapes)
    except (psycopg.errors.DuplicateTable, psycopg.errors.DuplicateObject) as error:
        raise PublishError(
            f"{staged.spec.qualified} cannot be published: {error.diag.message_primary}",
            "Another table of the schema has an index or constraint of that name; rename it.",
        ) from error
    return Published(staged.spec.qualified, "swap", staged.rows, 0, 0)


async def _lock(context: RunContext, connection: Connection, swaps: Sequence[Staged]) -> None:
    """Get the targets' locks in short tries, so that a long reader delays us and not the others."""
    specs = [staged.spec for staged in swaps]
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    told = False
    while True:
        async with connection.transaction() as savepoint:
            if await lock_targets(connection, specs):
                return
            raise psycopg.Rollback(savepoint)
        if time.monotonic() > deadline:
            raise PublishError(
                f"other sessions have held {', '.join(spec.qualified for spec in specs)} "
                f"for {LOCK_PATIENCE_SECONDS:.0f} s",
                "End the long transactions on the table, then run again; staging is kept.",
            )
        if not told:
            context.notice("publishing waits for a transaction that uses the table")
            told = True
        await asyncio.sleep(random.uniform(0.2, 1.0))  # noqa: S311


async def _check_swappable(connection: Connection, staged: Staged) -> None:
    spec = staged.spec
    target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        return
    reasons = await swap_obstacles(connection, target, spec)
    if not reasons:
        ours = await read_table(connection, staging.SCHEMA, staged.record.staging)
        if (
            ours is None
            or ours.columns != target.columns
            or shapes_for(target, spec) != staged.shapes
        ):
            reasons = ["its columns or indexes have changed since it was looked at"]
    if reasons:
        raise _NotSwappable(spec.qualified, reasons)
