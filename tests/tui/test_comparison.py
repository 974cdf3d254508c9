"""A branch against Athena in the UI: looked at, stopped, repaired."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.pilot import Pilot
from textual.widgets import Button
from textual.widgets._footer import FooterKey

from neonsync.errors import AccessError
from neonsync.selection import Selection
from neonsync.tui.comparison_view import findings, question, state_words
from neonsync.tui.ports import BranchRow, Compared, RepairOffer
from neonsync.tui.screens.comparison import ComparisonScreen
from neonsync.tui.screens.confirm import Ask, TypeName
from neonsync.tui.screens.plan import PlanScreen
from neonsync.tui.screens.run import RunScreen
from tests.tui.conftest import Screens, text_of, until
from tests.tui.fakes import DEV, MAIN, Fakes, report_of
from tests.tui.plan_pilot import plan_fakes, planning, settled

Size = tuple[int, int]
HEAD = "Branch dev-kate (br-dev-kate), database app, against Athena, as both are now"
EQUAL = Compared(
    True,
    "Equal: 2 tables",
    f"""{HEAD}
  ✓ public.claims (CA, from 2026-10-24): 90,112 rows, digest equal on 31 of 31 dates (2.1 s)
  ✓ public.plans: 4,400 rows, digest equal on 1 of 1 date (0.4 s)
Athena: 310.0 MB scanned, $0.00155
Equal: 2 tables""",
)
DIFFERS = Compared(
    False,
    "Differs: 2 of 4 tables differ, on 3 dates; 1 could not be compared",
    f"""{HEAD}
  ✗ public.claims: 2 of 31 dates differ; 90,112 rows in Athena, 90,110 here (2.1 s)
      2026-11-02: 2,900 rows in Athena, 2,898 here
      2026-11-09: 2,911 rows on both sides, with other values
      2 rows are missing: (1007, CA), (1009, CA); 1 row has other values: (1311, TX); \
columns that differ: premium, note [/x]
  ✗ app.plans: 1 of 1 dates differ; 4,400 rows in Athena, 4,401 here (0.4 s)
      no date: 4,400 rows in Athena, 4,401 here
  ✗ public.members: could not be compared: public.members does not exist [31m
      Sync it first.
  ✓ public.providers: 12 rows, digest equal on 1 of 1 date (0.1 s)
Athena: 310.0 MB scanned, $0.00155
Differs: 2 of 4 tables differ, on 3 dates; 1 could not be compared""",
    (
        RepairOffer(
            "public.claims",
            Selection(branch="dev-kate", tables=("public.claims",), fresh=True),
            (date(2026, 11, 2), date(2026, 11, 9)),
        ),
        RepairOffer(
            "app.plans",
            Selection(branch="dev-kate", tables=("app.plans",), fresh=True, on_missing="delete"),
        ),
    ),
)


@asynccontextmanager
async def comparing(
    fakes: Fakes, branch: BranchRow = DEV, size: Size = (80, 24), **preferences: Any
) -> AsyncIterator[tuple[Pilot[int], ComparisonScreen]]:
    """The comparison that ``c`` of the plan has opened."""
    start = Selection(tables=("claims",), states=("CA",), days=30)
    async with planning(fakes, branch, start, size, **preferences) as (pilot, plan):
        await settled(pilot, plan)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, ComparisonScreen))
        view = pilot.app.screen
        assert isinstance(view, ComparisonScreen)
        yield pilot, view


def found(compared: Compared = DIFFERS) -> Fakes:
    made = plan_fakes()
    made.sync.compared = compared
    return made


async def there(pilot: Pilot[int], view: ComparisonScreen) -> None:
    await until(pilot, lambda: view.compared is not None and not view.waits)
    await until(pilot, lambda: "compared just now" in text_of(pilot.app))


async def ended(pilot: Pilot[int]) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
    run = pilot.app.screen
    assert isinstance(run, RunScreen)
    await until(pilot, lambda: not run.controller.active)


@pytest.mark.parametrize("compared", [EQUAL, DIFFERS], ids=["equal", "differs"])
async def test_what_was_found(still: None, screens: Screens, compared: Compared) -> None:
    async with comparing(found(compared)) as (pilot, view):
        await there(pilot, view)
        await screens(pilot)


async def test_loading(still: None, screens: Screens) -> None:
    fakes = found()
    fakes.sync.hold = threading.Event()
    async with comparing(fakes) as (pilot, _):
        await until(pilot, lambda: "comparing with Athena" in text_of(pilot.app))
        await until(pilot, lambda: "comparing public.claims · esc" in text_of(pilot.app))
        await screens(pilot)
        fakes.sync.hold.set()


async def test_an_error(still: None, screens: Screens) -> None:
    fakes = found()
    error: Any = AccessError("AWS cannot be reached [/x]: no route to host", "Check the network.")
    error.request_id = "6c1e-42"
    fakes.sync.error = error
    async with comparing(fakes) as (pilot, view):
        await until(pilot, lambda: "no route to host" in text_of(pilot.app))
        await screens(pilot)
        fakes.sync.error = None
        await pilot.press("r")
        await there(pilot, view)


async def test_in_ascii_nothing_else_is_drawn(still: None, screen: SnapshotAssertion) -> None:
    async with comparing(found(), ascii_only=True) as (pilot, view):
        await there(pilot, view)
        assert text_of(pilot.app).isascii()
        assert text_of(pilot.app) == screen


async def test_it_is_of_what_the_plan_selects_and_nothing_confirms_it() -> None:
    fakes = found(EQUAL)
    async with comparing(fakes, MAIN) as (pilot, view):
        await there(pilot, view)
        (call,) = fakes.sync.made
        assert call[:2] == (
            "compare",
            Selection(branch="main", tables=("claims",), states=("CA",), days=30),
        )
        await pilot.press("R", "y")
        await until(pilot, lambda: pilot.app.clipboard == EQUAL.text)
        assert pilot.app.screen is view


async def test_esc_stops_the_queries_and_leads_back() -> None:
    fakes = found()
    fakes.sync.hold = threading.Event()
    async with comparing(fakes) as (pilot, _):
        await until(pilot, lambda: "comparing with Athena" in text_of(pilot.app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, PlanScreen))
        await until(pilot, lambda: "Stopped comparing" in text_of(pilot.app))
        assert fakes.sync.made[0][2].cancel.is_set()
        fakes.sync.hold.set()


async def test_compared_again_the_old_findings_stay_and_esc_stops_that_alone() -> None:
    fakes = found()
    async with comparing(fakes) as (pilot, view):
        await there(pilot, view)
        fakes.sync.hold = threading.Event()
        await pilot.press("r", "R")
        await until(pilot, lambda: "comparing again" in text_of(pilot.app))
        assert "2026-11-02: 2,900 rows" in text_of(pilot.app)
        await pilot.press("escape")
        assert pilot.app.screen is view
        assert fakes.sync.made[-1][2].cancel.is_set()
        fakes.sync.error = AccessError("stopped")
        fakes.sync.hold.set()
        await until(pilot, lambda: "R repairs public.claims on 2 dates" in text_of(pilot.app))


async def test_a_repair_is_a_run_on_the_dates_that_differ_and_then_comes_the_next() -> None:
    fakes = found()
    async with comparing(fakes) as (pilot, view):
        await there(pilot, view)
        assert "R repairs public.claims on 2 dates, then 1 more" in text_of(pilot.app)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await until(pilot, lambda: "1 more table differs" in text_of(pilot.app))
        await pilot.press("enter")  # the safe choice has the focus
        await until(pilot, lambda: pilot.app.screen is view)
        assert [call[0] for call in fakes.sync.made] == ["compare"]
        keys = [key for key in view.query(FooterKey) if key.action.endswith("repair")]
        await pilot.click(keys[0])
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await until(pilot, lambda: bool(pilot.app.screen.query("#go")))
        await pilot.click("#go")
        await ended(pilot)
        assert fakes.sync.made[-1] == ("job", DIFFERS.repairs[0].selection)
        assert fakes.sync.branch_id == DEV.id
        assert fakes.sync.dates == (date(2026, 11, 2), date(2026, 11, 9))
        await pilot.press("escape")
        await until(pilot, lambda: "R repairs app.plans · compared" in text_of(pilot.app))
        assert "before the repair: Differs: 2 of 4 tables" in text_of(pilot.app)
        await pilot.press("R")
        await until(pilot, lambda: "only the branch has are deleted" in text_of(pilot.app))
        await pilot.press("tab", "enter")
        await ended(pilot)
        assert not fakes.sync.dates
        await pilot.press("escape")
        await until(pilot, lambda: "repaired; r compares again" in text_of(pilot.app))
        fakes.sync.compared = EQUAL
        await pilot.press("r")
        await until(pilot, lambda: "nothing differs" in text_of(pilot.app))
        assert "before the repair" not in text_of(pilot.app)


async def test_a_repair_that_failed_is_still_to_be_done() -> None:
    fakes = found()

    async def carry_out(emit: Any, cancel: Any) -> Any:
        return report_of("failed")

    fakes.sync.carry_out = carry_out
    async with comparing(fakes) as (pilot, view):
        await there(pilot, view)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask))
        await pilot.press("tab", "enter")
        await ended(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "R repairs public.claims on 2 dates" in text_of(pilot.app))
        assert "before the repair" not in text_of(pilot.app)


async def test_a_guarded_branch_wants_its_name_for_a_repair() -> None:
    fakes = found()
    async with comparing(fakes, MAIN) as (pilot, view):
        await there(pilot, view)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypeName))
        assert pilot.app.screen.query_one("#go", Button).disabled
        await pilot.press(*"main", "enter")
        await ended(pilot)
        assert fakes.sync.made[-1][1].confirm == ("main",)


async def test_only_in_the_mode_full_there_is_something_to_compare() -> None:
    async with planning(plan_fakes(), selection=Selection(mode="test-data")) as (pilot, plan):
        await settled(pilot, plan)
        await pilot.press("c")
        assert pilot.app.screen is plan


def test_long_lines_are_wrapped_within_their_indentation() -> None:
    lines = findings(DIFFERS, 60).splitlines()
    assert all(len(line) <= 60 for line in lines)
    assert "      2 rows are missing: (1007, CA), (1009, CA); 1 row has" in lines
    assert "          other values: (1311, TX); columns that differ:" in lines
    assert DIFFERS.verdict not in lines


@pytest.mark.parametrize(
    ("compared", "left", "busy", "said"),
    [
        (EQUAL, (), False, "nothing differs · compared 5 min ago"),
        (DIFFERS, DIFFERS.repairs, True, "R waits for the run that is at work"),
        (Compared(False, "", ""), (), False, "nothing can be repaired"),
    ],
)
def test_the_last_line_tells_what_can_be_done(
    compared: Compared, left: tuple[RepairOffer, ...], busy: bool, said: str
) -> None:
    assert said in state_words(compared, left, 300.0, busy=busy)


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        (Selection(), "syncs public.t again."),
        (Selection(days=30), "syncs public.t of the last 30 days again."),
        (
            Selection(first=date(2026, 1, 1), last=date(2026, 3, 1)),
            "syncs public.t from 2026-01-01 to 2026-03-01 again.",
        ),
    ],
)
def test_a_repair_without_dates_of_its_own_tells_its_range(chosen: Selection, said: str) -> None:
    assert said in question(RepairOffer("public.t", chosen), DEV, 0)
