"""Conditions on dates: whatever the form, they hold for exactly the days of the range."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import product

import duckdb
import pytest

from neonsync.athena.filters import DateRange, among_states, in_range
from neonsync.columns import SqlType, parse_athena
from neonsync.tables import Day, DayForm

FIRST = date(2023, 11, 1)
ALL = [FIRST + timedelta(days=number) for number in range(900)]
EDGES = [
    None,
    date(2023, 12, 31),
    date(2024, 1, 1),
    date(2024, 2, 29),
    date(2024, 3, 15),
    date(2024, 12, 31),
    date(2025, 6, 30),
]
FORMS: dict[str, tuple[Day, list[str], str]] = {
    "date": (Day(("d",), DayForm.DATE), ["date"], "day AS d"),
    "timestamp": (
        Day(("d",), DayForm.TIMESTAMP),
        ["timestamp"],
        "day + INTERVAL 86399 SECOND AS d",
    ),
    "dashed": (Day(("d",), DayForm.DASHED), ["string"], "strftime(day, '%Y-%m-%d') AS d"),
    "dashed with a time": (
        Day(("d",), DayForm.DASHED),
        ["string"],
        "strftime(day, '%Y-%m-%d 23:59:59') AS d",
    ),
    "plain": (Day(("d",), DayForm.PLAIN), ["string"], "strftime(day, '%Y%m%d') AS d"),
    "number": (Day(("d",), DayForm.NUMBER), ["int"], "strftime(day, '%Y%m%d')::int AS d"),
    "parts": (
        Day(("y", "m", "d"), DayForm.PARTS),
        ["int", "int", "int"],
        "year(day) AS y, month(day) AS m, day(day) AS d",
    ),
    "padded parts": (
        Day(("y", "m", "d"), DayForm.PARTS),
        ["string"] * 3,
        "strftime(day, '%Y') AS y, strftime(day, '%m') AS m, strftime(day, '%d') AS d",
    ),
    "parts as they come": (
        Day(("y", "m", "d"), DayForm.PARTS),
        ["string"] * 3,
        "year(day)::text AS y, month(day)::text AS m, day(day)::text AS d",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_condition_holds_for_exactly_the_days_of_its_range(form: str) -> None:
    day, types, columns = FORMS[form]
    lake = duckdb.connect()
    lake.execute("CREATE TABLE days AS SELECT unnest($days)::date AS day", {"days": ALL})
    lake.execute(f"CREATE VIEW lake AS SELECT day AS the_day, {columns} FROM days")
    for first, last in product(EDGES, EDGES):
        wanted = DateRange(first, last)
        if not wanted or (first and last and first > last):
            continue
        condition = in_range(day, [parse_athena(text) for text in types], wanted)
        found = lake.execute(f"SELECT the_day FROM lake WHERE {condition} ORDER BY 1").fetchall()
        assert [value for (value,) in found] == [each for each in ALL if wanted.holds(each)], (
            condition
        )


def test_the_last_day_of_the_calendar_needs_no_day_after_it() -> None:
    day = Day(("d",), DayForm.DATE)
    until = in_range(day, [SqlType("date")], DateRange(date(2026, 1, 1), date.max))
    assert until == "\"d\" >= DATE '2026-01-01'"


@pytest.mark.parametrize(
    "state", ["'; DROP TABLE x; --", 'a"b', "O''Brien", "\\", "\n", "🍕", "--", "%"]
)
def test_a_state_is_one_literal_whatever_it_holds(state: str) -> None:
    condition = among_states('st"ate', SqlType("string"), [state])
    lake = duckdb.connect()
    lake.execute('CREATE TABLE t ("st""ate" text)')
    lake.executemany("INSERT INTO t VALUES (?)", [[state], ["other"]])
    assert lake.execute(f"SELECT * FROM t WHERE {condition}").fetchall() == [(state,)]


def test_states_of_a_number_column_are_numbers() -> None:
    assert among_states("s", SqlType("integer"), ["6", "-48"]) == '"s" IN (6, -48)'
    with pytest.raises(ValueError, match="CA"):
        among_states("s", SqlType("integer"), ["6", "CA"])
