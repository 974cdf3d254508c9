"""The options of the plan: filled in, selected again, and explained where they have the focus."""

from __future__ import annotations

from dataclasses import replace

import pytest

from neonsync.selection import Selection
from neonsync.tui.plan_choices import OPTIONS, Option
from neonsync.tui.plan_form import Around, fill, judge
from neonsync.tui.screens.help import HelpScreen
from neonsync.tui.widgets.line_choice import LineChoice
from tests.tui.conftest import Screens, text_of, until
from tests.tui.fakes import DEV
from tests.tui.plan_pilot import TABLES, plan_fakes, planning, settled

CHOICES = [(option, choice) for option in OPTIONS for choice in option.choices]


@pytest.mark.parametrize(
    ("option", "choice"), CHOICES, ids=lambda each: getattr(each, "name", each)
)
def test_a_choice_is_filled_in_and_selected_again(option: Option, choice: str) -> None:
    selection = replace(Selection(mode=min(option.modes)), **{option.name: option.read(choice)})
    around = Around(DEV, TABLES, Selection())
    form = fill(selection, around)
    assert form.options[option.name] == choice
    assert getattr(judge(form, around).selection, option.name) == choice


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_says_what_each_of_its_choices_does(option: Option) -> None:
    assert option.about.endswith(".")
    if option.name != "scenario":
        assert all(f"{choice}: " in option.about for choice in option.choices)


async def test_the_help_begins_with_the_option_that_has_the_focus(screens: Screens) -> None:
    async with planning(plan_fakes()) as (pilot, plan):
        await settled(pilot, plan)
        plan.query_one("#option-validation").query_one(LineChoice).focus()
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await until(pilot, lambda: "counts: rows by date." in text_of(pilot.app))
        await screens(pilot)
        await pilot.press("escape")
        plan.query_one("#option-verify_target").query_one(LineChoice).focus()
        await pilot.press("f1")
        await until(pilot, lambda: "all: of all dates." in text_of(pilot.app))
