"""Events and results in words; shared by the terminal, the log and the summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

from neonsync.engine.events import (
    CheckFinished,
    ChunkLoaded,
    ChunksPlanned,
    Event,
    IndexBuilt,
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
from neonsync.engine.state import RunState, TableState
from neonsync.errors import ExitCode

TABLES_NAMED = 5
DASH = "-"
"""Stands for what is not known."""
_HEADLINES = {
    "running": "Running, or killed before it could tell",
    "succeeded": "Done",
    "invalid": "Published, but a check failed",
    "partial": "Published in part: some tables failed",
    "cancelled": "Stopped",
}
_MARKS = {"passed": "ok", "warning": "!!", "failed": "FAILED"}


def size(count: float) -> str:
    """Bytes with a unit, as Athena's console writes them: powers of ten."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} TB"


def short(count: float) -> str:
    """A count in four or five characters, for a line that has no room for more."""
    for unit in ("", "k", "M"):
        if count < 1000:
            return f"{count:.0f}{unit}" if not unit or count >= 100 else f"{count:.1f}{unit}"
        count /= 1000
    return f"{count:.1f}G"


def money(dollars: float) -> str:
    """A price; small ones keep their digits, so that none looks free that is not."""
    if dollars == 0:
        return "$0"
    return f"${dollars:.6f}".rstrip("0") if dollars < 0.01 else f"${dollars:.2f}"


def duration(seconds: float) -> str:
    """A time as a person says it."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


COMPARED: Mapping[str, str] = {
    "exact": "digest",
    "aggregate": "counts, sums and bounds",
    "counts": "counts",
}


def proof_line(
    rows: int, dates: int, levels: Collection[str], tables: int = 1, *, made: bool = False
) -> str:
    """What was compared before publishing, and found equal.

    ``levels`` are those at which the tables were proved. ``made`` rows are not Athena's.
    """
    of = f" of {tables} tables" if tables > 1 else ""
    on = f"on {dates:,} of {dates:,} date{'' if dates == 1 else 's'}"
    if made:
        return f"{rows:,} rows{of}, all that were to be made, {on}"
    compared = " and ".join(text for level, text in COMPARED.items() if level in levels)
    return f"{rows:,} rows{of}, {compared or 'counts'} equal {on}"


def headline(status: str, exit_code: int = 0) -> str:
    """How a run has ended, in the words that head its pages."""
    if status == "failed" and exit_code == ExitCode.REFUSED:
        return "Refused"
    return _HEADLINES.get(status, "Failed")


def printable(text: str) -> str:
    """Text without control characters: what a database sends may not steer the terminal."""
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


def describe_event(event: Event) -> str | None:
    """One line for an event, or None for one that is only of use to a progress bar."""
    match event:
        case RunStarted():
            again = " (continued)" if event.attempt > 1 else ""
            return (
                f"run {event.run_id}{again} on branch {event.branch} ({event.branch_id}): "
                f"{', '.join(event.tables)}"
            )
        case StepFinished():
            about = f" {event.table}" if event.table else ""
            detail = f": {event.detail}" if event.detail else ""
            return f"{event.step}{about}{detail} ({duration(event.seconds)})"
        case TableFailed():
            return f"{event.table} failed: {event.error}"
        case CheckFinished():
            return f"check {event.check} {event.table}: {_MARKS[event.status]}, {event.message}"
        case Notice():
            return event.message if event.level is Level.INFO else f"warning: {event.message}"
        case RunFinished():
            if event.error:
                return f"run {event.status} after {duration(event.seconds)}: {event.error}"
            return f"run {event.status} after {duration(event.seconds)}"
        case _:
            return None


def describe_detail(event: Event) -> str | None:
    """The lines that only the log has, as well as those of ``describe_event``."""
    match event:
        case StepStarted():
            return f"{event.step} {event.table}".rstrip() + " begins"
        case QueryProgress():
            return (
                f"{event.purpose} of {event.table}: query {event.query_id} {event.state}, "
                f"{size(event.scanned_bytes)} scanned"
            )
        case ChunksPlanned():
            return (
                f"{event.table}: {event.rows:,} rows, chunks to load in all: {event.chunks}, "
                f"loaded before: {event.loaded_chunks}"
            )
        case ChunkLoaded():
            return f"{event.table}: chunk of {event.rows:,} rows, {size(event.bytes)}"
        case IndexBuilt():
            return f"{event.table}: {event.done} of {event.total} indexes built"
        case TablePublished():
            return (
                f"{event.table}: {event.method}, {event.inserted:,} inserted, "
                f"{event.updated:,} updated, {event.unchanged:,} unchanged, "
                f"{event.removed:,} removed, {event.deleted:,} deleted"
            )
        case _:
            return describe_event(event)


def describe_state(state: RunState) -> str:
    """Where a run stands, for the line that shows that it is alive; of many tables their number."""
    if state.step:
        return f"{state.step} …"
    if len(state.tables) > TABLES_NAMED:
        steps = Counter(table.step for table in state.tables.values())
        said = ", ".join(f"{count} {step}" for step, count in steps.items())
        return f"{len(state.tables)} tables: {said}; {state.loaded_rows:,} rows loaded"
    return "; ".join(map(_describe_table, state.tables.items())) or "starting …"


def _describe_table(item: tuple[str, TableState]) -> str:
    name, table = item
    if table.step == Step.EXTRACT and table.scanned_bytes:
        return f"{name}: {table.step}, {size(table.scanned_bytes)} scanned"
    rows = f", {table.loaded_rows:,} of {table.rows:,} rows" if table.rows else ""
    return f"{name}: {table.step}{rows}"
