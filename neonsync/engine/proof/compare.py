"""Comparing both sides date by date: what differs, in words and in order. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal

from neonsync.aggregates import Figures, Measure
from neonsync.engine.context import DateCount, DateCounts
from neonsync.engine.proof.readable import readable_figure
from neonsync.errors import ProofError

DATES_SHOWN = 20
MOST_ROWS = 200_000
"""Rows of these dates that are compared one by one; Athena gives a thousand a page."""
DATES_KEPT = 400
"""So many dates of a table go into the reports with their counts."""


def compare_counts(
    name: str, where: str, source: Counter[str | None], ours: Counter[str | None]
) -> None:
    """Rows of each date, as Athena has counted them and as they are ``where``.

    Raises:
        ProofError: they differ; the message names the dates and both counts.
    """
    differing = [date for date in in_order(source, ours) if source[date] != ours[date]]
    if not differing:
        return
    shown = listed(
        [
            f"{said(date)}: {source[date]:,} in the source, {ours[date]:,} in {where}"
            for date in differing
        ]
    )
    raise ProofError(
        f"{name}: the counts differ on {len(differing)} of {len(source)} dates: {shown}",
        table=name,
        dates=bounded(differing),
        differing=len(differing),
    )


def differing_digests(
    source: Mapping[str | None, int], ours: Mapping[str | None, int]
) -> list[str | None]:
    """The dates whose sums of digests differ, in order."""
    dates = ordered({*source, *ours})
    return [date for date in dates if source.get(date) != ours.get(date)]


def differing_figures(
    measures: Sequence[Measure],
    athena: Figures,
    ours: Figures,
    skipped: Collection[str] = (),
    *,
    where: str = "staging",
    private: Collection[str] = (),
    show_values: bool = False,
) -> dict[str | None, list[str]]:
    """By date, in words, the measures that differ; not those of the ``skipped`` columns.

    What they are is told by the rule for values: where ``show_values`` allows it, and never of
    ``private`` columns. Of a date with one row they are that row's values.
    """
    found: dict[str | None, list[str]] = {}
    nothing = (None,) * len(measures)
    for date in ordered({*athena, *ours}):
        pairs = zip(measures, athena.get(date, nothing), ours.get(date, nothing), strict=True)
        told = [
            f"{measure} is {readable_figure(measure, theirs)} in Athena "
            f"and {readable_figure(measure, mine)} in {where}"
            if show_values and measure.field.name not in private
            else f"{measure} differs"
            for measure, theirs, mine in pairs
            if measure.field.name not in skipped and not _same(theirs, mine)
        ]
        if told:
            found[date] = told
    return found


def figures_told(differing: Mapping[str | None, Sequence[str]]) -> str:
    """What ``differing_figures`` has found, the first of it."""
    return listed([f"{said(date)}: {listed(told, '; ')}" for date, told in differing.items()])


def _same(theirs: str | None, ours: str | None) -> bool:
    """Whether two figures are one: a sum's digits after the point are the column's."""
    if theirs is None or ours is None:
        return theirs == ours
    return Decimal(theirs) == Decimal(ours)


def count_by_date(source: Counter[str | None], loaded: Counter[str | None]) -> DateCounts:
    """Both counts side by side; of too many dates those that differ, and the newest."""
    counts = [DateCount(date, source[date], loaded[date]) for date in in_order(source, loaded)]
    differing = [each for each in counts if each.source != each.loaded]
    kept = set(differing[:DATES_KEPT])
    for each in reversed(counts):
        if len(kept) == DATES_KEPT:
            break
        kept.add(each)
    return DateCounts(len(counts), len(differing), tuple(each for each in counts if each in kept))


def in_order(*counters: Counter[str | None]) -> list[str | None]:
    """All dates that have rows."""
    return ordered({date for counter in counters for date in counter if counter[date]})


def ordered(dates: Iterable[str | None]) -> list[str | None]:
    """Dates in order; numbers by their value, as in 2026-9-1."""
    return sorted(
        dates, key=lambda date: re.sub(r"\d+", lambda digits: digits[0].zfill(9), date or "")
    )


def dates_to_read(
    dates: Sequence[str | None], *sides: Mapping[str | None, int]
) -> list[str | None]:
    """The first of these dates whose rows, as many as each side has, can be compared one by one."""
    chosen: list[str | None] = []
    rows = 0
    for date in dates:
        count = max(side.get(date, 0) for side in sides)
        if len(chosen) < DATES_SHOWN and rows + count <= MOST_ROWS:
            chosen.append(date)
            rows += count
    return chosen


def of_some(dates: Sequence[str | None], read: Sequence[str | None], told: str) -> str:
    """What was found by looking at the rows that were ``read``, which may be of some dates only."""
    if len(read) == len(dates):
        return told
    if not read:
        return f"the rows of a date are more than {MOST_ROWS:,}, too many to be compared one by one"
    of = "the first " if list(dates[: len(read)]) == list(read) else ""
    return f"on {of}{len(read)} of these {len(dates)} dates {told}"


def bounded(dates: Sequence[str | None]) -> tuple[str | None, ...]:
    """Some of many dates: with the last one they bound all of them."""
    return tuple(dates[: DATES_SHOWN - 1]) + tuple(dates[DATES_SHOWN - 1 :][-1:])


def said(date: str | None) -> str:
    """A date in a message."""
    return date or "no date"


def listed(words: Sequence[str], separator: str = ", ") -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(words) - DATES_SHOWN:,} more" if len(words) > DATES_SHOWN else ""
    return separator.join(words[:DATES_SHOWN]) + more
