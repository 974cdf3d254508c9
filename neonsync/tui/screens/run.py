"""Run: what a run does at this moment, drawn from snapshots some times a second."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.timer import Timer

from neonsync.tui import run_lines
from neonsync.tui.colours import style_of
from neonsync.tui.glyphs import STOPPED
from neonsync.tui.run_controller import RunController
from neonsync.tui.run_problems import problems_of, problems_text
from neonsync.tui.run_view import RunSnapshot
from neonsync.tui.screens.base import View
from neonsync.tui.screens.cancel_run import KEEP, ROLL_BACK, CancelRun
from neonsync.tui.screens.reading import Reading
from neonsync.tui.screens.run_log import RunLogView
from neonsync.tui.screens.run_table import RunTable
from neonsync.tui.widgets.panel import QUIET_SECONDS, Failure, StatePanel
from neonsync.tui.widgets.said import Said

LINES_A_LOOK = 100
"""So many lines of the log are drawn at once; a burst is drawn over some looks."""
CHART_LINES = 3


class RunScreen(View):
    """A run, from its planning to its end; then the results take this screen's place."""

    CHIP = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "cancel_run", "Cancel", id="run.cancel"),
        Binding("e", "errors", "Errors", id="run.errors"),
        Binding("l", "log_size", "Log size", id="run.log"),
        Binding("f", "log_level", "Log level", id="run.level"),
        Binding("b", "leave", "Background", id="run.background"),
        Binding("escape", "leave", "Background", show=False, id="view.back"),
    ]
    DEFAULT_CSS = """
    RunScreen #chart { height: 3; display: none; color: $accent; text-wrap: nowrap; padding: 0 1; }
    RunScreen.-wide #chart, RunScreen.-no-log #chart { display: block; }
    RunScreen #status { color: $text-muted; }
    """
    HELP = (
        "A run goes on in the background when one leaves this screen: a chip at the top tells "
        "where it stands, and v comes back. Every table of the branch stays as it was until all "
        "of them are published together.\n\n"
        "queued: not begun. export, copy, audit, index: at work. ready: staged and proved, waits "
        "for the other tables. done: published and checked. failed: its error has stopped the run. "
        "invalid: published, but a check failed. stopped: cut off before it was published. "
        "skipped: the run ended before it began.\n\n"
        "There is no bar while the number of rows is not known, and no time left while it could "
        "only be guessed."
    )

    def __init__(self, controller: RunController) -> None:
        super().__init__()
        self.controller = controller
        self._snapshot = controller.snapshot()
        self._timer: Timer | None = None
        self._noted = ""

    def body(self) -> ComposeResult:
        """Steps, tables, log, chart, sums."""
        yield Said(id="steps", classes="line")
        yield RunTable(id="tables")
        yield StatePanel()
        yield RunLogView(self._style, ascii_only=self.ui.preferences.ascii_only)
        yield Said(id="chart")
        yield Said(id="status", classes="line")

    def crumbs(self) -> list[str]:
        """The branch and the run."""
        branch = self._snapshot.state.branch or self.controller.selection.branch
        name = run_lines.short_id(self._snapshot.state.run_id)
        return [*([branch] if branch else []), f"run {name}".strip()]

    def show_crumbs(self, note: str = "") -> None:
        """Status and clock stand behind."""
        super().show_crumbs(note or run_lines.note(self._snapshot))

    def on_mount(self) -> None:
        """Look at once, and then again and again."""
        self._timer = self.set_interval(1 / max(self.ui.preferences.refreshes, 1), self._look)
        self.query_one(RunTable).focus()
        self._look()

    def on_resize(self, event: events.Resize) -> None:
        """Other columns."""
        self.query_one(RunTable).fit(event.size.width)
        self._look()

    def on_screen_suspend(self) -> None:
        """Nothing is drawn for nobody; below a dialog it is still to be seen."""
        if self._timer is not None and not isinstance(self.app.screen, ModalScreen):
            self._timer.pause()

    def on_screen_resume(self) -> None:
        """Catch up."""
        if self._timer is not None:
            self._timer.resume()
            self._look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing to stop, nothing to read: the key is there, dimmed."""
        going = self._snapshot.state.status in ("starting", "running")
        if action == "cancel_run" and (self._snapshot.stopping or not going):
            return None
        if action == "errors" and not problems_of(self._snapshot):
            return None
        return True

    def action_cancel_run(self) -> None:
        """Ask how, if at all."""

        def answered(choice: str | None) -> None:
            if choice in (KEEP, ROLL_BACK):
                self.controller.stop(keep=choice == KEEP)
                self._look()

        self.app.push_screen(CancelRun(self.controller), answered)

    def action_errors(self) -> None:
        """All that went wrong."""
        text = problems_text(problems_of(self._snapshot))
        self.app.push_screen(Reading("Errors and warnings", text, "the errors", classes="-danger"))

    def action_log_size(self) -> None:
        """More of the log, or none of it."""
        log = self.query_one(RunLogView)
        log.next_size()
        self.set_class(log.size_name == "off", "-no-log")
        self._look()

    def action_log_level(self) -> None:
        """All lines, or those that matter."""
        self.query_one(RunLogView).next_level()

    def _look(self) -> None:
        """Draw what has changed."""
        if not self.is_mounted:
            return
        before, self._snapshot = self._snapshot, self.controller.snapshot()
        snapshot = self._snapshot
        with self.app.batch_update():
            self._draw(snapshot)
        if _keys(snapshot) != _keys(before):
            self.refresh_bindings()
        if snapshot.ended:
            self._end(snapshot)

    def _draw(self, snapshot: RunSnapshot) -> None:
        ascii_only = self.ui.preferences.ascii_only
        note = run_lines.note(snapshot)
        if note != self._noted:
            self._noted = note
            self.show_crumbs()
        width = self.size.width
        self._say("steps", run_lines.steps(snapshot, width, self._style, ascii_only=ascii_only))
        self._say("status", run_lines.status(snapshot, width))
        if any(snapshot.samples):  # axes without bars would only be a riddle
            text = run_lines.chart_text(snapshot, width - 2, CHART_LINES, ascii_only=ascii_only)
            self._say("chart", text)
        table = self.query_one(RunTable)
        table.display = bool(snapshot.tables)
        table.show_run(snapshot, self._style, ascii_only=ascii_only)
        panel = self.query_one(StatePanel)
        if snapshot.tables:
            panel.clear()
        elif not snapshot.ended and snapshot.seconds >= QUIET_SECONDS:
            said = "Stopping" if snapshot.stopping else "Looking at the lake and at the branch"
            panel.empty(f"{said} … {int(snapshot.seconds)} s", "")
        log = self.query_one(RunLogView)
        log.add(self.controller.log_after(log.number, LINES_A_LOOK))

    def _say(self, name: str, text: Text) -> None:
        self.query_one(f"#{name}", Said).say(text)

    def _style(self, name: str) -> str:
        return style_of(name, self.app.current_theme)

    def _end(self, snapshot: RunSnapshot) -> None:
        """To the results, once they can be seen; a run that never began says here why."""
        front = self.app.screen
        if isinstance(front, CancelRun):
            front.dismiss(None)  # nothing is left to stop; this screen is resumed then
            return
        if front is not self:
            return
        if self._timer is not None:
            self._timer.pause()
        self.ui.run_watch.seen(self.controller)
        if snapshot.report is not None and snapshot.begun:
            self.ui.open_results(snapshot.report, in_place=True)
            return
        problem = next(iter(problems_of(snapshot)), None)
        keys = f"exit code {snapshot.exit_code} · e shows all, to be copied · esc back"
        panel = self.query_one(StatePanel)
        if snapshot.report is not None and snapshot.report.status == "cancelled":
            glyph = STOPPED.ascii if self.ui.preferences.ascii_only else STOPPED.glyph
            panel.empty(f"{glyph} Stopped before anything was done", keys)
        elif problem is not None:
            panel.failed(Failure(problem.message, problem.remedy), keys)
        else:
            panel.empty("The run has ended without a word", keys)


def _keys(snapshot: RunSnapshot) -> tuple[object, ...]:
    """What the keys depend on."""
    ended = snapshot.ended and bool(problems_of(snapshot))
    return snapshot.state.status, snapshot.stopping, bool(snapshot.problems), ended
