"""What a run's documents are read as: rows, differences, the proof; without any screen."""

from __future__ import annotations

from datetime import date

import pytest

from neonsync.selection import Selection
from neonsync.tui.ports import RunReport
from neonsync.tui.results_view import (
    again,
    detail_text,
    difference,
    only_days,
    results_view,
)
from tests.tui.fakes import report_of
from tests.tui.reports import (
    COUNT_SQL,
    check,
    declared_report,
    failed_report,
    invalid_report,
    published,
)

FAILED = {"status": "failed", "branchInfo": {"mode": "full"}}
RANGE = {"max": "2026-10-28", "source_max": "2026-10-31"}


def test_failures_come_first_then_warnings_what_was_published_and_what_passed() -> None:
    statuses = [row.status for row in results_view(invalid_report()).rows]
    assert statuses == ["failed"] + ["warning"] * 2 + ["published"] * 3 + ["passed"] * 18 + [
        "notice"
    ]


def test_a_failed_check_is_one_row_although_the_report_has_it_as_an_error_too() -> None:
    assert [row.kind for row in results_view(invalid_report()).failed] == ["check"]


@pytest.mark.parametrize(
    ("name", "details", "shown"),
    [
        (
            "record_count",
            {"measured": 210_000, "source": 980_000},
            ("980,000", "210,000", "-770,000"),
        ),
        ("record_count", {"measured": 12, "promised": 12}, ("12", "12", "0")),
        ("record_count", {"measured": 12}, ("-", "12", "-")),
        ("schema_validation", {"expected": ["a", "b"], "missing": ["b"]}, ("2", "1", "-1")),
        (
            "index_verification",
            {"expected": ["a"], "missing": [], "measured": ["a"]},
            ("1", "1", "0"),
        ),
        ("date_range", RANGE, ("2026-10-31", "2026-10-28", "-3 d")),
        ("date_range", {}, ("-", "-", "-")),
        ("performance", {"seconds": 0.0034, "limit_seconds": 1.0}, ("-", "3 ms", "-")),
        (
            "table_existence",
            {"expected": "present", "measured": "absent"},
            ("present", "absent", "-"),
        ),
        ("of_a_later_version", {"expected": 1.5, "measured": 1}, ("1.5", "1", "-0.5")),
        (
            "of_a_later_version",
            {"measured": {"a": [1, None], "b": True}},
            ("-", "a 1, -, b yes", "-"),
        ),
    ],
)
def test_each_check_tells_what_was_expected_and_measured_in_its_own_words(
    name: str, details: dict[str, object], shown: tuple[str, str, str]
) -> None:
    report = RunReport({}, {"checks": [check(name, "public.a", details=details)]})
    (row,) = results_view(report).rows
    assert (row.athena, row.neon, row.diff) == shown


@pytest.mark.parametrize(
    ("expected", "measured", "shown"),
    [
        (5, 7, "+2"),
        (5, 5, "0"),
        (True, 1, "-"),
        ("5", 7, "-"),
        (None, 7, "-"),
        ("x" * 10, "y", "-"),
    ],
)
def test_a_difference_is_only_made_of_what_has_one(
    expected: object, measured: object, shown: str
) -> None:
    assert difference(expected, measured) == shown


def test_the_proof_is_told_over_all_tables_that_have_one() -> None:
    view = results_view(invalid_report())
    assert view.proof == ("1,414,118 rows of 2 tables, counts equal on 62 of 62 dates")


def test_made_rows_are_not_said_to_be_athenas() -> None:
    made = report_of(
        tables=[published("public.a", proof={"files": 0, "rows": 500, "dates": 1})],
        branchInfo={"name": "dev", "mode": "test-data"},
    )
    assert results_view(made).proof == "500 rows, all that were to be made, on 1 of 1 date"


def test_what_was_published_and_what_it_cost() -> None:
    view = results_view(invalid_report())
    assert view.published == (
        "published: 2 merged, 1 swapped in · 210k inserted · 6 updated · 2.4M unchanged"
    )
    assert view.price == "1.2 GB scanned, $0.00605 for 1.2 GB billed"
    assert view.failed_tables == ("public.eligibility",)
    assert view.counts == "18 passed · 2 warnings · 1 failed"


def test_a_run_that_failed_before_the_checks_has_its_error_as_a_row() -> None:
    view = results_view(failed_report())
    assert (view.word, view.counts, view.published) == (
        "FAILED",
        "no checks were run",
        "nothing was published",
    )
    (row,) = view.rows
    assert (row.status, row.kind) == ("failed", "error")
    assert row.remedy == "Nothing was published. Run again."
    assert row.detail == (("dates", "2026-10-31"),)
    assert view.failed_tables == ("public.claims",)


@pytest.mark.parametrize(
    ("dates", "bounds"),
    [
        (["2026-10-09", "2026-10-31"], (date(2026, 10, 9), date(2026, 10, 31))),
        (["20261009"], (date(2026, 10, 9), date(2026, 10, 9))),
        (["2026-9-1", "2026-10-1"], (date(2026, 9, 1), date(2026, 10, 1))),
        # No days bound rows that have none, or texts that are none.
        ([None, "2026-10-09"], None),
        (["2026-10-09", "soon"], None),
        ([], None),
    ],
)
def test_the_days_that_differed_bound_what_is_synced_again(
    dates: list[str | None], bounds: tuple[date, date] | None
) -> None:
    error = {"message": "x", "table": "public.a", "dates": dates, "differingDates": 25}
    view = results_view(RunReport({**FAILED, "errors": [error]}, {}))
    found = again(Selection(days=30, states=("CA",)), view)
    assert found.tables == ("a",)
    assert found.states == ("CA",)
    if bounds is None:
        assert (found.days, found.first, found.last) == (30, None, None)
    else:
        assert (found.days, found.first, found.last) == (None, *bounds)
        assert view.repair is not None
        assert str(bounds[0]) in only_days(view.repair)
        # Some more are not named.
        assert view.rows[0].detail[0][1].endswith(f"and {25 - len(dates)} more")


def test_the_detail_has_everything_and_the_sql_keeps_its_lines() -> None:
    (row,) = results_view(invalid_report()).failed
    assert detail_text(row).splitlines() == [
        "public.eligibility · record_count",
        "",
        "Athena  980,000",
        "Neon    210,000",
        "diff    -770,000",
        "",
        "Message",
        "210,000 rows, but Athena has 980,000 [/x]",
        "",
        "Try",
        "These rows were deleted by a trigger. Drop it, then press R.",
        "",
        "Athena SQL",
        *COUNT_SQL.splitlines(),
        "",
        "Postgres SQL",
        'SELECT count(*) FROM "public"."eligibility"',
    ]


def test_documents_of_an_older_version_lack_things_and_nothing_is_invented() -> None:
    view = results_view(RunReport({"status": "succeeded"}, {}))
    assert (view.word, view.rows, view.proof, view.price) == ("PASSED", (), "", "")


def test_what_comes_from_outside_is_made_inert() -> None:
    row = results_view(invalid_report()).rows[-1]
    assert row.message == r"public.claims will be merged into: it holds rows \x1b[31m"


def _details(name: str) -> list[str]:
    rows = results_view(declared_report()).rows
    return detail_text(next(row for row in rows if row.check == name)).splitlines()


def test_a_declared_check_tells_its_kind_what_must_hold_and_which_rows_do_not() -> None:
    assert _details("state_known") == [
        "public.claims · state_known",
        "",
        "expected   0",
        "measured   3",
        "diff       +3",
        "kind       accepted_values",
        "severity   error: a finding fails the run",
        "must hold  state one of 51 values",
        "took       12 ms",
        "",
        "Message",
        "3 rows violate: state one of 51 values",
        "",
        "Try",
        "Correct the rows where they come from, then run again.",
        "",
        "Examples",
        "claim_id = 1007, state = XX",
        r"claim_id = 1009, state = [/x]\x1b[31m",
        "claim_id = 1311, state = NULL",
        "",
        "Postgres SQL",
        "SELECT claim_id, state FROM claims WHERE state NOT IN (…)",
    ]
    assert "severity  warn: a finding is a warning" in _details("fresh")


def test_the_digest_of_what_is_published_tells_dates_and_no_digests() -> None:
    details = _details("target_digest")
    assert details[2:6] == [
        "proved     31",
        "found      29",
        "diff       -2",
        "differing  2026-10-30 and 1 more",
    ]
    assert "kind" not in "".join(details)


def test_what_changed_since_the_last_runs_has_a_line_for_each_change() -> None:
    details = _details("quality")
    assert details[2:5] == ["before    1,000", "now       400", "diff      -600"]
    assert details[details.index("Changes") + 1 :] == [
        "source rows: 1,000 before, 400 now",
        "nulls of premium: 0.1 % before, 12 % now",
        "categories of state: 51 known before, new: XX, YY",
    ]


def test_what_is_left_out_of_a_list_is_counted() -> None:
    details = {"missing_dates": ["2026-01-01"], "missing_dates_count": 21, "missing_states": []}
    report = RunReport({}, {"checks": [check("completeness", "public.a", details=details)]})
    (row,) = results_view(report).rows
    assert row.detail == (("missing dates", "2026-01-01 and 20 more"),)
