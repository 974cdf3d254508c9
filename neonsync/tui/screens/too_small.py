"""Shown in place of everything where the terminal is too small; keys go nowhere meanwhile."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Static

COLUMNS, ROWS = 60, 16


class TooSmall(ModalScreen[None]):
    """Says what is needed, and that a run goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "app.quit", "Quit", id="small.quit"),
    ]
    DEFAULT_CSS = """
    TooSmall { align: center middle; background: $background; }
    TooSmall Static { width: auto; max-width: 100%; }
    """

    def __init__(self, run: str = "") -> None:
        """``run`` says in a word where a run stands, empty without one."""
        super().__init__()
        self._run = run

    def compose(self) -> ComposeResult:
        """The message."""
        yield Static(self._text(), markup=False)

    def on_resize(self) -> None:
        """Say the size of now."""
        self.query_one(Static).update(self._text())

    def _text(self) -> str:
        size = self.app.size
        run = f"sync goes on: {self._run} · " if self._run else ""
        return (
            f"neonsync needs {COLUMNS} x {ROWS}\n"
            f"this terminal is {size.width} x {size.height}\n{run}q quits"
        )
