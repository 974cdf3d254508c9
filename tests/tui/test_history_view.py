"""The history's texts: moments, times, shares, and what of an entry is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from neonsync.history import Entry
from neonsync.tui.history_view import (
    COLUMNS,
    Shown,
    cells,
    columns,
    details,
    home_path,
    summary,
    took,
    trend,
    when,
)
from tests.tui.fakes import NOW


def entry(days: float = 0.0, **more: object) -> Entry:
    values = {
        "time": (NOW - timedelta(days=days)).isoformat(),
        "kind": "run",
        "branch": "dev-kate",
        "branch_id": "br-dev-kate",
        **more,
    }
    return Entry(**values)  # type: ignore[arg-type]  # words of tests


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        (NOW, "01:37 today"),
        (NOW - timedelta(hours=2), "Sun 23:37"),
        (NOW - timedelta(days=6), "Tue 01:37"),
        (NOW - timedelta(days=7), "11-16"),
        (NOW - timedelta(days=400), "2025-10-19"),
        (NOW + timedelta(days=1), "11-24"),  # another machine's clock
        (datetime.fromisoformat("2026-11-23T03:00:00+03:00"), "00:00 today"),
    ],
)
def test_when(moment: datetime, said: str) -> None:
    assert when(moment, NOW) == said
    assert len(said) <= COLUMNS[0][1]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "-"), (0.94, "0.9 s"), (59.97, "1m 00s"), (161, "2m 41s"), (3725, "1h 02m")],
)
def test_took(seconds: float, said: str) -> None:
    assert took(seconds) == said


@pytest.mark.parametrize("width", [60, 78, 80, 110, 200])
def test_the_columns_fill_the_width_and_never_more(width: int) -> None:
    total = sum(cells + 2 for _, cells in columns(width)) + 1
    assert total <= max(width, 80)


def test_the_share_of_passed_runs_is_of_those_that_came_to_an_end() -> None:
    runs = [entry(n / 10) for n in range(199)]
    runs += [entry(1, status="failed"), entry(1, status="cancelled"), entry(31, status="failed")]
    said = summary([*runs, entry(kind="create")], NOW)
    # 199 of 200 are 99.5 %, which are not all of them.
    assert said == "202 runs kept · 1 branch operation · 99 % passed in 30 days"
    assert summary([], NOW) == "0 runs kept"


def test_what_is_shown_is_of_the_project_the_branch_and_the_words() -> None:
    one = entry(project="p", tables=("claims",), user="Kate")
    assert Shown("p", "br-dev-kate", text="kate CLAIMS").holds(one)
    assert Shown("p", "dev-kate").holds(entry())  # of a version that noted no project
    assert not Shown("q").holds(one)
    assert not Shown(branch="dev").holds(one)
    assert not Shown(failed_only=True).holds(one)
    assert not Shown(text="claims zzz").holds(one)


def test_names_from_outside_are_inert_and_cut() -> None:
    evil = entry(branch="[/x]\x1b[2J::error::long-name", user="a\nb", status="\x07odd")
    shown = [text for text, _ in cells(evil, NOW, [cells for _, cells in COLUMNS])]
    assert shown[1] == "[/x]\\x1b[2J::e…"
    assert all(text.isprintable() for text in shown)
    assert all(text.isprintable() for line in details(evil, [evil]) for text in line)


def test_the_trend_is_of_the_same_branch_with_the_oldest_first() -> None:
    runs = [entry(n, rows=n) for n in range(20)]
    others = [entry(0, rows=99, branch_id="br-other"), entry(0, kind="reset")]
    assert trend(runs[0], [*runs, *others]) == [float(n) for n in range(11, -1, -1)]


def test_a_path_in_the_home_is_short() -> None:
    assert home_path(Path("/home/kate/h"), "/home/kate/") == "~/h"
    assert home_path(Path("/home/kateother/h"), "/home/kate") == "/home/kateother/h"
    assert home_path(None, "/") == "no history file"


def test_the_clock_of_the_tests_is_a_monday_in_utc() -> None:
    assert (NOW.tzinfo, f"{NOW:%a}") == (UTC, "Mon")
