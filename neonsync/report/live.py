"""A live display for a terminal: finished steps scroll by above what goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from neonsync.engine.events import (
    CheckFinished,
    Event,
    Level,
    Notice,
    StepFinished,
    TableFailed,
)
from neonsync.engine.result import RunResult
from neonsync.report.live_view import LiveView
from neonsync.report.wording import describe_event, printable
from neonsync.secret import Secret, redact

REFRESHES_PER_SECOND = 8
_STYLES = {"failed": "bold red", "warning": "yellow"}


class LiveReporter:
    """Draws at the foot of the terminal, eight times a second."""

    def __init__(
        self,
        console: Console,
        secrets: tuple[Secret, ...] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._secrets = secrets
        self._clock = clock
        self._lock = threading.Lock()  # the display draws in a thread of its own
        self._view = LiveView(clock(), ascii_only=console.options.ascii_only)
        self._live = Live(
            console=console,
            get_renderable=self._render,
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
            redirect_stdout=False,  # it may lead elsewhere, and is for data
        )
        self._live.start()

    def __call__(self, event: Event) -> None:
        """Take an event in; one that ends something leaves a line behind."""
        with self._lock:
            self._view.take(event, self._clock())
        if isinstance(event, StepFinished | CheckFinished | Notice | TableFailed):
            line = describe_event(event)
            if line is not None:
                self.say(line, _style(event))

    def tick(self) -> None:
        """The display refreshes itself."""

    def say(self, line: str, style: str = "") -> None:
        """Leave a line above the display."""
        self._console.print(Text(printable(redact(line, *self._secrets)), style=style))

    def finish(self, result: RunResult, report_dir: str) -> None:
        """The summary is another's."""

    def abandon(self, result: RunResult) -> None:
        """Nothing to add."""

    def close(self) -> None:
        """Give the terminal back."""
        self._live.stop()

    def _render(self) -> Group:
        with self._lock:
            return Group(*self._view.lines(*self._console.size, self._clock()))


def _style(event: Event) -> str:
    if isinstance(event, TableFailed):
        return _STYLES["failed"]
    if isinstance(event, CheckFinished):
        return _STYLES.get(event.status, "")
    if isinstance(event, Notice):
        return "yellow" if event.level is Level.WARNING else "dim"
    return ""
