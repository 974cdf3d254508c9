"""The signs of a run's tables and steps, and how many tables have which. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from neonsync.tui import glyphs
from neonsync.tui.glyphs import Sign
from neonsync.tui.run_steps import Phase
from neonsync.tui.run_view import TableLine

PHASES: dict[Phase, Sign] = {
    "failed": glyphs.FAILED,
    "invalid": Sign("✗", "x", "invalid", "bad"),
    "running": glyphs.RUNNING,
    "ready": Sign("◌", "o", "ready", "dim"),
    "waiting": glyphs.WAITING,
    "stopped": glyphs.STOPPED,
    "done": glyphs.DONE,
    "skipped": Sign("-", "-", "skipped", "dim"),
}
"""In the order of the rows; the signs are those of steps too."""
_COUNTED: tuple[tuple[str, tuple[Phase, ...]], ...] = (
    ("done", ("done",)),
    ("running", ("running",)),
    ("ready", ("ready",)),
    ("queued", ("waiting",)),
    ("stopped", ("stopped",)),
    ("skipped", ("skipped",)),
    ("failed", ("failed", "invalid")),
)


def counts(lines: Sequence[TableLine]) -> str:
    """How many tables are where, as ``3 done · 2 running · 1 failed``; nothing is told of none."""
    found = Counter(line.phase for line in lines)
    told = ((word, sum(found[phase] for phase in phases)) for word, phases in _COUNTED)
    return " · ".join(f"{count} {word}" for word, count in told if count)
