"""What went wrong in a run, whole, to be read and copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button, Static

from neonsync.report.wording import printable
from neonsync.secret import redact
from neonsync.tui.run_events import Problem
from neonsync.tui.run_view import RunSnapshot
from neonsync.tui.screens.base import Dialog


class RunError(Dialog[None]):
    """All problems of a run. ``y`` copies them, as text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy", id="view.copy"),
        Binding("e", "cancel", "Close", show=False, id="run.errors.close"),
    ]
    DEFAULT_CSS = """
    RunError > .box { width: 90%; }
    RunError VerticalScroll { height: auto; max-height: 14; }
    """

    def __init__(self, problems: Sequence[Problem], *, ascii_only: bool = False) -> None:
        super().__init__()
        self._text = "\n\n".join(described(each, ascii_only=ascii_only) for each in problems)

    def compose(self) -> ComposeResult:
        """The text, and the ways out."""
        box = VerticalScroll(classes="box -danger", can_focus=False)
        box.border_title = "Errors and warnings"
        with box:
            with VerticalScroll(id="problems"):
                yield Static(Text(self._text))
            with Horizontal(classes="buttons"):
                yield Button("Copy (y)", id="copy", compact=True)
                yield Button("Close", id="close", compact=True)

    def on_mount(self) -> None:
        """Enter closes, the arrows scroll."""
        self.query_one("#close", Button).focus()

    def action_copy(self) -> None:
        """All of it."""
        self.ui.copy(self._text, "the errors")

    @on(Button.Pressed, "#copy")
    def _copy(self) -> None:
        self.action_copy()

    @on(Button.Pressed, "#close")
    def _close(self) -> None:
        self.action_cancel()


def problems_of(snapshot: RunSnapshot) -> list[Problem]:
    """Errors before warnings; what the report adds, of a run that never began, with them."""
    found = list(snapshot.problems)
    if snapshot.failure:
        found.append(Problem("error", "", snapshot.failure, snapshot.remedy))
    said = {problem.message for problem in found}
    report = snapshot.report.report if snapshot.report is not None else {}
    for error in report.get("errors") or ():
        message, remedy = (_inert(error.get(key, "")) for key in ("message", "remedy"))
        # A failed check is told by its own event already.
        if message not in said and not (snapshot.begun and found):
            found.append(Problem("error", "", message, remedy))
    return sorted(found, key=lambda problem: problem.level != "error")


def described(problem: Problem, *, ascii_only: bool = False) -> str:
    """One problem with what to do about it."""
    mark = "!" if problem.level != "error" else "x" if ascii_only else "✗"
    about = f"{problem.table}: " if problem.table else ""
    remedy = f"\n  {problem.remedy}" if problem.remedy else ""
    return f"{mark} {about}{problem.message}{remedy}"


def _inert(text: object) -> str:
    return printable(redact(str(text)))
