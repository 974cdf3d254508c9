"""The checks on a published table, each with what was measured and what was expected.

Seven that each table has, whether it is complete, and those that the user has declared. Each runs
in a transaction of its own that is READ ONLY, has a limit of time for each query, and is always
rolled back: one that goes wrong hinders no other.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

import psycopg
from psycopg import sql

from neonsync.postgres.catalog import missing_indexes, read_table, wanted_indexes
from neonsync.postgres.connect import Connection
from neonsync.postgres.refusals import Showing, message, with_hint
from neonsync.tables import DeclaredCheck, OnDrift, Severity, TableSpec
from neonsync.validation.dates import GONE, completeness, date_range
from neonsync.validation.declared import declared
from neonsync.validation.integrity import data_integrity
from neonsync.validation.performance import performance
from neonsync.validation.read_only import read_only
from neonsync.validation.result import NOT_JUDGED, CheckResult, Expected, Status, Subject

Check: TypeAlias = Callable[[Subject], Awaitable[CheckResult | None]]


async def run_checks(
    connection: Connection,
    spec: TableSpec,
    expected: Expected | None,
    checks: Sequence[DeclaredCheck] = (),
    limit_seconds: float = 0.0,
    private: Sequence[str] = (),
) -> list[CheckResult]:
    """Run all checks; when the table is missing the others have nothing to look at.

    ``expected`` is None for a run that brings no rows: then none are judged. ``checks`` are those
    that the user has declared of this table. A query of a check may take ``limit_seconds``, as long
    as it wants where that is 0. Values of ``private`` columns are shown by none.
    """
    began = time.monotonic()
    table = await read_table(connection, spec.schema, spec.target)
    details = {"expected": "present", "measured": "present" if table else "absent"}
    existence = CheckResult(
        "table_existence",
        spec.qualified,
        Status.PASSED if table else Status.FAILED,
        f"{spec.qualified} exists" if table else f"{spec.qualified} does not exist",
        details,
        "" if table else "Somebody has dropped it since it was published: run again.",
        seconds=round(time.monotonic() - began, 4),
    )
    if table is None:
        return [existence]
    subject = Subject(connection, spec, table, expected, private=frozenset(private))
    results = [existence]
    for name, (severity, check) in _CHECKS.items():
        result = await _run(subject, name, check, limit_seconds)
        if result is not None:
            asked = _asked_athena(name, expected)
            results.append(replace(result, athena_sql=asked, severity=severity))
    for each in checks:
        result = await _run(subject, each.name, partial(declared, check=each), limit_seconds)
        if result is not None:
            results.append(_weighed(result, each))
    return results


async def _run(subject: Subject, name: str, check: Check, limit: float) -> CheckResult | None:
    """Run one check, whatever it does; None where there is nothing that it could look at."""
    subject.statements.clear()
    began = time.monotonic()
    result: CheckResult | None
    try:
        async with read_only(subject.connection, limit):
            result = await check(subject)
    except psycopg.errors.QueryCanceled as error:
        result = _too_slow(subject, name, limit, error)
    except psycopg.Error as error:
        if subject.connection.closed:
            raise
        result = subject.result(
            name,
            Status.FAILED,
            f"the check failed: {with_hint(error, Showing(private=subject.private))}",
            {},
            "Mend what the message names, then run again.",
        )
    if result is None:
        return None
    return replace(
        result,
        neon_sql=";\n".join(subject.statements),
        seconds=round(time.monotonic() - began, 4),
    )


def _too_slow(
    subject: Subject, name: str, limit: float, error: psycopg.errors.QueryCanceled
) -> CheckResult:
    why = f"a query took longer than {limit:g} s" if limit else message(error)
    return subject.result(
        name,
        Status.WARNING,
        f"not judged: {why}",
        {"limit_seconds": limit} if limit else {},
        "Raise check_timeout, or help the query with an index.",
    )


def _weighed(result: CheckResult, check: DeclaredCheck) -> CheckResult:
    """A declared check's result, by the severity that was declared with it."""
    warned = result.status is Status.FAILED and check.severity is Severity.WARN
    return replace(
        result,
        status=Status.WARNING if warned else result.status,
        severity=check.severity,
        rule=check.kind.value,
    )


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
            GONE,
        )
    details = {"measured": count, "source": expected.rows}
    if count < expected.rows or (expected.complete and count != expected.rows):
        return subject.result(
            "record_count",
            Status.FAILED,
            f"{count:,} rows, but Athena has {expected.rows:,}",
            details,
            GONE if count < expected.rows else "Others write into the table: look who does.",
        )
    if count == 0:
        return subject.result(
            "record_count",
            Status.WARNING,
            "the table is empty",
            details,
            "Athena has no rows for this either: look at the lake, and at the run's filters.",
        )
    more = count - expected.rows
    kept = f", {more:,} that it does not have are kept" if more > 0 else ""
    if expected.filtered:
        kept = " within the run's filters"
        kept += f", {more:,} more rows are outside of them or kept" if more > 0 else ""
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
    message = _all_there(len(required), "column", "columns")
    if missing:
        message = f"columns are missing: {', '.join(missing)}"
    if left_out:
        message += ", which on_drift leaves out"
    return subject.result(
        "schema_validation",
        Status.FAILED if missing and not left_out else Status.PASSED,
        message,
        {"expected": required, "missing": missing},
        f"Somebody has altered the table since it was published. ALTER TABLE {spec.qualified} ADD "
        "COLUMN for each, then run again.",
    )


async def _index_verification(subject: Subject) -> CheckResult:
    missing = [shape.name for shape in missing_indexes(subject.table, subject.spec)]
    wanted = [shape.name for shape in wanted_indexes(subject.spec)]
    return subject.result(
        "index_verification",
        Status.WARNING if missing else Status.PASSED,
        f"indexes are missing: {', '.join(missing)}"
        if missing
        else _all_there(len(wanted), "index", "indexes"),
        {
            "expected": wanted,
            "missing": missing,
            "measured": [index.name for index in subject.table.indexes],
        },
        "The notices of the run tell why they were not built.",
    )


def _all_there(number: int, one: str, several: str) -> str:
    return f"its {one} is there" if number == 1 else f"all {number} {several} are there"


_CHECKS: dict[str, tuple[Severity, Check]] = {
    "record_count": (Severity.ERROR, _record_count),
    "schema_validation": (Severity.ERROR, _schema_validation),
    "data_integrity": (Severity.ERROR, data_integrity),
    "date_range": (Severity.ERROR, date_range),
    "index_verification": (Severity.WARN, _index_verification),
    "performance": (Severity.WARN, performance),
    "completeness": (Severity.ERROR, completeness),
}
_AGAINST_SOURCE = ("record_count", "data_integrity", "date_range", "completeness")
