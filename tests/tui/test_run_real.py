"""The run screen on the engine itself: real runs into a branch of the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Emit, Step
from neonsync.engine.pipeline import run
from neonsync.engine.result import RunResult
from neonsync.report.documents import report, validation_report
from neonsync.selection import Selection
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import Job, RunReport
from neonsync.tui.run_controller import RunController
from neonsync.tui.screens.cancel_run import CancelRun
from neonsync.tui.screens.results import ResultsScreen
from neonsync.tui.screens.run import RunScreen
from tests.conftest import ROWS, Target
from tests.tui.conftest import text_of, until
from tests.tui.fakes import Fakes

NAME = "public.forecast_data"
TRIES = 3000


@dataclass
class Real:
    """The job of the front door, with its result kept for the test to compare with."""

    target: Target
    results: list[RunResult] = field(default_factory=list)

    def job(self, directory: Path | None = None) -> Job:
        async def carry_out(emit: Emit, cancel: CancelToken) -> RunReport:
            plan = await asyncio.to_thread(self.target.plan)
            result = await run(plan, emit, cancel)
            self.results.append(result)
            return RunReport(report(result), validation_report(result), directory)

        return carry_out


def copied_some(controller: RunController) -> bool:
    return controller.snapshot().sent > 0


def at_work(controller: RunController) -> bool:
    return any(line.phase == "running" for line in controller.snapshot().tables)


async def test_what_the_view_says_is_what_the_run_came_to(
    target: Target, app: NeonsyncApp, fakes: Fakes
) -> None:
    real = Real(target)
    fakes.sync.carry_out = real.job()
    async with app.run_test(size=(120, 40)) as pilot:
        app.start_run(Selection(branch=target.name))
        controller = app.run_controller
        assert controller is not None
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen), TRIES)
        await until(pilot, lambda: "PASSED" in text_of(app))
        shown = text_of(app)

    (result,) = real.results
    assert result.status == "succeeded", result.error
    snapshot = controller.snapshot()
    (line,) = snapshot.tables
    assert (line.name, line.phase) == (NAME, "done")
    assert line.rows == line.sent == snapshot.sent == result.rows_read == ROWS
    assert snapshot.state.run_id == result.run_id
    assert snapshot.scanned == result.scanned_bytes
    assert dict(snapshot.steps) == dict.fromkeys(
        (Step.EXTRACT, Step.LOAD, Step.AUDIT, Step.INDEX, Step.PUBLISH, Step.VERIFY), "done"
    )
    # Half a second for the planning, which the engine's own clock does not count.
    assert snapshot.seconds >= result.seconds
    assert snapshot.problems == ()
    assert f"{ROWS:,} rows, digest equal on 90 of 90 dates" in shown
    assert "8 passed" in shown
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


async def test_each_check_shows_the_sql_that_gives_its_number(
    target: Target, app: NeonsyncApp, fakes: Fakes
) -> None:
    fakes.sync.carry_out = Real(target).job()
    async with app.run_test(size=(120, 40)) as pilot:
        app.start_run(Selection(branch=target.name))
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen), TRIES)
        results = app.screen
        assert isinstance(results, ResultsScreen)
        (row,) = [row for row in results._view.rows if row.check == "record_count"]
    assert target.value(row.neon_sql) == ROWS
    assert "count(*)" in row.athena_sql
    assert (row.athena, row.neon, row.diff) == (f"{ROWS:,}", f"{ROWS:,}", "0")


@pytest.mark.parametrize(
    ("button", "when"),
    [("roll-back", at_work), ("stop", at_work), ("roll-back", copied_some)],
    ids=["rolled back while Athena works", "kept while Athena works", "rolled back while it loads"],
)
async def test_a_run_cancelled_from_the_screen_leaves_the_target_untouched(
    target: Target,
    app: NeonsyncApp,
    fakes: Fakes,
    monkeypatch: pytest.MonkeyPatch,
    button: str,
    when: Callable[[RunController], bool],
) -> None:
    target.sql("CREATE TABLE mine (id int); INSERT INTO mine VALUES (1)")
    before = target.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    if when is at_work:
        monkeypatch.setattr(target.world.aws.faults, "query_seconds", 60.0)
    else:
        # Rows are on their way, and no table can be published before the test has looked.
        monkeypatch.setattr("neonsync.engine.pipeline.publish", never)
    real = Real(target)
    fakes.sync.carry_out = real.job()
    async with app.run_test(size=(80, 24)) as pilot:
        app.start_run(Selection(branch=target.name))
        controller = app.run_controller
        assert controller is not None
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and when(controller), TRIES)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CancelRun))
        await pilot.press("tab", *(["tab"] if button == "roll-back" else []))
        await pilot.press("enter")
        assert controller.stopping or not controller.active
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen), TRIES)
        await until(pilot, lambda: "STOPPED" in text_of(app), TRIES)
        assert "every table is as it was" in text_of(app)

    (result,) = real.results
    assert (result.status, int(result.exit_code)) == ("cancelled", 130)
    assert target.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1") == (
        before
    )
    assert target.sql("SELECT * FROM mine") == [(1,)]
    assert target.sql("SELECT status, resumable FROM neonsync.runs") == [
        ("cancelled", button == "stop")
    ]
    if button == "roll-back":
        assert target.staging_tables() == []


async def never(*_: object) -> None:
    await asyncio.Event().wait()
