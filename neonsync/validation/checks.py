"""The seven checks on a published table, each with what was measured and what was expected."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

import psycopg
from psycopg import sql

from neonsync.postgres.catalog import missing_indexes, read_table, wanted_indexes
from neonsync.postgres.connect import Connection
from neonsync.tables import DayForm, OnDrift, TableSpec
from neonsync.validation.dates import date_range
from neonsync.validation.integrity import data_integrity
from neonsync.validation.result import NOT_JUDGED, CheckResult, Expected, Status, Subject

SAMPLE_DAYS = 7
SAMPLE_SECONDS = 1.0


async def run_checks(
    connection: Connection, spec: TableSpec, expected: Expected | None
) -> list[CheckResult]:
    """Run all seven checks; when the table is missing the others have nothing to look at.

    ``expected`` is None for a run that brings no rows: then none are judged.
    """
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
    subject = Subject(connection, spec, table, expected)
    results = [
        CheckResult("table_existence", spec.qualified, Status.PASSED, f"{spec.qualified} exists")
    ]
    for name, check in _CHECKS.items():
        subject.statements.clear()
        try:
            result = await check(subject)
        except psycopg.Error as error:
            if connection.closed:
                raise
            result = CheckResult(name, spec.qualified, Status.FAILED, f"the check failed: {error}")
        results.append(
            replace(
                result,
                athena_sql=_asked_athena(name, expected),
                neon_sql=";\n".join(subject.statements),
            )
        )
    return results


def _asked_athena(check: str, expected: Expected | None) -> str:
    """The query whose answer a check looked at."""
    if expected is None or check not in _AGAINST_SOURCE:
        return ""
    # A part of the source says nothing of the states of the rest.
    return "" if check == "data_integrity" and expected.filtered else expected.query


async def _record_count(subject: Subject) -> CheckResult:
    (count,) = await subject.row(sql.SQL("SELECT count(*) FROM {}").format(subject.name))
    expected = subject.expected
    if expected is None:
        message = f"{count:,} rows; {NOT_JUDGED}"
        return subject.result("record_count", Status.PASSED, message, {"measured": count})
    if expected.made:
        ok = count == expected.rows
        return subject.result(
            "record_count",
            Status.PASSED if ok else Status.FAILED,
            f"{count:,} rows of {expected.rows:,} that were to be made",
            {"measured": count, "promised": expected.rows},
        )
    details = {"measured": count, "source": expected.rows}
    if count < expected.rows or (expected.complete and count != expected.rows):
        return subject.result(
            "record_count",
            Status.FAILED,
            f"{count:,} rows, but Athena has {expected.rows:,}",
            details,
        )
    if count == 0:
        return subject.result("record_count", Status.WARNING, "the table is empty", details)
    more = count - expected.rows
    kept = f", {more:,} that it does not have are kept" if more > 0 else ""
    return subject.result(
        "record_count",
        Status.PASSED,
        f"{count:,} rows; Athena has {expected.rows:,}{kept}",
        details,
    )


async def _schema_validation(subject: Subject) -> CheckResult:
    spec = subject.spec
    required = [column.name for column in spec.columns]
    missing = [name for name in required if subject.table.column(name) is None]
    left_out = bool(missing) and spec.on_drift is OnDrift.IGNORE
    message = f"all {len(required)} columns are there"
    if missing:
        message = f"columns are missing: {', '.join(missing)}"
    if left_out:
        message += ", which on_drift leaves out"
    return subject.result(
        "schema_validation",
        Status.FAILED if missing and not left_out else Status.PASSED,
        message,
        {"expected": required, "missing": missing},
    )


async def _index_verification(subject: Subject) -> CheckResult:
    missing = [shape.name for shape in missing_indexes(subject.table, subject.spec)]
    wanted = [shape.name for shape in wanted_indexes(subject.spec)]
    return subject.result(
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


async def _performance(subject: Subject) -> CheckResult:
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
    started = time.monotonic()
    await subject.rows(
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
    return subject.result(
        "performance",
        Status.PASSED if seconds < SAMPLE_SECONDS else Status.WARNING,
        f"{days}by {group} in {seconds * 1000:.0f} ms; "
        f"table {table_bytes / 1e6:.1f} MB, indexes {index_bytes / 1e6:.1f} MB",
        {
            "seconds": round(seconds, 4),
            "limit_seconds": SAMPLE_SECONDS,
            "table_bytes": table_bytes,
            "index_bytes": index_bytes,
            "total_bytes": total_bytes,
        },
    )


_CHECKS: dict[str, Callable[[Subject], Awaitable[CheckResult]]] = {
    "record_count": _record_count,
    "schema_validation": _schema_validation,
    "data_integrity": data_integrity,
    "date_range": date_range,
    "index_verification": _index_verification,
    "performance": _performance,
}
_AGAINST_SOURCE = ("record_count", "data_integrity", "date_range")
