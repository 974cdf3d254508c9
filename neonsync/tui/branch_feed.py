"""What Neon told last of its branches, how old that is, and whether it is being asked. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from neonsync.tui.branch_table import ordered
from neonsync.tui.formatting import age
from neonsync.tui.ports import BranchList, BranchRow

if TYPE_CHECKING:
    from neonsync.tui.widgets.panel import Failure

REFRESH_SECONDS = 60
SETTLED_SECONDS = 5
"""Rows younger than this are not asked for again when one comes back to the screen."""
QUIET_SECONDS = 0.15
DIM_SECONDS = 1
_STEP = 5
_NEVER = float("-inf")


class BranchFeed:
    """The last answer and the last failure. ``clock`` is monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._asked = self._answered = _NEVER
        self._by_hand = False
        self.asking = False
        self.list: BranchList | None = None
        self.failure: Failure | None = None

    def ask(self, *, by_hand: bool) -> None:
        """Neon is asked from now on."""
        self.asking, self._by_hand, self._asked = True, by_hand, self._clock()

    def answer(self, found: BranchList) -> None:
        """Neon has answered."""
        self.asking, self.failure = False, None
        self.list, self._answered = found, self._clock()

    def fail(self, failure: Failure) -> None:
        """Neon has not; what it told before stays."""
        self.asking, self.failure = False, failure

    @property
    def branches(self) -> tuple[BranchRow, ...]:
        """All there are, in their order."""
        return ordered(self.list.branches) if self.list is not None else ()

    @property
    def now(self) -> datetime:
        """Neon's time, by its last answer and our clock."""
        if self.list is None:
            return datetime.now(UTC)
        return self.list.now + timedelta(seconds=self._clock() - self._answered)

    @property
    def due(self) -> bool:
        """Whether it is time to ask again by itself."""
        return not self.asking and self._since_asked >= REFRESH_SECONDS

    @property
    def settled(self) -> bool:
        """Whether asking now would tell nothing new."""
        return self.asking or self._since_asked < SETTLED_SECONDS

    @property
    def stale(self) -> bool:
        """Whether the rows are to be shown as old ones."""
        waits = self.asking and self._by_hand and self._since_asked >= DIM_SECONDS
        return self.list is not None and (waits or self.failure is not None)

    @property
    def word(self) -> str:
        """How old the rows are, or for how long Neon has been asked."""
        if self.asking and self._by_hand and self._since_asked >= QUIET_SECONDS:
            return f"asking Neon … {int(self._since_asked)} s"
        if self.list is None:
            return "last good answer: never" if self.failure is not None else ""
        if self.failure is not None:
            return f"{self.failure.word} · last good answer {self._age} ago"
        return f"updated {self._age} ago"

    @property
    def _since_asked(self) -> float:
        return self._clock() - self._asked

    @property
    def _age(self) -> str:
        """In steps of some seconds: a line that changes all the time draws the eye."""
        seconds = self._clock() - self._answered
        return age(timedelta(seconds=seconds - seconds % _STEP))
