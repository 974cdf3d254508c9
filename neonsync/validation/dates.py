"""Date range: the days that a table holds, however they are written."""

from __future__ import annotations

from datetime import date

from psycopg import sql

from neonsync.postgres.days import day_of_row
from neonsync.tables import DayForm
from neonsync.validation.result import NOT_JUDGED, CheckResult, Status, Subject


async def date_range(subject: Subject) -> CheckResult:
    """The check of that name."""
    day = subject.spec.day
    if subject.expected is None:
        return subject.result("date_range", Status.PASSED, NOT_JUDGED, {})
    if day is None:
        return subject.result("date_range", Status.PASSED, "the table has no date column", {})
    found = await subject.rows(
        sql.SQL("SELECT DISTINCT {} FROM {}").format(day_of_row(day), subject.name)
    )
    texts = [str(text) for (text,) in found if text is not None]
    days, strange = _parsed(texts, day.form)
    source, _ = _parsed([text for text in subject.expected.dates if text], day.form)
    covered = (days[-1] - days[0]).days + 1 if days else 0
    details = {
        "min": str(days[0]) if days else None,
        "max": str(days[-1]) if days else None,
        "distinct_dates": len(days),
        "days_covered": covered,
        "source_min": str(source[0]) if source else None,
        "source_max": str(source[-1]) if source else None,
        "not_dates": strange[:20],
    }
    if not days:
        return subject.result("date_range", Status.FAILED, "there is no date", details)
    message = f"{days[0]} to {days[-1]}, {len(days)} dates on {covered} days"
    if strange:
        message += f"; {len(strange)} values are no dates, as {strange[0]!r}"
    return subject.result(
        "date_range", Status.WARNING if strange else Status.PASSED, message, details
    )


def _parsed(texts: list[str], form: DayForm) -> tuple[list[date], list[str]]:
    """The days, in order, and what is none."""
    days, strange = set(), []
    for text in texts:
        try:
            if form is DayForm.PARTS:
                days.add(date(*map(int, text.split("-"))))
            else:
                days.add(date.fromisoformat(text[:10]))
        except (ValueError, TypeError):
            strange.append(text)
    return sorted(days), sorted(strange)
