"""A text in a dialog, to be read and copied: what went wrong, or all that is known of something."""

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


class Reading(Dialog[None]):
    """The arrows scroll, ``y`` copies all of it, enter closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", id="view.copy"),
        Binding("enter", "cancel", "Close", show=False, id="reading.close"),
        Binding("question_mark,f1", "help", "Help", key_display="?", show=False, id="view.help"),
    ]
    HELP = "All that is known of it. The arrows scroll, and y copies the whole text."
    DEFAULT_CSS = """
    Reading > .box { width: 92%; }
    Reading > .box.-small { width: 62; }
    Reading #text { height: auto; max-height: 62vh; }
    """

    def __init__(
        self, title: str, text: Text, what: str, *, copied: str = "", classes: str = ""
    ) -> None:
        """``what`` is copied, in words: the text, or ``copied``; ``classes`` are the box's."""
        super().__init__()
        self._copied = copied or text.plain
        self._heading = title
        self._text = text
        self._what = what
        self._box = classes

    def compose(self) -> ComposeResult:
        """The text, and the ways out."""
        box = VerticalScroll(classes=f"box {self._box}", can_focus=False)
        box.border_title = Text(printable(self._heading))
        with box:
            with VerticalScroll(id="text"):
                yield Static(self._text)
            with Horizontal(classes="buttons"):
                yield Button("Copy (y)", id="copy", compact=True)
                yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """The arrows scroll."""
        self.query_one("#text").focus()

    @on(Button.Pressed, "#copy")
    def action_copy(self) -> None:
        """All of it, for a ticket."""
        self.ui.copy(self._copied, self._what)

    def action_help(self) -> None:
        """The keys, and what the signs mean."""
        self.ui.open_help()

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.action_cancel()


class ErrorDialog(Reading):
    """What went wrong, what to do, the request's id."""

    def __init__(self, title: str, failure: Failure) -> None:
        """``title`` says what was tried, as ``Deleting dev-kate: failed``."""
        text = Text.assemble((f"✗ {failure.message}", "bold"))
        if failure.remedy:
            text.append(f"\n\n{failure.remedy}")
        request = f"request id {failure.request_id}" if failure.request_id else ""
        if request:
            text.append(f"\n\n{request}", "dim")
        parts = filter(None, (title, failure.message, failure.remedy, request))
        copied = "\n".join(parts)
        super().__init__(title, text, "the error", copied=copied, classes="-danger -small")
