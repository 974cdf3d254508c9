"""The seven checks on a published table, each with what was measured and what was expected."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import psycopg
from psycopg import sql

from neonsync.postgres.catalog import (
    TargetTable,
    missing_indexes,
    read_table,
    serves,
    wanted_indexes,
)
from neonsync.postgres.connect import Connection
from neonsync.tables import TableSpec

SAMPLE_DAYS = 7
SAMPLE_SECONDS = 1.0
VALUES_SHOWN = 20


class Status(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class CheckResult:
    """One check of one table; ``details`` is JSON-like and holds measured and expected values."""

    check: str
    table: str
    status: Status
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    remedy: str = ""


@dataclass(frozen=True)
class Expected:
    """What the source says of itself. ``complete`` when the target was replaced by it."""

    rows: int
    states: frozenset[str | None]
    dates: Counter[str | None]
    complete: bool


@dataclass(frozen=True)
class _Subject:
    """The table that is checked."""

    connection: Connection
    spec: TableSpec
    table: TargetTable
    expected: Expected

    @property
    def name(self) -> sql.Identifier:
        return sql.Identifier(self.spec.schema, self.spec.target)

    async def row(self, statement: sql.Composed) -> tuple[Any, ...]:
        cursor = await self.connection.execute(statement)
        return await cursor.fetchone() or ()


async def run_checks(
    connection: Connection, spec: TableSpec, expected: Expected
) -> list[CheckResult]:
    """Run all seven checks; when the table is missing the others have nothing to look at."""
    table = await read_table(connection, spec.schema, spec.target)
    if table is None:
        return [
            CheckResult(
                "table_existence",
                spec.qualified,
                Status.FAILED,
                f"{spec.qualified} does not exist",
                {"expected": "present", "measured": "absent"},
            )
        ]
    subject = _Subject(connection, spec, table, expected)
    results = [
        CheckResult("table_existence", spec.qualified, Status.PASSED, f"{spec.qualified} exists")
    ]
    for name, check in _CHECKS.items():
        try:
            results.append(await check(subject))
        except psycopg.Error as error:
            if connection.closed:
                raise
            results.append(
                CheckResult(name, spec.qualified, Status.FAILED, f"the check failed: {error}")
            )
    return results


def overall(results: list[CheckResult]) -> Status:
    """The worst status of all."""
    statuses = {result.status for result in results}
    for status in (Status.FAILED, Status.WARNING):
        if status in statuses:
            return status
    return Status.PASSED


async def _record_count(subject: _Subject) -> CheckResult:
    (count,) = await subject.row(sql.SQL("SELECT count(*) FROM {}").format(subject.name))
    expected = subject.expected
    details = {"measured": count, "source": expected.rows}
    if expected.complete and count != expected.rows:
        return _result(
            subject,
            "record_count",
            Status.FAILED,
            f"{count:,} rows, but Athena has {expected.rows:,}",
            details,
        )
    if count == 0:
        return _result(subject, "record_count", Status.WARNING, "the table is empty", details)
    more = count - expected.rows
    kept = f", {more:,} that it does not have are kept" if more > 0 else ""
    return _result(
        subject,
        "record_count",
        Status.PASSED,
        f"{count:,} rows; Athena has {expected.rows:,}{kept}",
        details,
    )


async def _schema_validation(subject: _Subject) -> CheckResult:
    spec = subject.spec
    required = [column.name for column in spec.columns]
    missing = [name for name in required if subject.table.column(name) is None]
    return _result(
        subject,
        "schema_validation",
        Status.FAILED if missing else Status.PASSED,
        f"columns are missing: {', '.join(missing)}"
        if missing
        else f"all {len(required)} columns are there",
        {"expected": required, "missing": missing},
    )


async def _data_integrity(subject: _Subject) -> CheckResult:
    nulls = await _null_counts(subject)
    duplicates, how = await _duplicate_keys(subject)
    unknown = await _unknown_states(subject)
    problems = [f"{count:,} NULLs in {column}" for column, count in nulls.items() if count]
    if duplicates:
        problems.append(f"{duplicates:,} keys stand more than once")
    if unknown:
        listed = ", ".join(
            f"{state} ({count:,} rows)" for state, count in list(unknown.items())[:VALUES_SHOWN]
        )
        problems.append(f"states that Athena does not have: {listed}")
    return _result(
        subject,
        "data_integrity",
        Status.FAILED if problems else Status.PASSED,
        "; ".join(problems) or "no NULLs, no duplicate keys, no unknown states",
        {
            "nulls": nulls,
            "duplicate_keys": duplicates,
            "duplicate_keys_checked_by": how,
            "unknown_states": unknown,
            "source_states": sorted(state for state in subject.expected.states if state),
        },
        "These rows were there before the run, which has published the source's rows whole: "
        "correct or delete them, then run again."
        if problems
        else "",
    )


async def _null_counts(subject: _Subject) -> dict[str, int]:
    columns = [name for name in subject.spec.required_columns if subject.table.column(name)]
    if not columns:
        return {}
    counts = sql.SQL(", ").join(
        sql.SQL("count(*) FILTER (WHERE {} IS NULL)").format(sql.Identifier(name))
        for name in columns
    )
    row = await subject.row(sql.SQL("SELECT {} FROM {}").format(counts, subject.name))
    return dict(zip(columns, row, strict=True))


async def _duplicate_keys(subject: _Subject) -> tuple[int, str]:
    """Keys that stand more than once, and how that is known."""
    spec = subject.spec
    key = next(shape for shape in wanted_indexes(spec) if shape.columns == spec.key)
    for index in subject.table.indexes:
        not_null = all(
            (column := subject.table.column(name)) is not None and column.not_null
            for name in spec.key
        )
        if serves(index, key) and not_null:
            return 0, f"the unique index {index.name}"
    columns = sql.SQL(", ").join(map(sql.Identifier, spec.key))
    (count,) = await subject.row(
        sql.SQL(
            "SELECT count(*) FROM (SELECT FROM {} GROUP BY {} HAVING count(*) > 1) AS doubled"
        ).format(subject.name, columns)
    )
    return int(count), "a query"


async def _unknown_states(subject: _Subject) -> dict[str, int]:
    """States of the target that the source does not have, with their rows."""
    if subject.spec.state_column is None:
        return {}
    cursor = await subject.connection.execute(
        sql.SQL("SELECT {0}, count(*) FROM {1} GROUP BY {0} ORDER BY {0}").format(
            sql.Identifier(subject.spec.state_column), subject.name
        )
    )
    return {
        str(state): int(count)
        for state, count in await cursor.fetchall()
        if state is not None and state not in subject.expected.states
    }


async def _date_range(subject: _Subject) -> CheckResult:
    if subject.spec.date_column is None:
        return _result(subject, "date_range", Status.PASSED, "the table has no date column", {})
    row = await subject.row(
        sql.SQL(
            "SELECT min({0})::text, max({0})::text, count(DISTINCT {0}),"
            " max({0}) - min({0}) + 1 FROM {1}"
        ).format(sql.Identifier(subject.spec.date_column), subject.name)
    )
    first, last, distinct, covered = row
    dates = sorted(date for date in subject.expected.dates if date)
    details = {
        "min": first,
        "max": last,
        "distinct_dates": distinct,
        "days_covered": covered or 0,
        "source_min": dates[0] if dates else None,
        "source_max": dates[-1] if dates else None,
    }
    if first is None:
        return _result(subject, "date_range", Status.FAILED, "there is no date", details)
    return _result(
        subject,
        "date_range",
        Status.PASSED,
        f"{first} to {last}, {distinct} dates on {covered} days",
        details,
    )


async def _index_verification(subject: _Subject) -> CheckResult:
    missing = [shape.name for shape in missing_indexes(subject.table, subject.spec)]
    wanted = [shape.name for shape in wanted_indexes(subject.spec)]
    return _result(
        subject,
        "index_verification",
        Status.WARNING if missing else Status.PASSED,
        f"indexes are missing: {', '.join(missing)}"
        if missing
        else f"all {len(wanted)} indexes are there",
        {
            "expected": wanted,
            "missing": missing,
            "measured": [index.name for index in subject.table.indexes],
        },
    )


async def _performance(subject: _Subject) -> CheckResult:
    spec = subject.spec
    group = spec.state_column or spec.key[0]
    where: sql.Composable = sql.SQL("")
    if spec.date_column:
        where = sql.SQL("WHERE {0} > (SELECT max({0}) FROM {1}) - {2}").format(
            sql.Identifier(spec.date_column), subject.name, sql.Literal(SAMPLE_DAYS)
        )
    started = time.monotonic()
    await subject.connection.execute(
        sql.SQL("SELECT {0}, count(*) FROM {1} {2} GROUP BY {0}").format(
            sql.Identifier(group), subject.name, where
        )
    )
    seconds = time.monotonic() - started
    cursor = await subject.connection.execute(
        "SELECT pg_table_size(%(t)s::oid::regclass), pg_indexes_size(%(t)s::oid::regclass),"
        " pg_total_relation_size(%(t)s::oid::regclass)",
        {"t": subject.table.oid},
    )
    table_bytes, index_bytes, total_bytes = await cursor.fetchone() or (0, 0, 0)
    return _result(
        subject,
        "performance",
        Status.PASSED if seconds < SAMPLE_SECONDS else Status.WARNING,
        f"{SAMPLE_DAYS} days by {group} in {seconds * 1000:.0f} ms; "
        f"table {table_bytes / 1e6:.1f} MB, indexes {index_bytes / 1e6:.1f} MB",
        {
            "seconds": round(seconds, 4),
            "limit_seconds": SAMPLE_SECONDS,
            "table_bytes": table_bytes,
            "index_bytes": index_bytes,
            "total_bytes": total_bytes,
        },
    )


def _result(
    subject: _Subject,
    check: str,
    status: Status,
    message: str,
    details: Mapping[str, Any],
    remedy: str = "",
) -> CheckResult:
    return CheckResult(check, subject.spec.qualified, status, message, details, remedy)


_CHECKS: dict[str, Callable[[_Subject], Awaitable[CheckResult]]] = {
    "record_count": _record_count,
    "schema_validation": _schema_validation,
    "data_integrity": _data_integrity,
    "date_range": _date_range,
    "index_verification": _index_verification,
    "performance": _performance,
}
