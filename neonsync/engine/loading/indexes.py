"""Indexes of a full staging table, side by side, each in a transaction under the lease."""

from __future__ import annotations

from functools import partial

import psycopg

from neonsync.engine.concurrency import side_by_side
from neonsync.engine.context import RunContext
from neonsync.engine.events import IndexBuilt
from neonsync.postgres import staging
from neonsync.postgres.catalog import IndexShape
from neonsync.postgres.connect import Connection, is_transient, server_error
from neonsync.postgres.refusals import Showing, detail
from neonsync.tables import TableSpec

INDEX_CONNECTIONS = 2
EXPRESSION_WEIGHT = 10


async def build_indexes(
    context: RunContext, spec: TableSpec, name: str, shapes: tuple[IndexShape, ...]
) -> int:
    """Build what the staging table ``name`` lacks of its indexes, unique ones first.

    Returns how many were built. On two connections: more did not help on two cores. Those of many
    columns take longest and begin early, so that no connection ends alone with one of them.
    """
    there = await context.with_connection(
        lambda connection: staging.existing_indexes(connection, name)
    )
    numbered = list(enumerate(shapes))
    missing = [
        (position, shape)
        for position, shape in numbered
        if staging.index_name(name, position) not in there
    ]
    missing.sort(key=lambda item: (not item[1].unique, -_weight(item[1])))
    waiting = iter(missing)

    done = len(shapes) - len(missing)

    async def build() -> None:
        nonlocal done
        for position, shape in waiting:
            await context.with_connection(partial(_build, context, spec, name, position, shape))
            done += 1
            context.emit(IndexBuilt(spec.qualified, done, len(shapes)))

    await side_by_side(build() for _ in range(min(INDEX_CONNECTIONS, len(missing))))
    for position, shape in numbered:
        if shape.constraint:
            await context.with_connection(partial(_constrain, context, name, position, shape))
    if any(shape.columns is None for shape in shapes):
        # Staging has statistics from the audit, but only an index has those of an expression.
        await context.with_connection(lambda connection: staging.analyze(connection, name))
    return len(missing)


def _weight(shape: IndexShape) -> int:
    """How long a build takes, beside others: by its columns, and an expression is dear."""
    return len(shape.columns) if shape.columns is not None else EXPRESSION_WEIGHT


async def _build(
    context: RunContext,
    spec: TableSpec,
    name: str,
    position: int,
    shape: IndexShape,
    connection: Connection,
) -> None:
    showing = Showing(spec.key, spec.private, context.plan.settings.show_values)
    try:
        async with connection.transaction():
            await context.lease.guard(connection)
            await staging.build_index(connection, name, position, shape)
    except psycopg.errors.DuplicateTable:
        # Its COMMIT had succeeded, and only the answer was lost: nobody else has that name.
        return
    except psycopg.errors.UniqueViolation as error:
        columns = shape.columns or ()
        if columns and not shape.partial:
            await staging.find_duplicates(connection, name, spec, columns, showing)
        told = detail(error.diag.message_detail or "", showing)
        raise staging.duplicate_key_error(spec, columns or (shape.name,), told) from error
    except psycopg.Error as error:
        if is_transient(error):
            raise
        raise server_error(error, showing) from error


async def _constrain(
    context: RunContext, name: str, position: int, shape: IndexShape, connection: Connection
) -> None:
    async with connection.transaction():
        await context.lease.guard(connection)
        there = await staging.existing_indexes(connection, name)
        if not there.get(staging.index_name(name, position), False):
            await staging.add_constraint(connection, name, position, shape)
