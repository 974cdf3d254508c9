"""Shown in place of everything where the terminal is too small; keys go nowhere meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.screen import ModalScreen

from neonsync.tui.widgets.said import Said

COLUMNS, ROWS = 60, 16


def too_small(size: Size) -> bool:
    """Whether no screen can be drawn in it."""
    return size.width < COLUMNS or size.height < ROWS


class TooSmall(ModalScreen[None]):
    """Says what is needed, and that a run goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "app.quit", "Quit", id="small.quit"),
    ]
    DEFAULT_CSS = """
    TooSmall { align: center middle; background: $background; }
    TooSmall Static { width: auto; max-width: 100%; }
    """

    def __init__(self, run_word: Callable[[], str]) -> None:
        """``run_word`` says where a run stands, empty without one."""
        super().__init__()
        self._run_word = run_word

    def compose(self) -> ComposeResult:
        """The message."""
        yield Said(self._text())

    def on_mount(self) -> None:
        """The run goes on meanwhile."""
        self.set_interval(1.0, self._say)

    def on_resize(self) -> None:
        """Say the size of now."""
        self._say()

    def on_screen_resume(self) -> None:
        """The terminal may have grown while a question was in front."""
        if not too_small(self.app.size):
            self.dismiss(None)

    def _say(self) -> None:
        self.query_one(Said).say(self._text())

    def _text(self) -> str:
        size, word = self.app.size, self._run_word()
        run = f"sync goes on: {word} · " if word else ""
        return (
            f"neonsync needs {COLUMNS} x {ROWS}\n"
            f"this terminal is {size.width} x {size.height}\n{run}q quits"
        )
