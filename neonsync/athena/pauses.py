"""How long a query is left alone between two looks at it."""

from __future__ import annotations

import threading

FIRST_PAUSE = 0.05
_GROWTH, _STEP = 1.5, 0.02


class Pauses:
    """Pauses that grow up to ``most`` seconds: each beyond the first, which pyathena takes itself.

    A query of a second is not waited for half a second longer, and one of an hour is not asked
    after all the time.
    """

    def __init__(self, most: float) -> None:
        self._most = max(most - FIRST_PAUSE, 0.0)
        self._next = 0.0
        self._ended = threading.Event()

    def take(self) -> None:
        """Wait."""
        self._ended.wait(self._next)
        self._next = min(self._next * _GROWTH + _STEP, self._most)

    def end(self) -> None:
        """Wait no more."""
        self._ended.set()
