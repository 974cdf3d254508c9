"""What is wrong with the wish for a new branch, and what it comes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from neonsync.neon import guards
from neonsync.tui.new_branch_form import (
    LIVES,
    LONGEST_LIFE,
    OTHER,
    Form,
    Start,
    parent_label,
    span_problem,
    time_problem,
)
from neonsync.tui.ports import NewBranch
from tests.tui.fakes import DEV, MAIN, NOW

BRANCHES = (MAIN, DEV)
GOOD = Form("new", "main")


def check_name(name: str) -> str:
    return "" if name else "a branch needs a name"


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        (GOOD, ""),
        (replace(GOOD, name=""), "a branch needs a name"),
        (replace(GOOD, parent="dev-kate"), "dev-kate expires, and such a branch"),
        (replace(GOOD, start=Start.TIME), "the time must be given"),
        (replace(GOOD, start=Start.TIME, time="soon"), "the time must be a time like"),
        (replace(GOOD, start=Start.SCHEMA, time="soon"), ""),
        (replace(GOOD, life=OTHER), "the expiry must be given"),
        (replace(GOOD, life=OTHER, span="3 weeks"), "the expiry must be a number with a unit"),
        (replace(GOOD, life="7d", span="3 weeks"), ""),
    ],
)
def test_the_first_problem_is_told(form: Form, problem: str) -> None:
    found = form.problem(BRANCHES, NOW, check_name)
    assert found.startswith(problem) if problem else found == ""


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("2026-11-23 01:37", True),
        ("2026-11-23T01:37:00Z", True),
        ("2026-11-22", True),
        ("2026-11-23 01:38", False),
        ("2026-11-23 02:00+01:00", True),
        ("0001-01-01T00:00+10:00", False),
        ("2026-02-30", False),
        ("[/x]", False),
    ],
)
def test_a_time_is_one_of_the_past_in_utc(text: str, good: bool) -> None:
    assert (time_problem(text, NOW) == "") is good


@pytest.mark.parametrize(
    ("text", "good"), [("12h", True), ("30d", True), ("31d", False), ("0d", False), ("x", False)]
)
def test_a_span_is_as_the_command_line_takes_it(text: str, good: bool) -> None:
    assert (span_problem(text) == "") is good


def test_the_longest_life_is_neons() -> None:
    assert LONGEST_LIFE == guards.LONGEST_LIFE


def test_each_choice_of_a_life_can_be_taken() -> None:
    for _, span in LIVES:
        if span and span != OTHER:
            assert span_problem(span) == ""
            assert replace(GOOD, life=span).wish().expires is not None


def test_the_wish() -> None:
    form = Form("new", "main", Start.TIME, "2026-11-20 08:00", OTHER, "12h")
    moment = datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert form.wish() == NewBranch("new", "main", moment, False, timedelta(hours=12))
    assert Form("new", "main", Start.SCHEMA, "x").wish() == NewBranch("new", "main", None, True)


def test_what_is_good_to_know_is_hinted() -> None:
    assert "passwords" in GOOD.hint(BRANCHES)
    assert "no parent" in replace(GOOD, start=Start.SCHEMA).hint(BRANCHES)
    assert "no children" in Form("new", "x", life="1d").hint(BRANCHES)
    assert parent_label(MAIN) == "main (protected)"
    assert parent_label(DEV) == "dev-kate (expires)"
