"""Events as lines of a log that is read while it grows, and as problems to be looked at. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Literal, TypeAlias

from neonsync.engine.events import (
    CheckFinished,
    ChunkLoaded,
    ChunksPlanned,
    Event,
    Level,
    Notice,
    QueryProgress,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
    TableFailed,
    TablePublished,
)
from neonsync.report.wording import describe_detail, duration, printable, short, size
from neonsync.secret import redact
from neonsync.tui.run_steps import WORDS

LOG_LINES = 2000
CHUNK_SECONDS = 2.0
ANY_CHUNK_SECONDS = 0.2
"""How often a table's chunks are told of, and any table's: each one would drown the rest."""

Severity: TypeAlias = Literal["info", "warning", "error"]
Source: TypeAlias = Literal["athena", "copy", "engine", "check"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")


@dataclass(frozen=True)
class LogLine:
    """One line of the log; ``number`` counts from 1, ``seconds`` are since the run's start."""

    number: int
    seconds: float
    level: Severity
    source: Source
    text: str


@dataclass(frozen=True)
class Problem:
    """Something that went wrong, or that a person should know. ``table`` may be empty."""

    level: Severity
    table: str
    message: str
    remedy: str = ""


class RunLog:
    """The last lines; whoever shows them asks for those that are new."""

    def __init__(self, now: float) -> None:
        self._began = now
        self._lines: deque[LogLine] = deque(maxlen=LOG_LINES)
        self._queries: dict[str, str] = {}
        self._chunks: dict[str, tuple[int, int]] = {}
        self._told: dict[str, float] = {}
        self._told_any = now
        self.number = 0

    def take(self, event: Event, now: float) -> None:
        """Add the event's line, if it has one."""
        match event:
            case ChunkLoaded():
                self._chunk(event, now)
            case ChunksPlanned():
                self._chunks[event.table] = (event.loaded_chunks, event.chunks)
                chunks = f"{event.chunks} chunk{'' if event.chunks == 1 else 's'}"
                before = f", {event.loaded_chunks} loaded before" if event.loaded_chunks else ""
                text = f"{_bare(event.table)} {event.rows:,} rows in {chunks}{before}"
                self._add(now, "info", "copy", text)
            case QueryProgress() if self._queries.get(event.query_id) != event.state:
                self._queries[event.query_id] = event.state
                bad = event.state in ("FAILED", "CANCELLED")
                scanned = f", {size(event.scanned_bytes)} scanned" if event.scanned_bytes else ""
                text = f"query {event.query_id[:8]}… {_bare(event.table)} {event.state}{scanned}"
                self._add(now, "warning" if bad else "info", "athena", text)
            case StepFinished():
                about = f" {_bare(event.table)}" if event.table else ""
                detail = f": {event.detail}" if event.detail else ""
                text = f"{WORDS[event.step]}{about} done{detail} ({duration(event.seconds)})"
                self._add(now, "info", _source(event.step), text)
            case StepStarted() if not event.table:
                self._add(now, "info", "engine", f"{WORDS[event.step]} begins")
            case Notice():
                self._add(now, _severity(event), "engine", event.message)
            case RunStarted() | TablePublished() | TableFailed() | CheckFinished() | RunFinished():
                source: Source = "check" if isinstance(event, CheckFinished) else "engine"
                self._add(now, _severity(event), source, describe_detail(event) or "")
            case _:
                pass

    def after(self, number: int, limit: int) -> tuple[LogLine, ...]:
        """The lines with a greater number, oldest first, the first ``limit`` of them."""
        missing = min(self.number - number, len(self._lines))
        start = len(self._lines) - missing
        return tuple(islice(self._lines, start, start + limit)) if missing > 0 else ()

    def _chunk(self, event: ChunkLoaded, now: float) -> None:
        done, total = self._chunks.get(event.table, (0, 0))
        done += 1
        self._chunks[event.table] = (done, total)
        told = self._told.get(event.table)
        due = told is None or now - told >= CHUNK_SECONDS
        if done == total or (due and now - self._told_any >= ANY_CHUNK_SECONDS):
            self._told[event.table] = self._told_any = now
            of = f"/{total}" if total else ""
            text = f"{_bare(event.table)} chunk {done}{of}, {short(event.rows)} rows"
            self._add(now, "info", "copy", text)

    def _add(self, now: float, level: Severity, source: Source, text: str) -> None:
        self.number += 1
        line = printable(redact(text))
        self._lines.append(LogLine(self.number, now - self._began, level, source, line))


def problem_of(event: Event) -> Problem | None:
    """What of an event a person should look at."""
    match event:
        case Notice(level=Level.WARNING):
            return Problem("warning", "", _inert(event.message))
        case CheckFinished() if event.status != "passed":
            message = _inert(f"check {event.check}: {event.message}")
            return Problem(_severity(event), printable(event.table), message)
        case TableFailed():
            return Problem(
                _severity(event), printable(event.table), _inert(event.error), _inert(event.remedy)
            )
        case RunFinished() if event.error:
            return Problem(_severity(event), "", _inert(event.error), _inert(event.remedy))
        case _:
            return None


def visible(lines: Iterable[LogLine], level: Severity) -> list[LogLine]:
    """The lines of a level, and of those that matter more."""
    least = SEVERITIES.index(level)
    return [line for line in lines if SEVERITIES.index(line.level) >= least]


def _severity(event: Event) -> Severity:
    match event:
        case Notice():
            return "warning" if event.level is Level.WARNING else "info"
        case CheckFinished():
            return {"failed": "error", "warning": "warning"}.get(event.status, "info")  # type: ignore[return-value]
        case TableFailed():
            return "error"
        case RunFinished() if event.status in ("failed", "invalid", "partial"):
            return "error"
        case RunFinished() if event.status == "cancelled":
            return "warning"
        case _:
            return "info"


def _source(step: Step) -> Source:
    return {Step.EXTRACT: "athena", Step.LOAD: "copy"}.get(step, "engine")  # type: ignore[return-value]


def _bare(table: str) -> str:
    """A table without the schema that everybody has."""
    return table.removeprefix("public.")


def _inert(text: str) -> str:
    return printable(redact(text))
