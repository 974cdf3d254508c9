"""A scope in the target's own columns takes nothing that cannot be read, and nothing beside it."""

from __future__ import annotations

from datetime import date

from neonsync.postgres.scope import WHOLE, TargetScope
from neonsync.tables import Day, DayForm
from tests.conftest import Target

ODD = [
    ("2026", "03", "05"),
    ("2026", "3", "5"),
    ("2026", "13", "05"),
    ("2026", "02", "31"),
    ("2026", "xx", "05"),
    ("0000", "03", "05"),
    ("2026", "03", None),
    ("2026", "003", "05"),
    ("2027", "06", "30"),
    ("2027", "07", "01"),
]


def within(target: Target, scope: TargetScope) -> set[int]:
    condition = scope.condition("t").as_string(None)
    return {n for (n,) in target.sql(f"SELECT n FROM odd AS t WHERE {condition}")}


def test_only_what_is_surely_within_is_within(target: Target) -> None:
    target.sql("CREATE TABLE odd (n int, year text, month text, day text, state char(4), at text)")
    for number, written in enumerate(ODD):
        target.sql("INSERT INTO odd VALUES (%s, %s, %s, %s)", number, *written)
    target.sql("UPDATE odd SET state = 'CA' WHERE n < 3")
    target.sql("UPDATE odd SET at = '2026-01-31 23:59' WHERE n = 0")
    target.sql("UPDATE odd SET at = '2026-02-01' WHERE n = 1")
    parts = Day(("year", "month", "day"), DayForm.PARTS)

    assert within(target, WHOLE) == set(range(10))
    assert within(target, TargetScope(parts, ((date(2026, 2, 15), date(2027, 6, 30)),))) == {
        0,
        1,
        8,
    }
    assert within(target, TargetScope(parts, ((date(2026, 3, 6), None),))) == {8, 9}
    assert within(target, TargetScope(parts, ((None, date(2026, 3, 5)),))) == {0, 1}
    apart = ((None, date(2026, 3, 5)), (date(2026, 3, 6), None))
    assert within(target, TargetScope(parts, apart)) == {0, 1, 8, 9}
    states = TargetScope(state_column="state", states=("CA",), padded=True)
    assert within(target, states) == {0, 1, 2}
    assert within(target, TargetScope(state_column="state", states=("ca", "'; --"))) == set()
    dashed = Day(("at",), DayForm.DASHED)
    assert within(target, TargetScope(dashed, ((date(2026, 1, 31), date(2026, 1, 31)),))) == {0}
    both = TargetScope(dashed, ((date(2026, 1, 1), date.max),), "state", ("CA",))
    assert within(target, both) == {0, 1}
