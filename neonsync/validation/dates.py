"""Date range and completeness: the days and states that a table holds, against the source's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from psycopg import sql

from neonsync.postgres.days import day_of_row
from neonsync.tables import Day, DayForm, TableSpec
from neonsync.validation.result import (
    NOT_JUDGED,
    VALUES_SHOWN,
    CheckResult,
    Expected,
    Status,
    Subject,
)

GONE = (
    "Rows of the source are not in the table, although the run had proved and published them: look "
    "who deletes them, then run again."
)

NOTHING = "Look at the dates that were asked for; neonsync plan tells which the lake has."


async def date_range(subject: Subject) -> CheckResult:
    """The check of that name: the first and the last day, how many, and how long ago."""
    day = subject.spec.day
    if subject.expected is None:
        return subject.result("date_range", Status.PASSED, NOT_JUDGED, {})
    if day is None:
        return subject.result("date_range", Status.PASSED, "the table has no date column", {})
    days, strange = _parsed(await rows_by_day(subject), day.form)
    source, _ = _parsed(subject.expected.dates, day.form)
    covered = (days[-1] - days[0]).days + 1 if days else 0
    today = datetime.now(UTC).date()
    details = {
        "min": str(days[0]) if days else None,
        "max": str(days[-1]) if days else None,
        "distinct_dates": len(days),
        "days_covered": covered,
        "source_min": str(source[0]) if source else None,
        "source_max": str(source[-1]) if source else None,
        "not_dates": strange[:VALUES_SHOWN],
        "today": str(today),
        "age_days": (today - days[-1]).days if days else None,
    }
    if not days:
        return subject.result(
            "date_range",
            Status.FAILED,
            "there is no date",
            details,
            "Look whether the source has rows for these filters, and whether date_column is the "
            "right one.",
        )
    message = f"{days[0]} to {days[-1]} ({ago(days[-1], today)}), "
    message += f"{_number(len(days), 'date')} on {_number(covered, 'day')}"
    if strange:
        message += f"; {len(strange)} values are no dates, as {strange[0]!r}"
    narrow = bool(source) and (days[0] > source[0] or days[-1] < source[-1])
    if narrow:
        message += f"; Athena has {source[0]} to {source[-1]}"
    status = Status.FAILED if narrow else Status.WARNING if strange else Status.PASSED
    remedy = GONE if narrow else "Mend the values in the lake, or name another date_column."
    return subject.result("date_range", status, message, details, remedy)


async def completeness(subject: Subject) -> CheckResult | None:
    """Whether each date and each state of the source is there, with as many rows as it has.

    None where there is neither, or nothing to hold them against.
    """
    expected, spec = subject.expected, subject.spec
    if expected is None or (spec.day is None and spec.state_column is None):
        return None
    lacking: dict[str, int] = {}
    fewer: dict[str, int] = {}
    if spec.day is not None:
        found = await rows_by_day(subject)
        for day, count in sorted(expected.dates.items(), key=lambda item: item[0] or ""):
            missing = count - found[day]
            # Where nothing deletes them there may be more rows than the source has.
            if missing > 0 or (missing and expected.complete):
                (fewer if found[day] else lacking)[day or "no date"] = missing
    whose = "the made rows" if expected.made else "the source"
    states: list[str] = []
    if spec.state_column is not None:
        there = await rows_by_state(subject)
        states = sorted(each for each in expected.states if each and not there[each])
    problems = [
        f"the table lacks {_number(len(lacking), 'date')} of {whose}, as {_some(lacking)}"
        if lacking
        else "",
        f"another number of rows on {_number(len(fewer), 'date')}, as {_some(fewer)}"
        if fewer
        else "",
        f"the table lacks {_number(len(states), 'state')} of {whose}, as {_some(states)}"
        if states
        else "",
    ]
    said = "; ".join(filter(None, problems))
    of = [_number(len(expected.dates), "date")] if spec.day is not None else []
    known = len([each for each in expected.states if each])
    of += [_number(known, "state")] if spec.state_column is not None else []
    gaps = [] if expected.scattered else _gaps(expected.dates, spec)
    told = said or f"all rows are there of {' and '.join(of)} of {whose}"
    ranges = [_range(first, last) for first, last in gaps]
    gap_days = sum((last - first).days + 1 for first, last in gaps)
    if gaps:
        told += f"; {whose} itself has no row on {_number(gap_days, 'day')} in between, as "
        told += _some(ranges)
    beyond = [_range(first, last) for first, last in _beyond(expected, spec)]
    if beyond:
        told += f"; of the days asked for {whose} has no row on {' and '.join(beyond)}"
    nothing = expected.asked and not expected.rows and not said
    if nothing:
        told = f"{whose} has no row of {expected.asked}: there was nothing to copy"
    wanted = len(expected.dates) * (spec.day is not None) + known * bool(spec.state_column)
    return subject.result(
        "completeness",
        Status.FAILED if said else Status.WARNING if nothing else Status.PASSED,
        told,
        {
            "expected": wanted,
            "measured": wanted - len(lacking) - len(fewer) - len(states),
            "missing_dates": list(lacking)[:VALUES_SHOWN],
            "missing_dates_count": len(lacking),
            "differing_dates": dict(list(fewer.items())[:VALUES_SHOWN]),
            "differing_dates_count": len(fewer),
            "missing_states": states[:VALUES_SHOWN],
            "missing_states_count": len(states),
            "gaps": ranges[:VALUES_SHOWN],
            "gap_days": gap_days,
            "beyond": beyond,
        },
        NOTHING if nothing else GONE,
    )


async def rows_by_day(subject: Subject) -> Counter[str | None]:
    """The rows of each day, as the spec's day writes it; empty where it has none."""
    day = subject.spec.day
    if day is None:
        return Counter()
    read: dict[str, sql.Composable] = {name: sql.Identifier(name) for name in day.columns}
    if day.form is DayForm.TIMESTAMP:
        # As many moments as rows; their days are few.
        read = {name: sql.SQL("{}::date").format(column) for name, column in read.items()}
        day = Day(day.columns, DayForm.DATE)
    found = await subject.counted(day_of_row(day), read)
    return Counter({None if text is None else str(text): int(count) for text, count in found})


async def rows_by_state(subject: Subject) -> Counter[str | None]:
    """The rows of each state, without the blanks of char(n); empty without a state column."""
    column = subject.spec.state_column
    if column is None:
        return Counter()
    name = sql.Identifier(column)
    found = await subject.counted(sql.SQL("rtrim({}::text)").format(name), {column: name})
    return Counter({None if text is None else str(text): int(count) for text, count in found})


def newest_day(days: Iterable[str | None], spec: TableSpec) -> date | None:
    """The newest of the days, as the spec's day writes them."""
    parsed = _parsed(days, spec.day.form)[0] if spec.day is not None else []
    return parsed[-1] if parsed else None


def ago(day: date, today: date) -> str:
    """How long ago a day was, in words."""
    age = (today - day).days
    if age == 0:
        return "today"
    days = _number(abs(age), "day")
    return f"{days} ago" if age > 0 else f"{days} ahead"


def _gaps(dates: Iterable[str | None], spec: TableSpec) -> list[tuple[date, date]]:
    """The days without a row between the first and the last: of each gap its first and last."""
    days = _parsed(dates, spec.day.form)[0] if spec.day is not None else []
    day = timedelta(days=1)
    return [
        (earlier + day, later - day) for earlier, later in pairwise(days) if later - earlier > day
    ]


def _beyond(expected: Expected, spec: TableSpec) -> list[tuple[date, date]]:
    """The days asked for that lie before the source's first one, and after its last."""
    days = _parsed(expected.dates, spec.day.form)[0] if spec.day is not None else []
    asked, day = expected.asked, timedelta(days=1)
    if not days or expected.made or expected.scattered:
        return []
    found = []
    if asked.first is not None and asked.first < days[0]:
        found.append((asked.first, days[0] - day))
    if asked.last is not None and asked.last > days[-1]:
        found.append((days[-1] + day, asked.last))
    return found


def _range(first: date, last: date) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _number(count: int, of: str) -> str:
    return f"{count:,} {of}{'' if count == 1 else 's'}"


def _some(names: Iterable[str]) -> str:
    return ", ".join(list(names)[:3])


def _parsed(texts: Iterable[str | None], form: DayForm) -> tuple[list[date], list[str]]:
    """The days, in order, and what is none; a row without a day counts as neither."""
    days, strange = set(), []
    for text in texts:
        if text is None:
            continue
        try:
            if form is DayForm.PARTS:
                days.add(date(*map(int, text.split("-"))))
            else:
                days.add(date.fromisoformat(text[:10]))
        except (ValueError, TypeError):
            strange.append(text)
    return sorted(days), sorted(strange)
