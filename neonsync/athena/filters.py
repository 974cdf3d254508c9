"""Conditions on dates and states, with literals in the column's own type.

Athena prunes partitions only where the bare column is compared: a cast around it scans the whole
table, and is paid for.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from neonsync.athena.sql import identifier, literal
from neonsync.columns import SqlType
from neonsync.tables import Day, DayForm

_RUNS_SHOWN = 5
_INTEGERS = ("tinyint", "smallint", "integer", "bigint")


@dataclass(frozen=True)
class DateRange:
    """Days from ``first`` to ``last``, both within; None where it is open.

    ``among`` names the days one by one, in order, which ``first`` and ``last`` bound; it is empty
    where all between the bounds are meant.
    """

    first: date | None = None
    last: date | None = None
    among: tuple[date, ...] = ()

    @classmethod
    def of(cls, days: Iterable[date]) -> DateRange:
        """These days and no others; there must be one."""
        listed = tuple(sorted(set(days)))
        return cls(listed[0], listed[-1], listed)

    @property
    def runs(self) -> tuple[DateRange, ...]:
        """The same as ranges without gaps, in order."""
        if not self.among:
            return (self,)
        runs: list[list[date]] = []
        for day in self.among:
            if runs and day - runs[-1][-1] == timedelta(days=1):
                runs[-1].append(day)
            else:
                runs.append([day])
        return tuple(DateRange(run[0], run[-1]) for run in runs)

    def __bool__(self) -> bool:
        return self.first is not None or self.last is not None

    def __str__(self) -> str:
        if self.first is None and self.last is None:
            return "all dates"
        if len(self.runs) > 1:
            shown = ", ".join(map(str, self.runs[:_RUNS_SHOWN]))
            return shown + (", …" if len(self.runs) > _RUNS_SHOWN else "")
        if self.first == self.last:
            return f"{self.first}"
        return f"{self.first or '…'} to {self.last or '…'}"

    def holds(self, day: date) -> bool:
        """Whether a day is within."""
        if self.among:
            return day in self.among
        return (self.first is None or day >= self.first) and (self.last is None or day <= self.last)


ALL_DATES = DateRange()


def in_range(day: Day, types: Sequence[SqlType], days: DateRange) -> str:
    """The condition that a row's day is within a range that is not empty of bounds.

    ``types`` are the Athena types of the day's columns.
    """
    if len(days.runs) > 1:
        return "(" + " OR ".join(f"({in_range(day, types, run)})" for run in days.runs) + ")"
    if day.form is DayForm.PARTS:
        return _parts_in_range([identifier(name) for name in day.columns], types, days)
    column = identifier(day.columns[0])
    conditions = []
    if days.first is not None:
        conditions.append(f"{column} >= {_moment(day.form, types[0], days.first)}")
    if days.last is not None and days.last < date.max:
        # A timestamp, or a text that goes on with a time of day, is within all of the last day.
        after = days.last + timedelta(days=1)
        conditions.append(f"{column} < {_moment(day.form, types[0], after)}")
    return " AND ".join(conditions)


def among_states(column: str, type_: SqlType, states: Sequence[str]) -> str:
    """The condition that a state column holds one of the given values.

    Raises:
        ValueError: the column holds numbers, and a state is none; the argument is the state.
    """
    if type_.base in _INTEGERS:
        for state in states:
            if not state.removeprefix("-").isdecimal():
                raise ValueError(state)
        values = [str(int(state)) for state in states]
    else:
        values = [literal(state) for state in states]
    return f"{identifier(column)} IN ({', '.join(values)})"


def _moment(form: DayForm, type_: SqlType, day: date) -> str:
    """The first moment of a day, as a literal of the column's own type."""
    match form:
        case DayForm.DATE:
            return f"DATE '{day.isoformat()}'"
        case DayForm.TIMESTAMP:
            zone = " UTC" if type_.base == "timestamp with time zone" else ""
            return f"TIMESTAMP '{day.isoformat()} 00:00:00{zone}'"
        case DayForm.DASHED:
            return literal(day.isoformat())
        case DayForm.PLAIN:
            return literal(day.isoformat().replace("-", ""))
        case DayForm.NUMBER:
            return day.isoformat().replace("-", "")
        case DayForm.PARTS:
            raise AssertionError("three columns have no one literal")


def _parts_in_range(columns: Sequence[str], types: Sequence[SqlType], days: DateRange) -> str:
    """Year, month and day, by equalities and lists, which prune for numbers and texts alike."""
    choices = []
    for first_year, last_year, months, month_days in _spans(days):
        conditions = []
        if first_year == last_year:
            conditions.append(_one_of(columns[0], types[0], [first_year or 0], 4))
        else:
            if first_year is not None:
                conditions.append(f"{columns[0]} >= {_number(types[0], first_year, 4)}")
            if last_year is not None:
                conditions.append(f"{columns[0]} <= {_number(types[0], last_year, 4)}")
        if months is not None:
            conditions.append(_one_of(columns[1], types[1], months, 2))
        if month_days is not None:
            conditions.append(_one_of(columns[2], types[2], month_days, 2))
        choices.append(f"({' AND '.join(conditions)})")
    return f"({' OR '.join(choices)})" if len(choices) > 1 else choices[0]


_Span = tuple[int | None, int | None, list[int] | None, list[int] | None]


def _spans(days: DateRange) -> Iterator[_Span]:
    """Cut a range into spans of whole years, whole months of a year, and days of a month.

    Each is (first year, last year, months, days), with None for all.
    """
    first, last = days.first, days.last
    if first is not None and last is not None and first.year == last.year:
        yield from _within_year(first, last)
        return
    whole_from = whole_to = None
    if first is not None:
        whole_from = first.year
        if (first.month, first.day) != (1, 1):
            yield from _within_year(first, date(first.year, 12, 31))
            whole_from += 1
    if last is not None:
        whole_to = last.year
        if (last.month, last.day) != (12, 31):
            yield from _within_year(date(last.year, 1, 1), last)
            whole_to -= 1
    if whole_from is None or whole_to is None or whole_from <= whole_to:
        yield whole_from, whole_to, None, None


def _within_year(first: date, last: date) -> Iterator[_Span]:
    year, whole = first.year, []
    for month in range(first.month, last.month + 1):
        length = calendar.monthrange(year, month)[1]
        start = first.day if month == first.month else 1
        end = last.day if month == last.month else length
        if (start, end) == (1, length):
            whole.append(month)
        else:
            yield year, year, [month], list(range(start, end + 1))
    if len(whole) == 12:
        yield year, year, None, None
    elif whole:
        yield year, year, whole, None


def _one_of(column: str, type_: SqlType, numbers: Sequence[int], digits: int) -> str:
    if type_.base in _INTEGERS and len(numbers) > 1 and _is_run(numbers):
        return f"{column} BETWEEN {numbers[0]} AND {numbers[-1]}"
    values = [_number(type_, number, digits) for number in numbers]
    if type_.base not in _INTEGERS and digits == 2:
        # Some write 1, some 01; both are asked for.
        values += [literal(str(number)) for number in numbers if number < 10]
    return f"{column} = {values[0]}" if len(values) == 1 else f"{column} IN ({', '.join(values)})"


def _is_run(numbers: Sequence[int]) -> bool:
    """Whether each number follows the one before it."""
    return list(numbers) == list(range(numbers[0], numbers[-1] + 1))


def _number(type_: SqlType, number: int, digits: int) -> str:
    return str(number) if type_.base in _INTEGERS else literal(f"{number:0{digits}d}")
