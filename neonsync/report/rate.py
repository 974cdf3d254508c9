"""How fast something goes lately, and how long it will take, when that can honestly be said."""

from __future__ import annotations

from collections import deque

WINDOW_SECONDS = 30.0
RATE_AFTER_SECONDS = 1.0
ETA_AFTER_SECONDS = 10.0
STALLED_SECONDS = 10.0
_SAMPLE_SECONDS = 0.5


class Rate:
    """Watches a total, from what it was at the start; the time is the caller's, in seconds."""

    def __init__(self, now: float, total: float) -> None:
        self._began = now
        self._samples = deque([(now, total)])
        self._grown = now

    def add(self, now: float, total: float) -> None:
        """Note a total; it may have fallen."""
        samples = self._samples
        if total > samples[-1][1]:
            self._grown = now
        # The last sample moves on with the time until it is far enough from the one before.
        if len(samples) > 1 and now - samples[-2][0] < _SAMPLE_SECONDS:
            samples.pop()
        samples.append((now, total))
        while len(samples) > 2 and now - samples[1][0] >= WINDOW_SECONDS:
            samples.popleft()

    def per_second(self, now: float) -> float | None:
        """The rate of the last half a minute; None when nothing can be said yet."""
        (since, first), (_, last) = self._samples[0], self._samples[-1]
        if now - self._began < RATE_AFTER_SECONDS or last <= first:
            return None
        return (last - first) / (now - since)

    def seconds_for(self, left: float, now: float) -> float | None:
        """How long ``left`` more will take; None at first, and while nothing moves."""
        rate = self.per_second(now)
        early = now - self._began < ETA_AFTER_SECONDS
        if rate is None or early or now - self._grown > STALLED_SECONDS:
            return None
        return left / rate
