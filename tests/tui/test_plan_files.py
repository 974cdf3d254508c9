"""Plans in files, and the dry run."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from textual.widgets import Button, Input, TextArea

from neonsync.errors import ConfigError
from neonsync.selection import Selection
from neonsync.tui.ports import PlanPreview
from neonsync.tui.screens.dry_run import DryRunScreen
from neonsync.tui.screens.plan_file import LoadPlan, SavePlan
from tests.tui.conftest import text_of, until
from tests.tui.fakes import MAIN, Fakes
from tests.tui.plan_pilot import PlanLake, plan_fakes, planning, settled


@dataclass
class LongLake(PlanLake):
    def preview(self, selection: Selection) -> PlanPreview:
        found = super().preview(selection)
        lines = [f"  line {number}" for number in range(60)]
        lines[40] = "    CREATE TABLE [/x] (\x1b[31m)"
        text = "\n".join(["Plan: full into dev-kate", *lines, "  SELECT 1", "  select 2"])
        return PlanPreview(**{**found.__dict__, "text": text})


@pytest.fixture
def fakes(tmp_path: Path) -> Fakes:
    made = plan_fakes()
    made.lake = LongLake()
    made.sync.path = tmp_path / "neonsync.toml"
    return made


async def test_a_plan_is_saved_without_its_confirmation(fakes: Fakes, tmp_path: Path) -> None:
    async with planning(fakes, MAIN) as (pilot, screen):
        await settled(pilot, screen)
        screen.query_one("#typed", Input).focus()
        await pilot.press(*"main")
        await pilot.press("tab", "space", "w")
        await until(pilot, lambda: isinstance(pilot.app.screen, SavePlan))
        await until(pilot, lambda: "A new file." in text_of(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        (call,) = fakes.sync.made
        assert call[0] == "save"
        assert call[2] == tmp_path / "neonsync.toml"
        assert call[1].branch == "main"
        assert call[1].confirm == ()


async def test_to_overwrite_is_said_before_and_can_be_left(fakes: Fakes, tmp_path: Path) -> None:
    (tmp_path / "neonsync.toml").write_text("")
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("w")
        await until(pilot, lambda: "is overwritten, all else in it stays" in text_of(pilot.app))
        await pilot.click("#cancel")
        await until(pilot, lambda: pilot.app.screen is screen)
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, SavePlan))
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert fakes.sync.made == []


async def test_a_file_that_cannot_be_written_is_said_in_the_dialog(fakes: Fakes) -> None:
    fakes.sync.error = ConfigError("[/x] is a directory", "Name a file.")
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("w")
        await until(pilot, lambda: "A new file." in text_of(pilot.app))
        await pilot.click("#go")
        await until(pilot, lambda: "✗ [/x] is a directory Name a file." in text_of(pilot.app))
        assert not pilot.app.screen.query_one("#go", Button).disabled


async def test_a_plan_is_loaded_into_the_form(fakes: Fakes, tmp_path: Path) -> None:
    (tmp_path / "neonsync.toml").write_text("")
    fakes.sync.start = Selection()
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        fakes.sync.start = Selection(
            branch="staging", mode="test-data", tables=("plans",), rows=50, config=Path("x.toml")
        )
        await pilot.press("l")
        await until(pilot, lambda: "days and options of the form" in text_of(pilot.app))
        await pilot.press("enter")
        await until(
            pilot,
            lambda: (
                "--mode test-data --tables plans --rows 50"
                in text_of(pilot.app).replace("\n     ", " ")
            ),
        )
        await until(pilot, lambda: "! it was for staging; this plan goes" in text_of(pilot.app))
        assert "--config" not in text_of(pilot.app)


async def test_a_file_that_is_not_there_cannot_be_loaded(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("l")
        await until(pilot, lambda: "There is no such file." in text_of(pilot.app))
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, LoadPlan)
        await pilot.press("ctrl+u", *"~nobody-of-this-name/x")
        await until(pilot, lambda: "✗ no path" in text_of(pilot.app))
        assert fakes.sync.made == []


async def test_the_dry_run_shows_the_plan_without_asking_again(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        asked = len(fakes.lake.made)
        await pilot.press("p")
        await until(pilot, lambda: "line 5" in text_of(pilot.app))
        assert len(fakes.lake.made) == asked
        assert "dev-kate › plan › dry run" in text_of(pilot.app)
        await pilot.press("y")
        assert pilot.app.clipboard.splitlines()[0] == "Plan: full into dev-kate"
        assert "\x1b" not in pilot.app.clipboard
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)


async def test_the_dry_run_is_searched(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        await pilot.press("p", "slash", *"select")
        await until(pilot, lambda: "1 of 2" in text_of(pilot.app))
        assert "SELECT 1" in text_of(pilot.app)
        await pilot.press("enter", "n")
        await until(pilot, lambda: "2 of 2" in text_of(pilot.app))
        area = pilot.app.screen.query_one(TextArea)
        assert area.selected_text == "select"
        await pilot.press("N")
        await until(pilot, lambda: "1 of 2" in text_of(pilot.app))
        await pilot.press("slash", *"zzz")
        await until(pilot, lambda: "is not in it" in text_of(pilot.app))
        await pilot.press("escape", "escape")
        await until(pilot, lambda: pilot.app.screen is screen)


async def test_a_dry_run_that_fails_says_why_and_is_tried_again(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        fakes.lake.error = ConfigError("there is no table [/x]", "Choose another.")
        await pilot.press("space")
        await until(pilot, lambda: "✗ there is no table [/x]" in text_of(pilot.app))
        await pilot.press("p")
        await until(pilot, lambda: isinstance(pilot.app.screen, DryRunScreen))
        await until(pilot, lambda: "✗ there is no table [/x]" in text_of(pilot.app))
        fakes.lake.error = None
        await pilot.press("r")
        await until(pilot, lambda: "line 5" in text_of(pilot.app))


async def test_a_dry_run_that_takes_its_time_says_so(fakes: Fakes) -> None:
    async with planning(fakes) as (pilot, screen):
        await settled(pilot, screen)
        fakes.lake.hold = threading.Event()
        await pilot.press("m", "p")
        await until(pilot, lambda: isinstance(pilot.app.screen, DryRunScreen))
        await until(pilot, lambda: "working the plan out …" in text_of(pilot.app))
        fakes.lake.hold.set()
        await until(pilot, lambda: "line 5" in text_of(pilot.app))
