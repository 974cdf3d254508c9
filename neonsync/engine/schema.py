"""Publishing a schema alone: absent tables are made, those that are there keep every row."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from neonsync.engine.context import RunContext
from neonsync.engine.in_place import swap_in_shell
from neonsync.engine.names import staging_name
from neonsync.engine.plan import TablePlan
from neonsync.engine.publish import publish_surely, record_outcome
from neonsync.engine.published import Published
from neonsync.postgres.catalog import (
    check_swap_names,
    read_table,
    require_table,
    wanted_indexes,
)
from neonsync.postgres.connect import Connection
from neonsync.postgres.drift import loaded_columns
from neonsync.tables import TableSpec


async def publish_schema(
    context: RunContext, tables: Sequence[TablePlan], *, apart: bool = False
) -> list[Published]:
    """Make the absent tables, with keys and indexes, in one transaction.

    A table that is there is left as it is; indexes that it lacks are built afterwards.

    Raises:
        TargetError: a table that is there lacks a column, or has one of another type.
        PublishError: it could not be done; everything is rolled back.
    """
    for table in tables:
        await context.with_connection(partial(_check, table.spec))

    async def attempt(backends: list[int]) -> list[Published]:
        async with context.connection() as connection:
            backends.append(connection.info.backend_pid)
            async with connection.transaction():
                await context.lease.guard(connection)
                published = [await _publish(context, connection, table.spec) for table in tables]
                await record_outcome(context, connection, published, {}, apart=apart)
        return published

    return await publish_surely(context, [table.spec.qualified for table in tables], attempt)


async def _check(spec: TableSpec, connection: Connection) -> None:
    """Refuse what cannot be, before anything is written."""
    target = await read_table(connection, spec.schema, spec.target)
    if target is None:
        await check_swap_names(connection, spec, None, wanted_indexes(spec))
        return
    await require_table(connection, target, spec)
    loaded_columns(target, spec)


async def _publish(context: RunContext, connection: Connection, spec: TableSpec) -> Published:
    if await read_table(connection, spec.schema, spec.target) is not None:
        return Published(spec.qualified, "keep", 0, 0, 0)
    await swap_in_shell(connection, staging_name(context.lease.run_id, spec), spec)
    return Published(spec.qualified, "create", 0, 0, 0)
