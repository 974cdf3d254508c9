"""The details of a branch: a pane beside the table where there is room, a dialog where not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from neonsync.tui.screens.base import Dialog

PANE = 42
"""The columns that ``.pane`` takes in ``app.tcss``."""
PANE_TEXT = PANE - 3
_DIALOG_TEXT = 56


class BranchPane(VerticalScroll, can_focus=False):
    """Shown from ``base.WIDE`` columns on."""

    def __init__(self) -> None:
        super().__init__(classes="pane")

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static("", markup=False)

    def show(self, text: Text) -> None:
        """Tell of a branch."""
        self.query_one(Static).update(text)


class BranchDialog(Dialog[str]):
    """The same in a dialog; gives the action whose key was pressed, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "cancel", "Close", id="details.close"),
        Binding("j,down", "scroll(1)", "Down", show=False, id="details.down"),
        Binding("k,up", "scroll(-1)", "Up", show=False, id="details.up"),
    ]

    def __init__(self, text: Callable[[int], Text], keys: Mapping[str, str]) -> None:
        """``text`` gives the details for so many columns; ``keys`` have their actions."""
        super().__init__()
        self._told = text
        self._keys = keys

    def compose(self) -> ComposeResult:
        """The text; it scrolls in a low terminal."""
        box = VerticalScroll(classes="box", can_focus=False)
        box.border_title = "Branch"
        box.border_subtitle = "esc closes"
        with box:
            yield Static(self._told(min(_DIALOG_TEXT, self.app.size.width - 8)))

    def action_scroll(self, lines: int) -> None:
        """Move the text."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def on_key(self, event: events.Key) -> None:
        """The keys that the text tells of are as good here."""
        action = self._keys.get(event.key) or self._keys.get(event.character or "")
        if action:
            event.stop()
            self.dismiss(action)
