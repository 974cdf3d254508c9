"""Quality after publishing: a table is measured, held against its last runs, and remembered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb

from neonsync.athena.filters import ALL_DATES
from neonsync.engine.context import RunContext
from neonsync.engine.events import CheckFinished, Level
from neonsync.engine.loading.extract import SourceCounts
from neonsync.engine.plan import TablePlan
from neonsync.engine.planning.scope import Scope
from neonsync.engine.publishing.publish import find_outcome
from neonsync.engine.runs.lease import Lease
from neonsync.errors import DatabaseAccessError
from neonsync.postgres.connect import (
    Connection,
    Database,
    connected,
    reading_error,
)
from neonsync.postgres.queries import query
from neonsync.settings import Filters
from neonsync.tables import Mode
from neonsync.validation.measure import measure, why_not
from neonsync.validation.metrics import TableMetrics, parse_metrics
from neonsync.validation.result import CheckResult
from neonsync.validation.trend import RUNS_COMPARED, earlier, quality

KEPT = 100
"""Runs of a table whose metrics the branch keeps."""


async def measure_quality(
    context: RunContext, table: TablePlan, counts: SourceCounts | None
) -> tuple[TableMetrics | None, CheckResult | None]:
    """Measure a published table; the check is None where there are no runs to compare with.

    None of it is part of the promise: what goes wrong is told, and fails no run.

    Raises:
        LeaseLostError: another run took over.
    """
    settings = context.plan.settings
    if counts is None or not settings.quality.metrics or context.plan.mode is not Mode.FULL:
        return None, None
    name = table.spec.qualified
    limit = settings.check_timeout
    metrics = check = None
    try:
        async with context.connection() as connection:
            scope = _part(table.scope, settings.filters)
            before = await read_metrics(connection, name, scope)
            metrics = await measure(
                connection,
                table.spec,
                source_rows=counts.total,
                source_days=counts.dates,
                scope=scope,
                private=table.spec.private,
                had_few={c.column for each in before for c in each.columns if c.top_whole},
                limit_seconds=limit,
            )
            if metrics is None:
                return None, None
            metrics = replace(metrics, written=await _written(context, name))
            if before:
                check = quality(metrics, earlier(metrics, before), settings.quality)
            await store_metrics(connection, context.lease, metrics)
    except (psycopg.Error, DatabaseAccessError) as error:
        why = why_not(error, limit) if isinstance(error, psycopg.Error) else str(error)
        what = "measured" if metrics is None else "kept"
        context.notice(
            f"the quality metrics of {name} were not {what}: {why}. Raise check_timeout, "
            "or set metrics = false under [quality].",
            Level.WARNING,
        )
    if check is not None:
        context.emit(CheckFinished(check.table, check.check, check.status, check.message))
    return metrics, check


async def _written(context: RunContext, table: str) -> bool:
    """Whether this run has brought rows into a table, as the ledger tells."""
    published = [each for each in await find_outcome(context) if each.table == table]
    return any(each.inserted or each.updated for each in published)


def _part(scope: Scope, filters: Filters) -> str:
    """What a run was about, in words that are those of the next day's run as well."""
    ordered = replace(scope, states=tuple(sorted(scope.states)))
    if not scope.days or not (filters.days or filters.dates):
        return str(ordered)
    if filters.dates:
        days = str(filters.dates[0])
        if len(filters.dates) > 1:
            days = f"{len(filters.dates):,} dates from {days} to {filters.dates[-1]}"
    else:
        days = f"the last {filters.days:,} day{'' if filters.days == 1 else 's'}"
    return "; ".join(filter(None, (days, str(replace(ordered, days=ALL_DATES)))))


async def read_metrics(connection: Connection, target: str, scope: str = "") -> list[TableMetrics]:
    """The metrics that a run about ``scope`` is compared with, the oldest first.

    They are those of the last runs into the table, and of the last ones about ``scope``.
    """
    if not await _is_there(connection):
        return []
    cursor = await connection.execute(
        "SELECT metrics FROM (SELECT metrics, measured_at, metrics ->> 'scope' AS scope,"
        " row_number() OVER (ORDER BY measured_at DESC) AS place,"
        " row_number() OVER (PARTITION BY metrics ->> 'scope' ORDER BY measured_at DESC) AS alike"
        " FROM neonsync.metrics WHERE target = %(target)s) AS placed"
        " WHERE place <= %(runs)s OR (scope = %(scope)s AND alike <= %(runs)s)"
        " ORDER BY measured_at",
        {"target": target, "scope": scope, "runs": RUNS_COMPARED},
    )
    found = [parse_metrics(document) for (document,) in await cursor.fetchall()]
    return [each for each in found if each is not None]


@dataclass(frozen=True)
class KeptMetrics:
    """What the ledger of a branch has kept of a run, which may be one of its parent's."""

    run_id: str
    branch: str
    branch_id: str
    status: str
    measured_at: datetime
    metrics: TableMetrics


async def kept_metrics(database: Database, table: str) -> list[KeptMetrics]:
    """All that a branch has kept of a table, the oldest first; named with its schema or without.

    Raises:
        DatabaseAccessError: the branch's database cannot be reached.
        ServerError: the role may not read the ledger.
    """
    try:
        async with connected(database) as connection:
            if not await _is_there(connection):
                return []
            cursor = await connection.execute(
                "SELECT r.run_id, r.branch_name, r.branch_id, r.status, m.measured_at, m.metrics"
                " FROM neonsync.metrics m JOIN neonsync.runs r USING (run_id)"
                " WHERE %(table)s IN (m.target, substr(m.target, strpos(m.target, '.') + 1))"
                " ORDER BY m.measured_at",
                {"table": table},
            )
            rows = await cursor.fetchall()
    except psycopg.Error as error:
        raise reading_error(error) from error
    return [
        KeptMetrics(run_id, branch, branch_id, status, at, metrics)
        for run_id, branch, branch_id, status, at, document in rows
        if (metrics := parse_metrics(document)) is not None
    ]


async def store_metrics(connection: Connection, lease: Lease, metrics: TableMetrics) -> None:
    """Keep a run's metrics of a table, and let go of the oldest ones.

    Raises:
        LeaseLostError: another run took over.
    """
    async with connection.transaction():
        await lease.guard(connection, published=True)
        if not await _is_there(connection):
            await connection.execute(query("metrics"))
        await connection.execute(
            "INSERT INTO neonsync.metrics (run_id, target, metrics) VALUES (%s, %s, %s)"
            " ON CONFLICT (run_id, target) DO UPDATE"
            " SET metrics = excluded.metrics, measured_at = excluded.measured_at",
            (lease.run_id, metrics.table, Jsonb(metrics.as_json())),
        )
        await connection.execute(
            "DELETE FROM neonsync.metrics WHERE target = %(target)s AND run_id NOT IN (SELECT"
            " run_id FROM neonsync.metrics WHERE target = %(target)s"
            " ORDER BY measured_at DESC LIMIT %(kept)s)",
            {"target": metrics.table, "kept": KEPT},
        )


async def _is_there(connection: Connection) -> bool:
    cursor = await connection.execute("SELECT to_regclass('neonsync.metrics') IS NOT NULL")
    row = await cursor.fetchone()
    return bool(row and row[0])
