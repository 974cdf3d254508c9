"""The plan as it is seen: full, empty, loading, wrong, failed and offline, in two sizes."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest
from textual.widgets import Input

from neonsync.errors import AccessError
from neonsync.selection import Selection
from neonsync.tui.ports import LakeTable
from neonsync.tui.screens.dry_run import DryRunScreen
from neonsync.tui.screens.plan_file import SavePlan
from tests.tui.conftest import Screens, text_of, until
from tests.tui.fakes import MAIN, Fakes, FakeSync
from tests.tui.plan_pilot import plan_fakes, planning, settled


@dataclass
class SlowSync(FakeSync):
    """Does not answer what is configured until it is let."""

    let: threading.Event = field(default_factory=threading.Event)

    def base(self) -> Selection:
        self.let.wait(30)
        if self.error is not None:
            raise self.error
        return self.start


@pytest.fixture(autouse=True)
def _calm(still: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """No seconds on the screen, and no cursor that blinks."""
    for module in ("plan_lists", "plan_summary"):
        monkeypatch.setattr(f"neonsync.tui.screens.{module}.DEBOUNCE", 0.05)
    monkeypatch.setattr(Input, "cursor_blink", False)


async def test_full(screens: Screens) -> None:
    fakes = plan_fakes(warnings=("public.claims: premium must round to numeric(10,2)",))
    start = Selection(tables=("claims", "claim_lines", "plans"), states=("CA", "TX"), days=30)
    async with planning(fakes, selection=start) as (pilot, view):
        await settled(pilot, view)
        await screens(pilot)


async def test_guarded_test_data_in_ascii(screens: Screens) -> None:
    start = Selection(mode="test-data", rows=5000)
    async with planning(plan_fakes(), MAIN, start, ascii_only=True) as (pilot, view):
        await settled(pilot, view)
        view.query_one("#typed", Input).focus()
        await pilot.press(*"mian")
        await until(pilot, lambda: "! Type main" in text_of(pilot.app))
        await pilot.pause()
        await screens(pilot)


async def test_wrong(screens: Screens) -> None:
    async with planning(plan_fakes()) as (pilot, view):
        await settled(pilot, view)
        view.query_one("#last", Input).focus()
        await pilot.press(*"2026-09-31")
        await until(pilot, lambda: "No plan: to 2026-09-31 is no date" in text_of(pilot.app))
        await pilot.pause()
        await screens(pilot)


async def test_empty(screens: Screens) -> None:
    async with planning(plan_fakes(offered=[])) as (pilot, _):
        await until(pilot, lambda: "neonsync tables add" in text_of(pilot.app))
        await pilot.pause()
        await screens(pilot)


async def test_loading_the_configuration(screens: Screens) -> None:
    sync = SlowSync()
    async with planning(Fakes(sync=sync)) as (pilot, _):
        await until(pilot, lambda: "reading the configuration" in text_of(pilot.app))
        await pilot.pause()
        await screens(pilot)
        sync.let.set()


async def test_loading_the_plan(screens: Screens) -> None:
    fakes = plan_fakes(hold=threading.Event())
    async with planning(fakes) as (pilot, _):
        await until(pilot, lambda: "working the plan out" in text_of(pilot.app))
        await pilot.pause()
        await screens(pilot)
        fakes.lake.hold.set()  # type: ignore[union-attr]  # given above


async def test_no_configuration_to_read(screens: Screens) -> None:
    sync = SlowSync(error=AccessError("neonsync.toml [/x] is no TOML", "Mend line 3."))
    sync.let.set()
    async with planning(Fakes(sync=sync)) as (pilot, view):
        await until(pilot, lambda: "neonsync.toml [/x]" in text_of(pilot.app))
        await pilot.pause()
        await screens(pilot)
        sync.error = None
        await pilot.press("r")
        await until(pilot, lambda: view.has_class("-ready"))


async def test_offline(screens: Screens) -> None:
    error: Any = AccessError("AWS cannot be reached: no route to host", "Check the network.")
    error.request_id = "6c1e-42"
    async with planning(plan_fakes(error=error)) as (pilot, view):
        await until(pilot, lambda: view.bottom.failure is not None and not view.states.waits)
        await until(pilot, lambda: len(view.tables.found) == len(view.tables.keys))
        await pilot.pause()
        await screens(pilot)


async def test_dry_run(screens: Screens) -> None:
    async with planning(plan_fakes(), MAIN) as (pilot, view):
        await settled(pilot, view)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, DryRunScreen))
        await until(pilot, lambda: "3 lines" in text_of(pilot.app))
        await pilot.pause()
        await screens(pilot)


async def test_save(screens: Screens) -> None:
    async with planning(plan_fakes()) as (pilot, view):
        await settled(pilot, view)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, SavePlan))
        await until(pilot, lambda: "A new file." in text_of(pilot.app))
        await pilot.pause()
        await screens(pilot)


async def test_many_tables_with_odd_names(screens: Screens) -> None:
    offered = [
        LakeTable(f"lake.[/{number}]_a_table_whose_name_is_long", f"public.t{number}")
        for number in range(60)
    ]
    async with planning(plan_fakes(offered=offered)) as (pilot, view):
        await settled(pilot, view)
        await screens(pilot)
