"""Publish: one transaction for all tables, and certainty about how it ended."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import psycopg

from neonsync.engine import lease as leases
from neonsync.engine.context import RunContext
from neonsync.engine.events import Level
from neonsync.engine.stage import Staged, refuse_real_rows, shapes_for
from neonsync.errors import (
    DatabaseAccessError,
    PublishDelayedError,
    PublishError,
    ServerError,
)
from neonsync.postgres import drift, staging
from neonsync.postgres.catalog import (
    check_mergeable,
    read_table,
    same_shape,
    swap_obstacles,
    wanted_indexes,
)
from neonsync.postgres.connect import Connection, is_connection_lost, server_error
from neonsync.postgres.made_rows import delete_made_rows, lock_out_writers, refuse_cascades
from neonsync.postgres.marks import tells_made_rows
from neonsync.postgres.merge import Written, merge
from neonsync.postgres.swap import lock_targets, newest_transaction, older_snapshots, swap
from neonsync.tables import TableSpec

LOCK_PATIENCE_SECONDS = 120.0
SNAPSHOT_PATIENCE_SECONDS = 60.0
SNAPSHOT_PAUSE_SECONDS = 0.2
CONNECTION_ATTEMPTS = 3
_TRY_AGAIN = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


@dataclass(frozen=True)
class Published:
    """How a table was published, and what that did to its rows."""

    table: str
    method: str
    inserted: int
    updated: int
    unchanged: int
    removed: int = 0
    """Made rows that gave way."""


class _NotSwappable(Exception):  # noqa: N818  # not a fault: the table is merged instead
    """Found under the lock: the target has changed since it was looked at."""

    def __init__(self, table: str, reasons: Sequence[str]) -> None:
        super().__init__(table)
        self.table = table
        self.reasons = reasons


Attempt = Callable[[list[int]], Awaitable[list[Published]]]
"""One try at publishing; it adds the processes that it works in to the list."""


async def publish(context: RunContext, tables: Sequence[Staged]) -> list[Published]:
    """Publish all tables in one transaction: merges first, swaps last, the ledger with them.

    Raises: as ``publish_surely``.
    """
    remaining = list(tables)
    return await publish_surely(
        context, lambda backends: _publish_or_demote(context, remaining, backends)
    )


async def publish_surely(context: RunContext, attempt_it: Attempt) -> list[Published]:
    """Try to publish, again when it was cut off, until it is known how it ended.

    Raises:
        PublishError: it could not be done; everything is rolled back.
        DatabaseAccessError: the connection was lost too often.
        ServerError: Postgres has no room, no right or no time; everything is rolled back.
        LeaseLostError: another run took over.
    """
    backends: list[int] = []
    for attempt in range(1, CONNECTION_ATTEMPTS + 1):
        try:
            return await attempt_it(backends)
        except psycopg.Error as error:
            again = is_connection_lost(error) or isinstance(error, _TRY_AGAIN)
            if not again:
                raise _publish_error(error) from error
            # The connection may have been lost in COMMIT, and the COMMIT may still be at work.
            outcome = await find_outcome(context, backends)
            if outcome is not None:
                return outcome
            if attempt == CONNECTION_ATTEMPTS:
                raise DatabaseAccessError(
                    f"publishing was cut off {attempt} times: {error}",
                    "Run the same command again; staging is kept.",
                ) from error
            context.notice("publishing was cut off; trying again", Level.WARNING)
            await asyncio.sleep(random.uniform(0.2, 1.0) * attempt)  # noqa: S311
    raise AssertionError("the last attempt returns or raises")


async def find_outcome(context: RunContext, backends: Sequence[int] = ()) -> list[Published] | None:
    """What this run has published, or None; the ledger's word, once it cannot change any more.

    ``backends`` are the processes that may still be at work on a COMMIT.
    """

    async def read(connection: Connection) -> dict[str, Any] | None:
        for pid in backends:
            await leases.end_session(connection, pid)
        return await leases.published_outcome(connection, context.lease)

    outcome = await context.with_connection(read)
    return None if outcome is None else [Published(**entry) for entry in outcome["tables"]]


def _publish_error(error: psycopg.Error) -> PublishError | ServerError:
    """A constraint of the target is the data's fault, anything else the server's."""
    if not (error.sqlstate or "").startswith(("22", "23", "P0")):
        return server_error(error)
    detail = f" ({error.diag.message_detail})" if error.diag.message_detail else ""
    return PublishError(
        f"the target refused the rows: {error.diag.message_primary or error}{detail}",
        "A constraint or trigger of the target stands against the source's rows; mend either.",
    )


async def _publish_or_demote(
    context: RunContext, tables: list[Staged], backends: list[int]
) -> list[Published]:
    while True:
        try:
            async with context.connection() as connection:
                backends.append(connection.info.backend_pid)
                await _outlive_snapshots(context, connection, tables)
                return await _transaction(context, connection, tables)
        except _NotSwappable as found:
            context.notice(
                f"{found.table} is merged, not swapped: {'; '.join(found.reasons)}", Level.WARNING
            )
            for position, staged in enumerate(tables):
                if staged.spec.qualified == found.table:
                    tables[position] = replace(
                        staged, record=replace(staged.record, method="merge")
                    )


async def _outlive_snapshots(
    context: RunContext, connection: Connection, tables: Sequence[Staged]
) -> None:
    """Wait until nobody's snapshot is older than the rows that are to be swapped in.

    A merge needs no such wait: its rows are all of one transaction.
    """
    swaps = [staged for staged in tables if staged.record.method == "swap"]
    if not swaps:
        return
    boundary = await newest_transaction(connection)
    deadline = time.monotonic() + SNAPSHOT_PATIENCE_SECONDS
    told = False
    while count := await older_snapshots(connection, boundary):
        if time.monotonic() > deadline:
            raise _NotSwappable(
                swaps[0].spec.qualified,
                [f"{count} sessions have kept a snapshot from before the load"],
            )
        if not told:
            context.notice("publishing waits for transactions that began before the load")
            told = True
        await asyncio.sleep(SNAPSHOT_PAUSE_SECONDS)


async def _transaction(
    context: RunContext, connection: Connection, tables: Sequence[Staged]
) -> list[Published]:
    swaps = [staged for staged in tables if staged.record.method == "swap"]
    async with connection.transaction():
        await context.lease.guard(connection)
        merges = [staged for staged in parents_first(tables) if staged.record.method == "merge"]
        changing = [staged for staged in merges if staged.drift.changes_target]
        if changing:
            await lock(context, connection, [staged.spec for staged in changing])
        published = await _merge_all(context, connection, merges)
        if swaps:
            await lock(context, connection, [staged.spec for staged in swaps])
            for staged in swaps:
                await _check_swappable(connection, staged)
            for staged in swaps:
                published.append(await _swap(connection, staged))
        outcome: dict[str, Any] = {
            "tables": [asdict(entry) for entry in published],
        }
        if context.plan.test_data is None:
            # What drift is told by, the next time. Marks of made rows are not the lake's.
            outcome["columns"] = {
                staged.spec.qualified: [
                    column.name for column in staged.columns if staged.spec.column(column.name)
                ]
                for staged in tables
            }
        await leases.mark_published(connection, context.lease, outcome)
    return published


async def _merge_all(
    context: RunContext, connection: Connection, merges: Sequence[Staged]
) -> list[Published]:
    """Merge ``merges``, which stand parents first; made rows go children first.

    Before real rows come, so that no value of a made row is in their way; after new made ones,
    so that nothing refers to a row that goes.
    """
    removed: dict[str, int] = {}

    async def remove() -> None:
        for staged in reversed(merges):
            removed[staged.spec.qualified] = await _remove_made_rows(context, connection, staged)

    real = context.plan.test_data is None
    if real:
        await remove()
    published = [await _merge(connection, staged) for staged in merges]
    if not real:
        await remove()
    return [replace(entry, removed=removed[entry.table]) for entry in published]


async def _merge(connection: Connection, staged: Staged) -> Published:
    spec = staged.spec
    target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        await swap_in_shell(connection, f"{staged.record.staging}_0", spec)
        target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        raise AssertionError("a table that was just made is there")
    await check_mergeable(connection, target, spec)
    await drift.apply(connection, spec, target, staged.drift)
    updated_column = spec.updated_column
    if updated_column is not None and target.column(updated_column) is None:
        updated_column = None
    if staged.plan.made_rows:
        # A real row that comes between the look and the merge would be overwritten.
        await lock_out_writers(connection, spec)
        await refuse_real_rows(connection, target, spec)
    written: Written = await merge(
        connection, staged.record.staging, spec, staged.columns, updated_column=updated_column
    )
    return Published(spec.qualified, "merge", written.inserted, written.updated, written.unchanged)


async def _remove_made_rows(context: RunContext, connection: Connection, staged: Staged) -> int:
    """Delete the made rows that give way: all for real rows, else those that are made no more."""
    spec, made = staged.spec, bool(staged.plan.made_rows)
    target = await read_table(connection, spec.schema, spec.target)
    if not tells_made_rows(target, spec, made=made):
        return 0
    await refuse_cascades(connection, spec, [table.spec for table in context.plan.tables])
    return await delete_made_rows(
        connection, spec, but_those_in=staged.record.staging if made else None
    )


def parents_first(tables: Sequence[Staged]) -> list[Staged]:
    """The tables in an order in which each comes after those that it refers to."""
    ordered: dict[str, Staged] = {}
    by_name = {staged.spec.qualified: staged for staged in tables}

    def add(staged: Staged, waiting: tuple[str, ...]) -> None:
        name = staged.spec.qualified
        if name in ordered or name in waiting:
            return
        for reference in staged.spec.references:
            if reference.parent in by_name:
                add(by_name[reference.parent], (*waiting, name))
        ordered[name] = staged

    for staged in tables:
        add(staged, ())
    return list(ordered.values())


async def swap_in_shell(connection: Connection, shell: str, spec: TableSpec) -> None:
    """Make an absent target, empty but with all that belongs to it; ``shell`` is its first name."""
    shapes = wanted_indexes(spec)
    await staging.create_for_swap(connection, shell, spec, None)
    for position, shape in enumerate(shapes):
        await staging.build_index(connection, shell, position, shape, spec)
        if shape.constraint:
            await staging.add_constraint(connection, shell, position, shape)
    await swap(connection, shell, spec, shapes)


async def _swap(connection: Connection, staged: Staged) -> Published:
    try:
        await swap(connection, staged.record.staging, staged.spec, staged.shapes)
    except (psycopg.errors.DuplicateTable, psycopg.errors.DuplicateObject) as error:
        raise PublishError(
            f"{staged.spec.qualified} cannot be published: {error.diag.message_primary}",
            "Another table of the schema has an index or constraint of that name; rename it.",
        ) from error
    return Published(staged.spec.qualified, "swap", staged.proof.rows, 0, 0)


async def lock(context: RunContext, connection: Connection, specs: Sequence[TableSpec]) -> None:
    """Get the targets' locks in short tries, so that a long reader delays us and not the others.

    Raises:
        PublishDelayedError: others have held one of them for too long.
    """
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    told = False
    while True:
        async with connection.transaction() as savepoint:
            if await lock_targets(connection, list(specs)):
                return
            raise psycopg.Rollback(savepoint)
        if time.monotonic() > deadline:
            raise PublishDelayedError(
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
            or not same_shape(ours, target)
            or shapes_for(target, spec) != staged.shapes
        ):
            reasons = ["its columns or indexes have changed since it was looked at"]
    if reasons:
        raise _NotSwappable(spec.qualified, reasons)
