"""What the run screen shows: the engine's own reducer, and with it times, rates and a log. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from neonsync.engine.events import Event, Level, Notice
from neonsync.engine.state import RunState, reduce
from neonsync.report.wording import describe_event, printable
from neonsync.secret import redact
from neonsync.tui.ports import RunReport

LOG_LINES = 2000


@dataclass(frozen=True)
class LogLine:
    """One line of the log; ``seconds`` since the run's start."""

    seconds: float
    level: str
    text: str


@dataclass(frozen=True)
class RunSnapshot:
    """A run at one moment. ``failure`` is set for a fault of the program's own."""

    state: RunState
    seconds: float
    stopping: bool
    log: tuple[LogLine, ...] = ()
    report: RunReport | None = None
    failure: str = ""

    @property
    def word(self) -> str:
        """Where it stands, for a chip."""
        rows = self.state.rows
        if self.stopping:
            return "stopping"
        return f"{self.state.loaded_rows * 100 // rows} %" if rows else self.state.status


class RunView:
    """Takes events in, gives snapshots out."""

    def __init__(self, now: float) -> None:
        self._state = RunState()
        self._began = now
        self._finished: float | None = None
        self._log: deque[LogLine] = deque(maxlen=LOG_LINES)
        self.report: RunReport | None = None
        self._failure = ""

    def take(self, event: Event, now: float) -> None:
        """Take an event in."""
        self._state = reduce(self._state, event)
        line = describe_event(event)
        if line is not None:
            level = event.level.value if isinstance(event, Notice) else Level.INFO.value
            self._log.append(LogLine(now - self._began, level, printable(redact(line))))

    def end(self, report: RunReport | None, failure: BaseException | None, now: float) -> None:
        """The run is over."""
        self._finished = now
        self.report = report
        if failure is not None:
            self._failure = printable(redact(f"{type(failure).__name__}: {failure}"))

    def snapshot(self, now: float, *, stopping: bool) -> RunSnapshot:
        """What it looks like now."""
        until = self._finished if self._finished is not None else now
        return RunSnapshot(
            self._state,
            until - self._began,
            stopping,
            tuple(self._log),
            self.report,
            self._failure,
        )
