"""Documents of runs as pages get them, made by the engine's own values."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from neonsync.engine.context import DateCounts, QueryCost
from neonsync.engine.events import Purpose, Step, StepFinished
from neonsync.engine.proof.audit import ChangedValues, Proof
from neonsync.engine.proof.compare import count_by_date
from neonsync.engine.publishing.published import Published
from neonsync.engine.result import RunResult
from neonsync.errors import ExitCode, ProofError
from neonsync.report.documents import report, validation_report
from neonsync.validation.metrics import ColumnMetrics, DayRows, TableMetrics, TopValue
from neonsync.validation.result import CheckResult, Status

A, B = "public.claims", "public.eligibility"
BEGAN = datetime(2026, 11, 23, 1, 32, tzinfo=UTC)
ORIGIN = {"user": "kate", "host": "laptop", "repository": "", "commit": ""}
SQL = "SELECT count(*)\nFROM lake.claims\nWHERE a < 1 AND b = '</pre>'"


def days(count: int, *, lacking: int = 0, per_day: int = 100) -> DateCounts:
    """So many dates, with a row too few on the last ``lacking`` ones."""
    names = [str(date(2026, 1, 1) + timedelta(number)) for number in range(count)]
    source: Counter[str | None] = Counter(dict.fromkeys(names, per_day))
    loaded = source - Counter(names[count - lacking :])
    return count_by_date(source, loaded)


def measured(table: str = A, **changes: Any) -> TableMetrics:
    """Metrics of a table with a column of each sort."""
    columns = (
        ColumnMetrics("claim_id", "bigint", 0.0, 3_100, "1", "3100", 1550.5),
        ColumnMetrics("day", "date", 0.0, 31, "2026-01-01", "2026-01-31", "2026-01-16"),
        ColumnMetrics("note", "text", 0.125, 2_713, length=41.25, longest=900),
        ColumnMetrics(
            "state",
            "char(2)",
            0.0001,
            3,
            length=2.0,
            longest=2,
            top=(TopValue("CA", 0.7), TopValue("TX", 0.2999), TopValue(None, 0.0001)),
            top_whole=True,
        ),
        ColumnMetrics("mail", "text", 0.5, 1_500, private=True),
    )
    by_day = tuple(DayRows(each.date, each.loaded) for each in days(31).counts)
    made = TableMetrics(table, 3_100, 3_100, "", 3_100, 0.4, columns, by_day, 31)
    return replace(made, **changes)


def done(**changes: Any) -> RunResult:
    """Two tables, swapped and merged, all well."""
    checks = tuple(
        CheckResult(name, table, Status.PASSED, f"{name} is well", details, "", SQL, "SELECT 1")
        for table in (A, B)
        for name, details in (
            ("record_count", {"measured": 3_100, "source": 3_100}),
            ("table_existence", {}),
        )
    )
    result = RunResult(
        status="succeeded",
        exit_code=ExitCode.OK,
        run_id="run_0123456789",
        attempt_resumed=False,
        branch="dev",
        branch_id="br-1",
        database="neondb",
        mode="full",
        started_at=BEGAN,
        finished_at=BEGAN + timedelta(seconds=161.2),
        tables=(A, B),
        scopes={A: "states CA, TX"},
        published=(Published(A, "swap", 3_100, 0, 0), Published(B, "merge", 1, 2, 3_097, 5)),
        proofs={
            A: Proof(3, 3_100, 31, (ChangedValues("note", "null", "are too long", 12),), 7),
            B: Proof(3, 3_100, 31),
        },
        dates={A: days(31), B: days(31)},
        checks=checks,
        quality=(measured(), measured(B, measured_rows=1_000)),
        steps=(
            StepFinished(Step.LOAD, A, 1.5, "3,100 rows"),
            StepFinished(Step.LOAD, B, 2.5, "3,100 rows"),
            StepFinished(Step.PUBLISH, "", 0.5, "both"),
        ),
        queries=(QueryCost(Purpose.EXPORT, A, "7f6b1d1e", 1_200_000_000),),
        billed_bytes=1_210_000_000,
        price=0.00605,
    )
    return replace(result, **changes)


def unproved(lacking: int = 1, dates: int = 31) -> RunResult:
    """A proof that failed: nothing is published."""
    counted = days(dates, lacking=lacking)
    names = tuple(each.date for each in counted.counts if each.source != each.loaded)
    return done(
        status="failed",
        exit_code=ExitCode.VALIDATION,
        published=(),
        proofs={B: Proof(3, 3_100, 31)},
        dates={B: days(31), A: counted},
        checks=(),
        error=ProofError(
            f"{A}: the counts differ on {lacking} of {dates} dates",
            "Nothing was published. Run again.",
            table=A,
            dates=names[:20],
            differing=lacking,
        ),
    )


def invalid(message: str = "210 rows, but Athena has 3,100", **more: Any) -> RunResult:
    """A published table that fails a check."""
    details = {"measured": 210, "source": 3_100}
    given = {"details": details, "remedy": "Look at the triggers.", "athena_sql": SQL, **more}
    bad = CheckResult("record_count", B, Status.FAILED, message, **given)
    slow = CheckResult("performance", A, Status.WARNING, "it was slow", {"seconds": 1.2})
    whole = done()
    return replace(
        whole,
        status="invalid",
        exit_code=ExitCode.VALIDATION,
        checks=(*whole.checks, slow, bad),
    )


def documents(result: RunResult) -> tuple[dict[str, Any], dict[str, Any]]:
    """As the files have them."""
    both = report(result, ORIGIN), validation_report(result)
    found: list[dict[str, Any]] = json.loads(json.dumps(both, default=str))
    return found[0], found[1]
