"""Publishing a schema alone: absent tables are made, those that are there keep every row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from neonsync.engine.context import RunContext
from neonsync.engine.events import Level
from neonsync.engine.names import staging_name
from neonsync.engine.plan import TablePlan
from neonsync.engine.publishing.in_place import swap_in_shell
from neonsync.engine.publishing.publish import lock, publish_surely, record_outcome
from neonsync.engine.publishing.published import Published
from neonsync.postgres.catalog import (
    check_swap_names,
    read_table,
    require_table,
    wanted_indexes,
)
from neonsync.postgres.connect import Connection
from neonsync.postgres.drift import NO_DRIFT, Drift, apply, check_changeable, loaded_columns
from neonsync.tables import TableSpec


async def publish_schema(
    context: RunContext, tables: Sequence[TablePlan], *, apart: bool = False
) -> list[Published]:
    """Make the absent tables, with keys and indexes, in one transaction.

    A table that is there keeps its rows, and gets other columns only where ``on_drift`` wants
    them; indexes that it lacks are built afterwards.

    Raises:
        TargetError: a table that is there lacks a column, or has one of another type.
        PublishError: it could not be done; everything is rolled back.
    """
    drifts = []
    for table in tables:
        drift = await context.with_connection(partial(look_at_schema, table.spec))
        for note in drift.notes(table.spec):
            context.notice(note, Level.WARNING)
        drifts.append((table.spec, drift))

    async def attempt() -> list[Published]:
        async with context.connection(kept=False) as connection, connection.transaction():
            await context.lease.guard(connection)
            changing = [spec for spec, drift in drifts if drift.changes_target]
            if changing:
                await lock(context, connection, changing)
            published = [await _publish(context, connection, spec, drift) for spec, drift in drifts]
            await record_outcome(context, connection, published, {}, apart=apart)
        return published

    return await publish_surely(context, [table.spec.qualified for table in tables], attempt)


async def look_at_schema(spec: TableSpec, connection: Connection) -> Drift:
    """What will become of the columns of a table that is there.

    Raises:
        TargetError: it lacks a column or has one of another type; or a name is taken.
    """
    target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        await check_swap_names(connection, spec, None, wanted_indexes(spec))
        return NO_DRIFT
    await require_table(connection, target, spec)
    _, drift = loaded_columns(target, spec)
    if drift.changes_target:
        await check_changeable(connection, target, spec, drift)
    return drift


async def _publish(
    context: RunContext, connection: Connection, spec: TableSpec, drift: Drift
) -> Published:
    target = await read_table(connection, spec.schema, spec.target)
    if target is not None:
        await apply(connection, spec, target, drift)
        return Published(spec.qualified, "keep", 0, 0, 0)
    await swap_in_shell(connection, staging_name(context.lease.run_id, spec), spec)
    return Published(spec.qualified, "create", 0, 0, 0)
