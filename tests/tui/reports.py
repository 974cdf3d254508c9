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


def declared_report() -> RunReport:
    """Checks of the user's own, the digest of what is published, and what changed since."""
    table = "public.claims"
    states = check(
        "state_known",
        table,
        "failed",
        rule="accepted_values",
        severity="error",
        seconds=0.012,
        details={
            "expected": 0,
            "measured": 3,
            "holds": "state one of 51 values",
            "examples": [
                {"claim_id": "1007", "state": "XX"},
                {"claim_id": "1009", "state": "[/x]\x1b[31m"},
                {"claim_id": "1311", "state": None},
            ],
        },
        message="3 rows violate: state one of 51 values",
        remedy="Correct the rows where they come from, then run again.",
        neonSql="SELECT claim_id, state FROM claims WHERE state NOT IN (…)",
    )
    digest = check(
        "target_digest",
        table,
        "failed",
        severity="error",
        details={
            "dates": 31,
            "differing": ["2026-10-30"],
            "differing_dates": 2,
            "measured": {"2026-10-30": "-5", "2026-10-31": "7"},
            "expected": {"2026-10-30": "4", "2026-10-31": "8"},
        },
        message="the published rows differ from those that were proved on 2 of 31 dates",
        remedy="Something else writes into the table: find it.",
    )
    fresh = check(
        "fresh",
        table,
        "warning",
        rule="fresh_days",
        severity="warn",
        seconds=1.5,
        details={"expected": 2, "measured": 5, "newest": "2026-10-31", "today": "2026-11-05"},
        message="the newest date is 2026-10-31, 5 days ago; it may be 2 days old",
    )
    quality = check(
        "quality",
        table,
        "warning",
        rule="",
        severity="warn",
        details={
            "measured": 400,
            "expected": 1000,
            "runs": 5,
            "changes": [
                {"what": "source_rows", "column": "", "before": "1,000", "now": "400"},
                {"what": "nulls", "column": "premium", "before": "0.1 %", "now": "12 %"},
                {"what": "categories", "column": "state", "before": "51", "now": "XX, YY"},
            ],
        },
        message="400 rows in Athena, 60 % fewer than 1,000 before",
    )
    made = report_of("invalid", runId=RUN_ID, tables=[published(table)], errors=[])
    return RunReport(
        made.report, {"checks": [quality, fresh, states, digest]}, None, ("--branch", "dev-kate")
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
