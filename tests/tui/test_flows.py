"""Every flow of the UI with the real services, on the sandbox: keys in, branches and rows out."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from neonsync.history import HISTORY_VARIABLE
from neonsync.neon.branches import Project
from neonsync.sandbox import Sandbox
from neonsync.services.factory import real
from neonsync.settings import load_settings
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.formatting import short
from neonsync.tui.ports import Services
from neonsync.tui.screens.branches import BranchesScreen
from neonsync.tui.screens.cancel_run import CancelRun
from neonsync.tui.screens.confirm import TypeName
from neonsync.tui.screens.history import HistoryScreen
from neonsync.tui.screens.new_branch import NewBranchDialog
from neonsync.tui.screens.plan import PlanScreen
from neonsync.tui.screens.results import ResultsScreen
from neonsync.tui.screens.run import RunScreen
from neonsync.tui.screens.setup import SetupScreen
from neonsync.tui.widgets.tested import TestedField
from tests.cli.test_cli import BARE
from tests.conftest import ROWS, Target, delete_branch
from tests.tui.conftest import text_of, until
from tests.tui.tmux import ENDED, needs_tmux, neonsync_in_tmux

TRIES = 3000
OURS = "flow"
"""What the names of the branches of these tests begin with."""


@dataclass
class User:
    """Who sits at the terminal: an environment, a folder, and the UI on the real services."""

    environ: dict[str, str]
    folder: Path
    world: Sandbox
    app: NeonsyncApp = field(init=False)
    pilot: Pilot[int] = field(init=False)

    @asynccontextmanager
    async def at_the_ui(self) -> AsyncIterator[User]:
        found = real(None, self.environ)
        self.app = NeonsyncApp(
            Services(found.branches, found.lake, found.sync, found.history, found.setup)
        )
        async with self.app.run_test(size=(120, 40), notifications=True) as self.pilot:
            yield self

    @property
    def screen(self) -> str:
        return text_of(self.app)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def sees(self, *texts: str) -> None:
        await until(self.pilot, lambda: all(text in self.screen for text in texts), TRIES)

    async def is_at(self, kind: type[object]) -> None:
        await until(self.pilot, lambda: isinstance(self.app.screen, kind), TRIES)

    async def goes_to(self, branch: str) -> None:
        """Find a branch at home."""
        await self.sees("s Sync")
        await self.press("slash", *branch, "enter")
        await self.sees("of", f" {branch} ")

    async def plans(self, branch: str) -> PlanScreen:
        await self.goes_to(branch)
        await self.press("s")
        await self.sees("F5 starts: full into", "because")
        assert isinstance(self.app.screen, PlanScreen)
        return self.app.screen

    async def confirms(self, branch: str) -> None:
        """Type a branch's name where it is asked for."""
        await self.is_at(TypeName)
        await self.press(*branch, "enter")
        await self.is_at(BranchesScreen)

    def row(self, branch: str, statement: LiteralString) -> tuple[Any, ...]:
        """What the branch itself answers."""
        with psycopg.connect(self.world.neon.connection_uri(branch)) as connection:
            found = connection.execute(statement).fetchone()
        assert found is not None
        return found


@pytest.fixture
def user(
    world: Sandbox, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[User]:
    """A user of the sandbox, in a folder with nothing in it."""
    monkeypatch.chdir(tmp_path)
    own = {"HOME": str(tmp_path), HISTORY_VARIABLE: str(tmp_path / "history.jsonl")}
    yield User({**environment, **own}, tmp_path, world)
    settings = load_settings(flags={}, environ=environment)
    project = Project(settings.neon)
    ours = [each for each in project.branches() if each.name.startswith(OURS)]
    # The one that was rolled back is a child of what was kept.
    for each in sorted(ours, key=lambda branch: "_before_" in branch.name):
        delete_branch(project, settings, each.id)


async def test_from_a_new_branch_to_its_end(user: User) -> None:
    async with user.at_the_ui():
        await user.sees("n New", "main")
        await user.press("n")
        await user.is_at(NewBranchDialog)
        await user.press(*"flow-1", "enter")
        await user.sees("created flow-1", "✓ ready")

        plan = await user.plans("flow-1")
        plan.options.query_one("#days").focus()
        await user.press("left", "left")
        plan.states.boxes.focus()
        await user.press("space", "down", "space")
        states = ",".join(plan.form.states)
        wanted = f"neonsync --headless --branch flow-1 --states {states} --days 30"
        await user.sees(f"$ {wanted}", "swap 1 table", "because it does not exist")
        await until(user.pilot, lambda: plan.bottom.preview is not None, TRIES)
        await user.press("f5")
        await user.is_at(ResultsScreen)
        await user.sees("✓ PASSED", "8 passed", "1 swapped in")
        since = datetime.now(UTC).date() - timedelta(days=30)
        first, found, rows = user.row(
            "flow-1",
            "SELECT min(business_date), string_agg(DISTINCT state, ','), count(*)"
            " FROM forecast_data",
        )
        assert (first >= since, found) == (True, states)

        await user.press("escape")
        await user.is_at(PlanScreen)
        # The plan is not the one from before the run: the table is there now.
        await user.sees("merge 1 table", "because it holds rows")
        await user.press("escape", "h")
        await user.is_at(HistoryScreen)
        await user.sees("✓ passed", "create", short(rows))
        await user.press("enter")
        await user.sees("✓ PASSED", "1 swapped in")
        await user.press("escape")
        await user.is_at(HistoryScreen)
        await user.press("x")
        await user.sees(f"$ {wanted}", "merge 1 table", "✓ F5 starts")
        await user.press("f5")
        await user.is_at(ResultsScreen)
        await user.sees("✓ PASSED", "1 merged", "unchanged")
        await user.press("escape", "escape")
        await user.is_at(HistoryScreen)
        await user.press("escape")

        await user.is_at(BranchesScreen)
        await user.press("b")
        await user.confirms("flow-1")
        await user.sees("took flow-1")
        # As it was before the second run, which the ledger knows no more of.
        assert user.row("flow-1", "SELECT count(*) FROM neonsync.runs") == (1,)
        assert user.row("flow-1", "SELECT count(*) FROM forecast_data") == (rows,)
        await user.press("d")
        await user.confirms("flow-1")
        await user.sees("deleted flow-1")
    left = [each.name for each in _project(user).branches() if each.name.startswith(OURS)]
    assert [name.split("_")[:2] for name in left] == [["flow-1", "before"]]


async def test_a_run_that_is_cancelled_leaves_the_target_untouched(
    user: User,
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    target.sql("CREATE TABLE mine (id int); INSERT INTO mine VALUES (1)")
    monkeypatch.setattr(target.world.aws.faults, "query_seconds", 60.0)
    async with user.at_the_ui():
        await user.plans(target.name)
        await user.press("f5")
        await user.is_at(RunScreen)
        await user.sees("▶ export")
        await user.press("c")
        await user.is_at(CancelRun)
        began = time.monotonic()
        await user.press("tab", "tab", "enter")
        await user.sees("■ STOPPED", "every table is as it was")
        # The goal is two seconds; a slow machine fails no test.
        record_property("seconds_from_cancel_to_rolled_back", time.monotonic() - began)
    assert target.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == [("mine",)]
    assert target.sql("SELECT status, resumable FROM neonsync.runs") == [("cancelled", False)]
    assert target.staging_tables() == []
    assert target.exported_files() == []


async def test_a_setup_writes_the_file_that_a_run_then_uses(user: User, target: Target) -> None:
    given = dict(user.environ)
    for name in ("NEON_PROJECT_ID", "NEON_CONNECTION_STRING", "ATHENA_DB_NAME", "AWS_REGION"):
        del user.environ[name]
    location = user.environ.pop("ATHENA_OUTPUT_LOCATION")
    async with user.at_the_ui():
        await user.is_at(SetupScreen)
        await user.sees("Workgroup")
        lines = {
            "neon.project_id": given["NEON_PROJECT_ID"],
            "athena.region": given["AWS_REGION"],
            "athena.database": given["ATHENA_DB_NAME"],
            "athena.workgroup": "primary",
            "athena.output_location": location,
        }
        for line in user.app.screen.query(TestedField):
            line.query_one(Input).value = lines[line.setting]
        await user.press("f5")
        await until(user.pilot, lambda: user.screen.count("✓") == len(lines) + 1, TRIES)
        await user.press("f2")
        await user.sees("Write the configuration", location)
        await user.press("tab", "enter")
        await user.is_at(BranchesScreen)
        await user.plans(target.name)
        await user.press("f5")
        await user.is_at(ResultsScreen)
        await user.sees("✓ PASSED")
    text = (user.folder / "neonsync.toml").read_text()
    assert f'output_location = "{location}"' in text
    assert given["NEON_API_KEY"] not in text
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


async def test_a_plan_is_saved_with_the_comments_kept_and_loaded(
    user: User, planner: Target
) -> None:
    path = user.folder / "neonsync.toml"
    path.write_text("# ours, by hand\n[filters]\n# a quarter of a year\ndays = 90  # at night\n")
    async with user.at_the_ui():
        plan = await user.plans(planner.name)
        assert plan.form.days == 90
        plan.states.boxes.focus()
        await until(user.pilot, lambda: not plan.states.waits, TRIES)
        await user.press("space", "w")
        await user.sees("Save this plan", "its plan is overwritten, all else in it stays")
        (state,) = plan.form.states
        await user.press("enter")
        await user.sees("saved to", "filters.states")
        saved = path.read_text()
        for kept in ("# ours, by hand\n", "# a quarter of a year\ndays = 90  # at night\n"):
            assert kept in saved
        assert f'states = ["{state}"]' in saved
        await user.press("space")
        await user.sees("States all")
        await user.press("l")
        await user.sees("Load a plan")
        go = user.app.screen.query_one("#go")
        await until(user.pilot, lambda: not go.disabled)
        await user.press("enter")
        await user.sees("Loaded the plan of", "States 1/")
        assert plan.form.states == (state,)
    assert path.read_text() == saved


@needs_tmux
def test_keys_in_a_real_terminal_from_the_command_to_the_results(
    target: Target, tmp_path: Path
) -> None:
    shell = {
        **BARE,
        **target.environment,
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "NEONSYNC_CONFIG": os.devnull,
        "NEONSYNC_REPORT_DIR": str(tmp_path / "reports"),
        HISTORY_VARIABLE: str(tmp_path / "history.jsonl"),
    }
    with neonsync_in_tmux(tmp_path, environ=shell, columns=80, rows=24) as tmux:
        tmux.wait_for("s Sync", "main")
        tmux.type("/", target.name, "Enter")
        tmux.wait_for("1 of ", f"  {target.name} ")
        tmux.type("s")
        tmux.wait_for(f"✓ F5 starts: full into {target.name}", "because it does not exist")
        tmux.type("F5")
        screen = tmux.wait_for("✓ PASSED", f"{ROWS:,} rows, digest equal")
        assert "✓ pass  record_count" in screen
        tmux.type("C-q")
        tmux.wait_for(f"{ENDED} 0")
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


def _project(user: User) -> Project:
    return Project(load_settings(flags={}, environ=user.environ).neon)
