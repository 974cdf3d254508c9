"""The left of the plan: mode, days, options, the way into the branch, and the name to confirm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Checkbox, Input, Label, RadioSet

from neonsync.report.wording import printable
from neonsync.tui.plan_choices import OPTIONS, Option
from neonsync.tui.plan_form import (
    ALL_DAYS,
    MODES,
    Around,
    Judged,
    PlanForm,
    dates_matter,
    needs_name,
    option_matters,
    quick_choices,
    range_words,
)
from neonsync.tui.widgets.choices import Choice, Tick
from neonsync.tui.widgets.line_choice import LineChoice
from neonsync.tui.widgets.said import Said

_MEANT = {"full": "real rows", "schema-only": "no rows", "test-data": "made rows"}
_SHORT_NAME = 14
"""A longer name stands in the breadcrumb only."""


class OptionLine(Vertical):
    """An option in one line, its mistake below; its meaning is in the help while it has focus."""

    DEFAULT_CSS = """
    OptionLine { height: auto; }
    OptionLine > Horizontal { height: 1; }
    OptionLine Label { width: 10; }
    """

    def __init__(self, option: Option) -> None:
        super().__init__(id=f"option-{option.name}")
        self.option = option
        self.about = f"{option.label}. {option.about}"

    def compose(self) -> ComposeResult:
        """Label and line, or label and choices."""
        option = self.option
        with Horizontal():
            yield Label(option.label, markup=False)
            if option.choices:
                yield LineChoice([(each, each) for each in option.choices])
            else:
                yield Input(placeholder=option.empty, select_on_focus=False, compact=True)
        yield Said(classes="mistake")

    @property
    def value(self) -> str:
        """What is typed or chosen."""
        if self.option.choices:
            return self.query_one(LineChoice).value
        return self.query_one(Input).value

    def put(self, value: str) -> None:
        """Fill it in."""
        if self.option.choices:
            self.query_one(LineChoice).value = value
        elif value != self.value:
            self.query_one(Input).value = value


class PlanOptions(VerticalScroll, can_focus=False):
    """All that is typed or chosen beside tables and states."""

    DEFAULT_CSS = """
    PlanOptions { scrollbar-size-vertical: 1; }
    PlanOptions RadioSet, PlanOptions RadioSet:focus { border: round $foreground 30%; padding: 0;
        background: transparent; background-tint: $background 0%; }
    PlanOptions RadioSet:focus { border: round $accent; }
    PlanOptions Input { padding: 0 1; background: $panel; width: 1fr; }
    PlanOptions Input:focus { background: $accent 25%; }
    PlanOptions Tick { margin: 0 1; }
    PlanOptions Tick:focus { background: $accent 25%; }
    PlanOptions .row { height: 1; }
    PlanOptions .dates { height: auto; padding: 0 1; }
    PlanOptions .dates Input { margin: 0 1 0 0; }
    PlanOptions .dates .row Label { width: 1fr; }
    PlanOptions .said { color: $text-muted; height: auto; }
    PlanOptions .mistake, PlanOptions .said.-wrong { color: $error; height: auto; }
    PlanOptions .mistake { display: none; }
    PlanOptions .-wrong > .mistake { display: block; }
    PlanOptions OptionLine { padding: 0 1; }
    PlanOptions #confirm { height: 1; padding: 0 1; }
    PlanOptions #confirm .ask { width: auto; color: $warning; text-style: bold; margin: 0 1 0 0; }
    PlanOptions #confirm.-wrong .ask { color: $error; }
    PlanOptions .off { display: none; }
    """

    class Changed(Message):
        """The form reads otherwise now."""

    def compose(self) -> ComposeResult:
        """Everything; what the mode has no use for is hidden."""
        modes = RadioSet(
            *(Choice(f"{name:<11} {_MEANT[mode]}", id=mode) for mode, name in MODES.items()),
            id="mode",
        )
        modes.border_title = "Mode"
        yield modes
        with Vertical(id="dates", classes="dates"):
            with Horizontal(classes="row"):
                yield Label("From")
                yield Label("To")
            with Horizontal(classes="row"):
                yield Input(
                    id="first", placeholder="first day", select_on_focus=False, compact=True
                )
                yield Input(id="last", placeholder="last day", select_on_focus=False, compact=True)
            yield Said(classes="said")
            yield LineChoice(quick_choices(), ALL_DAYS, id="days")
        # What a run into a guarded branch needs must be seen without scrolling.
        with Horizontal(id="confirm"):
            yield Said(classes="ask")
            yield Input(id="typed", placeholder="to confirm", select_on_focus=False, compact=True)
        yield Tick("via a child for a day", id="via")
        for option in OPTIONS:
            yield OptionLine(option)

    def fill(self, form: PlanForm, around: Around) -> None:
        """Show what a form holds."""
        days = self.query_one("#days", LineChoice)
        days.set_choices(quick_choices(around.base.days, form.days))
        self._put_range(form)
        self.show_mode(form.mode)
        for line in self.query(OptionLine):
            line.put(form.options.get(line.option.name, ""))
        self.query_one("#via", Checkbox).value = form.via_branch
        self.query_one("#typed", Input).value = form.typed

    def show_mode(self, mode: str) -> None:
        """Choose a mode."""
        self.query_one(f"#{mode}", Choice).value = True

    def read(self, before: PlanForm) -> PlanForm:
        """The form with what stands here now. Days that are typed are bounds."""
        pressed = self.query_one("#mode", RadioSet).pressed_button
        first, last = (self.query_one(name, Input).value for name in ("#first", "#last"))
        quick = self.query_one("#days", LineChoice).value
        bounds = bool(first.strip() or last.strip())
        return replace(
            before,
            mode=(pressed.id if pressed is not None else None) or before.mode,
            days=int(quick) if quick.isdecimal() and not bounds else None,
            first=first,
            last=last,
            options={line.option.name: line.value for line in self.query(OptionLine)},
            via_branch=self.query_one("#via", Checkbox).value,
            typed=self.query_one("#typed", Input).value,
        )

    def show(self, form: PlanForm, around: Around, judged: Judged, today: date) -> None:
        """Show what matters in the mode, and what is wrong beside its field."""
        self.query_one("#days", LineChoice).value = form.quick
        self.query_one("#dates").set_class(not dates_matter(form.mode), "off")
        problems = judged.problems
        wrong = problems.get("first") or problems.get("last") or ""
        said = self.query_one("#dates .said", Said)
        said.say(self._wrong(wrong) if wrong else range_words(form, today))
        said.set_class(bool(wrong), "-wrong")
        for line in self.query(OptionLine):
            line.set_class(not option_matters(line.option, form), "off")
            self._show_mistake(line, problems)
        confirm = self.query_one("#confirm")
        confirm.set_class(not needs_name(form, around), "off")
        wrong_name = bool(form.typed) and "confirm" in problems
        confirm.set_class(wrong_name, "-wrong")
        name = around.branch.name
        ask = "Type " + (printable(name) if len(name) <= _SHORT_NAME else "its name")
        confirm.query_one(Said).say(self._wrong(ask) if wrong_name else ask)

    def _show_mistake(self, line: OptionLine, problems: Mapping[str, str]) -> None:
        problem = problems.get(line.option.name, "")
        line.set_class(bool(problem), "-wrong")
        line.query_one(Said).say(self._wrong(problem))

    @staticmethod
    def _wrong(problem: str) -> str:
        return f"! {printable(problem)}"

    def _put_range(self, form: PlanForm) -> None:
        self.query_one("#days", LineChoice).value = form.quick
        self.query_one("#first", Input).value = form.first
        self.query_one("#last", Input).value = form.last

    @on(LineChoice.Changed, "#days")
    def _choose_days(self, event: LineChoice.Changed) -> None:
        # A quick choice takes the place of what was typed.
        for name in ("#first", "#last"):
            self.query_one(name, Input).value = ""
        self._tell(event)

    @on(LineChoice.Changed)
    @on(Input.Changed)
    @on(RadioSet.Changed)
    @on(Checkbox.Changed)
    def _tell(self, event: Message) -> None:
        event.stop()
        self.post_message(self.Changed())
