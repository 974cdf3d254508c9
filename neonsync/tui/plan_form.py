"""The form of a plan: what stands in it, what is wrong with it, and the selection it makes. Pure.

What a mode has no use for is left in the selection as the configuration has it: flags without
effect would only lengthen the command, and some are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from neonsync.selection import Selection
from neonsync.settings import values
from neonsync.tui.plan_choices import OPTIONS, Option
from neonsync.tui.plan_tables import chosen_keys, is_named, keyed
from neonsync.tui.ports import BranchRow, LakeTable

MODES = {
    "full": "Full",
    "schema-only": "Schema only",
    "test-data": "Test data",
}
"""In their order, with what they are called."""
QUICK_DAYS = (7, 30, 90)
ALL_DAYS = "all"


@dataclass(frozen=True)
class PlanForm:
    """What stands in the form. ``tables`` are keys of ``plan_tables.keyed``; no states are all.

    ``days`` is a quick choice, or None; then the two texts bound the days. ``options`` are texts
    by name. ``typed`` is the branch's name as it was typed to confirm.
    """

    mode: str = "full"
    tables: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    days: int | None = None
    first: str = ""
    last: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    via_branch: bool = False
    typed: str = ""

    @property
    def quick(self) -> str:
        """The quick choice that the days are: a number, all, or empty for bounds of one's own."""
        if self.days is not None:
            return str(self.days)
        return "" if self.first.strip() or self.last.strip() else ALL_DAYS


@dataclass(frozen=True)
class Around:
    """What a form is judged by: the target, the tables there are, what is configured."""

    branch: BranchRow
    offered: tuple[LakeTable, ...]
    base: Selection


@dataclass(frozen=True)
class Judged:
    """A form with its mistakes by field; ``selection`` is what its good part selects.

    The fields are tables, first, last, confirm and the names of options.
    """

    selection: Selection
    problems: Mapping[str, str]

    def to_look_at(self, branch: BranchRow) -> Selection:
        """The selection as it is planned: to look, nothing need be confirmed."""
        confirmed = self.selection.confirm
        if not branch.guarded or branch.name in confirmed:
            return self.selection
        return replace(self.selection, confirm=(*confirmed, branch.name))

    @property
    def plan_problem(self) -> str:
        """Why there cannot even be a plan; empty when there can."""
        return next((text for name, text in self.problems.items() if name != "confirm"), "")

    @property
    def problem(self) -> str:
        """Why there cannot be a run; empty when there can."""
        return self.plan_problem or self.problems.get("confirm", "")


def judge(form: PlanForm, around: Around) -> Judged:
    """The selection of a form, and what is wrong with it."""
    base = around.base
    problems: dict[str, str] = {}
    changes: dict[str, Any] = {
        "branch": around.branch.name,
        "mode": form.mode,
        "tables": _tables(form, around, problems),
        "states": _states(form, around),
        "via_branch": form.via_branch,
        "confirm": base.confirm,
    }
    if dates_matter(form.mode):
        changes |= _days(form, problems)
    for option in OPTIONS:
        if option_matters(option, form):
            _read_option(option, form, changes, problems)
    if needs_name(form, around):
        if form.typed == around.branch.name:
            changes["confirm"] = (*base.confirm, around.branch.name)
        else:
            asked = f"type {around.branch.name} to confirm"
            problems["confirm"] = f"that is not its name; {asked}" if form.typed else asked
    return Judged(replace(base, **changes), problems)


def fill(selection: Selection, around: Around) -> PlanForm:
    """The form that selects what ``selection`` does. A name typed before is not taken over."""
    return PlanForm(
        mode=selection.mode if selection.mode in MODES else "full",
        tables=chosen_keys(selection.tables, around.offered),
        states=selection.states,
        days=selection.days,
        first=selection.first.isoformat() if selection.first else "",
        last=selection.last.isoformat() if selection.last else "",
        options={option.name: _text(getattr(selection, option.name)) for option in OPTIONS},
        via_branch=selection.via_branch,
    )


def left_out(selection: Selection, around: Around) -> list[str]:
    """What of a selection the form cannot take over, in words."""
    names = [
        name
        for name in selection.tables
        if not any(is_named(table, name) for table in around.offered)
    ]
    said = [f"{name} is not among the configured tables any more" for name in names]
    if selection.config is not None and not _is(selection.config, around.base.config):
        said.append(f"it was made with {selection.config}; this plan is of the configuration here")
    if selection.branch and selection.branch != around.branch.name:
        said.append(f"it was for {selection.branch}; this plan goes into {around.branch.name}")
    return said


def _is(file: Path, other: Path | None) -> bool:
    # The history keeps whole paths, and --config is as it was typed.
    return other is not None and file.absolute() == other.absolute()


# Which controls mean something.


def dates_matter(mode: str) -> bool:
    """Whether the days say which rows are copied."""
    return mode == "full"


def option_matters(option: Option, form: PlanForm) -> bool:
    """Whether an option says something of the run; else it stays as it is configured."""
    if option.name == "allow_delete" and form.options.get("on_missing") != "delete":
        return False
    return form.mode in option.modes


def states_obstacle(form: PlanForm, around: Around) -> str:
    """Why no states can be chosen; empty when they can."""
    if form.mode == "schema-only":
        return "no rows are copied"
    if form.mode == "test-data":
        return "rows are made, not copied"
    if not form.tables:
        return "choose a table first"
    return "" if tables_with_states(form, around) else "no chosen table has a state column"


def tables_with_states(form: PlanForm, around: Around) -> tuple[str, ...]:
    """The chosen tables whose rows have a state."""
    return tuple(
        key
        for key, table in keyed(around.offered).items()
        if key in form.tables and table.state_column
    )


def needs_name(form: PlanForm, around: Around) -> bool:
    """Whether the branch's name has to be typed: a child of it may be written without."""
    branch = around.branch
    return branch.guarded and not form.via_branch and branch.name not in around.base.confirm


def guard_word(branch: BranchRow) -> str:
    """What makes a branch one to be careful with, in a word; empty for others."""
    if branch.protected:
        return "protected"
    return "default branch" if branch.default else ""


def quick_choices(*known: int | None) -> tuple[tuple[str, str], ...]:
    """The quick choices with labels; days that a configuration asks for are among them."""
    days = sorted({*QUICK_DAYS, *(each for each in known if each)})
    return (*((str(each), str(each)) for each in days), (ALL_DAYS, "all"))


def range_words(form: PlanForm, today: date) -> str:
    """Which days are taken, in words; ``today`` is in UTC, as the engine counts."""
    if form.days is not None:
        return f"from {today - timedelta(days=form.days)} on"
    if form.quick == ALL_DAYS:
        return "all days"
    if form.first.strip() and form.last.strip():
        return "both days included"
    return "from this day on" if form.first.strip() else "up to this day, and with it"


def next_mode(mode: str) -> str:
    """The mode after this one; the first after the last."""
    modes = list(MODES)
    return modes[(modes.index(mode) + 1) % len(modes)]


def _tables(form: PlanForm, around: Around, problems: dict[str, str]) -> tuple[str, ...]:
    keys = tuple(keyed(around.offered))
    chosen = tuple(key for key in keys if key in form.tables)
    base = around.base.tables
    if not keys:
        problems["tables"] = "no tables are configured: neonsync tables add NAME"
    elif not chosen:
        problems["tables"] = "choose a table; a takes all"
    # As configured, where that is the same: the command is shorter.
    if chosen == chosen_keys(base, around.offered):
        return base
    return () if chosen == keys else chosen


def _states(form: PlanForm, around: Around) -> tuple[str, ...]:
    base = around.base.states
    if not tables_with_states(form, around):
        return ()  # they are refused where no table has any
    if form.mode != "full" or set(form.states) == set(base):
        return base
    return form.states


def _days(form: PlanForm, problems: dict[str, str]) -> dict[str, Any]:
    if form.days is not None:
        return {"days": form.days, "first": None, "last": None}
    first = _day("from", "first", form.first, problems)
    last = _day("to", "last", form.last, problems)
    if first is not None and last is not None and first > last:
        problems["last"] = "to is before from"
    return {"days": None, "first": first, "last": last}


def _day(label: str, name: str, text: str, problems: dict[str, str]) -> date | None:
    try:
        return values.day(text.strip())
    except ValueError:
        like = re.fullmatch(r"\d{4}-\d{2}-\d{2}", text.strip())
        problems[name] = (
            f"{label} {text.strip()} is no date" if like else f"{label}: like 2026-01-31"
        )
        return None


def _read_option(
    option: Option, form: PlanForm, changes: dict[str, Any], problems: dict[str, str]
) -> None:
    try:
        changes[option.name] = option.read(form.options.get(option.name, "").strip())
    except ValueError as error:
        problems[option.name] = f"{option.label.lower()}: {error}"


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)
