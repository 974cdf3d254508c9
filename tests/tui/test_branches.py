"""The home screen: what it shows, in which state, and where its keys lead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeAlias

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.widgets import Input, Static

from neonsync.errors import ConfigError
from neonsync.neon.errors import NeonRequestError, Refusal, UnreachableError
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import BranchRow
from neonsync.tui.preferences import Preferences
from neonsync.tui.screens.branch_detail import BranchDialog
from neonsync.tui.screens.branches import BranchesScreen
from neonsync.tui.screens.confirm import TypeName
from neonsync.tui.screens.history import HistoryScreen
from neonsync.tui.screens.plan import PlanScreen
from neonsync.tui.screens.reading import ErrorDialog
from neonsync.tui.screens.setup import SetupScreen
from neonsync.tui.widgets.rows import Rows
from tests.tui.branch_world import Clock, freeze, many, shown
from tests.tui.conftest import SIZES, Screens, text_of, until
from tests.tui.fakes import Fakes, branch

Size: TypeAlias = tuple[int, int]
Pilots: TypeAlias = Pilot[int]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return freeze(monkeypatch)


@pytest.fixture
def fakes() -> Iterator[Fakes]:
    made = Fakes()
    made.branches.branches = many()
    yield made
    if made.branches.hold is not None:
        made.branches.hold.set()


def refused() -> NeonRequestError:
    return NeonRequestError(
        "Neon refused the API key [/x] \x1b[31m",
        "Key from NEON_API_KEY (…x9Qf). It may be revoked. Make another one in the console.",
        Refusal(401, "", "unauthorized", "6c1e-77"),
    )


async def rows_there(app: NeonsyncApp, pilot: Pilots) -> None:
    await until(pilot, shown(app, "main", "updated", "s Sync"))


async def go_to(app: NeonsyncApp, pilot: Pilots, name: str) -> None:
    await rows_there(app, pilot)
    app.screen.query_one(Rows).move_to(f"br-{name}")
    await pilot.pause()


async def test_all_branches(app: NeonsyncApp, screens: Screens) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot, "dev-kate")
        await until(pilot, shown(app, "d Delete"))
        await screens(pilot)


async def test_a_protected_branch_has_no_dangerous_key(app: NeonsyncApp, screens: Screens) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await rows_there(app, pilot)
        await screens(pilot)
        await pilot.press("d")
        await until(pilot, shown(app, "No delete", "main is a protected branch"))
        await pilot.press("R", "b")
        await until(pilot, shown(app, "No reset", "No rollback"))
        assert isinstance(app.screen, BranchesScreen)


@pytest.mark.parametrize("size", SIZES)
async def test_loading_says_so_after_a_moment(
    app: NeonsyncApp, fakes: Fakes, screen: SnapshotAssertion, size: Size
) -> None:
    fakes.branches.hold = threading.Event()
    async with app.run_test(size=size) as pilot:
        await until(pilot, shown(app, "Asking Neon for the branches …", "? Help"))
        assert text_of(app).replace(" … 1 s", " …") == screen
        fakes.branches.hold.set()
        await rows_there(app, pilot)


async def test_the_first_answer_is_an_error(
    app: NeonsyncApp, fakes: Fakes, screens: Screens
) -> None:
    fakes.branches.error = refused()
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, shown(app, "refused", "e Error"))
        await screens(pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ErrorDialog))
        await pilot.press("escape")
        fakes.branches.error = None
        await pilot.press("r")
        await rows_there(app, pilot)


async def test_offline_the_old_rows_stay_with_their_age(
    app: NeonsyncApp, fakes: Fakes, screens: Screens, clock: Clock
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot, "dev-kate")
        fakes.branches.error = UnreachableError(
            "Neon cannot be reached: [/x]", "Check the network."
        )
        clock.now += 190
        await until(pilot, shown(app, "offline · last good answer 3 min ago", "e Error"))
        assert app.screen.query_one(Rows).has_class("-stale")
        await screens(pilot)
        await pilot.press("e")
        await until(pilot, shown(app, "Neon cannot be reached: [/x]", "Check the network."))


async def test_a_filter_that_matches_nothing(app: NeonsyncApp, screens: Screens) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await rows_there(app, pilot)
        await pilot.press("slash", *"foo")
        await until(pilot, shown(app, "No branches match “foo”."))
        app.screen.query_one(Input).cursor_blink = False
        await screens(pilot)
        await pilot.press("escape")
        await rows_there(app, pilot)
        assert app.focused is app.screen.query_one(Rows)


async def test_a_filter_stays_while_one_works_with_what_it_shows(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await rows_there(app, pilot)
        await pilot.press("slash", *"CI-PR", "enter", "j")
        await until(pilot, shown(app, "2 of 6 branches shown · esc clears"))
        assert "dev-kate" not in text_of(app)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, TypeName))
        assert "ci-pr-412" in text_of(app)


async def test_a_project_without_branches(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.branches.branches = []
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, shown(app, "This project has no branches.", "r asks again"))


@pytest.mark.parametrize("size", [(60, 16), (200, 50)])
async def test_other_sizes(app: NeonsyncApp, screen: SnapshotAssertion, size: Size) -> None:
    async with app.run_test(size=size) as pilot:
        await go_to(app, pilot, "dev-kate")
        await until(pilot, shown(app, "d Delete"))
        assert text_of(app) == screen


async def test_ascii_only(fakes: Fakes, screen: SnapshotAssertion) -> None:
    app = NeonsyncApp(fakes.services(), Preferences(ascii_only=True))
    async with app.run_test(size=(120, 40)) as pilot:
        await rows_there(app, pilot)
        assert text_of(app) == screen


@pytest.mark.parametrize("theme", ["neonsync-light", "ansi-dark", "ansi-light"])
async def test_it_is_drawn_in_each_theme(fakes: Fakes, theme: str) -> None:
    app = NeonsyncApp(fakes.services(), Preferences(theme=theme))
    async with app.run_test(size=(120, 40)) as pilot:
        await rows_there(app, pilot)
        assert "EXPIRED" in text_of(app)


async def test_names_from_outside_are_inert(app: NeonsyncApp, fakes: Fakes) -> None:
    evil = branch(
        "[/x] ::error \x1b[31m[red]", id="br-evil", parent="[bold]", state="[/odd]", host="[/h]"
    )
    fakes.branches.branches = [evil]
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, shown(app, "[/x] ::error", "[/h]"))
        assert "\x1b" not in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, BranchDialog))
        await pilot.press("escape", "n")
        await until(pilot, shown(app, "New branch", "[/x]"))
        await pilot.press("escape", "R")
        await until(pilot, shown(app, "Reset branch", "[bold]"))


async def test_the_rows_are_read_anew_each_minute_and_the_cursor_stays(
    app: NeonsyncApp, fakes: Fakes, clock: Clock
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot, "dev-kate")
        fakes.branches.branches.append(branch("aaa-first"))
        clock.now += 60
        await until(pilot, shown(app, "aaa-first"))
        assert app.screen.query_one(Rows).selected_key == "br-dev-kate"
        assert len(fakes.branches.made) == 2


async def test_nothing_is_asked_while_another_screen_is_in_front(
    app: NeonsyncApp, fakes: Fakes, clock: Clock
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await rows_there(app, pilot)
        home = app.screen
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is not home)
        clock.now += 600
        assert isinstance(home, BranchesScreen)
        home._tick()
        assert len(fakes.branches.made) == 1
        await pilot.press("escape")
        await until(pilot, lambda: len(fakes.branches.made) == 2)


async def test_a_row_that_goes_leaves_the_cursor_on_its_neighbour(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot, "dev-kate")
        fakes.branches.branches = [
            each for each in fakes.branches.branches if each.name != "dev-kate"
        ]
        await pilot.press("r")
        await until(pilot, shown(app, "5 branches"))
        assert app.screen.query_one(Rows).selected_key == "br-schema-probe"


async def test_details_are_one_enter_away_in_a_narrow_terminal(
    app: NeonsyncApp, screen: SnapshotAssertion
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot, "dev-kate")
        await pilot.press("enter")
        await until(pilot, shown(app, "esc closes"))
        assert text_of(app) == screen
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, TypeName))


async def test_the_keys_lead_on(
    app: NeonsyncApp, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("neonsync.tui.browser.open_page", lambda url: not opened.append(url))  # type: ignore[func-returns-value]
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await go_to(app, pilot, "dev-kate")
        home = app.screen
        for key, kind in (("s", PlanScreen), ("h", HistoryScreen), ("S", SetupScreen)):
            await pilot.press(key)
            await until(pilot, lambda kind=kind: isinstance(app.screen, kind))  # type: ignore[misc]
            app.pop_screen()
            await until(pilot, lambda: app.screen is home)
        await pilot.press("o")
        await until(pilot, shown(app, "Opened in the browser"))
        assert opened == ["https://console.neon.tech/app/projects/p/branches/br-dev-kate"]


async def test_without_a_browser_the_address_is_copied_and_no_setting_ends_the_program(
    app: NeonsyncApp, fakes: Fakes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")

    def console_url(branch: BranchRow) -> str:
        raise ConfigError("neon.project_id is not set [/x]", "Set it.")

    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await go_to(app, pilot, "dev-kate")
        await pilot.press("o")
        await until(pilot, shown(app, "no browser opens from here"))
        assert app.clipboard == "https://console.neon.tech/app/projects/p/branches/br-dev-kate"
        monkeypatch.setattr(fakes.branches, "console_url", console_url)
        await pilot.press("o")
        await until(pilot, shown(app, "neon.project_id is not set [/x]"))


async def test_the_mouse_does_the_same(app: NeonsyncApp, fakes: Fakes) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await rows_there(app, pilot)
        lines = text_of(app).splitlines()
        row = next(number for number, line in enumerate(lines) if "dev-kate" in line)
        await pilot.click(offset=(5, row))
        await until(pilot, shown(app, "d Delete"))
        await pilot.click(offset=(text_of(app).splitlines()[-1].index("d Delete"), 23))
        await until(pilot, shown(app, "Delete branch", "br-dev-kate"))


async def test_a_key_that_was_remapped_is_the_one_that_is_told(fakes: Fakes) -> None:
    app = NeonsyncApp(fakes.services(), Preferences(keys={"branches.delete": "x"}))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await go_to(app, pilot, "dev-kate")
        await until(pilot, shown(app, "x delete it", "x Delete"))
        await go_to(app, pilot, "main")
        await pilot.press("x")
        await until(pilot, shown(app, "No delete"))


async def test_what_is_only_half_known_is_said(app: NeonsyncApp, fakes: Fakes) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await rows_there(app, pilot)
        fakes.branches.notes = ("the history cannot be read [/x]",)
        await pilot.press("r")
        await until(pilot, shown(app, "the history cannot be read [/x]"))
        told = app.screen.query_one("#told", Static).content
        assert "! the history cannot be read [/x]" in str(told)


async def test_the_project_is_told_to_the_app(app: NeonsyncApp, fakes: Fakes) -> None:
    fakes.branches.branches = [replace(each) for each in many()]
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, shown(app, "neonsync › acme-claims", "eu-central-1 · pg17"))
        assert app.project is not None


async def test_an_answer_that_comes_when_the_widgets_are_gone_is_dropped(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await rows_there(app, pilot)
        await app.screen.query_one("#main").remove()
        await pilot.press("r")
        await until(pilot, lambda: len(fakes.branches.made) == 2)
        fakes.branches.error = refused()
        await pilot.press("r")
        await until(pilot, lambda: len(fakes.branches.made) == 3)
