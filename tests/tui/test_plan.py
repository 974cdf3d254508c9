"""The plan: choosing by keys and mouse, the live summary, starting, and what is wrong said."""

from __future__ import annotations

import asyncio
import threading
from datetime import date
from typing import Any

import pytest
from textual.widgets import Input
from textual.widgets._footer import FooterKey

from neonsync.errors import AccessError, ConfigError
from neonsync.selection import Selection
from neonsync.tui.screens.plan import PlanScreen
from neonsync.tui.screens.run import RunScreen
from tests.tui.conftest import text_of, until
from tests.tui.fakes import MAIN, Fakes, report_of
from tests.tui.plan_pilot import PlanLake, plan_fakes, planning, settled


@pytest.fixture
def fakes() -> Fakes:
    return plan_fakes()


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("plan_lists", "plan_summary"):
        monkeypatch.setattr(f"neonsync.tui.screens.{module}.DEBOUNCE", 0.05)


@pytest.fixture
def lake(fakes: Fakes) -> PlanLake:
    assert isinstance(fakes.lake, PlanLake)
    return fakes.lake


def said(screen: PlanScreen) -> str:
    return text_of(screen.ui)


async def test_tables_are_chosen_by_keys(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("i")
        await until(pilot, lambda: "choose a table; a takes all" in said(screen))
        await pilot.press("space", "j", "j", "space")
        await until(pilot, lambda: "--tables claims,members" in said(screen))
        assert "Tables 2/5" in said(screen)
        await pilot.press("a")
        await until(pilot, lambda: "Tables 5/5" in said(screen))
        assert "--tables" not in said(screen)


async def test_keys_that_come_at_once_toggle_the_rows_they_are_meant_for(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        boxes = screen.tables.boxes
        boxes.action_select()
        boxes.action_cursor_down()
        boxes.action_select()
        await until(pilot, lambda: screen.form.tables == ("members", "providers", "plans"))


async def test_tables_and_states_are_chosen_by_mouse(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.click(screen.tables.boxes, offset=(8, 1))
        await until(pilot, lambda: "[ ] claim_lines" in said(screen))
        await pilot.click(screen.states.boxes, offset=(5, 4))
        await until(pilot, lambda: "--states CA" in said(screen))
        assert "States 1/9" in said(screen)


async def test_the_mode_is_chosen_by_key_and_mouse(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("m")
        await until(pilot, lambda: "--mode schema-only" in said(screen))
        assert "From" not in said(screen)
        await pilot.click("#test-data")
        await until(pilot, lambda: "--mode test-data" in said(screen))
        assert "Scenario" in said(screen)
        assert "rows are made" in said(screen)
        await pilot.press("m")
        await until(pilot, lambda: "--mode" not in said(screen))


async def test_days_are_chosen_by_keys_and_mouse_or_typed(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.click("#days", offset=(7, 0))
        await until(pilot, lambda: "--days 30" in said(screen))
        assert "from 2026-10-24 on" in said(screen)
        await pilot.press("left")
        await until(pilot, lambda: "--days 7" in said(screen))
        screen.query_one("#first", Input).focus()
        await pilot.press(*"2026-09-31")
        await until(pilot, lambda: "✗ F5 waits: from 2026-09-31 is no date" in said(screen))
        assert "! from 2026-09-31 is no date" in said(screen)
        assert "(●) 7" not in said(screen)
        await pilot.press("backspace", "0")
        await until(pilot, lambda: "--from 2026-09-30" in said(screen))
        screen.query_one("#days").focus()
        await pilot.press("right", "left", "left")
        await until(pilot, lambda: "--from" not in said(screen))
        assert screen.query_one("#first", Input).value == ""


async def test_options_of_test_data_are_typed(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("m", "m")
        screen.query_one("#option-rows Input", Input).focus()
        await pilot.press(*"9x")
        await until(pilot, lambda: "rows: must be a whole number" in said(screen))
        await pilot.press("backspace")
        screen.query_one("#option-scenario LineChoice").focus()
        await pilot.press("right", "right")
        await until(
            pilot, lambda: "--rows 9 --scenario high-demand" in said(screen).replace("\n     ", " ")
        )


async def test_nothing_starts_before_its_plan_can_be_read(fakes: Fakes, lake: PlanLake) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        lake.hold = threading.Event()
        await pilot.press("i", "i", "space", "f5")
        await until(pilot, lambda: "F5 starts once the plan is worked out." in said(screen))
        assert screen.ui.run_controller is None
        lake.hold.set()
        lake.hold = None
        await settled(pilot, screen)
        await pilot.press("f5")
        await until(pilot, lambda: screen.ui.run_controller is not None)


async def test_a_plan_is_asked_for_when_the_form_rests(
    fakes: Fakes, lake: PlanLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        before = len(lake.previews())
        monkeypatch.setattr("neonsync.tui.screens.plan_summary.DEBOUNCE", 2.0)
        for key in ("claims", "claim_lines", "members"):
            screen.tables.boxes.deselect(key)
        await until(pilot, lambda: len(screen.form.tables) == 2)
        await until(pilot, lambda: screen.bottom.preview is not None)
        assert [each.tables for each in lake.previews()[before:]] == [("providers", "plans")]


async def test_an_answer_to_an_older_question_is_dropped(fakes: Fakes, lake: PlanLake) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        asked, lake.hold = len(lake.previews()), threading.Event()
        await pilot.press("space")
        await until(pilot, lambda: len(lake.previews()) == asked + 1)
        await until(pilot, lambda: screen.query_one("#summary").has_class("-old"))
        assert "5 tables · ~6.0M rows" in said(screen)
        first, lake.hold = lake.hold, None
        await pilot.press("j", "space")
        first.set()
        await until(pilot, lambda: "3 tables · ~3.6M rows" in said(screen))
        assert lake.previews()[-1].tables == ("members", "providers", "plans")
        assert not screen.query_one("#summary").has_class("-old")


async def test_sizes_come_in_without_moving_the_cursor(fakes: Fakes, lake: PlanLake) -> None:
    lake.hold = threading.Event()
    async with planning(fakes) as (pilot, screen):
        await until(pilot, lambda: "[x] plans" in said(screen))
        await pilot.press("j", "j", "space")
        await until(pilot, lambda: "[ ] members" in said(screen))
        assert len([call for call in lake.made if call[0] == "look"]) == 3
        lake.hold.set()
        await settled(pilot, screen)
        assert screen.tables.boxes.highlighted == 2
        assert screen.form.tables == ("claims", "claim_lines", "providers", "plans")
        assert "[ ] members ! access" in said(screen)


async def test_states_are_of_the_chosen_tables(fakes: Fakes, lake: PlanLake) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        assert ("states", ("claims", "claim_lines")) in lake.made
        await pilot.press("space")
        await until(pilot, lambda: ("states", ("claim_lines",)) in lake.made)
        await pilot.press("j", "space")
        await until(pilot, lambda: "no chosen table" in said(screen))


async def test_states_are_filtered_and_stay_chosen(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        screen.states.boxes.focus()
        await pilot.press("space", "slash", "t", "enter", "a")
        await until(pilot, lambda: "--states AK,CT,TX" in said(screen))
        assert "[ ] AL" not in said(screen)
        await pilot.press("escape")
        await until(pilot, lambda: "[ ] AL" in said(screen))
        assert screen.form.states == ("AK", "CT", "TX")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(pilot.app.screen, PlanScreen))


async def test_a_chosen_state_that_is_not_in_the_data_can_be_taken_out(fakes: Fakes) -> None:
    fakes.sync.start = Selection(states=("XX", "CA"))
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        assert "[x] XX ? absent" in said(screen)
        screen.states.boxes.focus()
        await pilot.press("space")
        await until(pilot, lambda: screen.form.states == ("CA",))


async def test_y_copies_the_command(fakes: Fakes, home: Any) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("y")
        assert pilot.app.clipboard == "neonsync --headless --branch dev-kate"


async def test_f5_starts_what_the_form_selects(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("space", "f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        (call,) = fakes.sync.made
        assert call[0] == "job"
        assert call[1] == Selection(
            branch="dev-kate", tables=("claim_lines", "members", "providers", "plans")
        )


async def test_f5_can_be_clicked(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)

        def starts() -> list[FooterKey]:  # the footer is made anew when its keys change
            return [key for key in screen.query(FooterKey) if key.action.endswith("start_run")]

        await until(pilot, lambda: bool(starts()))
        await pilot.click(starts()[0])
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


async def test_f5_does_nothing_while_something_is_wrong(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("i", "f5", "p", "y", "w")
        await until(pilot, lambda: "F5 waits: choose a table" in said(screen))
        assert pilot.app.screen is screen
        assert fakes.sync.made == []


async def test_one_run_at_a_time(fakes: Fakes) -> None:
    release = threading.Event()

    async def carry_out(emit: Any, cancel: Any) -> Any:
        await asyncio.to_thread(release.wait, 30)
        return report_of()

    fakes.sync.carry_out = carry_out
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        await pilot.press("escape")
        await until(pilot, lambda: "F5 waits: a run is at work" in said(screen))
        await pilot.press("f5")
        assert len(fakes.sync.made) == 1
        release.set()
        await until(pilot, lambda: "F5 starts" in said(screen))


async def test_settings_that_are_wrong_are_said_in_place_of_the_plan(fakes: Fakes) -> None:
    fakes.sync.error = ConfigError("report_dir [/x] cannot be written", "Choose another.")
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("f5")
        await until(pilot, lambda: "report_dir [/x] cannot be written" in said(screen))
        assert "Choose another." in said(screen)


async def test_a_guarded_branch_wants_its_name_for_each_run(fakes: Fakes, lake: PlanLake) -> None:
    async with planning(fakes, MAIN) as (pilot, screen):
        await settled(pilot, screen)
        assert lake.previews()[-1].confirm == ("main",)
        assert "! protected" in said(screen)
        assert "F5 waits: type main to confirm" in said(screen)
        await pilot.press("f5")
        assert pilot.app.screen is screen
        screen.query_one("#typed", Input).focus()
        await pilot.press(*"mai")
        await until(pilot, lambda: "that is not its name" in said(screen))
        await pilot.press("n")
        await until(pilot, lambda: "F5 starts: full into main" in said(screen))
        assert "--branch main --confirm main" in said(screen)
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        assert fakes.sync.made[0][1].confirm == ("main",)
        await pilot.press("escape")
        await until(pilot, lambda: "type main to confirm" in said(screen))


async def test_a_child_of_a_guarded_branch_needs_no_name(fakes: Fakes) -> None:
    async with planning(fakes, MAIN) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.click("#via")
        await until(pilot, lambda: "into a child of main that expires in a day" in said(screen))
        assert "--branch main --via-branch" in said(screen)
        assert "Type main" not in said(screen)
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        assert fakes.sync.made[0][1] == Selection(branch="main", via_branch=True)


async def test_run_again_fills_the_form_in(fakes: Fakes) -> None:
    again = Selection(
        branch="old",
        mode="full",
        tables=("claims", "gone"),
        states=("TX",),
        first=date(2026, 1, 1),
        jobs=4,
    )
    async with planning(fakes, selection=again, size=(120, 40)) as (pilot, screen):
        await settled(pilot, screen)
        text = said(screen)
        assert "! gone is not among the configured tables" in text
        assert "! it was for old; this plan goes into dev-kate" in text
        assert "--branch dev-kate --tables claims --states TX --jobs 4 --from 2026-01-01" in text
        assert "[x] claims" in text
        assert "[ ] members" in text
        assert "[x] TX" in text


async def test_a_plan_that_cannot_be_made_says_why_and_is_tried_again(
    fakes: Fakes, lake: PlanLake
) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        lake.error = AccessError("Athena cannot be reached [/x]", "Check the network.")
        await pilot.press("space")
        await until(pilot, lambda: "✗ Athena cannot be reached [/x]" in said(screen))
        assert "Check the network." in said(screen)
        assert "F5 waits: the plan cannot be made; r tries again" in said(screen)
        await pilot.press("f5")
        assert pilot.app.screen is screen
        lake.error = None
        await pilot.press("r")
        await until(pilot, lambda: "F5 starts" in said(screen) and "4 tables" in said(screen))
        assert screen.form.tables == ("claim_lines", "members", "providers", "plans")


async def test_text_from_outside_is_inert(fakes: Fakes, lake: PlanLake) -> None:
    from neonsync.tui.ports import LakeTable

    lake.offered = [
        LakeTable("[/x]", "::error", state_column="s", problem="\x1b[31mred [/y]"),
        LakeTable("\x1b[2J", "t"),
    ]
    lake.found_states = ("[/z]", "[red]", "\x1b[0m")
    lake.warnings = ("[/w]",)
    async with planning(fakes, size=(120, 40)) as (pilot, screen):
        await settled(pilot, screen)
        text = said(screen)
        for shown in ("[/x] ! \\x1b[31mred [/y]", "\\x1b[2J", "[/z]", "[red]", "! [/w]"):
            assert shown in text
        assert "\x1b" not in text
