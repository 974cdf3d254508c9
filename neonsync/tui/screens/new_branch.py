"""A new branch: its name, parent, start and expiry, checked as one types."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Button, Input, Label, RadioSet, Select, Static

from neonsync.report.wording import printable
from neonsync.tui import new_branch_form
from neonsync.tui.new_branch_form import LIVES, OTHER, Form, Start
from neonsync.tui.ports import BranchRow
from neonsync.tui.screens.base import Dialog
from neonsync.tui.widgets.choices import Choice
from neonsync.tui.widgets.field import Field

_STARTS = ((Start.NOW, "now"), (Start.TIME, "at a time"), (Start.SCHEMA, "schema only"))


class NewBranchDialog(Dialog[Form]):
    """Gives the form filled in, without a problem; or None."""

    DEFAULT_CSS = """
    NewBranchDialog Field { layout: grid; grid-size: 2; grid-columns: 15 1fr; grid-rows: 1;
                            height: 2; margin: 0; }
    NewBranchDialog Field .mistake { display: block; height: 1; column-span: 2; width: 100%;
                                     text-wrap: nowrap; text-overflow: ellipsis; }
    NewBranchDialog Field Input { padding: 0; }
    NewBranchDialog .row { height: 1; margin: 0 0 1 0; }
    NewBranchDialog .row > Label { width: 15; }
    NewBranchDialog RadioSet { layout: horizontal; height: 1; width: 1fr; background: transparent;
                               background-tint: transparent; }
    NewBranchDialog RadioSet > RadioButton { width: auto; margin: 0 1 0 0; }
    NewBranchDialog #why { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }
    NewBranchDialog .buttons { margin: 0; }
    """

    def __init__(
        self,
        branches: Sequence[BranchRow],
        now: Callable[[], datetime],
        check_name: Callable[[str], str],
        begin: Form | None = None,
    ) -> None:
        """``now`` is Neon's time; ``begin`` is what was filled in when it failed before."""
        super().__init__()
        self._branches = branches
        self._now = now
        self._check_name = check_name
        default = next((each.name for each in branches if each.default), "")
        self._begin = begin or Form(parent=default)

    def compose(self) -> ComposeResult:
        """The fields, why it cannot be made yet, the buttons."""
        begin = self._begin
        box = VerticalScroll(classes="box", can_focus=False)
        box.border_title = "New branch"
        with box:
            yield Field("Name", begin.name, check=self._check_name, id="name")
            with Horizontal(classes="row"):
                yield Label("Parent")
                yield self._parents()
            with Horizontal(classes="row"):
                yield Label("Start")
                with RadioSet(id="start", compact=True):
                    for start, label in _STARTS:
                        yield Choice(label, start is begin.start, id=start.value)
            yield Field(
                "Time, in UTC",
                begin.time,
                check=self._check_time,
                id="time",
            )
            with Horizontal(classes="row"):
                yield Label("Expires after")
                yield Select(LIVES, value=begin.life, allow_blank=False, compact=True, id="life")
            yield Field("Another time", begin.span, check=self._check_span, id="span")
            yield Static("", markup=False, id="why")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Create", id="create", variant="primary", compact=True)

    def on_mount(self) -> None:
        """One types the name at once."""
        self._settle()
        self.query_one("#name", Field).focus_line()

    def _parents(self) -> Select[str]:
        options = [
            (Content(printable(new_branch_form.parent_label(each))), each.name)
            for each in self._branches
        ]
        names = [each.name for each in self._branches]
        value = self._begin.parent if self._begin.parent in names else names[0]
        return Select(options, value=value, allow_blank=False, compact=True, id="parent")

    @property
    def _form(self) -> Form:
        pressed = self.query_one(RadioSet).pressed_button
        return Form(
            self.query_one("#name", Field).value,
            str(self.query_one("#parent", Select).value),
            Start(pressed.id) if pressed is not None and pressed.id else Start.NOW,
            self.query_one("#time", Field).value,
            str(self.query_one("#life", Select).value),
            self.query_one("#span", Field).value,
        )

    def _check_time(self, text: str) -> str:
        if self._form.start is not Start.TIME or not text:
            return ""
        return new_branch_form.time_problem(text, self._now())

    def _check_span(self, text: str) -> str:
        return new_branch_form.span_problem(text) if text and self._form.life == OTHER else ""

    def _problem(self, form: Form) -> str:
        return form.problem(self._branches, self._now(), self._check_name)

    @on(Field.Changed)
    @on(Select.Changed)
    @on(RadioSet.Changed)
    def _settle(self) -> None:
        """What can be typed, what is wrong, whether it can be made."""
        form = self._form
        self._enable("time", form.start is Start.TIME, "2026-01-31 09:30")
        self._enable("span", form.life == OTHER, "12h")
        problem = self._problem(form)
        self.query_one("#create", Button).disabled = bool(problem)
        why = self.query_one("#why", Static)
        why.set_class(not problem, "dim")
        why.update(
            Text(printable(f"Create waits: {problem}" if problem else form.hint(self._branches)))
        )

    def _enable(self, name: str, used: bool, example: str) -> None:
        field = self.query_one(f"#{name}", Field)
        field.disabled = not used
        # An example in a field that is off would look like what is in force.
        field.query_one(Input).placeholder = f"like {example}" if used else "-"
        field.recheck()

    @on(Input.Submitted)
    @on(Button.Pressed, "#create")
    def _create(self) -> None:
        form = self._form
        if not self._problem(form):
            self.dismiss(form)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_cancel()
