"""What one fills in for a new branch: what is wrong with it, and the wish it comes to. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from neonsync.neon.moments import parse_duration
from neonsync.tui.ports import BranchRow, NewBranch

LONGEST_LIFE = timedelta(days=30)
"""Neon takes no later expiry."""

OTHER = "other"
LIVES = (
    ("never", ""),
    ("1 day", "1d"),
    ("7 days", "7d"),
    ("14 days", "14d"),
    ("30 days", "30d"),
    ("another time", OTHER),
)
"""What one chooses an expiry from: labels with spans, and one that lets one type."""


class Start(StrEnum):
    """What a branch begins with: its parent's state of now, of a time, or its tables alone."""

    NOW = "now"
    TIME = "time"
    SCHEMA = "schema"


@dataclass(frozen=True)
class Form:
    """As it is filled in. ``life`` is one of ``LIVES``; ``span`` counts where that is OTHER."""

    name: str = ""
    parent: str = ""
    start: Start = Start.NOW
    time: str = ""
    life: str = ""
    span: str = ""

    @property
    def lifetime(self) -> str:
        """The span after which it expires, as written; empty for never."""
        return self.span if self.life == OTHER else self.life

    def problem(
        self, branches: Sequence[BranchRow], now: datetime, check_name: Callable[[str], str]
    ) -> str:
        """The first thing that is wrong with it; empty for nothing."""
        parent = next((each for each in branches if each.name == self.parent), None)
        return (
            check_name(self.name)
            or parent_problem(parent)
            or (self.start is Start.TIME and _about("the time", time_problem(self.time, now)))
            or (self.life == OTHER and _about("the expiry", span_problem(self.span)))
            or ""
        )

    def hint(self, branches: Sequence[BranchRow]) -> str:
        """What is good to know of it while nothing is wrong."""
        if self.start is Start.SCHEMA:
            return "Tables without rows; it has no parent to be reset to."
        if any(each.name == self.parent and each.protected for each in branches):
            return "From a protected branch: its passwords are new ones."
        if self.lifetime:
            return "Neon deletes it then, and it can have no children."
        return ""

    def wish(self) -> NewBranch:
        """The wish it comes to; only of a form without a problem."""
        return NewBranch(
            self.name,
            self.parent,
            read_time(self.time) if self.start is Start.TIME else None,
            self.start is Start.SCHEMA,
            parse_duration(self.lifetime) if self.lifetime else None,
        )


def read_time(text: str) -> datetime:
    """A time that somebody wrote; in UTC, unless it tells another zone.

    Raises:
        ValueError: it is none.
    """
    moment = datetime.fromisoformat(text.strip())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def time_problem(text: str, now: datetime) -> str:
    """What is wrong with a time to start at, as the end of a sentence; ``now`` by Neon's clock."""
    if not text.strip():
        return "must be given, like 2026-01-31 09:30"
    try:
        moment = read_time(text)
    except (ValueError, OverflowError):
        return "must be a time like 2026-01-31 09:30, in UTC"
    if moment > now:
        return f"is not past yet: it is {now:%Y-%m-%d %H:%M} UTC"
    return ""


def span_problem(text: str) -> str:
    """What is wrong with the span after which a branch expires, as the end of a sentence."""
    if not text.strip():
        return "must be given, like 12h or 3d"
    try:
        span = parse_duration(text)
    except ValueError as error:
        return str(error)
    return f"is more than {LONGEST_LIFE.days} days" if span > LONGEST_LIFE else ""


def parent_problem(parent: BranchRow | None) -> str:
    """Why no branch can be made from one."""
    if parent is not None and parent.expires_at is not None:
        return f"{parent.name} expires, and such a branch can have no children"
    return ""


def parent_label(branch: BranchRow) -> str:
    """A branch in the list of parents."""
    marks = ["protected"] * branch.protected + ["expires"] * (branch.expires_at is not None)
    return f"{branch.name} ({', '.join(marks)})" if marks else branch.name


def _about(what: str, problem: str) -> str:
    return f"{what} {problem}" if problem else ""
