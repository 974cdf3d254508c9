"""What the run screen shows: the engine's own reducer, and with it times, rates and a log. Pure.

Events come by the thousand a second and are taken in one by one; what costs more is done when a
snapshot is asked for, which is some times a second.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from neonsync.engine.events import (
    CheckFinished,
    ChunkLoaded,
    ChunksPlanned,
    Event,
    QueryProgress,
    RowsCopied,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
    TableFailed,
)
from neonsync.engine.state import RunState, TableState, reduce
from neonsync.errors import NeonsyncError
from neonsync.report.rate import Rate
from neonsync.report.wording import printable
from neonsync.secret import redact
from neonsync.tui.ports import RunReport
from neonsync.tui.run_chart import Samples
from neonsync.tui.run_events import LogLine, Problem, RunLog, problem_of
from neonsync.tui.run_steps import Phase, StepStates

PROBLEMS_KEPT = 200
SETTLE_SECONDS = 0.5
_STAGED = (Step.AUDIT, Step.INDEX)


@dataclass(frozen=True)
class TableLine:
    """One table at one moment.

    ``phase`` is waiting, running, ready (staged, and waiting for the others), done, failed, invalid
    (published, but a check failed), stopped, or skipped when the run ended before it began.
    ``step`` is where it is, or was when it ended.
    ``seconds`` is None before it began, ``left`` while it cannot honestly be said.
    """

    name: str
    phase: Phase
    step: str = ""
    rows: int | None = None
    sent: int = 0
    rate: float | None = None
    seconds: float | None = None
    left: float | None = None
    scanned: int = 0
    indexes: str = ""


@dataclass(frozen=True)
class RunSnapshot:
    """A run at one moment. ``failure`` says why there is no report, once it has ended.

    ``steps`` are those that a run shows, in their order. ``rate`` and ``samples`` are in rows a
    second. ``logged`` is the number of the newest line of the log.
    """

    state: RunState
    seconds: float
    stopping: bool
    tables: tuple[TableLine, ...] = ()
    steps: tuple[tuple[Step, Phase], ...] = ()
    rate: float | None = None
    left: float | None = None
    samples: tuple[float, ...] = ()
    problems: tuple[Problem, ...] = ()
    logged: int = 0
    ended: bool = False
    report: RunReport | None = None
    failure: str = ""
    remedy: str = ""
    exit_code: int | None = None

    @property
    def sent(self) -> int:
        """Rows of all tables that are in staging, or on their way there."""
        return sum(table.sent for table in self.tables)

    @property
    def scanned(self) -> int:
        """Bytes that Athena has scanned, for the exports and the queries beside them."""
        return sum(table.scanned for table in self.tables)

    @property
    def word(self) -> str:
        """Where it stands, for a chip."""
        if self.stopping:
            return "stopping"
        if self.state.step:
            return self.state.step
        rows = self.state.rows
        # Not rounded up: 100 % is when all are there.
        return f"{self.sent * 100 // rows} %" if rows else self.state.status

    @property
    def begun(self) -> bool:
        """Whether the run has come so far that it has a name."""
        return bool(self.state.run_id)


class RunView:
    """Takes events in, gives snapshots out."""

    def __init__(self, now: float) -> None:
        self._state = RunState()
        self._began = now
        self._finished: float | None = None
        self._steps = StepStates()
        self._log = RunLog(now)
        self._samples = Samples(now)
        self._rate: Rate | None = None
        self._sent = 0
        self._copied: Counter[str] = Counter()
        self._loaded: Counter[str] = Counter()
        self._settled = now
        self._rates: dict[str, Rate] = {}
        self._since: dict[str, float] = {}
        self._until: dict[str, float] = {}
        self._scanned: dict[str, dict[str, int]] = {}
        self._checked: dict[str, bool] = {}
        self._problems: list[Problem] = []
        self._failed: set[str] = set()
        self._blamed: frozenset[str] = frozenset()
        self._outcome = ""
        self._failure = ""
        self._remedy = ""
        self.exit_code: int | None = None
        self.report: RunReport | None = None

    def take(self, event: Event, now: float) -> None:
        """Take an event in."""
        # Of these come thousands a second: they are summed up, and settled now and then.
        if isinstance(event, RowsCopied):
            self._copied[event.table] += event.rows
        elif isinstance(event, ChunkLoaded):
            self._loaded[event.table] += event.rows
            self._log.take(event, now)
        else:
            self._settle(now)
            self._state = reduce(self._state, event)
            self._log.take(event, now)
            self._note(event, now)
            return
        if now - self._settled >= SETTLE_SECONDS:
            self._settle(now)

    def _note(self, event: Event, now: float) -> None:
        match event:
            case RunStarted():
                self._steps.begin(event.tables)
            case StepStarted():
                self._steps.start(event)
                if event.table:
                    self._since.setdefault(event.table, now)
                    self._until.pop(event.table, None)
            case StepFinished():
                self._steps.finish(event)
                if event.step in _STAGED:
                    self._until[event.table] = now
            case ChunksPlanned():
                # What an earlier run has loaded says nothing of this one's pace.
                self._rates[event.table] = Rate(now, event.loaded_rows)
                if self._rate is None:
                    self._rate = Rate(now, self._sent)
            case QueryProgress():
                self._scanned.setdefault(event.table, {})[event.query_id] = event.scanned_bytes
            case CheckFinished():
                failed = self._checked.get(event.table, False) or event.status == "failed"
                self._checked[event.table] = failed
            case TableFailed():
                self._failed.add(event.table)
                self._until.setdefault(event.table, now)
            case RunFinished():
                self._finish(event, now)
            case _:
                pass
        problem = problem_of(event)
        if problem is not None and len(self._problems) < PROBLEMS_KEPT:
            self._problems.append(problem)

    def end(self, report: RunReport | None, failure: BaseException | None, now: float) -> None:
        """The run is over."""
        self._settle(now)
        self._finished = now
        self.report = report
        if isinstance(failure, NeonsyncError):
            self._failure, self._remedy = failure.message, failure.remedy
        elif failure is not None:
            self._failure = f"unexpected: {type(failure).__name__}: {failure}"
            self._remedy = "If it happens again, report it with the log."
        if report is not None:
            self.exit_code = report.exit_code
        else:
            code = failure.exit_code if isinstance(failure, NeonsyncError) else 1
            self.exit_code = int(code)

    def lines_after(self, number: int, limit: int) -> tuple[LogLine, ...]:
        """The lines of the log that are newer than a number, oldest first."""
        return self._log.after(number, limit)

    def snapshot(self, now: float, *, stopping: bool) -> RunSnapshot:
        """What it looks like now."""
        self._settle(now)
        until = self._finished if self._finished is not None else now
        tables = tuple(self._line(name, table, until) for name, table in self._state.tables.items())
        left = None
        rows = self._state.rows
        loading = any(table.step == Step.LOAD and table.phase == "running" for table in tables)
        if rows is not None and self._rate is not None and loading:
            sent = sum(table.sent for table in tables)
            left = self._rate.seconds_for(max(rows - sent, 0), until)
        return RunSnapshot(
            self._state,
            until - self._began,
            stopping,
            tables,
            self._steps.all(self._outcome, self._blamed),
            self._rate.per_second(until) if self._rate is not None and loading else None,
            left,
            self._samples.all(until),
            tuple(self._problems),
            self._log.number,
            self._finished is not None,
            self.report,
            printable(redact(self._failure)),
            printable(redact(self._remedy)),
            self.exit_code,
        )

    def _settle(self, now: float) -> None:
        """Reckon with the rows that have come since the last time."""
        self._settled = now
        names = self._copied.keys() | self._loaded.keys()
        if not names:
            return
        before = sum(map(_sent, self._state.tables.values()))
        for name in names:
            if copied := self._copied[name]:
                self._state = reduce(self._state, RowsCopied(name, copied))
            if loaded := self._loaded[name]:
                self._state = reduce(self._state, ChunkLoaded(name, loaded, 0))
            if name in self._rates:
                self._rates[name].add(now, _sent(self._state.tables[name]))
        moved = sum(map(_sent, self._state.tables.values())) - before
        self._copied.clear()
        self._loaded.clear()
        self._sent += moved
        self._samples.add(moved, now)
        if self._rate is not None:
            self._rate.add(now, self._sent)

    def _finish(self, event: RunFinished, now: float) -> None:
        self._outcome = event.status
        active = [name for name in self._state.tables if self._steps.at(name) is not None]
        for name in active:
            self._until.setdefault(name, now)
        if event.status == "failed":
            self._blamed = frozenset(_named(event.error, list(self._state.tables), active))

    def _line(self, name: str, table: TableState, now: float) -> TableLine:
        phase, step = self._phase(name, table)
        loading = phase == "running" and step == Step.LOAD
        rate = self._rates.get(name) if loading else None
        sent = _sent(table) if table.rows is None else min(_sent(table), table.rows)
        since, until = self._since.get(name), self._until.get(name, now)
        return TableLine(
            name,
            phase,
            step,
            table.rows,
            sent,
            rate.per_second(now) if rate is not None else None,
            until - since if since is not None else None,
            rate.seconds_for((table.rows or 0) - sent, now) if rate is not None else None,
            sum(self._scanned.get(name, {}).values()),
            table.indexes,
        )

    def _phase(self, name: str, table: TableState) -> tuple[Phase, str]:
        """The phase and the step of a table."""
        own = self._steps.last(name)
        shared = self._steps.shared
        step = own.value if own is not None else ""
        if shared is not None and not table.done:
            step = shared.value
        if self._checked.get(name):
            return "invalid", Step.VERIFY.value
        if name in self._failed or name in self._blamed:
            return "failed", step
        if table.done:
            checking = not self._outcome and name not in self._checked
            return ("running", Step.VERIFY.value) if checking else ("done", "")
        if self._outcome in ("failed", "cancelled"):
            return ("stopped", step) if own is not None else ("skipped", "")
        if shared is not None:
            return "running", step
        if self._steps.at(name) is None and own in _STAGED:
            return "ready", step
        return ("running", step) if own is not None else ("waiting", "")


def _sent(table: TableState) -> int:
    return table.loaded_rows + table.copied_rows


def _named(error: str, tables: list[str], active: list[str]) -> list[str]:
    """The tables that an error is about: those that it names; else the only one at work."""
    for names in (
        {name: name for name in tables},
        {name: name.rpartition(".")[2] for name in active},
    ):
        found = [
            name
            for name, word in names.items()
            if re.search(rf"(?<![\w]){re.escape(word)}(?!\w)", error)
        ]
        if found:
            return found
    return active if len(active) == 1 else []
