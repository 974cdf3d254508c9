"""One result, whole: beside the table where there is room, else in a dialog over it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from neonsync.tui.results_view import ResultRow, detail_text
from neonsync.tui.screens.base import Dialog

_TITLES = ("Message", "Try", "Athena SQL", "Postgres SQL")


class ResultDetail(Dialog[None]):
    """The detail, to be read and copied."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", id="view.copy"),
        Binding("enter", "cancel", "Close", show=False, id="results.close"),
    ]
    DEFAULT_CSS = """
    ResultDetail > .box { width: 92%; }
    ResultDetail #detail { height: auto; max-height: 62vh; }
    """

    def __init__(self, row: ResultRow) -> None:
        super().__init__()
        self._row = row

    def compose(self) -> ComposeResult:
        """The text, and the ways out."""
        box = VerticalScroll(classes="box", can_focus=False)
        box.border_title = Text(self._row.check)
        with box:
            with VerticalScroll(id="detail"):
                yield Static(styled(self._row))
            with Horizontal(classes="buttons"):
                yield Button("Copy (y)", id="copy", compact=True)
                yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """The arrows scroll."""
        self.query_one("#detail").focus()

    def action_copy(self) -> None:
        """All of it."""
        self.ui.copy(detail_text(self._row), f"the detail of {self._row.check}")

    @on(Button.Pressed, "#copy")
    def _copy(self) -> None:
        self.action_copy()

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.action_cancel()


def styled(row: ResultRow) -> Text:
    """The detail with its headings in bold."""
    text = Text()
    for number, line in enumerate(detail_text(row).split("\n")):
        text.append("\n" if number else "")
        text.append(line, "bold" if number == 0 or line in _TITLES else "")
    return text
