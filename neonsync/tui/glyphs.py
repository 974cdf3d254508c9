"""The signs of states: a glyph and a word for each, so that colour is never all that tells them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sign:
    """How a state is shown. ``style`` names a class of the theme: good, bad, warn, busy or dim."""

    glyph: str
    ascii: str
    word: str
    style: str

    def text(self, *, ascii_only: bool = False) -> str:
        """Glyph and word."""
        return f"{self.ascii if ascii_only else self.glyph} {self.word}"


DONE = Sign("✓", "+", "done", "good")
PASSED = Sign("✓", "+", "pass", "good")
FAILED = Sign("✗", "x", "failed", "bad")
WARNING = Sign("!", "!", "warn", "warn")
RUNNING = Sign("▶", ">", "running", "busy")
WAITING = Sign("·", ".", "queued", "dim")
STOPPED = Sign("■", "#", "stopped", "warn")
UNKNOWN = Sign("?", "?", "unknown", "dim")

RUN_SIGNS = {
    "succeeded": Sign("✓", "+", "passed", "good"),
    "invalid": Sign("✗", "x", "invalid", "bad"),
    "partial": Sign("!", "!", "partial", "warn"),
    "failed": FAILED,
    "cancelled": STOPPED,
    "running": RUNNING,
}
"""By the status of a run."""

CHECK_SIGNS = {
    "passed": PASSED,
    "warning": WARNING,
    "failed": Sign("✗", "x", "fail", "bad"),
}
"""By the status of a check."""


def run_sign(status: str) -> Sign:
    """The sign of a run's status; a word that nobody knows is shown as it is."""
    return RUN_SIGNS.get(status) or Sign("?", "?", status or "unknown", "dim")


def check_sign(status: str) -> Sign:
    """The sign of a check's status."""
    return CHECK_SIGNS.get(status) or Sign("?", "?", status or "unknown", "dim")
