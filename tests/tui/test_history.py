"""History: what is shown of it, and what can be done from there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot

from neonsync.errors import ConfigError
from neonsync.history import Entry
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import ProjectInfo
from neonsync.tui.preferences import Preferences
from neonsync.tui.screens.history import HistoryScreen
from neonsync.tui.screens.results import ResultsScreen
from neonsync.tui.widgets.rows import Rows
from tests.tui.conftest import Screens, text_of, until
from tests.tui.fakes import NOW, Fakes, report_of


def entry(hours: float, branch: str = "dev-kate", **more: Any) -> Entry:
    values: dict[str, Any] = {
        "time": (NOW - timedelta(hours=hours)).isoformat(timespec="milliseconds"),
        "kind": "run",
        "branch": branch,
        "branch_id": f"br-{branch}",
        "project": "ep-quiet-moon-123",
        "run_id": f"run_{hours}",
        "mode": "full",
        "tables": ("claims", "plans"),
        "rows": 1_204_118,
        "seconds": 161.0,
        "user": "kate",
        "host": "laptop",
    }
    return Entry(**{**values, **more})


ENTRIES = (
    entry(0.05, status="failed", exit_code=3, rows=0, seconds=0.94, detail="no route to Athena"),
    entry(0.7, "ci-pr-412", mode="schema-only", rows=0, user="ci", seconds=19, price=0.0051,
          repository="acme/claims", commit="0123456789abcdef"),
    entry(3, "ci-pr-412", kind="create", mode="", run_id="", rows=0, tables=(), seconds=2.5),
    entry(27, "staging", rows=61_800_000, seconds=2282, user="cron"),
    entry(31.6, status="cancelled", exit_code=130, rows=400_000, mode="test-data", seconds=52),
    entry(32, rows=900_000),
    entry(80, "staging", rows=61_100_000, seconds=3725, status="invalid", exit_code=4),
    entry(30 * 24, "a-branch-with-a-long-name [/x]", user="somebody-long"),
    entry(400 * 24, "old", kind="delete", mode="", run_id="", rows=0, seconds=0, tables=()),
)  # fmt: skip


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fakes]:
    monkeypatch.setenv("HOME", "/home/kate")
    made = Fakes()
    made.history.entries = ENTRIES
    yield made
    if made.history.hold is not None:
        made.history.hold.set()


async def opened(app: NeonsyncApp, pilot: Pilot[int], branch: str = "") -> HistoryScreen:
    app.project = ProjectInfo("ep-quiet-moon-123", "acme-claims")
    screen = HistoryScreen(branch, lambda: NOW)
    app.push_screen(screen)
    await until(pilot, lambda: app.screen is screen and "kept" in text_of(app))
    await until(pilot, lambda: "esc Back ? Help" in text_of(app))
    return screen


def said(app: NeonsyncApp) -> str:
    """What the notes at the corner say."""
    return "\n".join(note.message for note in app._notifications)


async def test_what_was_done(app: NeonsyncApp, screens: Screens) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await screens(pilot)


async def test_in_ascii_with_the_details_in_the_tables_place(
    fakes: Fakes, screen: SnapshotAssertion
) -> None:
    app = NeonsyncApp(fakes.services(), Preferences(ascii_only=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        shown = text_of(app)
        assert "x failed" in shown
        await pilot.press("j", "d")
        await until(pilot, lambda: "acme/claims" in text_of(app))
        assert text_of(app) == screen
        await pilot.press("escape")
        await until(pilot, lambda: "WHEN" in text_of(app))


async def test_an_empty_history_says_so(app: NeonsyncApp, fakes: Fakes, screens: Screens) -> None:
    fakes.history.entries = ()
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await screens(pilot)


async def test_a_history_that_cannot_be_read_says_why_and_is_tried_again(
    app: NeonsyncApp, fakes: Fakes, screens: Screens
) -> None:
    fakes.history.error = ConfigError("the history is no file [/x]", "Mend it.")
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(HistoryScreen("", lambda: NOW))
        await until(pilot, lambda: "no file" in text_of(app) and "? Help" in text_of(app))
        await screens(pilot)
        fakes.history.error = None
        await pilot.press("r")
        await until(pilot, lambda: "runs kept" in text_of(app))


async def test_while_it_is_read_a_line_says_so(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.history.hold = threading.Event()
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(HistoryScreen("", lambda: NOW))
        await until(pilot, lambda: "Reading the history …" in text_of(app))
        fakes.history.hold.set()
        await until(pilot, lambda: "runs kept" in text_of(app))


async def test_one_branch_and_all_of_them(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot, "staging")
        assert "dev-kate" not in text_of(app)
        assert "staging › history" in text_of(app)
        await pilot.press("b")
        await until(pilot, lambda: "dev-kate" in text_of(app))
        await pilot.press("b")
        await until(pilot, lambda: "dev-kate" not in text_of(app))


async def test_other_projects_entries_are_left_out(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.history.entries = (*ENTRIES, entry(1, "foreign", project="another"))
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        assert "foreign" not in text_of(app)


async def test_failed_only_and_the_filter(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.press("f")
        await until(pilot, lambda: "2 shown" in text_of(app))
        assert "stopped" not in text_of(app)
        await pilot.press("f", "slash", *"staging")
        await until(pilot, lambda: "2 shown" in text_of(app) and "invalid" in text_of(app))
        await pilot.press(*"zzz")
        await until(pilot, lambda: "Nothing matches “stagingzzz”" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "dev-kate" in text_of(app))
        assert isinstance(app.screen, HistoryScreen)
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, HistoryScreen))


async def test_a_filter_that_matches_nothing_for_a_moment_keeps_the_focus(
    app: NeonsyncApp,
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.press("slash", *"kateq")
        await until(pilot, lambda: "Nothing matches" in text_of(app))
        await pilot.press("backspace")
        await until(pilot, lambda: "Nothing matches" not in text_of(app))
        await pilot.press("x")
        await until(pilot, lambda: "katex" in text_of(app))


async def test_of_a_long_history_the_newest_are_drawn(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.history.entries = tuple(ENTRIES[0] for _ in range(3000))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await until(pilot, lambda: "newest 500 of 3,000 shown" in text_of(app))
        assert app.screen.query_one(Rows).row_count == 500


async def test_enter_opens_the_results(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.history.reports = {"run_0.05": report_of("failed")}
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))


async def test_reports_that_are_gone_are_told(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "reports of this run are gone" in said(app))
        assert isinstance(app.screen, HistoryScreen)


async def test_a_click_chooses_a_row_and_another_opens_it(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.history.reports = {"run_0.7": report_of()}
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.click("#entries", offset=(5, 2))
        await until(pilot, lambda: "acme/claims" in text_of(app))
        await pilot.click("#entries", offset=(5, 2))
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))


async def test_the_log_is_told_and_its_path_copied(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.history.reports = {"run_0.05": replace(report_of(), directory=Path("/w/reports"))}
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(app, pilot)
        await pilot.press("o")
        await until(pilot, lambda: "/w/reports/etl-manual.log" in said(app))
        assert app.clipboard == "/w/reports/etl-manual.log"


AGAIN = replace(ENTRIES[0], command=("--branch", "dev-kate", "--days", "30"))


async def test_a_run_again_is_a_plan_that_is_filled_in(
    app: NeonsyncApp, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.history.entries = (AGAIN,)
    seen: list[Any] = []
    monkeypatch.setattr(app, "open_plan", lambda *given: seen.append(given))
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await until(pilot, lambda: "$ neonsync --headless --branch" in text_of(app))
        await pilot.press("y")
        assert app.clipboard == "neonsync --headless --branch dev-kate --days 30"
        await pilot.press("x")
        await until(pilot, lambda: bool(seen))
        branch, selection = seen[0]
        assert branch.name == "dev-kate"
        assert selection.days == 30


async def test_a_run_into_a_branch_that_is_gone_is_not_filled_in(
    app: NeonsyncApp, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fakes.history.entries = (replace(AGAIN, branch_id="br-earlier"),)
    async with app.run_test(size=(120, 40)) as pilot:
        await opened(app, pilot)
        await pilot.press("x")
        await until(pilot, lambda: "dev-kate (br-earlier) of this run is gone" in said(app))
        assert isinstance(app.screen, HistoryScreen)
