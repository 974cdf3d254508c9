"""Reports of runs as the results screen gets them."""

from __future__ import annotations

from typing import Any

from neonsync.tui.ports import RunReport
from tests.tui.fakes import report_of
from tests.tui.runs import RUN_ID

COUNT_SQL = "SELECT\n  d AS value,\n  count(*) AS n\nFROM lake.eligibility\nGROUP BY d"


def check(name: str, table: str, status: str = "passed", **more: Any) -> dict[str, Any]:
    return {
        "check": name,
        "table": table,
        "status": status,
        "details": {},
        "message": f"{name} is as it should be",
        "remedy": "",
        "athenaSql": "",
        "neonSql": "",
        **more,
    }


def checks_of(table: str, rows: int) -> list[dict[str, Any]]:
    columns = [f"c{number}" for number in range(12)]
    return [
        check("table_existence", table),
        check("record_count", table, details={"measured": rows, "source": rows}),
        check("schema_validation", table, details={"expected": columns, "missing": []}),
        check("data_integrity", table, details={"nulls": {"id": 0}, "duplicate_keys": 0}),
        check(
            "date_range",
            table,
            details={"min": "2026-10-01", "max": "2026-10-31", "source_max": "2026-10-31"},
        ),
        check("index_verification", table, details={"expected": ["a", "b"], "missing": []}),
        check("performance", table, details={"seconds": 0.0034, "limit_seconds": 1.0}),
    ]


def published(table: str, **more: Any) -> dict[str, Any]:
    return {
        "table": table,
        "method": "merge",
        "inserted": 120,
        "updated": 3,
        "unchanged": 1_203_995,
        "removed": 0,
        "scope": "",
        "proof": {"files": 31, "rows": 1_204_118, "dates": 31},
        **more,
    }


def invalid_report() -> RunReport:
    """Three tables; one has fewer rows than Athena, one answers slowly."""
    bad = check(
        "record_count",
        "public.eligibility",
        "failed",
        details={"measured": 210_000, "source": 980_000},
        message="210,000 rows, but Athena has 980,000 [/x]",
        remedy="These rows were deleted by a trigger. Drop it, then press R.",
        athenaSql=COUNT_SQL,
        neonSql='SELECT count(*) FROM "public"."eligibility"',
    )
    slow = check("performance", "public.claims", "warning", details={"seconds": 1.2})
    newest = {"max": "2026-10-28", "source_max": "2026-10-31"}
    old = check("date_range", "public.x[/x]y", "warning", details=newest)
    proof = {"files": 3, "rows": 210_000, "dates": 31}
    checks = [
        *checks_of("public.claims", 123_456_789)[:-1],
        slow,
        checks_of("public.eligibility", 0)[0],
        bad,
        *checks_of("public.eligibility", 0)[2:],
        *checks_of("public.x[/x]y", 88_100)[:4],
        old,
        *checks_of("public.x[/x]y", 88_100)[5:],
    ]
    made = report_of(
        "invalid",
        runId=RUN_ID,
        duration=161.2,
        tables=[
            published("public.claims"),
            published(
                "public.eligibility",
                method="swap",
                inserted=210_000,
                updated=0,
                unchanged=0,
                proof=proof,
            ),
            published("public.x[/x]y", proof=None),
        ],
        rows={"inserted": 210_240, "updated": 6, "unchanged": 2_407_990},
        athena={
            "queries": [{}],
            "bytesScanned": 1_200_000_000,
            "bytesBilled": 1_210_000_000,
            "priceUsd": 0.00605,
        },
        errors=[
            {"message": "public.eligibility: record_count: 210,000 rows, but …", "remedy": "x"}
        ],
        notices=["public.claims will be merged into: it holds rows \x1b[31m"],
    )
    return RunReport(
        made.report,
        {"overallStatus": "failed", "checks": checks, "summary": {}},
        None,
        ("--branch", "dev-kate", "--states", "CA,TX"),
    )


def failed_report() -> RunReport:
    """Nothing was published."""
    made = report_of(
        "failed",
        runId=RUN_ID,
        exitCode=4,
        rows={},
        errors=[
            {
                "message": "public.claims: the counts differ on 1 of 31 dates: 2026-10-31: 90 in "
                "the source, 80 in staging; every table is as it was",
                "remedy": "Nothing was published. Run again.",
                "table": "public.claims",
                "dates": ["2026-10-31"],
                "differingDates": 1,
            }
        ],
    )
    return RunReport(made.report, {"checks": []}, None, ("--branch", "dev-kate"))
