"""What is done to branches from the home screen, from the key to the end, by keyboard and mouse."""

from __future__ import annotations

import re
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.widgets import Button, Input, Select

from neonsync.errors import NeonsyncError, RunCancelled
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import BranchRow, NewBranch, Talk
from neonsync.tui.screens.branches import BranchesScreen
from neonsync.tui.screens.confirm import Ask, TypeName
from neonsync.tui.screens.new_branch import NewBranchDialog
from neonsync.tui.screens.reading import ErrorDialog
from neonsync.tui.screens.reset import ResetDialog
from neonsync.tui.screens.too_small import TooSmall
from neonsync.tui.screens.working import Working
from neonsync.tui.widgets.field import Field
from neonsync.tui.widgets.rows import Rows
from tests.tui.branch_world import freeze, many, shown
from tests.tui.conftest import Screens, text_of, until
from tests.tui.fakes import NOW, FakeBranches, Fakes

PASSWORD = "hunter2hunter2"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    freeze(monkeypatch)


@pytest.fixture
def fakes() -> Iterator[Fakes]:
    made = Fakes()
    made.branches.branches = many()
    yield made
    if made.branches.hold is not None:
        made.branches.hold.set()


def home(app: NeonsyncApp) -> Callable[[], bool]:
    return lambda: isinstance(app.screen, BranchesScreen)


def done(fakes: Fakes, name: str) -> list[tuple[object, ...]]:
    return [call for call in fakes.branches.made if call[0] == name]


async def go_to(app: NeonsyncApp, pilot: Pilot[int], name: str = "dev-kate") -> None:
    await until(pilot, shown(app, "main", "s Sync"))
    app.screen.query_one(Rows).move_to(f"br-{name}")
    await until(pilot, shown(app, "d Delete") if name != "main" else home(app))


async def dialog(app: NeonsyncApp, pilot: Pilot[int], kind: type) -> None:
    await until(pilot, lambda: isinstance(app.screen, kind))


def pressed(app: NeonsyncApp, button: str) -> Button:
    return app.screen.query_one(button, Button)


async def test_deleting_wants_the_name_typed(
    app: NeonsyncApp, fakes: Fakes, screens: Screens
) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await go_to(app, pilot)
        await pilot.press("d")
        await dialog(app, pilot, TypeName)
        await screens(pilot)
        await pilot.press(*"dev-kat", "enter")
        assert isinstance(app.screen, TypeName)
        assert pressed(app, "#go").disabled
        await pilot.press("e", "enter")
        await until(pilot, shown(app, "deleted dev-kate", "5 branches"))
        assert done(fakes, "delete") == [("delete", "dev-kate", "dev-kate")]
        assert app.screen.query_one(Rows).selected_key == "br-schema-probe"


async def test_escape_deletes_nothing(app: NeonsyncApp, fakes: Fakes) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot)
        await pilot.press("d")
        await dialog(app, pilot, TypeName)
        await pilot.press(*"dev-kate", "escape")
        await until(pilot, home(app))
        assert not done(fakes, "delete")


class Busy(FakeBranches):
    """Refuses to delete."""

    def delete(self, branch: BranchRow, confirmed: str, talk: Talk) -> str:
        error = NeonsyncError("Neon [/x] is \x1b[31mbusy", "Try again in a minute.")
        error.request_id = "6c1e"  # type: ignore[attr-defined]
        raise error


async def test_an_error_says_what_to_do_and_can_be_copied(
    fakes: Fakes, screen: SnapshotAssertion, home: Path
) -> None:
    fakes.branches = Busy(branches=many())
    app = NeonsyncApp(fakes.services())
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot)
        await pilot.press("d")
        await dialog(app, pilot, TypeName)
        await pilot.press(*"dev-kate", "enter")
        await dialog(app, pilot, ErrorDialog)
        await until(pilot, shown(app, "request id 6c1e", "updated 0 s ago"))
        assert text_of(app) == screen
        await pilot.press("y")
        await until(pilot, lambda: "busy" in app.clipboard)
        assert app.clipboard.splitlines() == [
            "Delete dev-kate: failed",
            "Neon [/x] is \\x1b[31mbusy",
            "Try again in a minute.",
            "request id 6c1e",
        ]
        assert (home / "state/neonsync/clipboard.txt").read_text() == app.clipboard


async def test_a_new_branch_is_checked_as_one_types(
    app: NeonsyncApp, fakes: Fakes, screens: Screens
) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await go_to(app, pilot)
        await pilot.press("n")
        await dialog(app, pilot, NewBranchDialog)
        assert pressed(app, "#create").disabled
        assert "a branch needs a name" in text_of(app)
        await pilot.press(*"dev-kate", "enter")
        await until(pilot, shown(app, "✗ dev-kate already exists"))
        assert isinstance(app.screen, NewBranchDialog)
        for line in app.screen.query(Input):
            line.cursor_blink = False
        await screens(pilot)
        await pilot.press("-", "2")
        await until(pilot, lambda: not pressed(app, "#create").disabled)
        await pilot.press("enter")
        await until(pilot, shown(app, "created dev-kate-2", "7 branches"))
        assert done(fakes, "create") == [("create", NewBranch("dev-kate-2", "main"))]
        assert app.screen.query_one(Rows).selected_key == "br-dev-kate-2"


async def test_a_new_branch_at_a_time_that_expires(app: NeonsyncApp, fakes: Fakes) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot)
        await pilot.press("n")
        await dialog(app, pilot, NewBranchDialog)
        ask = app.screen
        time, span = ask.query_one("#time", Field), ask.query_one("#span", Field)
        assert time.disabled
        assert span.disabled
        await pilot.press(*"past", "tab", "tab", "right", "space", "tab")
        await until(pilot, lambda: not time.disabled)
        assert "the time must be given" in text_of(app)
        time.value = "2030-01-01"
        await until(pilot, shown(app, "✗ is not past yet: it is 2026-11-23"))
        time.value = "2026-11-20 08:00"
        ask.query_one("#life", Select).value = "other"
        await until(pilot, shown(app, "the expiry must be given"))
        span.value = "31d"
        await until(pilot, shown(app, "✗ is more than 30 days"))
        assert pressed(app, "#create").disabled
        span.value = "12h"
        await until(pilot, lambda: not pressed(app, "#create").disabled)
        await pilot.click("#create")
        await until(pilot, lambda: bool(done(fakes, "create")))
        moment = datetime(2026, 11, 20, 8, tzinfo=UTC)
        wish = NewBranch("past", "main", moment, False, timedelta(hours=12))
        assert done(fakes, "create") == [("create", wish)]


async def test_a_parent_that_expires_can_have_no_children(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot)
        await pilot.press("n", "x")
        await dialog(app, pilot, NewBranchDialog)
        app.screen.query_one("#parent", Select).value = "dev-kate"
        await until(pilot, shown(app, "dev-kate expires, and such a branch"))
        assert pressed(app, "#create").disabled


async def test_what_was_typed_is_there_again_after_a_failure(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot)
        await pilot.press("n", *"mine")
        await dialog(app, pilot, NewBranchDialog)
        fakes.branches.error = NeonsyncError("too many branches", "Delete some.")
        await pilot.press("enter")
        await dialog(app, pilot, ErrorDialog)
        fakes.branches.error = None
        await pilot.press("enter")
        await dialog(app, pilot, NewBranchDialog)
        assert app.screen.query_one("#name", Field).value == "mine"


@pytest.mark.parametrize("name", ["dev-kate", "staging"])
async def test_resetting_wants_the_name_and_a_backup_when_there_are_children(
    app: NeonsyncApp, fakes: Fakes, screen: SnapshotAssertion, name: str
) -> None:
    backup = "" if name == "dev-kate" else "staging_now"
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, shown(app, "main", "s Sync"))
        app.screen.query_one(Rows).move_to(f"br-{name}")
        await pilot.press("R")
        await dialog(app, pilot, ResetDialog)
        field = app.screen.query_one(Field)
        assert field.value.startswith("staging_before_reset_20261123T") is bool(backup)
        field.value = ""
        await until(pilot, lambda: bool(field.problem) is bool(backup))
        await pilot.press(*name, "enter")
        assert isinstance(app.screen, ResetDialog) is bool(backup)
        if backup:
            assert text_of(app) == screen
            field.value = backup
            await until(pilot, lambda: not pressed(app, "#go").disabled)
            await pilot.press("enter")
        await until(pilot, shown(app, f"reset {name}"))
        assert done(fakes, "reset") == [("reset", name, name, backup)]


async def test_a_rollback_shows_its_warning_first(
    app: NeonsyncApp, fakes: Fakes, screen: SnapshotAssertion
) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await go_to(app, pilot)
        await pilot.press("b")
        await dialog(app, pilot, TypeName)
        assert text_of(app) == screen
        await pilot.press(*"dev-kate", "enter")
        await until(pilot, shown(app, "took dev-kate back"))
        assert done(fakes, "rollback") == [("rollback", "run_1", "dev-kate")]


@pytest.mark.parametrize("choice", ["cancel", "masked", "whole"])
async def test_the_address_is_copied_as_asked_and_its_password_never_shown(
    app: NeonsyncApp, fakes: Fakes, screen: SnapshotAssertion, home: Path, choice: str
) -> None:
    seen: list[str] = []
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await go_to(app, pilot)
        await pilot.press("y")
        await dialog(app, pilot, Ask)
        if choice == "cancel":
            assert text_of(app) == screen
        assert app.focused is pressed(app, "#cancel")
        await pilot.click(f"#{choice}")
        await until(
            pilot,
            lambda: (
                (seen.append(text_of(app)) or True)  # type: ignore[func-returns-value]
                and isinstance(app.screen, BranchesScreen)
                and (choice == "cancel" or bool(app.clipboard))
            ),
        )
        await until(pilot, shown(app, "Copied" if choice != "cancel" else "dev-kate"))
        seen.append(text_of(app))
    assert not any(PASSWORD in text for text in seen)
    assert (PASSWORD in app.clipboard) is (choice == "whole")
    file = home / "state/neonsync/clipboard.txt"
    assert file.exists() is (choice != "cancel")
    if file.exists():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


class Slow(FakeBranches):
    """Speaks while it deletes, and stops when it is asked to."""

    def __init__(self) -> None:
        super().__init__(branches=many())
        self.go_on = threading.Event()
        self.heeds = True

    def delete(self, branch: BranchRow, confirmed: str, talk: Talk) -> str:
        talk.say("delete_timeline [/x] \x1b[31m is running")
        talk.say("postgresql://app:hunter2hunter2@h/app")
        while not self.go_on.wait(0.01):
            if self.heeds and talk.cancel.is_set():
                raise RunCancelled("stopped; Neon goes on with what it has begun")
        return f"deleted {branch.name}"


@pytest.fixture
def slow(fakes: Fakes) -> Iterator[Slow]:
    fakes.branches = made = Slow()
    yield made
    made.go_on.set()


async def begin_slow(app: NeonsyncApp, pilot: Pilot[int]) -> None:
    await go_to(app, pilot)
    await pilot.press("d")
    await dialog(app, pilot, TypeName)
    await pilot.press(*"dev-kate", "enter")
    await dialog(app, pilot, Working)
    await until(pilot, shown(app, "delete_timeline [/x] \\x1b[31m is running"))


async def test_a_long_call_says_what_it_does_and_hides_secrets(
    slow: Slow, app: NeonsyncApp, screen: SnapshotAssertion
) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await begin_slow(app, pilot)
        assert PASSWORD not in text_of(app)
        assert re.sub(r"\b\d+ s  ", "0 s  ", text_of(app)) == screen
        slow.go_on.set()
        await until(pilot, shown(app, "deleted dev-kate"))


async def test_a_long_call_that_is_cancelled_says_that_neon_goes_on(
    slow: Slow, app: NeonsyncApp
) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await begin_slow(app, pilot)
        await pilot.press("escape")
        await until(pilot, home(app))
        await until(pilot, shown(app, "stopped; Neon goes on with what it has begun"))


async def test_a_call_that_does_not_stop_can_be_left_and_still_tells_its_end(
    slow: Slow, app: NeonsyncApp
) -> None:
    slow.heeds = False
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await begin_slow(app, pilot)
        await pilot.click("#cancel")
        await until(pilot, shown(app, "stopping; Neon goes on with what it has", "Leave it"))
        # Textual takes a second click for a double one while the first is shown.
        await until(pilot, lambda: not pressed(app, "#cancel").has_class("-active"))
        await pilot.click("#cancel")
        await until(pilot, home(app))
        slow.go_on.set()
        await until(pilot, shown(app, "Delete dev-kate: deleted dev-kate"))


async def test_a_call_that_ends_behind_another_screen_is_told_afterwards(
    slow: Slow, app: NeonsyncApp
) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await begin_slow(app, pilot)
        work = app.screen
        await pilot.resize_terminal(50, 12)
        await dialog(app, pilot, TooSmall)
        slow.go_on.set()
        await until(pilot, lambda: isinstance(work, Working) and work._outcome is not None)
        assert isinstance(app.screen, TooSmall)
        await pilot.resize_terminal(80, 24)
        await until(pilot, shown(app, "deleted dev-kate"))


async def test_a_dialog_over_odd_names_is_inert(app: NeonsyncApp, fakes: Fakes) -> None:
    evil = replace(fakes.branches.branches[0], name="[/x]\x1b[31m", expires_at=NOW, children=())
    fakes.branches.branches = [evil]
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, shown(app, "[/x]"))
        for key in ("d", "R", "b", "y"):
            await pilot.press(key)
            await until(pilot, lambda: not isinstance(app.screen, BranchesScreen | Working))
            assert "[/x]\\x1b[31m" in text_of(app)
            await pilot.press("escape")
            await until(pilot, home(app))
