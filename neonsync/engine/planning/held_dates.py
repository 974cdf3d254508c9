"""Which of the dates that a run asks for the lake has, as far as its partitions tell; in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from neonsync.athena.filters import DateRange
from neonsync.engine.planning.scope import Scope


@dataclass(frozen=True)
class HeldDates:
    """The dates that the lake has: so many, from ``first`` to ``last``, as its partitions tell.

    Those ``within`` the run's range begin and end with the other two, None where there are none.
    """

    dates: int
    first: date
    last: date
    within: int
    first_within: date | None
    last_within: date | None


def held_dates(days: Sequence[date], asked: DateRange) -> HeldDates | None:
    """Of the lake's ``days``, in order; None where no dates are asked for, or no days are known."""
    if not days or not asked:
        return None
    within = [day for day in days if asked.holds(day)]
    bounds = (within[0], within[-1]) if within else (None, None)
    return HeldDates(len(days), days[0], days[-1], len(within), *bounds)


def no_rows(source: str, scope: Scope, held: HeldDates | None) -> str:
    """That a source has no row for a run's filters."""
    if held is None or held.within:
        return f"{source} has no row of {scope}"
    there = f"{dates(held.dates)}, {span(held.first, held.last)}"
    return f"{source} has no date of {scope.days}; it has {there}"


def dates(number: int) -> str:
    """So many dates."""
    return f"{number:,} date{'' if number == 1 else 's'}"


def span(first: date, last: date) -> str:
    """From one day to another, which may be the same."""
    return f"{first}" if first == last else f"{first} to {last}"
