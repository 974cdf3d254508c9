"""A long call in a dialog: what it says, how long it has taken, and a way out of it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button

from neonsync.report.wording import printable
from neonsync.secret import redact
from neonsync.threads import in_thread
from neonsync.tui import clock
from neonsync.tui.ports import Talk
from neonsync.tui.screens.base import Dialog
from neonsync.tui.widgets.panel import QUIET_SECONDS, Failure
from neonsync.tui.widgets.said import Said

T = TypeVar("T")
LINES = 6
"""So many of the last lines are shown."""
_LOOKS_A_SECOND = 4


@dataclass(frozen=True)
class Outcome(Generic[T]):
    """How a call ended: with a ``result``, with a ``failure``, or nobody waited for it to end.

    ``stopped`` tells that somebody asked it to stop.
    """

    result: T | None = None
    failure: Failure | None = None
    stopped: bool = False


class Working(Dialog[Outcome[T]]):
    """Carries a call out in a thread; gives its outcome.

    The call outlives the dialog: Neon goes on with what it has begun, so leaving says so, and
    what comes of it is told when it is known.
    """

    CSS = """
    Working.-quiet { background: transparent; }
    Working.-quiet > .box { visibility: hidden; }
    Working #lines { height: 6; }
    """

    def __init__(self, title: str, call: Callable[[Talk], T], *, changes: bool) -> None:
        """``changes`` tells a call that changes something: leaving the program then asks."""
        super().__init__(classes="-quiet")
        self._heading = title
        self._call = call
        self._changes = changes
        # Written by the call's thread, read by the loop: appending is atomic.
        self._lines: deque[str] = deque(maxlen=LINES)
        self._talk = Talk(self._lines.append)
        self._began = clock.seconds()
        self._outcome: Outcome[T] | None = None
        self._left = False

    def compose(self) -> ComposeResult:
        """The lines, the seconds, the way out."""
        box = VerticalScroll(classes="box", can_focus=False)
        box.border_title = Text(printable(self._heading))
        with box:
            yield Said(id="lines")
            yield Said(id="state", classes="dim")
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)

    def on_mount(self) -> None:
        """Begin. The app's worker, not ours: it is to tell the end even when we have gone."""
        self.app.run_worker(self._work(), group="working")
        self.set_timer(QUIET_SECONDS, lambda: self.remove_class("-quiet"))
        self.set_interval(1 / _LOOKS_A_SECOND, self._show)
        self._show()

    def on_screen_resume(self) -> None:
        """It may have ended while something else was in front."""
        if self._outcome is not None:
            self.dismiss(self._outcome)

    @on(Button.Pressed, "#cancel")
    def _press(self) -> None:
        self.action_cancel()

    def action_cancel(self) -> None:
        """Ask it to stop; the second time, do not wait for it."""
        if not self._talk.cancel.is_set():
            self._talk.cancel.set()
            self.query_one("#cancel", Button).label = "Leave it"
            self._show()
        elif self.is_active:
            self._left = True
            self.dismiss(Outcome(stopped=True))

    async def _work(self) -> None:
        result: T | None = None
        failure: Failure | None = None
        at_work = self.ui.changes if self._changes else []
        at_work.append(self._heading)
        try:
            result = await in_thread(lambda: self._call(self._talk))
        except Exception as error:
            failure = Failure.of(error, self.ui.hide)
        finally:
            at_work.remove(self._heading)
        self._end(Outcome(result, failure, self._talk.cancel.is_set()))

    def _end(self, outcome: Outcome[T]) -> None:
        if self._left:
            said = outcome.failure.message if outcome.failure is not None else outcome.result
            self.app.notify(printable(f"{self._heading}: {said}"), markup=False)
            return
        self._outcome = outcome
        if self.is_active:
            self.dismiss(outcome)

    def _show(self) -> None:
        lines = [printable(redact(line)) for line in self._lines]
        self.query_one("#lines", Said).say("\n".join(lines))
        state = f"{int(clock.seconds() - self._began)} s"
        if self._talk.cancel.is_set():
            state += " · stopping; Neon goes on with what it has begun"
        self.query_one("#state", Said).say(state)
