"""An error in a dialog: what happened, what to do, the request's id; all of it can be copied."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from neonsync.report.wording import printable
from neonsync.tui.screens.base import Dialog
from neonsync.tui.widgets.panel import Failure


class ErrorDialog(Dialog[None]):
    """Says what went wrong; ``y`` copies it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", id="error.copy"),
    ]

    def __init__(self, title: str, failure: Failure) -> None:
        """``title`` says what was tried, as ``Deleting dev-kate failed``."""
        super().__init__()
        self._heading = title
        self._failure = failure

    def compose(self) -> ComposeResult:
        """Message, remedy, id, buttons."""
        box = VerticalScroll(classes="box -danger", can_focus=False)
        box.border_title = Text(printable(self._heading))
        mark = "x" if self.ui.preferences.ascii_only else "✗"
        text = Text.assemble((f"{mark} {self._failure.message}", "bold"))
        if self._failure.remedy:
            text.append(f"\n\n{self._failure.remedy}")
        if self._failure.request_id:
            text.append(f"\n\nrequest id {self._failure.request_id}", "dim")
        with box:
            yield Static(text)
            with Horizontal(classes="buttons"):
                yield Button("Copy (y)", id="copy", compact=True)
                yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """Enter closes."""
        self.query_one("#close", Button).focus()

    @on(Button.Pressed, "#copy")
    def action_copy(self) -> None:
        """Copy all of it, for a ticket."""
        failure = self._failure
        request = f"request id {failure.request_id}" if failure.request_id else ""
        parts = (self._heading, failure.message, failure.remedy, request)
        self.ui.copy("\n".join(filter(None, parts)), "the error")

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.action_cancel()
