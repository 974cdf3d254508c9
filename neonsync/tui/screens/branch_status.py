"""The line below the table of branches: the filter, how many there are, how old that is."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input

from neonsync.tui.widgets.said import Said


class BranchStatus(Horizontal):
    """One line; the filter is in it while there is one."""

    DEFAULT_CSS = """
    BranchStatus { height: 1; padding: 0 1; background: $background; }
    BranchStatus Input { width: 24; margin: 0 1 0 0; display: none; }
    BranchStatus.-filter Input { display: block; }
    BranchStatus #told { width: 1fr; padding: 0 1 0 0; }
    BranchStatus #age { width: auto; color: $text-muted; }
    """

    class Filtered(Message):
        """The filter has other words; ``done`` when one goes on with what it shows."""

        def __init__(self, *, done: bool) -> None:
            super().__init__()
            self.done = done

    def compose(self) -> ComposeResult:
        """The filter, what there is, its age."""
        yield Input(placeholder="part of a name or id", compact=True)
        yield Said(classes="line", id="told")
        yield Said(id="age")

    @property
    def words(self) -> str:
        """What is filtered by."""
        return self.query_one(Input).value

    def show(self, told: str, age: str) -> None:
        """Say it; only what differs is drawn."""
        self.query_one("#told", Said).say(told)
        self.query_one("#age", Said).say(age)

    def open_filter(self) -> None:
        """Let one type."""
        self.add_class("-filter")
        self.screen.set_focus(self.query_one(Input))  # at once, for what is typed behind

    def close_filter(self, *, clear: bool) -> None:
        """Away with it, when it is empty or to be cleared."""
        if clear:
            self.query_one(Input).value = ""
        self.set_class(bool(self.words), "-filter")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Filtered(done=False))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Filtered(done=True))
