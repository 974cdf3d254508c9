"""The dates of a proof, which are texts, as days that a filter on the source can ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from neonsync.athena.filters import DateRange, in_range
from neonsync.engine.plan import TablePlan, by_day
from neonsync.engine.planning.duplicates import Chosen
from neonsync.engine.planning.missing import target_scope
from neonsync.engine.planning.scope import Scope, conditions
from neonsync.errors import ConfigError
from neonsync.tables import DayForm, OnDuplicate

_IN_PARTS = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)


def calendar_days(table: TablePlan, dates: Iterable[str | None]) -> list[date]:
    """The days in order, where a filter on them finds all rows of these dates.

    None at all when one of the dates is no day of the calendar, or written in a way that a filter
    would not find.
    """
    day = table.spec.day
    if day is None or table.resolved.day is None or table.resolved.config.whole:
        return []
    found = [day_of(text or "", day.form) for text in dates]
    days = sorted(each for each in found if each is not None)
    if not days or len(days) < len(found):
        return []
    asked = Scope(DateRange.of(days))
    try:
        target_scope(table.resolved, asked, table.catalogue, table.partitions, compared=True)
    except ConfigError:
        return []
    return days


def select_of(table: TablePlan, dates: Iterable[str | None]) -> str:
    """``table.by_day``, of no more than it takes for these dates: Athena bills what it reads.

    Rows of other dates may be in it.
    """
    resolved = table.resolved
    days = calendar_days(table, dates)
    # Which row of a key counts is chosen among those of all dates.
    one_of_many = (resolved.config.on_duplicate or OnDuplicate.FAIL) is not OnDuplicate.FAIL
    if not days or one_of_many or resolved.day is None:
        return table.by_day
    within = in_range(resolved.day, resolved.day_types, DateRange.of(days))
    chosen = Chosen(table.relation, [*conditions(resolved, table.scope), within])
    return by_day(resolved, chosen)


def day_of(text: str, form: DayForm) -> date | None:
    """The day of a text, if the form writes the day as just this text."""
    try:
        if form is DayForm.PARTS:
            # Which a filter asks for with and without zeros before them.
            parts = _IN_PARTS.fullmatch(text)
            return date(*map(int, parts.groups())) if parts else None
        day = date.fromisoformat(text)
    except ValueError:
        return None
    written = day.isoformat()
    if form in (DayForm.PLAIN, DayForm.NUMBER):
        written = written.replace("-", "")
    return day if written == text else None
