"""The App itself: its frame, its size, leaving it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual.events import Key

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Emit
from neonsync.selection import Selection
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import RunReport
from neonsync.tui.screens.branch_detail import BranchDialog
from neonsync.tui.screens.confirm import Ask
from neonsync.tui.screens.history import HistoryScreen
from neonsync.tui.screens.too_small import TooSmall
from tests.tui.conftest import text_of, until
from tests.tui.fakes import Fakes, report_of


async def test_the_first_screen_says_the_program(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "neonsync" in text_of(app))


async def test_a_terminal_that_is_too_small_is_told_and_comes_back(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.resize_terminal(48, 12)
        await until(pilot, lambda: isinstance(app.screen, TooSmall))
        assert "needs 60 x 16" in text_of(app)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not isinstance(app.screen, TooSmall))


async def test_the_plan_of_a_command_is_opened_first(
    fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = NeonsyncApp(fakes.services(), first_plan=["--branch", "dev-kate", "--days", "30"])
    opened: list[Any] = []
    monkeypatch.setattr(app, "open_plan", lambda *given: opened.append(given))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: bool(opened))
    branch, selection = opened[0]
    assert (branch.name, selection.days) == ("dev-kate", 30)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--branch", "dve"], "no branch is named 'dve'"), (["--colour"], "cannot be read")],
)
async def test_a_plan_that_cannot_be_opened_is_told(
    fakes: Fakes, arguments: list[str], said: str
) -> None:
    app = NeonsyncApp(fakes.services(), first_plan=arguments)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: any(said in note.message for note in app._notifications))


async def test_notices_of_the_preferences_are_told(fakes: Fakes) -> None:
    app = NeonsyncApp(fakes.services(), notices=["ui.toml: theme is [/x]"])
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "theme is [/x]" in next(iter(app._notifications)).message)


async def test_ctrl_q_leaves(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+q")
    assert app.return_value == 0


async def test_quitting_while_a_run_is_at_work_asks_and_rolls_it_back(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    rolled_back: list[int] = []

    async def carry_out(emit: Emit, cancel: CancelToken) -> RunReport:
        waiting = asyncio.ensure_future(asyncio.Event().wait())
        cancel.attach(waiting)
        await asyncio.wait([waiting])
        rolled_back.append(int(cancel.exit_code))
        return report_of("cancelled")

    fakes.sync.carry_out = carry_out
    async with app.run_test(size=(80, 24)) as pilot:
        app.start_run(Selection(branch="dev-kate"))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("enter")  # the safe choice
        await until(pilot, lambda: not isinstance(app.screen, Ask))
        assert app.run_active
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: app.return_value is not None)
    assert rolled_back == [130]
    assert app.return_value == 130


async def test_keys_in_a_burst_close_a_dialog_once(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "s Sync" in text_of(app))
        home = app.screen
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, BranchDialog))
        for _ in range(3):  # all there before the first one has done anything
            app.screen.post_message(Key("h", "h"))
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is home)


async def test_what_is_typed_in_one_go_with_a_filters_key_is_the_filters(
    app: NeonsyncApp,
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "s Sync" in text_of(app))
        home = app.screen
        app.post_message(Key("slash", "/"))
        for letter in "dsev":
            app.post_message(Key(letter, letter))
        app.post_message(Key("enter", None))
        await until(pilot, lambda: "No branches match “dsev”" in text_of(app))
        await pilot.pause()
        assert app.screen is home


async def test_a_screen_that_opens_as_the_program_ends_spoils_nothing(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "neonsync" in text_of(app))
        app.open_results(report_of("cancelled"))
        app.exit(143)
    assert (app.return_value, app.return_code) == (143, 0)
