"""Rows of both sides meet, and what is told of those that find no equal."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

import pytest

from neonsync.aggregates import Kind, Measure
from neonsync.columns import SqlType
from neonsync.digest import Field, Frame, Rule, digest_of, field_text
from neonsync.engine.proof.readable import Readable, readable, readable_figure
from neonsync.engine.proof.row_differences import Differences, Unmatched, compare_rows
from neonsync.postgres.comparison import Key


def field(name: str, rule: Rule, type_: str = "text") -> Field:
    return Field(name, name, rule, SqlType(type_), SqlType(type_))


FRAME = Frame((field("id", Rule.WHOLE), field("email", Rule.TEXT), field("n", Rule.WHOLE)))
Row = tuple[str, ...]


def compared(
    theirs: Sequence[Row],
    ours: Sequence[Row],
    *,
    later: Sequence[Row] | None = None,
    key: str = "id",
    private: Collection[str] = (),
    **more: Any,
) -> Differences:
    """``later`` are our rows at the second look."""
    fields = FRAME.named([key])
    place = FRAME.fields.index(fields[0])

    def by_key(rows: Sequence[Row]) -> dict[Key, list[Row]]:
        found: dict[Key, list[Row]] = {}
        for row in rows:
            found.setdefault((row[place],), []).append(row)
        return found

    unmatched = Unmatched()
    for row in theirs:
        unmatched.exported((row[place],), digest_of(row))
    for row in ours:
        unmatched.held((row[place],), digest_of(row))
    held = by_key(ours if later is None else later)
    return compare_rows(FRAME, unmatched, by_key(theirs), held, Readable(fields, private), **more)


A, B, C = ("1", "3:a@x", "7"), ("2", "3:b@x", "8"), ("3", "3:c@x", "9")


def test_rows_that_find_their_equal_are_not_kept() -> None:
    unmatched = Unmatched()
    for digest in (5, 5, 6):
        assert unmatched.exported(("1",), digest)
    assert not unmatched.held(("1",), 5)
    assert (unmatched.theirs, unmatched.ours) == ({("1",): (5, 6)}, {})
    assert unmatched.held(("1",), 7)
    assert unmatched.surplus(("1",)) == -1
    assert not unmatched.held(("1",), 5)
    assert not unmatched.exported(("1",), 7)
    assert not unmatched.held(("1",), 6)
    assert unmatched.differing() == []


def test_keys_are_sorted_out_and_columns_counted() -> None:
    found = compared([A, B], [("1", "3:z@x", "7"), C])
    assert (found.missing, found.surplus, found.changed) == ((("2",),), (("3",),), (("1",),))
    assert (found.columns, found.disputed, found.values) == ({"email": 1}, 0, ())
    assert str(found).endswith("1 row has other values: (1); columns that differ: email")


def test_of_a_key_that_stands_twice_the_row_that_differs_is_told() -> None:
    twin = ("1", "3:a@x", "8")
    found = compared([A, twin], [("1", "3:a@x", "0"), twin])
    assert (found.columns, found.disputed) == ({"n": 1}, 0)


@pytest.mark.parametrize("later", [[], [A, A]])
def test_rows_that_somebody_writes_meanwhile_are_passed_over(later: list[Row]) -> None:
    found = compared([A], [("1", "3:z@x", "7")], later=later)
    assert (found.changed, found.columns) == ((("1",),), {})


def test_private_columns_are_never_shown_be_it_as_keys_or_as_values() -> None:
    ours = [("1", "3:z@x", "0")]
    shown = compared([A], ours, show_values=True)
    assert shown.values == (
        "(1) email: a@x in Athena, z@x here",
        "(1) n: 7 in Athena, 0 here",
    )
    hidden = compared([A], ours, private=["email"], show_values=True)
    assert hidden.values == ("(1) n: 7 in Athena, 0 here",)
    assert hidden.columns == {"email": 1, "n": 1}
    by_email = compared([A, B], [("0", "3:a@x", "7")], key="email", private=["email"])
    assert "@" not in str(by_email)
    assert "1 row is missing: ((private))" in str(by_email)


def test_what_on_bad_value_may_have_made_null_is_told() -> None:
    ours = [("1", ":", "0"), ("2", "3:b@x", "")]
    found = compared([A, B], ours, makes_null=True)
    assert (dict(found.columns), found.made_null) == ({"email": 1, "n": 2}, ("email",))
    assert "all that differs of email is NULL here" in str(found)
    assert compared([A, B], ours).made_null == ()


def test_a_digest_that_is_not_that_of_the_exported_values_is_athenas_own() -> None:
    unmatched = Unmatched()
    unmatched.exported(("1",), 5)
    unmatched.held(("1",), digest_of(A))
    found = compare_rows(
        FRAME, unmatched, {("1",): [A]}, {("1",): [A]}, Readable(FRAME.named(["id"]))
    )
    assert (found.disputed, found.columns) == (1, {})


@pytest.mark.parametrize(
    ("rule", "type_", "value", "shown"),
    [
        (Rule.DAY, "date", (date(2026, 1, 1) - date(1970, 1, 1)).days, "2026-01-01"),
        (Rule.DAY, "date", 5_000_000, "5000000"),
        (Rule.MOMENT, "timestamp", 1_767_323_045_006_000, "2026-01-02 03:04:05.006000"),
        (Rule.CLOCK, "time", 45_296_789_000, "12:34:56.789"),
        (Rule.CLOCK, "time", 45_240_000_000, "12:34:00"),
        (Rule.FINE_MOMENT, "timestamp", 1_767_323_045_000_000, "2026-01-02 03:04:05"),
        (Rule.TEXT, "text", "1:b", "1:b"),
        (Rule.DOUBLE, "double precision", 0.1, "0.1"),
        (Rule.REAL, "real", 1.5, "1.5"),
        (Rule.BOOLEAN, "boolean", True, "true"),
    ],
)
def test_fields_are_shown_as_people_write_them(
    rule: Rule, type_: str, value: Any, shown: str
) -> None:
    one = field("x", rule, type_)
    assert readable(one, field_text(one, value)) == shown


def test_a_field_that_its_rule_does_not_write_is_shown_as_it_is() -> None:
    assert readable(field("x", Rule.MOMENT), r"\x7fffffffffffffff") == "infinity"
    assert readable(field("x", Rule.MOMENT), "!soon") == "!soon"
    assert readable(field("x", Rule.DAY), "!infinity") == "!infinity"


@pytest.mark.parametrize(
    ("rule", "kind", "figure", "shown"),
    [
        (Rule.DAY, Kind.LOW, "3777", "1980-05-05"),
        (Rule.DAY, Kind.HIGH, "5000000", "5000000"),
        (Rule.MOMENT, Kind.LOW, "820638245006.000000", "2026-01-02 03:04:05.006000"),
        (Rule.MOMENT, Kind.HIGH, "Infinity", "Infinity"),
        (Rule.DAY, Kind.NON_NULLS, "3777", "3777"),
        (Rule.WHOLE, Kind.SUM, None, "none"),
    ],
)
def test_figures_are_shown_as_people_write_them(
    rule: Rule, kind: Kind, figure: str | None, shown: str
) -> None:
    assert readable_figure(Measure(field("x", rule), kind), figure) == shown
