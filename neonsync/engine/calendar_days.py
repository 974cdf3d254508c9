"""The dates of a proof, which are texts, as days that a filter on the source can ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date

from neonsync.athena.filters import DateRange
from neonsync.engine.missing import target_scope
from neonsync.engine.plan import TablePlan
from neonsync.engine.scope import Scope
from neonsync.errors import ConfigError
from neonsync.tables import DayForm

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
