"""Plain lines, one a step, for logs and pipes; a sign of life when nothing ends for a while."""

from __future__ import annotations

import time
from typing import TextIO

from neonsync.engine.events import Event
from neonsync.engine.state import RunState, reduce
from neonsync.report.wording import describe_event, describe_state, printable

HEARTBEAT_SECONDS = 30.0


class PlainReporter:
    """Writes to a stream that is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._state = RunState()
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Write the event's line, if it has one."""
        self._state = reduce(self._state, event)
        line = describe_event(event)
        if line is not None:
            self.say(line)

    def tick(self) -> None:
        """To be called now and then: writes where the run stands after a long silence."""
        if time.monotonic() - self._last >= HEARTBEAT_SECONDS:
            self.say(describe_state(self._state))

    def say(self, line: str) -> None:
        """Write a line at once. A reader that has gone away is no reason to stop a sync."""
        self._last = time.monotonic()
        try:
            self._stream.write(f"{time.strftime('%H:%M:%S')} {printable(line)}\n")
            self._stream.flush()
        except BrokenPipeError:
            pass

    def close(self) -> None:
        """Nothing to give back."""
