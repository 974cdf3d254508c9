"""Plain lines, one a step, for logs and pipes; a sign of life when nothing ends for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

from neonsync.engine.events import Event
from neonsync.engine.result import RunResult
from neonsync.engine.state import RunState, reduce
from neonsync.report.wording import describe_event, describe_state, printable

HEARTBEAT_SECONDS = 30.0


class PlainReporter:
    """Writes lines where no terminal is; ``write`` takes one without its line end."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._write = write
        self._clock = clock
        self._state = RunState()
        self._last = clock()

    def __call__(self, event: Event) -> None:
        """Write the event's line, if it has one."""
        self._state = reduce(self._state, event)
        line = describe_event(event)
        if line is not None:
            self.say(line)

    def tick(self) -> None:
        """To be called now and then: writes where the run stands after a long silence."""
        if self._clock() - self._last >= HEARTBEAT_SECONDS:
            self.say(describe_state(self._state))

    def say(self, line: str) -> None:
        """Write a line at once."""
        self._last = self._clock()
        self._write(f"{time.strftime('%H:%M:%S')} {printable(line)}")

    def finish(self, result: RunResult, report_dir: str) -> None:
        """The summary is another's."""

    def abandon(self, result: RunResult) -> None:
        """Nothing to add."""

    def close(self) -> None:
        """Nothing to give back."""
