"""Help, the palette and the preferences: every action with its key, and keys that are moved."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot

from neonsync.tui.app import NeonsyncApp
from neonsync.tui.keymap import known_bindings, refusal
from neonsync.tui.keys import actions_of
from neonsync.tui.palette import commands
from neonsync.tui.preferences import (
    CHOICES,
    TAKEN_KEYS,
    Preferences,
    load_preferences,
    stepped,
    with_key,
)
from neonsync.tui.screens.help import HelpScreen
from neonsync.tui.screens.history import HistoryScreen
from neonsync.tui.screens.preferences import PreferencesScreen
from neonsync.tui.widgets.rows import Rows
from tests.tui.conftest import Screens, text_of, until
from tests.tui.fakes import NOW, Fakes
from tests.tui.test_history import ENTRIES


@pytest.fixture
def fakes() -> Fakes:
    made = Fakes()
    made.history.entries = ENTRIES
    return made


async def history(app: NeonsyncApp, pilot: Pilot[int]) -> HistoryScreen:
    screen = HistoryScreen("", lambda: NOW)
    app.push_screen(screen)
    await until(pilot, lambda: "kept" in text_of(app))
    return screen


async def test_the_help_tells_of_the_screen_its_keys_and_the_signs(
    app: NeonsyncApp, screens: Screens
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await history(app, pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await until(pilot, lambda: "? Help" in text_of(app))
        await screens(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))


async def test_the_help_scrolls_to_the_signs_in_ascii_too(fakes: Fakes) -> None:
    app = NeonsyncApp(fakes.services(), Preferences(ascii_only=True))
    async with app.run_test(size=(80, 24)) as pilot:
        await history(app, pilot)
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("end")
        await until(pilot, lambda: "x failed" in text_of(app))
        assert "nothing was published" in text_of(app)


async def test_the_palette_has_every_action_that_can_be_done_now(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await history(app, pilot)
        offered = {command.title: command.help for command in commands(app, screen)}
        assert offered["Failed only"] == "key f"
        assert offered["Quit"] == "key ^q"
        # The entry knows no command: what cannot be done is left out.
        assert "Run again" not in offered
        assert {"Setup", "Preferences", "Help", "Refresh", "Log"} <= set(offered)
        assert "Run" not in offered
        assert not any(action.is_move and action.what in offered for action in actions_of(screen))


async def test_an_action_of_the_palette_is_done(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await history(app, pilot)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"failed")
        await until(pilot, lambda: "Failed only" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "2 shown" in text_of(app))


async def test_preferences_are_shown_and_kept_at_once(
    app: NeonsyncApp,
    screens: Screens,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = [each for each in known_bindings() if each.scope in ("app", "view")]
    monkeypatch.setattr("neonsync.tui.screens.preferences.known_bindings", lambda: tuple(few))
    environ = {"XDG_CONFIG_HOME": str(home / "config")}
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_preferences()
        await until(pilot, lambda: "Redraws" in text_of(app) and "? Help" in text_of(app))
        app.screen.query_one(".status").display = False  # a path of this machine's
        await pilot.pause()
        await screens(pilot)
        await pilot.press("space")
        await until(pilot, lambda: "neonsync-light" in text_of(app))
        assert app.theme == "neonsync-light"
        await pilot.press("j", "enter")
        wanted = Preferences("neonsync-light", refreshes=2)
        await until(pilot, lambda: load_preferences(environ)[0] == wanted)
        await pilot.press("d")
        await until(pilot, lambda: load_preferences(environ)[0].refreshes == 8)


async def test_a_key_is_moved_unless_it_is_taken(app: NeonsyncApp, home: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(home / "config")}
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_preferences()
        await until(pilot, lambda: isinstance(app.screen, PreferencesScreen))
        rows = app.screen.query_one(Rows)
        await until(pilot, lambda: rows.row_count > 4)

        async def ask() -> None:
            rows.move_to("key history.failed")
            await pilot.press("enter")
            await until(pilot, lambda: "Press the key for Failed only" in text_of(app))

        await ask()
        await pilot.press("x")
        await until(pilot, lambda: len(app._notifications) > 0)
        assert "x is taken: Run again" in next(iter(app._notifications)).message
        await ask()
        await pilot.press("escape")
        await ask()
        await pilot.press("z")
        kept = {"history.failed": "z"}
        await until(pilot, lambda: load_preferences(environ)[0].keys == kept)
        await history(app, pilot)
        await pilot.press("f")
        assert "2 shown" not in text_of(app)
        await pilot.press("z")
        await until(pilot, lambda: "2 shown" in text_of(app))


async def test_no_home_for_them_is_told_and_they_count_all_the_same(
    app: NeonsyncApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "")
    monkeypatch.setenv("HOME", "/nonexistent")
    async with app.run_test(size=(80, 24)) as pilot:
        app.open_preferences()
        await until(pilot, lambda: "no home to keep them in" in text_of(app))
        await pilot.press("space")
        await until(pilot, lambda: any("no home" in n.message for n in app._notifications))
        assert app.theme == "neonsync-light"


def test_no_binding_takes_a_key_of_tmux_or_the_terminal() -> None:
    for known in known_bindings():
        taken = set(known.keys.split(",")) & set(TAKEN_KEYS)
        assert not taken, known


def test_every_binding_of_ours_has_an_id_of_its_own_scope() -> None:
    known = known_bindings()
    assert {"app.quit", "view.back", "history.failed", "table.down"} <= {k.identity for k in known}
    assert all("." in each.identity for each in known)


def test_a_key_may_do_different_things_on_different_screens() -> None:
    known = known_bindings()
    assert refusal(known, {}, "history.failed", "f") == ""
    assert "taken" in refusal(known, {}, "history.failed", "escape")
    assert "taken" in refusal(known, {}, "app.quit", "f")
    assert "tmux" in refusal(known, {}, "history.failed", "ctrl+b")
    assert refusal(known, {"history.again": "z"}, "history.failed", "x") == ""
    assert "taken" in refusal(known, {"history.again": "z"}, "history.failed", "z")


def test_choices_go_round() -> None:
    for name, choices in CHOICES.items():
        there = Preferences()
        for _ in choices:
            there = stepped(there, name, 1)
        assert there == Preferences()
    assert with_key(with_key(Preferences(), "a.b", "x"), "a.b", "") == Preferences()
