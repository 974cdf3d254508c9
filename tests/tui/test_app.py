"""The App itself: its frame, its size, leaving it."""

from __future__ import annotations

from neonsync.tui.app import NeonsyncApp
from neonsync.tui.screens.too_small import TooSmall
from tests.tui.conftest import text_of, until


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


async def test_ctrl_q_leaves(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("ctrl+q")
    assert app.return_value == 0
