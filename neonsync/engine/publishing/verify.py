"""After the commit: missing indexes and statistics, then the checks."""

from __future__ import annotations

import psycopg
from psycopg import sql

from neonsync.engine.context import RunContext
from neonsync.engine.events import CheckFinished, Level
from neonsync.engine.loading.extract import SourceCounts
from neonsync.engine.plan import TablePlan
from neonsync.engine.publishing.published import Published
from neonsync.postgres import refusals
from neonsync.postgres.catalog import (
    IndexShape,
    TargetTable,
    find_table,
    missing_indexes,
    read_table,
)
from neonsync.postgres.connect import Connection
from neonsync.postgres.made_rows import flags_by_default, stop_flagging
from neonsync.postgres.marks import tells_made_rows
from neonsync.postgres.merge import add_missing_index
from neonsync.tables import Mode, OnMissing, TableSpec
from neonsync.validation.checks import run_checks
from neonsync.validation.result import CheckResult, Expected


async def verify(
    context: RunContext, table: TablePlan, published: Published, counts: SourceCounts | None
) -> list[CheckResult]:
    """Run the checks on a published table; ``counts`` is None when it has no source."""
    expected = None
    if counts is not None:
        expected = Expected(
            counts.total,
            frozenset(counts.states),
            counts.dates,
            complete=published.method in ("swap", "replace")
            or (table.on_missing is OnMissing.DELETE and not table.scope)
            or context.plan.mode is Mode.TEST_DATA,
            filtered=bool(table.scope),
            made=context.plan.mode is Mode.TEST_DATA,
            query=table.count,
            scattered=len(table.scope.days.runs) > 1,
            asked=table.scope.days,
        )
    results = await context.with_connection(
        lambda connection: run_checks(
            connection,
            table.spec,
            expected,
            table.checks,
            context.plan.settings.check_timeout,
            table.spec.private,
        )
    )
    for result in results:
        context.emit(CheckFinished(result.table, result.check, result.status, result.message))
    return results


async def tidy(context: RunContext, spec: TableSpec, published: Published) -> None:
    """After the commit: indexes that a merged target lacks, and statistics.

    Neither is part of the promise, so a failure is told and does not undo what is published.
    """
    try:
        async with context.connection() as connection:
            target = await read_table(connection, spec.schema, spec.target)
            for shape in missing_indexes(target, spec) if target else ():
                await _add_index(context, connection, spec, target, shape)
            if published.method in ("merge", "replace") and context.plan.mode is Mode.FULL:
                await _stop_flagging(context, connection, spec, target)
            gone = published.removed or published.deleted
            if published.inserted or published.updated or gone:
                await connection.execute(
                    sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(spec.schema, spec.target))
                )
    except psycopg.Error as error:
        told = refusals.message(error)
        context.notice(
            f"{spec.qualified} is published, but its upkeep failed: {told}", Level.WARNING
        )


async def _stop_flagging(
    context: RunContext, connection: Connection, spec: TableSpec, target: TargetTable | None
) -> None:
    """A former table of test data would flag the next row of an application as made."""
    if not tells_made_rows(target, spec, made=False) or not await flags_by_default(
        connection, spec
    ):
        return
    if not await stop_flagging(connection, spec):
        context.notice(
            f"new rows of {spec.qualified} are flagged as test data by default: "
            f"ALTER TABLE {spec.qualified} ALTER COLUMN is_test_data SET DEFAULT false;",
            Level.WARNING,
        )


async def _add_index(
    context: RunContext,
    connection: Connection,
    spec: TableSpec,
    target: TargetTable | None,
    shape: IndexShape,
) -> None:
    """Build an index that the table lacks, unless it is a key or its name is another's."""
    if shape.constraint or target is None:
        return
    namesake = next((index for index in target.indexes if index.name == shape.name), None)
    taken = await find_table(connection, spec.schema, shape.name) is not None
    if taken and (namesake is None or namesake.usable):
        context.notice(
            f"{shape.name} cannot be built: something else of the schema has the name",
            Level.WARNING,
        )
        return
    context.notice(f"building {shape.name} on {spec.qualified}")
    await add_missing_index(connection, spec, shape)
