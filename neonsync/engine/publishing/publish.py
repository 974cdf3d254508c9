"""Publish: one transaction for all tables, and certainty about how it ended.

Tables that stay as they are come first, as that takes time and hinders no reader. Then readers are
kept from those whose columns change, which are written then, and from those that are swapped.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import psycopg

from neonsync.engine import retry
from neonsync.engine.context import RunContext
from neonsync.engine.events import Level
from neonsync.engine.publishing.in_place import (
    linked,
    parents_first,
    refuse_empty,
    replaces,
    write_all,
)
from neonsync.engine.publishing.published import Published
from neonsync.engine.runs import outcome as outcomes
from neonsync.engine.stage import Staged, shapes_for
from neonsync.errors import (
    DatabaseAccessError,
    PublishDelayedError,
    PublishError,
    ServerError,
)
from neonsync.postgres import staging
from neonsync.postgres.catalog import (
    carried_otherwise,
    read_table,
    same_shape,
    swap_obstacles,
)
from neonsync.postgres.connect import (
    Connection,
    is_connection_lost,
    is_transient,
    server_error,
)
from neonsync.postgres.deletion import count_all
from neonsync.postgres.identity import Ids, has_given, identity_sequence, ids_of
from neonsync.postgres.refusals import Showing, message, refusal
from neonsync.postgres.swap import lock_targets, newest_transaction, older_snapshots, swap
from neonsync.tables import TableSpec

LOCK_PATIENCE_SECONDS = 120.0
SNAPSHOT_PATIENCE_SECONDS = 60.0
SNAPSHOT_PAUSE_SECONDS = 0.2


class _NotSwappable(Exception):  # noqa: N818  # not a fault: the tables are merged instead
    """Found when it is about to be done: what stands against the swap of some tables."""

    def __init__(self, tables: Sequence[Staged], reasons: Sequence[str]) -> None:
        self.names = [staged.spec.qualified for staged in tables]
        super().__init__(*self.names)
        self.reasons = reasons


async def publish(
    context: RunContext, tables: Sequence[Staged], *, apart: bool = False
) -> list[Published]:
    """Publish tables in one transaction: those that stay first, swaps last, the ledger with them.

    ``apart`` tells that they are not all of the run's, so that it goes on.

    Raises: as ``publish_surely``.
    """
    remaining = list(tables)
    names = [staged.spec.qualified for staged in tables]
    return await publish_surely(
        context, names, partial(_publish_or_demote, context, remaining, apart=apart)
    )


async def record_outcome(
    context: RunContext,
    connection: Connection,
    published: Sequence[Published],
    columns: Mapping[str, Sequence[str]],
    *,
    apart: bool,
) -> None:
    """Write into the ledger, within the publishing transaction, what it has published.

    ``columns`` are those that were copied into each table: the next run knows drift by them.
    """
    if apart:
        for entry in published:
            copied = {entry.table: columns.get(entry.table, ())}
            await outcomes.mark_part_published(connection, context.lease, asdict(entry), copied)
        return
    outcome: dict[str, Any] = {"tables": [asdict(entry) for entry in published]}
    if columns:
        outcome["columns"] = columns
    await outcomes.mark_published(connection, context.lease, outcome)


async def seal(context: RunContext, published: Sequence[Published]) -> None:
    """Tell the ledger that all tables, which were published apart, are published."""

    async def mark(connection: Connection) -> None:
        async with connection.transaction():
            await context.lease.guard(connection, published=True)
            await record_outcome(context, connection, published, {}, apart=False)

    await context.with_connection(mark)


async def publish_surely(
    context: RunContext, tables: Sequence[str], attempt_it: Callable[[], Awaitable[list[Published]]]
) -> list[Published]:
    """Try to publish, again when it was cut off, until it is known how it ended.

    Raises:
        PublishError: it could not be done; everything is rolled back.
        DatabaseAccessError: the connection was lost too often.
        ServerError: Postgres has no room, no right or no time; everything is rolled back.
        LeaseLostError: another run took over.
    """
    attempt = 1
    while True:
        try:
            return await attempt_it()
        except psycopg.Error as error:
            if not is_transient(error):
                raise _publish_error(context, tables, error) from error
            # The connection may have been lost in COMMIT, and the COMMIT may still be at work: the
            # next connection ends that process before it looks.
            outcome = {entry.table: entry for entry in await find_outcome(context)}
            if outcome.keys() >= set(tables):
                return [outcome[name] for name in tables]
            seconds = retry.pause(error, attempt, retry.PUBLISH)
            if seconds is None and not is_connection_lost(error):
                raise _publish_error(context, tables, error) from error
            if seconds is None:
                raise DatabaseAccessError(
                    f"publishing was cut off {attempt} times: {message(error)}",
                    "Run the same command again; staging is kept.",
                ) from error
            context.notice("publishing was cut off; trying again", Level.WARNING)
        attempt += 1
        await asyncio.sleep(seconds)


async def find_outcome(context: RunContext) -> list[Published]:
    """What this run has published; the ledger's word, once it cannot change any more."""
    outcome = await context.with_connection(
        lambda connection: outcomes.published_outcome(connection, context.lease)
    )
    return [] if outcome is None else [Published(**entry) for entry in outcome["tables"]]


def _publish_error(
    context: RunContext, tables: Sequence[str], error: psycopg.Error
) -> PublishError | ServerError:
    """A constraint of the target is the data's fault, anything else the server's."""
    specs = [table.spec for table in context.plan.tables if table.spec.qualified in tables]
    # A trigger may write a row into any other table, and a message of a foreign key names the
    # other end's: the private columns of all of them are kept.
    where = f"{error.diag.schema_name}.{error.diag.table_name}"
    own = not isinstance(error, psycopg.errors.ForeignKeyViolation)
    showing = Showing(
        key=next((spec.key for spec in specs if own and spec.qualified == where), ()),
        private={name for spec in specs for name in spec.private},
        show_values=context.plan.settings.show_values,
    )
    if not (error.sqlstate or "").startswith(("22", "23", "P0")):
        return server_error(error, showing)
    return PublishError(
        f"the target refused the rows: {refusal(error, showing)}",
        "A constraint or trigger of the target stands against the source's rows; mend either.",
    )


async def _publish_or_demote(
    context: RunContext, tables: list[Staged], *, apart: bool
) -> list[Published]:
    while True:
        try:
            async with context.connection(kept=False) as connection:
                await _outlive_snapshots(context, connection, tables)
                return await _transaction(context, connection, tables, apart=apart)
        except _NotSwappable as found:
            one = len(found.names) == 1
            context.notice(
                f"{', '.join(found.names)} {'is' if one else 'are'} written in place, "
                f"not swapped: {'; '.join(found.reasons)}",
                Level.WARNING,
            )
            for position, staged in enumerate(tables):
                if staged.spec.qualified in found.names:
                    tables[position] = replace(
                        staged, record=replace(staged.record, method="merge")
                    )


async def _outlive_snapshots(
    context: RunContext, connection: Connection, tables: Sequence[Staged]
) -> None:
    """Wait until nobody's snapshot is older than the rows that are to be swapped in.

    A merge needs no such wait: its rows are all of one transaction. A session that has outlasted
    the patience once is not waited for again, for another table of the run.
    """
    swaps = [staged for staged in tables if staged.record.method == "swap"]
    if not swaps:
        return
    boundary = await newest_transaction(connection)
    deadline = time.monotonic() + SNAPSHOT_PATIENCE_SECONDS
    told = False
    while sessions := await older_snapshots(connection, boundary):
        if time.monotonic() > deadline or sessions & context.outlasting:
            context.outlasting.update(sessions)
            count = "a session has" if len(sessions) == 1 else f"{len(sessions)} sessions have"
            raise _NotSwappable(swaps, [f"{count} kept a snapshot from before the load"])
        if not told:
            context.notice("publishing waits for transactions that began before the load")
            told = True
        await asyncio.sleep(SNAPSHOT_PAUSE_SECONDS)


async def _transaction(
    context: RunContext, connection: Connection, tables: Sequence[Staged], *, apart: bool
) -> list[Published]:
    swaps = [staged for staged in tables if staged.record.method == "swap"]
    stays = [staged for staged in parents_first(tables) if staged.record.method == "merge"]
    async with connection.transaction():
        await context.lease.guard(connection)
        for staged in tables:
            await refuse_empty(connection, staged)
        if rewritten := [staged for staged in stays if replaces(staged)]:
            # A row that somebody adds meanwhile would be neither old nor new.
            await lock(context, connection, _specs(rewritten), readers=False)
        changing = [staged for staged in stays if staged.drift.changes_target]
        later = await linked(connection, stays, changing)
        first = [staged for staged in stays if staged.spec.qualified not in later]
        published = await write_all(context, connection, first)
        if swaps or changing:
            # Counted before the lock, under which readers wait. One lock for all, so that nobody
            # waits for a table while this waits for the next.
            gone = {staged.spec.qualified: await _rows(connection, staged) for staged in swaps}
            ids = {staged.spec.qualified: await _ids(connection, staged) for staged in swaps}
            await lock(context, connection, _specs([*changing, *swaps]), leaving=_specs(swaps))
            for staged in swaps:
                await _check_swappable(connection, staged, ids[staged.spec.qualified])
            last = [staged for staged in stays if staged.spec.qualified in later]
            published += await write_all(context, connection, last)
            for staged in swaps:
                published.append(await _swap(connection, staged, gone[staged.spec.qualified]))
        columns = {} if context.plan.test_data is not None else _copied(tables)
        await record_outcome(context, connection, published, columns, apart=apart)
    return published


def _copied(tables: Sequence[Staged]) -> dict[str, list[str]]:
    """What drift is told by, the next time. Marks of made rows are not the lake's."""
    return {
        staged.spec.qualified: [
            column.name for column in staged.columns if staged.spec.column(column.name)
        ]
        for staged in tables
    }


async def _rows(connection: Connection, staged: Staged) -> int | None:
    """The rows of a target that is to be replaced; None for one that is absent or must be empty."""
    spec = staged.spec
    if not replaces(staged) or await read_table(connection, spec.schema, spec.target) is None:
        return None
    return await count_all(connection, spec)


async def _ids(connection: Connection, staged: Staged) -> Ids | None:
    """The ids that the staged rows were given; None where they have none."""
    column = staged.spec.generated_id
    if column is None:
        return None
    there = await read_table(connection, staging.SCHEMA, staged.record.staging)
    if there is None or there.column(column) is None:
        return None
    return await ids_of(connection, staging.relation(staged.record.staging), column)


async def _swap(connection: Connection, staged: Staged, gone: int | None) -> Published:
    try:
        await swap(connection, staged.record.staging, staged.spec, staged.shapes)
    except (psycopg.errors.DuplicateTable, psycopg.errors.DuplicateObject) as error:
        raise PublishError(
            f"{staged.spec.qualified} cannot be published: {message(error)}",
            "Another table of the schema has an index or constraint of that name; rename it.",
        ) from error
    method = "swap" if gone is None else "replace"
    return Published(staged.spec.qualified, method, staged.proof.rows, 0, 0, gone or 0)


def _specs(tables: Sequence[Staged]) -> list[TableSpec]:
    return [staged.spec for staged in tables]


async def lock(
    context: RunContext,
    connection: Connection,
    specs: Sequence[TableSpec],
    *,
    readers: bool = True,
    leaving: Sequence[TableSpec] = (),
) -> None:
    """Get the targets' locks in short tries, so that a long user delays us and not the others.

    ``readers`` and ``leaving`` as in ``lock_targets``.

    Raises:
        PublishDelayedError: others have held one of them for too long.
    """
    deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
    told = False
    while True:
        async with connection.transaction() as savepoint:
            if await lock_targets(connection, specs, readers=readers, leaving=leaving):
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


async def _check_swappable(connection: Connection, staged: Staged, ids: Ids | None) -> None:
    """Look again, under the lock, whether the target may give way to rows with these ``ids``."""
    spec = staged.spec
    target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        return
    reasons = await swap_obstacles(connection, target, spec, with_rows=replaces(staged))
    if not reasons:
        ours = await read_table(connection, staging.SCHEMA, staged.record.staging)
        if (
            ours is None
            or not same_shape(ours, target)
            or shapes_for(target, spec) != staged.shapes
        ):
            reasons = ["its columns or indexes have changed since it was looked at"]
        elif changed := await carried_otherwise(connection, ours, target):
            reasons = [f"{', '.join(changed)} of it changed since it was looked at"]
    if not reasons and ids is not None:
        # The staged rows went on where the sequence stood then.
        sequence = await identity_sequence(connection, target.oid, spec.generated_id)
        if sequence is not None and await has_given(connection, sequence, ids):
            reasons = ["ids of its sequence were given to other rows meanwhile"]
    if reasons:
        raise _NotSwappable([staged], reasons)
