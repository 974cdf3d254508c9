"""The seconds that waiting is told in; of no meaning by themselves. Tests hold them still."""

from __future__ import annotations

import time


def seconds() -> float:
    """Seconds that only ever grow."""
    return time.monotonic()
