"""Searching in a text: where words stand, and which place comes next. Pure."""

from __future__ import annotations

from collections.abc import Sequence

Place = tuple[int, int]


def places(text: str, words: str) -> list[Place]:
    """Row and column of each place where the words stand; case does not matter."""
    words = words.lower()
    if not words:
        return []
    found = []
    for row, line in enumerate(text.lower().splitlines()):
        column = line.find(words)
        while column >= 0:
            found.append((row, column))
            column = line.find(words, column + len(words))
    return found


def find(found: Sequence[Place], here: Place, step: int) -> int | None:
    """Which place to go to: with 0 the first from here on, with 1 the next, with -1 the one before.

    From the end it goes on at the beginning, and the other way round. None where there is none.
    """
    if not found:
        return None
    if step < 0:
        before = [number for number, place in enumerate(found) if place < here]
        return before[-1] if before else len(found) - 1
    after = [
        number for number, place in enumerate(found) if (place > here if step else place >= here)
    ]
    return after[0] if after else 0
