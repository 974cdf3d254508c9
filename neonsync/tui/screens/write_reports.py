"""Where a run's reports shall be written."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Input

from neonsync.tui.screens.base import Dialog
from neonsync.tui.widgets.field import Field


class WriteReports(Dialog[str]):
    """Asks for a directory; gives it, or None."""

    def __init__(self, directory: str) -> None:
        super().__init__()
        self._directory = directory

    def compose(self) -> ComposeResult:
        """A line and the buttons."""
        box = VerticalScroll(classes="box", can_focus=False)
        box.border_title = "Write the reports"
        with box:
            yield Field("Directory; it is made where it is not", self._directory, check=_problem)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Write", id="go", compact=True)

    def on_mount(self) -> None:
        """One types at once."""
        self.query_one(Field).focus_line()

    @on(Field.Changed)
    def _changed(self, event: Field.Changed) -> None:
        self.query_one("#go", Button).disabled = bool(event.problem)

    @on(Input.Submitted)
    @on(Button.Pressed, "#go")
    def _go(self) -> None:
        value = self.query_one(Field).value
        if not _problem(value):
            self.dismiss(value)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_cancel()


def _problem(text: str) -> str:
    return "" if text.strip() else "a directory is needed"
