"""The run screen, on runs that the test plays: what it shows, stopping, leaving it, its end."""

from __future__ import annotations

import asyncio
import threading

import pytest
from syrupy.assertion import SnapshotAssertion
from textual._callback import invoke
from textual.pilot import Pilot
from textual.widgets import Button

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Emit, Level, Notice, RunFinished
from neonsync.errors import ConfigError
from neonsync.selection import Selection
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import RunReport
from neonsync.tui.preferences import Preferences
from neonsync.tui.run_controller import RunController
from neonsync.tui.screens.branches import BranchesScreen
from neonsync.tui.screens.cancel_run import CancelRun
from neonsync.tui.screens.history import HistoryScreen
from neonsync.tui.screens.quit import QuitRun
from neonsync.tui.screens.reading import Reading
from neonsync.tui.screens.results import ResultsScreen
from neonsync.tui.screens.run import RunScreen
from neonsync.tui.screens.run_log import RunLogView
from tests.tui.conftest import Screens, text_of, until
from tests.tui.fakes import Fakes, report_of
from tests.tui.runs import NAMES, RUN_ID, Script, exported, in_full_swing, loaded, show, started

ERROR = "public.claims: numeric field overflow at row 210,114 (premium) [/x] ::error::"
ODD = "\x1b[31modd[/x]\n::error::"


async def whole(pilot: Pilot[int]) -> None:
    """The keys are drawn last; a dialog has none."""
    if isinstance(pilot.app.screen, RunScreen):
        await until(pilot, lambda: "b Background" in text_of(pilot.app))


async def test_a_run_in_full_swing(app: NeonsyncApp, script: Script, screens: Screens) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        in_full_swing(script)
        await until(pilot, lambda: "export" in text_of(app) and "members" in text_of(app))
        await until(pilot, lambda: "8a4d0000" in text_of(app))
        await whole(pilot)
        await screens(pilot)


async def test_a_run_that_is_planning(app: NeonsyncApp, script: Script, screens: Screens) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        script.now = 3.0
        await until(pilot, lambda: "3 s" in text_of(app))
        await whole(pilot)
        await screens(pilot)


async def test_in_ascii_nothing_else_is_drawn(
    fakes: Fakes, script: Script, screen: SnapshotAssertion
) -> None:
    app = NeonsyncApp(fakes.services(), Preferences(ascii_only=True))
    async with app.run_test(size=(120, 40)) as pilot:
        show(app, script)
        in_full_swing(script)
        await until(pilot, lambda: "8a4d0000" in text_of(app))
        await whole(pilot)
        assert text_of(app) == screen


async def test_only_cells_that_have_changed_are_written(app: NeonsyncApp, script: Script) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        in_full_swing(script)
        await until(pilot, lambda: "8a4d0000" in text_of(app))
        table = app.screen.query_one("#tables")
        written: list[tuple[object, ...]] = []
        original = table.update_cell  # type: ignore[attr-defined]

        def update_cell(row: str, column: str, value: object) -> None:
            written.append((row, column))
            original(row, column, value)

        table.update_cell = update_cell  # type: ignore[attr-defined]
        script.send(*loaded(NAMES[0], 200_000))
        await until(pilot, lambda: bool(written))
        assert {row for row, _ in written} == {NAMES[0]}


async def test_c_asks_and_enter_keeps_the_run_going(app: NeonsyncApp, script: Script) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        controller = show(app, script)
        in_full_swing(script)
        await until(pilot, lambda: "claim_lines" in text_of(app))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CancelRun))
        assert isinstance(app.focused, Button)
        assert app.focused.id == "go-on"
        assert "stays as it was, either way" in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert not controller.stopping


@pytest.mark.parametrize(("button", "keep"), [("stop", True), ("roll-back", False)])
async def test_a_stop_is_told_only_once_the_engine_confirms_it(
    app: NeonsyncApp, script: Script, button: str, keep: bool
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        in_full_swing(script)
        await until(pilot, lambda: "claim_lines" in text_of(app))
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CancelRun))
        await pilot.click(f"#{button}")
        await until(pilot, lambda: "stopping …" in text_of(app))
        assert script.cancel.requested
        assert script.cancel.keep is keep
        assert "stopped" not in text_of(app)
        await pilot.press("c")
        assert isinstance(app.screen, RunScreen), "there is nothing more to ask"
        script.send(RunFinished(RUN_ID, "cancelled", 270.0, "the run was stopped"))
        script.finish(report_of("cancelled"))
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))
        await until(pilot, lambda: "STOPPED" in text_of(app))


async def test_the_question_goes_away_when_the_run_ends_meanwhile(
    app: NeonsyncApp, script: Script
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        script.send(started())
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CancelRun))
        script.finish(report_of())
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))
        assert not script.cancel.requested


async def test_the_results_take_the_runs_place_and_esc_leads_to_where_it_was_started(
    app: NeonsyncApp, script: Script
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        script.send(started())
        script.finish(report_of())
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BranchesScreen))


@pytest.mark.parametrize("key", ["b", "escape"])
async def test_a_run_in_the_background_has_a_chip_and_a_way_back(
    app: NeonsyncApp, script: Script, key: str
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        script.send(started())
        for name in NAMES:
            script.send(*exported(name, 1000))
        script.send(*loaded(NAMES[0], 880), at=1.0)
        await until(pilot, lambda: "11%" in text_of(app))
        await pilot.press(key)
        await until(pilot, lambda: "▶ 11 % (v)" in text_of(app))
        assert isinstance(app.screen, BranchesScreen)
        script.send(*loaded(NAMES[1], 1000), at=2.0)
        await until(pilot, lambda: "▶ 23 % (v)" in text_of(app))
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and "23%" in text_of(app))
        assert "(v)" not in text_of(app), "on the run's own screen the chip would say it twice"


async def test_the_end_of_a_run_in_the_background_is_told_with_a_bell(
    app: NeonsyncApp, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    bells: list[None] = []
    monkeypatch.setattr(NeonsyncApp, "bell", lambda _: bells.append(None))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        show(app, script)
        script.send(started())
        await pilot.press("b")
        app.open_history()
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))
        script.finish(report_of())
        await until(pilot, lambda: "The run has ended: ✓ passed" in text_of(app))
        assert len(bells) == 1
        assert "(v)" not in text_of(app)
        await pilot.press("v")
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HistoryScreen))


async def test_an_end_that_one_has_seen_is_not_told_again(
    app: NeonsyncApp, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    bells: list[None] = []
    monkeypatch.setattr(NeonsyncApp, "bell", lambda _: bells.append(None))
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        script.send(started())
        script.finish(report_of())
        await until(pilot, lambda: isinstance(app.screen, ResultsScreen))
        await until(pilot, lambda: app.run_watch._timer is None)
        assert bells == []


async def test_v_does_nothing_without_a_run(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("v")
        assert isinstance(app.screen, BranchesScreen)


async def test_what_is_drawn_for_nobody_is_not_drawn(app: NeonsyncApp, script: Script) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        run = app.screen
        assert isinstance(run, RunScreen)
        app.open_history()
        await until(pilot, lambda: run._timer is not None and not run._timer._active.is_set())
        await pilot.press("escape")
        await until(pilot, lambda: run._timer is not None and run._timer._active.is_set())


async def test_a_run_that_could_not_begin_says_why(
    app: NeonsyncApp, script: Script, screens: Screens
) -> None:
    report = report_of(
        "failed",
        runId="",
        exitCode=2,
        errors=[{"message": "there is no table 'clams' [/x]", "remedy": "Did you mean claims?"}],
    )
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        script.finish(report)
        await until(pilot, lambda: "exit code 2" in text_of(app))
        await whole(pilot)
        await screens(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, BranchesScreen))


async def test_a_run_stopped_while_it_is_planned_says_that_nothing_was_done(
    app: NeonsyncApp, script: Script
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(app.screen, CancelRun))
        await pilot.press("tab", "enter")
        await until(pilot, lambda: "stopping …" in text_of(app))
        script.finish(report_of("cancelled", runId=""))
        await until(pilot, lambda: "■ Stopped before anything was done" in text_of(app))
        assert "exit code 130" in text_of(app)


async def test_a_fault_of_the_programs_own_is_shown_and_ends_nothing_else(
    app: NeonsyncApp, script: Script
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        script.send(started())
        script.finish(RuntimeError("broken [/x] \x1b[31m"))
        await until(
            pilot, lambda: r"unexpected: RuntimeError: broken [/x] \x1b[31m" in text_of(app)
        )
        assert "exit code 1" in text_of(app)


async def test_the_errors_are_read_and_copied(
    app: NeonsyncApp, script: Script, screens: Screens
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        in_full_swing(script)
        await pilot.press("e")
        assert isinstance(app.screen, RunScreen), "there is nothing to read yet"
        script.send(Notice(Level.WARNING, ODD), at=269.0)
        script.send(RunFinished(RUN_ID, "failed", 270.0, ERROR, "Widen premium."), at=270.0)
        await until(pilot, lambda: "1 failed" in text_of(app))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, Reading))
        await until(pilot, lambda: "Widen" in text_of(app))
        await whole(pilot)
        await screens(pilot)
        await pilot.press("y")
        assert ERROR in app.clipboard
        assert r"\x1b[31modd[/x]\n::error::" in app.clipboard
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))


async def test_a_failed_run_before_its_report(
    app: NeonsyncApp, script: Script, screens: Screens
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        in_full_swing(script)
        script.send(RunFinished(RUN_ID, "failed", 270.0, ERROR, "Widen premium."), at=270.0)
        await until(pilot, lambda: "1 failed" in text_of(app))
        await until(pilot, lambda: "run failed after" in text_of(app))
        await whole(pilot)
        await screens(pilot)


async def test_l_changes_the_size_of_the_log_and_f_what_is_in_it(
    app: NeonsyncApp, script: Script, screen: SnapshotAssertion
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        in_full_swing(script)
        script.send(Notice(Level.WARNING, ODD), at=269.0)
        await until(pilot, lambda: "odd[/x]" in text_of(app))
        small = app.screen.query_one(RunLogView).size.height
        await pilot.press("l", "f")
        await until(pilot, lambda: "warnings and errors" in text_of(app))
        await until(pilot, lambda: app.screen.query_one(RunLogView).size.height > small)
        assert "chunk" not in text_of(app)
        await pilot.press("l")
        await until(pilot, lambda: "rows/s" in text_of(app))
        await whole(pilot)
        assert text_of(app) == screen
        await pilot.press("l", "f", "f")
        await until(pilot, lambda: "Log: all" in text_of(app) and "chunk" in text_of(app))


async def test_quitting_asks_waits_for_the_engine_and_ends_with_130(
    app: NeonsyncApp, script: Script
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        script.send(started())
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, QuitRun))
        assert isinstance(app.focused, Button)
        assert app.focused.id == "stay"
        await pilot.press("ctrl+q", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        assert not script.cancel.requested
        await pilot.press("ctrl+q")
        await until(pilot, lambda: isinstance(app.screen, QuitRun))
        await pilot.click("#quit")
        await until(pilot, lambda: script.cancel.requested)
        assert script.cancel.keep is False
        await until(pilot, lambda: "stopping …" in text_of(app))
        assert app.return_value is None, "the engine has not confirmed yet"
        assert app.is_running
        script.finish(report_of("cancelled"))
        await until(pilot, lambda: app.return_value is not None)
    assert app.return_value == 130


async def test_a_run_that_cannot_be_made_says_why_and_has_its_exit_code(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    fakes.sync.error = ConfigError("athena.workgroup is not set", "Set it.")
    async with app.run_test(size=(80, 24)) as pilot:
        app.start_run(Selection(branch="dev-kate"))
        await until(pilot, lambda: "athena.workgroup is not set" in text_of(app))
        assert "Set it." in text_of(app)
        assert "exit code 2" in text_of(app)
        await pilot.press("ctrl+q")
    assert app.return_value == 2


async def test_the_palette_leads_to_the_run(app: NeonsyncApp, script: Script) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        assert "View run" not in {each.title for each in app.get_system_commands(app.screen)}
        show(app, script)
        await pilot.press("b")
        (command,) = [
            each for each in app.get_system_commands(app.screen) if each.title == "View run"
        ]
        await invoke(command.callback)
        await until(pilot, lambda: isinstance(app.screen, RunScreen))


def test_a_run_has_ended_although_a_thread_of_its_still_waits() -> None:
    gate = threading.Event()

    async def job(emit: Emit, cancel: CancelToken) -> RunReport:
        asyncio.get_running_loop().run_in_executor(None, gate.wait)
        return report_of("cancelled")

    controller = RunController(job, Selection())
    controller.start()
    try:
        assert controller.wait(30)
        assert controller.exit_code == 130
    finally:
        gate.set()
        controller._thread.join()


async def test_one_run_at_a_time(app: NeonsyncApp, fakes: Fakes, script: Script) -> None:
    fakes.sync.carry_out = script.carry_out
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.start_run(Selection(branch="dev-kate"))
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and script.begun.is_set())
        first = app.run_controller
        app.start_run(Selection(branch="other"))
        await until(pilot, lambda: "at work already" in text_of(app))
        assert app.run_controller is first
