"""The rows of a target that a run is about, told by the target's own columns.

Only what surely belongs is within: a row that cannot be read as a day, or is written in another
way, is nobody's, and is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from psycopg import sql

from neonsync.tables import Day, DayForm

_YEAR, _MONTH, _DAY = "^(?!0000)[0-9]{4}$", "^(0?[1-9]|1[0-2])$", "^(0?[1-9]|[12][0-9]|3[01])$"
_PARTS = sql.SQL(
    "CASE WHEN {year} ~ {a_year} AND {month} ~ {a_month} AND {day} ~ {a_day}"
    " THEN {day}::integer <= extract(day FROM {first_of_month} + interval '1 month - 1 day')"
    " AND {first_of_month} + ({day}::integer - 1) BETWEEN {first} AND {last}"
    " ELSE false END"
)


@dataclass(frozen=True)
class TargetScope:
    """Ranges of days, and states. Of a range both ends are within, and each is open when None.

    The whole table without any. ``states`` are as the target writes them; ``padded`` when blanks at
    the end tell nothing.
    """

    day: Day | None = None
    days: tuple[tuple[date | None, date | None], ...] = ()
    state_column: str | None = None
    states: tuple[str, ...] = ()
    padded: bool = False

    def condition(self, alias: str) -> sql.Composable:
        """That a row of the target, which is called ``alias``, is within."""
        conditions = list(self._conditions(alias))
        return sql.SQL(" AND ").join(conditions) if conditions else sql.SQL("true")

    def _conditions(self, alias: str) -> Iterator[sql.Composable]:
        if self.day is not None and self.days:
            ranges = (_within(self.day, alias, first, last) for first, last in self.days)
            yield sql.SQL("({})").format(sql.SQL(" OR ").join(ranges))
        if self.states and self.state_column is not None:
            state: sql.Composable = _text(alias, self.state_column)
            if self.padded:
                state = sql.SQL("rtrim({})").format(state)
            states = sql.SQL(", ").join(map(sql.Literal, self.states))
            yield sql.SQL('{} COLLATE "C" IN ({})').format(state, states)


def _within(day: Day, alias: str, first: date | None, last: date | None) -> sql.Composable:
    """That a row's day is within a range."""
    if day.form is DayForm.PARTS:
        return _parts_within(day, alias, first, last)
    column: sql.Composable = sql.Identifier(alias, day.columns[0])
    if day.form in (DayForm.DASHED, DayForm.PLAIN):
        column = sql.SQL('{} COLLATE "C"').format(_text(alias, day.columns[0]))
    bounds = []
    if first is not None:
        bounds.append(sql.SQL("{} >= {}").format(column, _moment(day.form, first)))
    if last is not None and last < date.max:
        # A timestamp, or a text that goes on with a time of day, is within all of the last day.
        after = last + timedelta(days=1)
        bounds.append(sql.SQL("{} < {}").format(column, _moment(day.form, after)))
    return sql.SQL("({})").format(sql.SQL(" AND ").join(bounds)) if bounds else sql.SQL("true")


def _parts_within(day: Day, alias: str, first: date | None, last: date | None) -> sql.Composed:
    year, month, number = (_text(alias, name) for name in day.columns)
    return _PARTS.format(
        year=year,
        month=month,
        day=number,
        a_year=sql.Literal(_YEAR),
        a_month=sql.Literal(_MONTH),
        a_day=sql.Literal(_DAY),
        first_of_month=sql.SQL("make_date({}::integer, {}::integer, 1)").format(year, month),
        first=sql.Literal(first or date.min),
        last=sql.Literal(last or date.max),
    )


WHOLE = TargetScope()


def _text(alias: str, column: str) -> sql.Composed:
    return sql.SQL("{}::text").format(sql.Identifier(alias, column))


def _moment(form: DayForm, day: date) -> sql.Composable:
    """The first moment of a day, in the column's own form; a session's time zone is UTC."""
    match form:
        case DayForm.DATE:
            return sql.Literal(day)
        case DayForm.TIMESTAMP:
            return sql.Literal(datetime.combine(day, time.min))
        case DayForm.DASHED:
            return sql.Literal(day.isoformat())
        case DayForm.PLAIN:
            return sql.Literal(day.isoformat().replace("-", ""))
        case DayForm.NUMBER:
            return sql.Literal(int(day.isoformat().replace("-", "")))
        case DayForm.PARTS:
            raise AssertionError("three columns have no one literal")
