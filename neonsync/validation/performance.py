"""Performance: how long a sample query takes, what it reads, and whether an index helps it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from psycopg import sql

from neonsync.tables import DayForm
from neonsync.validation.result import CheckResult, Status, Subject

SAMPLE_DAYS = 7
SAMPLE_SECONDS = 1.0


async def performance(subject: Subject) -> CheckResult:
    """The check of that name: the last days by state, as EXPLAIN ANALYZE tells of it."""
    spec = subject.spec
    group = spec.state_column or spec.key[0]
    where: sql.Composable = sql.SQL("")
    days = ""
    if spec.day and spec.day.form in (DayForm.DATE, DayForm.TIMESTAMP):
        where = sql.SQL("WHERE {0} > (SELECT max({0}) FROM {1}) - {2}").format(
            sql.Identifier(spec.day.columns[0]),
            subject.name,
            sql.Literal(SAMPLE_DAYS)
            if spec.day.form is DayForm.DATE
            else sql.SQL("interval '{} days'").format(sql.SQL(str(SAMPLE_DAYS))),
        )
        days = f"{SAMPLE_DAYS} days "
    # A clock around each row of each node would take more time than the query itself.
    ((explained,),) = await subject.rows(
        sql.SQL(
            "EXPLAIN (ANALYZE, BUFFERS, TIMING off, FORMAT json)"
            " SELECT {0}, count(*) FROM {1} {2} GROUP BY {0}"
        ).format(sql.Identifier(group), subject.name, where)
    )
    plan: Mapping[str, Any] = explained[0]
    seconds = float(plan["Execution Time"]) / 1000
    indexes = sorted({node["Index Name"] for node in _nodes(plan["Plan"]) if "Index Name" in node})
    table_bytes, index_bytes, total_bytes = await _sizes(subject)
    by = f"by {', '.join(indexes)}" if indexes else "without an index"
    blocks = {
        name: int(plan["Plan"].get(f"{label} Blocks", 0))
        for name, label in (
            ("hit", "Shared Hit"),
            ("read", "Shared Read"),
            ("temp_read", "Temp Read"),
            ("temp_written", "Temp Written"),
        )
    }
    return subject.result(
        "performance",
        Status.PASSED if seconds < SAMPLE_SECONDS else Status.WARNING,
        f"{days}by {group} in {seconds * 1000:.0f} ms, {by}; "
        f"table {table_bytes / 1e6:.1f} MB, indexes {index_bytes / 1e6:.1f} MB",
        {
            "seconds": round(seconds, 4),
            "limit_seconds": SAMPLE_SECONDS,
            "planning_seconds": round(float(plan["Planning Time"]) / 1000, 4),
            "index_used": bool(indexes),
            "indexes": indexes,
            "buffers": blocks,
            "table_bytes": table_bytes,
            "index_bytes": index_bytes,
            "total_bytes": total_bytes,
        },
        "Run it again, as a compute that has just woken up is slow; else give the branch more CU."
        if indexes
        else "No index was used: [tables.indexes] of the configuration can have one on the date "
        "column.",
    )


async def _sizes(subject: Subject) -> tuple[int, int, int]:
    cursor = await subject.connection.execute(
        "SELECT pg_table_size(%(t)s::oid::regclass), pg_indexes_size(%(t)s::oid::regclass),"
        " pg_total_relation_size(%(t)s::oid::regclass)",
        {"t": subject.table.oid},
    )
    table, indexes, total = await cursor.fetchone() or (0, 0, 0)
    return table, indexes, total


def _nodes(plan: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A plan's nodes but those that look for the newest date: an index for that says little."""
    yield plan
    for child in plan.get("Plans", ()):
        if child.get("Parent Relationship") != "InitPlan":
            yield from _nodes(child)
