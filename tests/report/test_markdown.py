"""etl-report.md: what one reads in a pull request."""

from __future__ import annotations

import re
from typing import Any

from neonsync.errors import SyncError
from neonsync.report.documents import RUNNING
from neonsync.report.html_page import html_page
from neonsync.report.markdown import COMMENT_BYTES, markdown_page
from neonsync.validation.result import CheckResult, Status
from tests.report.documents import A, B, documents, done, invalid, unproved
from tests.report.test_html_page import EVIL, in_order


def test_what_failed_comes_first_then_the_proof_then_the_rest() -> None:
    in_order(
        markdown_page(*documents(invalid())),
        "## neonsync: Published, but a check failed, branch dev\n\n### Failed checks",
        f"| record&#95;count | {B} | failed | 3,100 in Athena | 210 | -2,890 | 210 rows, but",
        "✓ 6,200 rows of 2 tables, counts equal on 62 of 62 dates\n",
        "| started by | kate on laptop |",
        "### Warnings of checks",
        "### Tables",
        f"| {A} | swap | 3,100 | 0 | 0 | 0 | 0 | 3,100 rows, counts equal on 31 of 31 "
        'dates; 12 values of "note"',
        f"| {B} | merge | 1 | 2 | 3,097 | 5 | 0 |",
        "<details><summary>All checks (6)</summary>",
        f"<details><summary>Quality of {A}: 3,100 rows on 31 dates (5)</summary>",
        "| note | 12.5 % | 2,713 |  |  |  | 41.25, at most 900 |  |",
        "<details><summary>Steps (3)</summary>",
    )


def test_what_is_expected_is_athenas_only_where_athena_was_asked() -> None:
    details: dict[str, dict[str, Any]] = {
        "freshness": {"expected": 2, "measured": 11},
        "index_verification": {"expected": ["a", "b"], "missing": [], "measured": ["a", "b"]},
        "record_count": {"promised": 7_500, "measured": 7_500},
        "date_range": {"source_max": "2026-01-31", "max": "2026-01-31"},
    }
    checks = [CheckResult(name, A, Status.PASSED, "said", each) for name, each in details.items()]
    both = documents(done(checks=tuple(checks)))
    page = markdown_page(*both)
    in_order(
        page,
        "| check | table | status | expected | measured | difference | found | what to do |",
        "| freshness |",
        "| passed | 2 | 11 | +9 |",
        "| passed | 2 | 2 | 0 |",
        "| passed | 7,500 | 7,500 | 0 |",
        "| passed | 2026-01-31 in Athena | 2026-01-31 | 0 |",
    )
    html = html_page(*both)
    assert html.count("<small>Athena</small>") == 1
    assert "2026-01-31<small>Athena</small>" in html


def test_an_error_stands_above_all_with_its_remedy() -> None:
    page = markdown_page(*documents(unproved()))
    assert page.startswith(
        "## neonsync: Failed, branch dev\n\n"
        f"**{A}: the counts differ on 1 of 31 dates**\n\nNothing was published. Run again.\n\n|"
    )
    assert f"| {A} | not published |" in page
    assert "✓" not in page


def test_nothing_of_the_data_is_structure_or_a_command() -> None:
    evil = invalid(f"::error::x | `a` {EVIL}\n# no")
    page = markdown_page(*documents(done(checks=evil.checks, error=SyncError(EVIL, f"::{EVIL}"))))
    assert "<script" not in page
    assert not re.search(r"^\s*::", page, re.MULTILINE)
    assert not set(page) & {"\x00", "\x1b", "`"}
    rows = [line for line in page.splitlines() if line.startswith("| record&#95;count")]
    assert {line.count("|") for line in rows} == {9}


def test_it_has_room_in_a_comment_and_says_what_is_cut() -> None:
    bad = invalid("x" * 1_500).checks[-1:] * 200
    page = markdown_page(*documents(done(status="invalid", checks=bad)))
    assert 0.9 * COMMENT_BYTES < len(page.encode()) <= COMMENT_BYTES
    assert re.search(r"\*Cut here: \d+ rows of this table and what follows", page)


def test_a_run_that_is_at_work_says_so() -> None:
    assert markdown_page(*RUNNING).startswith("## neonsync: Running, or killed")
    assert markdown_page({}, {})
