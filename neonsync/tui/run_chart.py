"""Rows a second over the last minutes: gathered in buckets, drawn as bars of text. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

KEPT_SECONDS = 240
_EIGHTHS = " ▁▂▃▄▅▆▇█"


class Samples:
    """How much came in each whole second."""

    def __init__(self, now: float) -> None:
        self._began = now
        self._second = 0
        self._coming = 0.0
        self._past: deque[float] = deque(maxlen=KEPT_SECONDS)

    def add(self, amount: float, now: float) -> None:
        """Note what has come; it may be taken back."""
        self._advance(now)
        self._coming += amount

    def all(self, now: float) -> tuple[float, ...]:
        """The seconds that are over, the oldest first."""
        self._advance(now)
        return tuple(self._past)

    def _advance(self, now: float) -> None:
        second = int(now - self._began)
        if second <= self._second:
            return
        self._past.append(max(self._coming, 0.0))
        self._past.extend([0.0] * min(second - self._second - 1, KEPT_SECONDS))
        self._second, self._coming = second, 0.0


def chart(
    values: Sequence[float], width: int, height: int, *, ascii_only: bool = False
) -> list[str]:
    """Bars of the newest values, from the right; as many lines as ``height``, the top first."""
    shown = list(values[-width:]) if width > 0 else []
    top = max(shown, default=0.0)
    steps = 1 if ascii_only else 8
    cells = [round(value / top * height * steps) if top else 0 for value in shown]
    # What is more than nothing is to be seen as such.
    cells = [max(cell, 1) if value > 0 else 0 for cell, value in zip(cells, shown, strict=True)]
    signs = " #" if ascii_only else _EIGHTHS
    return [
        "".join(signs[min(max(cell - row * steps, 0), steps)] for cell in cells).rjust(width)
        for row in range(height - 1, -1, -1)
    ]
