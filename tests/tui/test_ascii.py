"""Where only ASCII is wanted, no screen and no dialog draws anything else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.screen import Screen

from neonsync.tui.app import NeonsyncApp
from neonsync.tui.preferences import Preferences
from neonsync.tui.screens.branches import BranchesScreen
from tests.tui.branch_world import many, shown
from tests.tui.conftest import text_of, until
from tests.tui.fakes import DEV, Fakes
from tests.tui.reports import invalid_report

WAYS: dict[str, Callable[[NeonsyncApp], None]] = {
    "plan": lambda app: app.open_plan(DEV),
    "history": lambda app: app.open_history("dev-kate"),
    "results": lambda app: app.open_results(invalid_report()),
    "setup": lambda app: app.open_setup(),
    "help": lambda app: app.open_help(),
    "preferences": lambda app: app.open_preferences(),
    "palette": lambda app: app.action_command_palette(),
}


@pytest.fixture
def fakes() -> Fakes:
    made = Fakes()
    made.branches.branches = many()
    return made


@pytest.fixture
def app(fakes: Fakes) -> NeonsyncApp:
    return NeonsyncApp(fakes.services(), Preferences(ascii_only=True))


@pytest.mark.parametrize("way", WAYS)
async def test_a_screen(app: NeonsyncApp, way: str) -> None:
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        await until(pilot, shown(app, "dev-kate", "s Sync"))
        home: Screen[object] = app.screen
        WAYS[way](app)
        await until(pilot, lambda: app.screen is not home)
        if way != "palette":  # in front of which nothing is told
            app.notify("“It’s done” … × ✓", markup=False)
            await until(pilot, shown(app, '"It\'s done" ~ x +'))
        assert text_of(app).isascii()


@pytest.mark.parametrize("key", ["n", "d", "R", "b", "y", "enter", "slash"])
async def test_a_dialog(app: NeonsyncApp, key: str) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, shown(app, "dev-kate", "s Sync"))
        await pilot.press("j", "j", "j", key)
        if key != "slash":
            await until(pilot, lambda: not isinstance(app.screen, BranchesScreen))
        assert text_of(app).isascii()


async def test_it_counts_at_once_for_all_that_is_drawn_already(fakes: Fakes) -> None:
    app = NeonsyncApp(fakes.services())
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, shown(app, "dev-kate", "›"))
        app.prefer(Preferences(ascii_only=True))
        await until(pilot, lambda: "›" not in text_of(app))
        app.prefer(Preferences())
        await until(pilot, lambda: "›" in text_of(app))
