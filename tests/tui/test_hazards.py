"""What could hit the wrong target, or what comes when nobody expects it any more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.app import ComposeResult
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widget import Widget

from neonsync.engine.events import Step, StepStarted
from neonsync.secret import Secret
from neonsync.selection import Selection
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.lifecycle import ROLLBACK_SECONDS, roll_back
from neonsync.tui.ports import BranchList
from neonsync.tui.run_controller import RunController
from neonsync.tui.screens.base import View
from neonsync.tui.screens.branch_detail import BranchDialog
from neonsync.tui.screens.branches import BranchesScreen
from neonsync.tui.screens.confirm import TypeName
from neonsync.tui.screens.help import HelpScreen
from neonsync.tui.screens.plan import PlanScreen
from neonsync.tui.screens.plan_options import PlanOptions
from neonsync.tui.screens.quit import QuitRun
from neonsync.tui.screens.run import RunScreen
from neonsync.tui.screens.too_small import TooSmall
from neonsync.tui.screens.working import Working
from neonsync.tui.widgets.rows import Rows
from tests.tui.branch_world import shown
from tests.tui.conftest import text_of, until
from tests.tui.fakes import Fakes, branch, report_of
from tests.tui.reports import invalid_report
from tests.tui.runs import Script, begin, show, started


@pytest.fixture
def fakes() -> Fakes:
    made = Fakes()
    made.branches.branches += [branch("ops")]
    return made


async def go_to(app: NeonsyncApp, pilot: Pilot[int], name: str) -> None:
    await until(pilot, shown(app, name, "s Sync"))
    app.screen.query_one(Rows).move_to(f"br-{name}")
    await until(pilot, lambda: app.screen.query_one(Rows).selected_key == f"br-{name}")


def on(app: NeonsyncApp, kind: type) -> Callable[[], bool]:
    return lambda: isinstance(app.screen, kind)


async def test_a_key_in_the_details_is_for_the_branch_that_they_tell_of(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await go_to(app, pilot, "dev-kate")
        home = app.screen
        assert isinstance(home, BranchesScreen)
        fakes.branches.hold = threading.Event()
        await pilot.press("r", "enter")
        await until(pilot, on(app, BranchDialog))
        # Somebody deletes it meanwhile: the cursor goes to its neighbour.
        fakes.branches.branches = [
            each for each in fakes.branches.branches if each.name != "dev-kate"
        ]
        fakes.branches.hold.set()
        await until(pilot, lambda: len(home._feed.branches) == 2)
        await pilot.press("s")
        await until(pilot, lambda: not isinstance(app.screen, BranchDialog))
        assert app.screen is home


async def test_a_branch_that_a_run_is_on_can_not_be_overwritten_or_deleted(
    app: NeonsyncApp, script: Script
) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await go_to(app, pilot, "dev-kate")
        await until(pilot, shown(app, "d Delete"))
        app.run_controller = begin(script)
        await until(pilot, lambda: "d Delete" not in text_of(app))
        await pilot.press("d")
        await until(pilot, shown(app, "the run that is at work is on dev-kate"))
        await pilot.press("j")
        await until(pilot, shown(app, "d Delete"))
        await pilot.press("k")
        script.finish(report_of())
        await until(pilot, shown(app, "d Delete"))
        await pilot.press("d")
        await until(pilot, on(app, TypeName))


async def test_a_run_is_told_the_branch_that_was_chosen(app: NeonsyncApp, fakes: Fakes) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot, "dev-kate")
        await pilot.press("s")
        await until(pilot, shown(app, "F5 starts", "to scan"))
        await pilot.press("f5")
        await until(pilot, lambda: fakes.sync.branch_id == "br-dev-kate")


async def test_what_is_at_stake_is_told_anew_while_it_is_asked(
    app: NeonsyncApp, script: Script
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        script.send(started())
        await until(pilot, lambda: app.run_word() == "running")
        await pilot.press("c")
        await until(pilot, shown(app, "Every table of the branch stays as", "it was, either way"))
        script.send(StepStarted(Step.PUBLISH, ""))
        await until(pilot, shown(app, "are being published in one"))
        assert "either way" not in text_of(app)
        await pilot.press("escape", "ctrl+q")
        await until(pilot, on(app, QuitRun))
        assert "stays as it was" not in text_of(app)


async def test_a_question_before_a_terminal_that_is_too_small_leaves_nothing_behind(
    app: NeonsyncApp, script: Script
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        show(app, script)
        script.send(started())
        await pilot.resize_terminal(50, 12)
        await until(pilot, on(app, TooSmall))
        await until(pilot, shown(app, "sync goes on: running"))
        await pilot.press("q")
        await until(pilot, on(app, QuitRun))
        await pilot.resize_terminal(52, 12)
        await until(pilot, lambda: app.size.width == 52)
        assert isinstance(app.screen, QuitRun), "it can still be answered"
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: app.size.width == 80)
        await pilot.press("escape")
        await until(pilot, on(app, RunScreen))
        assert not any(isinstance(screen, TooSmall) for screen in app.screen_stack)


async def test_leaving_while_neon_is_at_work_asks(app: NeonsyncApp, fakes: Fakes) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot, "dev-kate")
        fakes.branches.hold = threading.Event()
        await pilot.press("d")
        await until(pilot, on(app, TypeName))
        await pilot.press(*"dev-kate", "enter")
        await until(pilot, on(app, Working))
        await pilot.press("ctrl+q")
        await until(pilot, shown(app, "Delete dev-kate: Neon goes on with what"))
        await pilot.press("enter")
        await until(pilot, on(app, Working))
        fakes.branches.hold.set()
        await until(pilot, on(app, BranchesScreen))
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.return_value == 0)


def test_a_run_that_does_not_stop_is_waited_for_once(
    app: NeonsyncApp, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    app.run_controller = begin(script)

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return False

    monkeypatch.setattr(app.run_controller, "wait", wait)
    roll_back(app)
    roll_back(app)
    assert waited == [ROLLBACK_SECONDS]


async def test_an_answer_that_comes_while_one_leaves_is_dropped(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot, "dev-kate")
        fakes.lake.hold = threading.Event()
        await pilot.press("s")
        await until(pilot, on(app, PlanScreen))
        plan = app.screen
        drawn: list[object] = []
        assert isinstance(plan, PlanScreen)
        app.leaving = True
        work = plan.fetch(lambda: 1, drawn.append, drawn.append, group="late")
        await work.wait()
        fakes.lake.hold.set()
    assert not drawn


async def test_an_answer_waits_for_the_widgets_that_show_it(app: NeonsyncApp) -> None:
    class Quick(View):
        def body(self) -> ComposeResult:
            yield PlanOptions()

        def on_mount(self) -> None:
            self.whole: list[bool] = []
            self.fetch(lambda: 1, self.answered, self.answered, group="quick")

        def answered(self, _: object) -> None:
            self.whole.append(all(widget.is_mounted for widget in self.walk_children(Widget)))

    async with app.run_test(size=(80, 24)) as pilot:
        screen = Quick()
        await app.push_screen(screen)
        await until(pilot, lambda: bool(screen.whole))
        assert screen.whole[0]


@pytest.mark.parametrize(("column", "kind"), [(3, CommandPalette), (76, RunScreen)])
async def test_the_mouse_finds_the_palette_and_the_run(
    app: NeonsyncApp, script: Script, column: int, kind: type
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_controller = begin(script)
        app.open_history()
        await until(pilot, shown(app, "(v)", "Run again"))
        await pilot.click(offset=(column, 0))
        await until(pilot, on(app, kind))


async def test_v_shows_the_run_of_now_and_none_that_is_over(
    app: NeonsyncApp, script: Script
) -> None:
    async def over(*_: object) -> None:
        raise RuntimeError("gone")

    async with app.run_test(size=(80, 24)) as pilot:
        before = RunController(over, Selection(branch="dev-kate"))  # type: ignore[arg-type]
        before.start()
        await until(pilot, lambda: not before.active)
        app.push_screen(RunScreen(before))
        await until(pilot, shown(app, "unexpected"))
        show(app, script)
        script.send(started())
        await until(pilot, lambda: app.run_word() == "running")
        app.open_history()
        await pilot.press("v")
        await until(pilot, on(app, RunScreen))
        app.pop_screen()
        app.open_history()
        await pilot.press("v")
        await until(pilot, on(app, RunScreen))
        assert isinstance(app.screen, RunScreen)
        assert app.screen.controller is app.run_controller


async def test_a_plan_that_is_filled_in_late_does_not_come_over_another_screen(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await go_to(app, pilot, "dev-kate")
        app.open_results(invalid_report())
        await until(pilot, shown(app, "R Re-sync"))
        results, asked = app.screen, len(fakes.branches.made)
        fakes.branches.hold = threading.Event()
        await pilot.press("R")
        await until(pilot, lambda: len(fakes.branches.made) > asked)
        await pilot.press("question_mark")
        await until(pilot, on(app, HelpScreen))
        fakes.branches.hold.set()
        await until(pilot, lambda: all(w.is_finished for w in app.workers if w.node is results))
        assert isinstance(app.screen, HelpScreen)


async def test_r_does_not_take_a_namesake_for_the_branch_of_the_run(
    app: NeonsyncApp, fakes: Fakes
) -> None:
    fakes.branches.branches = [
        replace(each, id="br-other") if each.name == "dev-kate" else each
        for each in fakes.branches.branches
    ]
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.open_results(invalid_report())
        await until(pilot, shown(app, "R Re-sync"))
        await pilot.press("R")
        await until(pilot, shown(app, "Another one is named dev-kate now"))
        assert not any(isinstance(screen, PlanScreen) for screen in app.screen_stack)


async def test_a_library_that_says_its_key_says_it_to_nobody(fakes: Fakes) -> None:
    def load() -> BranchList:
        raise ValueError("invalid header: AKIA-not-like-anything-known [/x]")

    fakes.branches.load = load  # type: ignore[method-assign]
    app = NeonsyncApp(fakes.services(), secrets=lambda: [Secret("AKIA-not-like-anything-known")])
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, shown(app, "invalid header: ******** [/x]"))


async def test_what_is_told_at_the_corner_does_not_steer_the_terminal(app: NeonsyncApp) -> None:
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        app.notify("Wrote /tmp/\x1b[31m[/x]\n::error::", title="\x1b]0;x\x07[/x]", markup=False)
        await until(pilot, shown(app, "\\x1b[31m[/x]", "::error::", "\\x1b]0;x\\x07[/x]"))
