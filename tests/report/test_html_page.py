"""etl-report.html: what stands on it, in which order, and that nothing in it can act."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from neonsync.engine.events import Step, StepFinished
from neonsync.engine.proof.compare import DATES_KEPT
from neonsync.engine.result import RunResult
from neonsync.errors import ExitCode, RefusedError, RunCancelled, SyncError
from neonsync.report.documents import RUNNING
from neonsync.report.html_page import CHARTS, html_page
from neonsync.validation.metrics import ColumnMetrics, DayRows, TopValue
from neonsync.validation.result import CheckResult, Status
from tests.report.documents import A, B, days, documents, done, invalid, measured, unproved

EVIL = "<script>alert(1)</script>\"'&amp;</style>[/x]::error::x\x00\x1b[31m\u202e"


class Read(HTMLParser):
    """The words of a page in their order, its elements and its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self._words: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self._words.append(data)

    @property
    def text(self) -> str:
        style = self.elements.index("style") >= 0
        return "\n".join(self._words) if style else ""


def read(result: RunResult) -> Read:
    return Read(html_page(*documents(result)))


def in_order(text: str, *parts: str) -> None:
    places = [text.index(part) for part in parts]
    assert places == sorted(places)


def test_a_page_tells_the_proof_in_one_line_and_all_about_the_run() -> None:
    text = read(done()).text

    in_order(
        text,
        "Done, branch dev",
        "6,200 rows of 2 tables, counts equal on 62 of 62 dates",
        "dev (br-1), database neondb",
        "full",
        "states CA, TX; all rows",
        "run_0123456789",
        "kate on laptop",
        "2026-11-23 01:32:00 UTC, took 2 min 41 s",
        "1.2 GB scanned, $0.00605 for 1.2 GB billed",
        "Tables",
        "Checks",
        "4 passed",
        "Rows by date",
        "Time by step",
        "Athena queries",
        "7f6b1d1e",
    )
    assert '12 values of "note" are too long, and were made NULL' in text
    assert "7 rows were left out, as another row has their key" in text
    assert SQL_SHOWN in text


SQL_SHOWN = "SELECT count(*)\nFROM lake.claims\nWHERE a < 1 AND b = '</pre>'"


def test_what_failed_comes_first_with_its_remedy_and_both_sides() -> None:
    text = read(invalid()).text

    in_order(
        text,
        "Published, but a check failed, branch dev",
        f"{B} · record_count",
        "210 rows, but Athena has 3,100",
        "Look at the triggers.",
        "-2,890",
        "rows of 2 tables",
        "it was slow",
        "record_count is well",
    )


def test_a_failed_proof_shows_the_dates_that_differ_and_what_is_not_published() -> None:
    page = read(unproved())

    in_order(
        page.text,
        "Failed, branch dev",
        "the counts differ on 1 of 31 dates",
        "Nothing was published. Run again.",
        "2026-01-31",
        "not published",
        "1 of 31 dates differ",
        "2026-01-31: 100 in Athena, 99 loaded",
        "equal on 31 dates",
    )
    assert ("class", "proof") not in page.attributes


@pytest.mark.parametrize(
    ("error", "status", "title"),
    [
        (RefusedError("it is protected", "--confirm main"), "failed", "Refused"),
        (SyncError("it broke"), "failed", "Failed"),
        (RunCancelled("stopped", ExitCode.TERMINATED), "cancelled", "Stopped"),
    ],
)
def test_a_run_that_did_not_come_far_has_a_page(error: Any, status: str, title: str) -> None:
    nothing = done(
        status=status,
        exit_code=error.exit_code,
        error=error,
        branch_id="",
        run_id="",
        tables=(),
        scopes={},
        published=(),
        proofs={},
        dates={},
        checks=(),
        steps=(),
        queries=(),
    )
    text = read(nothing).text
    in_order(text, f"{title}, branch dev", error.message)
    for absent in ("Tables", "Checks", "Rows by date", "Time by step", "Athena"):
        assert absent not in text


def test_a_run_that_is_at_work_has_a_page_that_says_so() -> None:
    assert "Running, or killed before it could tell" in Read(html_page(*RUNNING)).text


def test_documents_of_older_versions_are_shown_as_far_as_they_go() -> None:
    report, validation = documents(done())
    for key in ("plannedTables", "startedBy", "neonsyncVersion", "schemaVersion"):
        del report[key]
    text = Read(html_page(report, validation)).text
    assert "6,200 rows of 2 tables" in text
    assert "Rows by date" not in text
    assert Read(html_page({}, {})).text
    odd = {
        "errors": 3,
        "tables": [None, 3, {}],
        "duration": "x",
        "notices": "x",
        "athena": [],
        "steps": [{"seconds": None}],
        "plannedTables": [{"dates": {"counts": [{}]}}],
        "branchInfo": None,
    }
    assert Read(html_page(odd, {"checks": "x", "connectionInfo": 1})).text


def test_nothing_of_the_data_can_act_in_the_page() -> None:
    evil = invalid(EVIL, remedy=EVIL, athena_sql=EVIL, neon_sql=f"{EVIL}\n{EVIL}")
    evil = replace(
        evil,
        branch=EVIL,
        tables=(A, B, EVIL),
        dates={EVIL: days(3, lacking=1)},
        scopes={EVIL: EVIL},
        steps=(StepFinished(Step.LOAD, EVIL, 1.0, EVIL),),
        notices=(EVIL,),
        error=SyncError(EVIL, EVIL),
    )
    page = html_page(*documents(evil))
    found = Read(page)

    assert "script" not in found.elements
    assert found.elements.count("style") == 1
    assert not [name for name, _ in found.attributes if name.startswith("on")]
    assert not set(page) & {"\x00", "\x1b", "\u202e"}
    # It is all there to be read.
    assert found.text.count("<script>alert(1)</script>\"'&amp;</style>[/x]::error::x\\x00") >= 10


def test_a_page_needs_nothing_from_anywhere() -> None:
    page = html_page(*documents(done()))
    assert not re.search(r"https?://|@import|url\(", page)
    links = [value for name, value in Read(page).attributes if name in ("src", "href")]
    assert links == ["data:,"]
    assert "default-src 'none'" in page


def test_secrets_that_look_like_ones_are_not_shown() -> None:
    said = SyncError("cannot reach postgresql://app:hunter22@host/db", "key napi_abcdef123456")
    page = html_page(*documents(done(status="failed", error=said, published=())))
    assert "hunter22" not in page
    assert "napi_abcdef" not in page


def test_a_page_of_many_tables_and_dates_stays_small() -> None:
    names = tuple(f"public.table_{number}" for number in range(60))
    checks = tuple(
        CheckResult(f"check_{number}", name, Status.PASSED, "well", {}, "", "SELECT 1")
        for name in names
        for number in range(7)
    )
    counted = days(3_000)
    assert (counted.dates, len(counted.counts)) == (3_000, DATES_KEPT)
    many = replace(
        done(), tables=names, dates=dict.fromkeys(names, counted), checks=checks, published=()
    )
    page = html_page(*documents(many))
    assert page.count("<figure") == CHARTS
    assert f"The counts of {60 - CHARTS} more tables are in etl-report.json." in page
    assert "equal on 3,000 dates, 400 of them shown" in page
    assert "<summary>420 passed</summary>" in page
    assert len(page) < 2_000_000


def test_of_too_many_dates_those_that_differ_are_kept() -> None:
    counted = days(1_000, lacking=1_000)
    assert (counted.differing, len(counted.counts)) == (1_000, DATES_KEPT)
    some = days(1_000, lacking=2)
    assert [each.date for each in some.counts if each.source != each.loaded] == [
        "2028-09-25",
        "2028-09-26",
    ]
    assert len(some.counts) == DATES_KEPT
    assert [each.date for each in some.counts] == sorted(str(each.date) for each in some.counts)


def test_the_quality_of_each_table_is_told_column_by_column() -> None:
    page = read(done())
    in_order(
        page.text,
        "Rows by date",
        "Quality",
        "3,100 rows on 31 dates",
        "lowest",
        "claim_",
        "12.5 %",
        "41.25, at most 900",
        "CA 70 %, TX 30 %, NULL < 0.1 %",
        "private",
        "3,100 rows on 31 dates; columns by a sample of 1,000",
        "Time by step",
    )
    # Two tables with a bar for each column that has NULLs.
    assert page.attributes.count(("class", "share")) == 2 * 3
    assert page.attributes.count(("class", "days")) == 2


def test_without_metrics_there_is_no_section_for_them() -> None:
    assert "Quality" not in read(done(quality=())).text


def test_values_of_a_table_cannot_act_as_metrics_either() -> None:
    evil = ColumnMetrics(EVIL, EVIL, low=EVIL, top=(TopValue(EVIL, 1.0),))
    made = measured(EVIL, columns=(evil,), days=(DayRows(EVIL, 1), DayRows(None, 2)))
    page = html_page(*documents(done(quality=(made,))))
    assert "<script" not in page
    assert not set(page) & {"\x00", "\x1b", "\u202e"}
