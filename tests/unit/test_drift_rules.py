"""What is done about columns that differ between the plan and the target; pure decisions."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from neonsync.columns import keeps_values, parse_postgres
from neonsync.errors import TargetError
from neonsync.postgres.catalog import TableColumn, TargetTable
from neonsync.postgres.drift import Drift, apply, loaded_columns
from neonsync.tables import ColumnSpec, Day, DayForm, IndexSpec, OnDrift, Reference, TableSpec

SPEC = TableSpec(
    source="lake.t",
    target="t",
    schema="public",
    columns=(ColumnSpec("id", parse_postgres("bigint"), nullable=False),),
    key=("id",),
    key_name="t_pkey",
    day=None,
    state_column=None,
    required_columns=(),
)


def spec(way: str, more: dict[str, Any] | None = None, **columns: str) -> TableSpec:
    added = tuple(ColumnSpec(name, parse_postgres(type_)) for name, type_ in columns.items())
    return replace(SPEC, columns=SPEC.columns + added, on_drift=OnDrift(way), **(more or {}))


def table(**columns: str) -> TargetTable:
    there = {"id": "bigint", **columns}
    return TargetTable(
        1,
        tuple(
            TableColumn(name, parse_postgres(type_), False, False, True)
            for name, type_ in there.items()
        ),
        (),
    )


def loaded(table: TargetTable, spec: TableSpec, **more: Any) -> tuple[dict[str, str], Drift]:
    columns, drift = loaded_columns(table, spec, **more)
    return {column.name: str(column.type) for column in columns if column.name != "id"}, drift


def test_what_is_new_is_refused_added_or_left_out() -> None:
    with pytest.raises(TargetError, match='no column "note"') as caught:
        loaded(table(), spec("fail", note="text"))
    assert 'ADD COLUMN "note" text' in caught.value.remedy
    columns, drift = loaded(table(), spec("add", note="text"))
    assert (columns, [column.name for column in drift.added]) == ({"note": "text"}, ["note"])
    assert 'public.t gets the column "note" text' in drift.notes(SPEC)
    columns, drift = loaded(table(a="text"), spec("ignore", note="text", a="text"))
    assert (columns, drift.left_out) == ({"a": "text"}, ("note",))
    assert 'new columns "note", which are not copied' in drift.notes(SPEC)[0]


def test_an_added_column_allows_null_to_rows_that_are_there_and_not_to_new_ones() -> None:
    wanted = ColumnSpec("note", parse_postgres("text"), nullable=False)
    added = replace(SPEC, columns=(*SPEC.columns, wanted), on_drift=OnDrift.ADD)
    columns, drift = loaded_columns(table(), added)
    assert columns[-1].nullable is False
    assert drift.added[0].nullable is True


@pytest.mark.parametrize(
    "needs",
    [
        {"day": Day(("note",), DayForm.DASHED)},
        {"state_column": "note"},
        {"required_columns": ("note",)},
        {"indexes": (IndexSpec("i", ("note",), None),)},
        {"indexes": (IndexSpec("i", ("id",), "note"),)},
        {"references": (Reference("note", "public.p", "id"),)},
        {"key": ("id", "note")},
    ],
    ids=["day", "state", "required", "index", "condition", "reference", "key"],
)
def test_what_more_than_the_rows_depends_on_is_not_left_out(needs: dict[str, Any]) -> None:
    with pytest.raises(TargetError, match='no column "note"'):
        loaded(table(), spec("ignore", needs, note="text"))
    if "key" not in needs:
        loaded(table(), spec("add", needs, note="text"))


def test_marks_of_made_rows_are_never_left_out() -> None:
    made = spec("ignore", is_test_data="boolean", test_scenario="varchar(100)")
    with pytest.raises(TargetError, match="is_test_data"):
        loaded(table(), made)
    columns, drift = loaded(table(), made, may_add=True)
    assert (list(columns), drift.left_out) == (["is_test_data", "test_scenario"], ())


def test_what_is_gone_is_refused_or_stays() -> None:
    with pytest.raises(TargetError, match='no longer has "old"'):
        loaded(table(old="text"), spec("fail"), filled_before=["id", "old"])
    for way in ("add", "ignore"):
        _, drift = loaded(table(old="text"), spec(way), filled_before=["id", "old", "dropped"])
        assert drift.gone == ("old",)


@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        ("smallint", "integer"),
        ("smallint", "bigint"),
        ("integer", "bigint"),
        ("real", "double precision"),
        ("varchar(5)", "text"),
        ("varchar(5)", "varchar(9)"),
        ("varchar(5)", "varchar"),
        ("numeric(6,2)", "numeric(10,2)"),
        ("numeric(6,2)", "numeric(8,4)"),
    ],
)
def test_a_wider_type_is_taken_over_and_a_narrower_one_is_not(there: str, wanted: str) -> None:
    columns, drift = loaded(table(a=there), spec("add", a=wanted))
    assert columns["a"] == wanted
    assert [column.name for column in drift.widened] == ["a"]
    for way in ("add", "ignore"):
        columns, drift = loaded(table(a=wanted), spec(way, a=there))
        assert (columns["a"], drift.widened) == (wanted, ())


@pytest.mark.parametrize("way", ["fail", "ignore"])
@pytest.mark.parametrize(
    ("there", "wanted"),
    [
        # What Arrow would cast, and not as it was meant or not exactly.
        ("timestamp", "bigint"),
        ("date", "integer"),
        ("boolean", "integer"),
        ("time", "bigint"),
        ("bigint", "timestamp"),
        ("date", "timestamp"),
        ("time", "timestamp"),
        ("real", "double precision"),
        ("numeric(10,2)", "double precision"),
        ("double precision", "numeric(10,2)"),
        ("integer", "text"),
        ("boolean", "text"),
        ("text", "double precision"),
        ("text", "numeric(38,18)"),
        ("bytea", "text"),
        ("text", "bytea"),
        ("numeric(10,2)", "integer"),
    ],
)
def test_a_type_that_would_change_values_is_refused(way: str, there: str, wanted: str) -> None:
    with pytest.raises(TargetError, match=r'the column "a" of public\.t is'):
        loaded(table(a=there), spec(way, a=wanted))


def test_other_types_that_hold_the_values_are_kept_where_drift_is_ignored() -> None:
    for there, wanted in (("integer", "bigint"), ("text", "integer"), ("uuid", "text")):
        assert loaded(table(a=there), spec("ignore", a=wanted))[0]["a"] == there
        with pytest.raises(TargetError):
            loaded(table(a=there), spec("fail", a=wanted))


def test_the_day_keeps_its_type() -> None:
    """Athena's count writes it in its own way."""
    day = {"day": Day(("a",), DayForm.DATE)}
    with pytest.raises(TargetError):
        loaded(table(a="timestamp"), spec("ignore", day, a="date"))
    number = {"day": Day(("a",), DayForm.NUMBER)}
    assert loaded(table(a="integer"), spec("ignore", number, a="bigint"))[0]["a"] == "integer"


def test_no_type_goes_into_one_that_cannot_be_loaded() -> None:
    assert not keeps_values(parse_postgres("text"), parse_postgres("inet"))
    assert not keeps_values(parse_postgres("integer"), parse_postgres("numeric"))


def test_a_column_that_has_changed_since_is_not_narrowed() -> None:
    wide = ColumnSpec("a", parse_postgres("bigint"))
    connection = cast(Any, None)  # nothing is executed
    drift = Drift(widened=(wide,))
    with pytest.raises(TargetError, match="has changed since"):
        asyncio.run(apply(connection, SPEC, table(a="numeric(38,0)"), drift))
    asyncio.run(apply(connection, SPEC, table(a="bigint"), drift))


@pytest.mark.parametrize(
    ("there", "wanted", "less"),
    [
        ("numeric(10,2)", "numeric(14,4)", True),
        ("numeric(10,2)", "numeric(12,0)", True),
        ("numeric(10,2)", "numeric(9,3)", True),
        ("numeric(10)", "numeric(12,2)", True),
        ("numeric(12,2)", "numeric(10)", False),
        ("numeric(14,4)", "numeric(10,2)", False),
        ("numeric", "numeric(10,2)", False),
        ("varchar(5)", "varchar(50)", True),
        ("varchar(50)", "varchar(5)", False),
        ("varchar(5)", "text", False),
    ],
)
@pytest.mark.parametrize("way", ["fail", "ignore"])
def test_a_target_that_is_declared_for_less_is_told(
    way: str, there: str, wanted: str, less: bool
) -> None:
    columns, drift = loaded(table(n=there), spec(way, n=wanted))

    assert columns == {"n": there if "(" in there else wanted}
    told = f'the column "n" is {there}, and {wanted} in lake.t: a value that does not fit'
    assert any(told in note for note in drift.notes(SPEC)) == less


def test_a_smaller_integer_that_is_kept_is_told() -> None:
    _, drift = loaded(table(n="integer"), spec("ignore", n="bigint"))

    assert any('"n" is integer, and bigint in lake.t' in note for note in drift.notes(SPEC))
