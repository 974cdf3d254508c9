"""The App itself: its frame, its size, leaving it."""

from __future__ import annotations

from typing import Any

import pytest

from neonsync.tui.app import NeonsyncApp
from neonsync.tui.screens.too_small import TooSmall
from tests.tui.conftest import text_of, until
from tests.tui.fakes import Fakes


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
    [(["--branch", "dve"], "no branch is named 'dve'"), (["--fresh"], "cannot be read")],
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
