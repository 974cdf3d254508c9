"""Preferences: theme, keys, and how the UI behaves. What is chosen counts and is kept at once."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from neonsync.tui.keymap import Known, known_bindings, refusal
from neonsync.tui.preferences import (
    CHOICES,
    Preferences,
    defaulted,
    preferences_path,
    save_preferences,
    stepped,
    with_key,
)
from neonsync.tui.screens.base import Dialog, View
from neonsync.tui.widgets.panel import Failure
from neonsync.tui.widgets.rows import Rows

_LABELS = {
    "theme": "Theme",
    "refreshes": "Redraws of a run",
    "ascii_only": "ASCII only",
    "mouse": "Mouse",
}
_KEY = "key "
"""What the keys of rows that tell of a binding begin with."""


class PreferencesScreen(View):
    """One table: the first rows are choices, the others are keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "step(1)", "Next", id="preferences.next"),
        Binding("p", "step(-1)", "Previous", id="preferences.previous"),
        Binding("d", "default", "Default", id="preferences.default"),
    ]
    HELP = (
        "What is chosen counts at once and is kept for the next start; the mouse is turned on and "
        "off by the next start only. On a key, enter asks for another one; one that is taken "
        "where the binding counts is refused, and d gives its own back.\n\n"
        "The themes ansi-dark and ansi-light keep the colours of your terminal."
    )
    CSS = """
    PreferencesScreen .status { color: $text-muted; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._known: tuple[Known, ...] = ()
        self._keeping = threading.Lock()

    def body(self) -> ComposeResult:
        """The table, and where it is kept."""
        yield Rows(("PREFERENCE", 34), ("VALUE", 18), ("", 20), id="preferences")
        yield Static("", markup=False, classes="status line")

    def crumbs(self) -> list[str]:
        """They are of no branch."""
        return ["preferences"]

    def on_mount(self) -> None:
        """Show them."""
        self._known = known_bindings()
        path = preferences_path(os.environ)
        kept = f"kept in {path}" if path is not None else "there is no home to keep them in"
        self.query_one(".status", Static).update(kept)
        self._draw()

    def _draw(self) -> None:
        preferences = self.ui.preferences
        rows = [
            (
                name,
                (Text(label), Text(_written(getattr(preferences, name))), Text(_note(name), "dim")),
            )
            for name, label in _LABELS.items()
        ]
        for each in self._known:
            own = each.identity in preferences.keys
            cells = (
                Text(f"Key: {each.what} ({each.scope})"),
                Text(each.keys_now(preferences.keys), "bold"),
                Text(f"its own is {each.keys}" if own else "", "dim"),
            )
            rows.append((f"{_KEY}{each.identity}", cells))
        self.query_one(Rows).show(rows)

    def _under_cursor(self) -> str:
        return self.query_one(Rows).selected_key or ""

    def action_step(self, step: int) -> None:
        """Another choice."""
        name = self._under_cursor()
        if name in CHOICES:
            self._take(stepped(self.ui.preferences, name, step))

    def action_default(self) -> None:
        """What it is when nobody has chosen."""
        name = self._under_cursor()
        if name.startswith(_KEY):
            self._take(with_key(self.ui.preferences, name.removeprefix(_KEY), ""))
        elif name in CHOICES:
            self._take(defaulted(self.ui.preferences, name))

    @on(Rows.RowSelected)
    def _choose(self) -> None:
        """The next choice, or the question for a key."""
        name = self._under_cursor()
        if not name.startswith(_KEY):
            self.action_step(1)
            return
        known = next(each for each in self._known if f"{_KEY}{each.identity}" == name)
        self.app.push_screen(AskKey(known), lambda key: self._remap(known, key))

    def _remap(self, known: Known, key: str | None) -> None:
        if key is None:
            return
        if problem := refusal(self._known, self.ui.preferences.keys, known.identity, key):
            self.notify(problem, title="Not taken", severity="warning", markup=False)
        else:
            self._take(with_key(self.ui.preferences, known.identity, key))

    def _take(self, preferences: Preferences) -> None:
        self.ui.prefer(preferences)
        self._draw()
        self.fetch(self._keep, lambda path: None, self._not_kept, group="save")

    def _keep(self) -> Path:
        # Threads of earlier choices may still wait here: whichever comes last writes what counts.
        with self._keeping:
            return save_preferences(self.ui.preferences, os.environ)

    def _not_kept(self, failure: Failure) -> None:
        self.notify(failure.said, severity="warning", markup=False)


class AskKey(Dialog[str]):
    """Asks for a key by having it pressed; gives it, or None."""

    def __init__(self, known: Known) -> None:
        super().__init__()
        self._known = known

    def compose(self) -> ComposeResult:
        """The question."""
        box = Vertical(classes="box")
        box.border_title = Text(self._known.what)
        with box:
            yield Static(
                f"Press the key for {self._known.what} ({self._known.scope}).\n"
                "Escape leaves it as it is.",
                markup=False,
            )

    def on_key(self, event: events.Key) -> None:
        """That one."""
        event.stop()
        event.prevent_default()
        self.dismiss(None if event.key == "escape" else event.key)


def _written(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value} a second" if isinstance(value, int) else str(value)


def _note(name: str) -> str:
    return "from the next start" if name == "mouse" else ""
