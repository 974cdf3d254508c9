"""The bottom of the plan: what it would do, the equal command, and whether it can start.

The plan is asked for when the form has rested for a moment. An answer to an older question is
dropped; until the new one is there, the old plan stands dimmed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from neonsync.report.wording import printable
from neonsync.tui import clock
from neonsync.tui.plan_words import Line, command_lines, summary
from neonsync.tui.ports import PlanPreview
from neonsync.tui.screens.plan_lists import DEBOUNCE
from neonsync.tui.widgets.panel import QUIET_SECONDS, Failure
from neonsync.tui.widgets.said import Said

if TYPE_CHECKING:
    from neonsync.selection import Selection
    from neonsync.tui.run_controller import RunController
    from neonsync.tui.screens.base import View

_STYLES = {
    "good": "$success",
    "bad": "$error",
    "warn": "$warning",
    "dim": "$foreground 60%",
    "head": "bold",
}
_COMMAND_LINES = 2


class PlanSummary(Vertical):
    """Stays as high as it is, whatever it says; long texts scroll."""

    DEFAULT_CSS = """
    PlanSummary { height: 9; border-top: solid $foreground 30%; }
    PlanSummary > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; padding: 0 1; }
    PlanSummary > VerticalScroll:focus { background: $accent 10%; }
    PlanSummary #summary { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    PlanSummary #summary.-old { color: $text-disabled; text-style: dim; }
    PlanSummary #command { height: 2; padding: 0 1; color: $secondary; }
    PlanSummary #command.-off { color: $text-muted; }
    PlanSummary #status { padding: 0 1; }
    """

    class Answered(Message):
        """There is a plan, or an error in its place."""

    def __init__(self) -> None:
        super().__init__()
        self.preview: PlanPreview | None = None
        self.failure: Failure | None = None
        self.notes: tuple[str, ...] = ()
        self._wanted: Selection | None = None
        self._chosen = 0
        self._ended: RunController | None = None
        self._rest: Timer | None = None
        self._command = ""
        self._lines: tuple[Line, ...] = ()
        self._status = self._drawn = Line("")
        self._began: float | None = None
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        """Summary, command, status."""
        with VerticalScroll():
            yield Static("", id="summary", markup=False)
        yield Said(id="command")
        yield Static("", id="status", markup=False, classes="line")

    def want(self, selection: Selection, chosen: int) -> None:
        """Have the plan of a selection, of so many tables; nothing is done where it is there."""
        if selection == self._wanted and not self.outdated:
            return
        self._wanted, self._chosen, self._ended = selection, chosen, self._ended_run()
        self.preview = self.failure = None
        self._wait()
        self._rest = self.set_timer(DEBOUNCE, self._ask)

    @property
    def outdated(self) -> bool:
        """Whether a run has ended since: its tables are not as they were, nor how they go in."""
        return self._wanted is not None and self._ended_run() is not self._ended

    def want_none(self, reason: str) -> None:
        """Say why there is no plan."""
        self.forget()
        notes = (Line(f"! {note}", "warn") for note in self.notes)
        self._draw((Line(f"No plan: {reason}", "dim"), *notes))

    def forget(self) -> None:
        """Ask anew at the next time."""
        self._wanted = self.preview = self.failure = None
        self._stop()

    def fail(self, failure: Failure) -> None:
        """Show an error in the plan's place."""
        self.preview, self.failure = None, failure
        lines = [Line(f"✗ {failure.message}", "bad")]
        if failure.remedy:
            lines.append(Line(f"  {failure.remedy}"))
        if failure.request_id:
            lines.append(Line(f"  request id {failure.request_id}", "dim"))
        self._stop()
        self._draw((*lines, Line("  r tries again", "dim")))

    def show_command(self, command: str) -> None:
        """The command that does the same; empty while there is none."""
        self._command = command
        self._draw_command()

    def show_status(self, line: Line) -> None:
        """Whether it can start, or why not."""
        if line != self._status:
            self._status = line
            self._draw_status()

    def on_resize(self) -> None:
        """The command is wrapped anew."""
        self._draw_command()

    def _ended_run(self) -> RunController | None:
        """The last run of this program; None while it is at work, or where there was none."""
        ui = cast("View", self.screen).ui
        return None if ui.run_active else ui.run_controller

    def _ask(self) -> None:
        view, wanted = cast("View", self.screen), self._wanted
        if wanted is not None:
            view.fetch(
                lambda: view.ui.services.lake.preview(wanted),
                lambda preview: self._answer(wanted, preview),
                lambda failure: self._answer(wanted, failure),
                group="preview",
            )

    def _answer(self, wanted: Selection, answer: PlanPreview | Failure) -> None:
        if wanted != self._wanted:
            return
        if isinstance(answer, Failure):
            self.fail(answer)
        else:
            self.preview, self.failure = answer, None
            self._stop()
            self._draw(summary(answer, wanted.mode, self._chosen, self.notes))
        self.post_message(self.Answered())

    def _wait(self) -> None:
        if self._rest is not None:
            self._rest.stop()
        if self._timer is None:
            self._began = clock.seconds()
            self._timer = self.set_interval(QUIET_SECONDS, self._tick)

    def _tick(self) -> None:
        self.query_one("#summary").add_class("-old")
        self._draw_status()
        if not self._lines:
            self._say(self._waiting())

    def _waiting(self) -> Line:
        seconds = int(clock.seconds() - self._began) if self._began is not None else 0
        return Line("· working the plan out …" + (f" {seconds} s" if seconds else ""), "dim")

    def _stop(self) -> None:
        for timer in (self._timer, self._rest):
            if timer is not None:
                timer.stop()
        self._timer = self._rest = self._began = None

    def _draw(self, lines: tuple[Line, ...]) -> None:
        self._lines = lines
        self.query_one("#summary").remove_class("-old")
        self._say(*lines)
        self._draw_status()

    def _say(self, *lines: Line) -> None:
        self.query_one("#summary", Static).update(
            Content("\n").join([self._content(line) for line in lines])
        )

    def _draw_command(self) -> None:
        shown = self.query_one("#command", Said)
        shown.set_class(not self._command, "-off")
        if not self._command:
            shown.say("$ the command stands here once the form is right")
            return
        lines = command_lines(f"$ {self._command}", self.size.width - 2, _COMMAND_LINES)
        shown.say("\n".join(lines))

    def _draw_status(self) -> None:
        line = self._status
        if self._timer is not None and line.style == "good":
            if not self._lines:
                line = Line("· F5 waits for the plan", "dim")
            elif self.query_one("#summary").has_class("-old"):
                line = self._waiting()
        if line != self._drawn:
            self._drawn = line
            self.query_one("#status", Static).update(self._content(line), layout=False)

    def _content(self, line: Line) -> Content:
        return Content.styled(printable(line.text), _STYLES.get(line.style, ""))
