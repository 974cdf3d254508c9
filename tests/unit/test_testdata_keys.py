"""Keys of made rows: unique for every type, readable where there is room, refused where not."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from neonsync.errors import ConfigError
from neonsync.tables import ColumnRule, DayForm
from neonsync.testdata import TestTable
from tests.unit.made import LAST_DAY, made_table, only, values, whole

MILLION = 1_000_000


def _key_table(type_: str, rows: int, **options: Any) -> TestTable:
    return made_table("things", {"thing_id": type_}, ["thing_id"], rows, **options)


@pytest.mark.parametrize(
    ("type_", "rows"),
    [
        ("boolean", 2),
        ("smallint", 65_536),
        ("integer", 70_000),
        ("bigint", 70_000),
        ("real", 70_000),
        ("double precision", 70_000),
        ("numeric(3,1)", 1_999),
        ("numeric(2,2)", 199),
        ("numeric(38,18)", 70_000),
        ("text", 70_000),
        ("varchar(1)", 36),
        ("varchar(3)", 46_656),
        ("varchar(5)", 70_000),
        ("char(12)", 70_000),
        ("bytea", 70_000),
        ("date", 70_000),
        ("timestamp", 70_000),
        ("timestamptz", 200_000),
        ("time", 90_000),
        ("uuid", 70_000),
        ("jsonb", 70_000),
    ],
)
def test_keys_of_every_type_are_unique_and_never_null(type_: str, rows: int) -> None:
    column = whole(only(_key_table(type_, rows))).column("thing_id")
    assert column.null_count == 0
    assert len(column.unique()) == rows


@pytest.mark.parametrize("type_", ["integer", "varchar(8)", "uuid"])
def test_a_million_keys_are_a_million_values(type_: str) -> None:
    generator = only(_key_table(type_, MILLION))
    parts = [generator.batch(n, 250_000).column("thing_id") for n in range(0, MILLION, 250_000)]
    assert len(pa.chunked_array(parts).unique()) == MILLION


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("boolean", [False, True]),
        ("smallint", [1, 2]),
        ("real", [1.0, 2.0]),
        ("numeric(10,2)", [Decimal("1.00"), Decimal("2.00")]),
        ("text", ["thing-000001", "thing-000002"]),
        ("varchar(12)", ["thing-000001", "thing-000002"]),
        ("varchar(10)", ["thi-000001", "thi-000002"]),
        ("varchar(7)", ["thing-1", "thing-2"]),
        ("varchar(4)", ["th-1", "th-2"]),
        ("varchar(2)", ["1", "2"]),
        ("char", ["1", "2"]),
        ("date", [LAST_DAY, date(2026, 1, 30)]),
        ("timestamp", [datetime(2026, 1, 31), datetime(2026, 1, 31, 0, 0, 1)]),
        ("time", [time(0, 0, 0), time(0, 0, 1)]),
        ("jsonb", ['{"id": 1}', '{"id": 2}']),
    ],
)
def test_keys_are_readable(type_: str, expected: list[Any]) -> None:
    assert values(only(_key_table(type_, 2)), "thing_id") == expected


def test_text_keys_fill_their_length_with_letters_where_digits_do_not_suffice() -> None:
    texts = values(only(_key_table("varchar(2)", 1_296)), "thing_id")
    assert len(set(texts)) == 1_296
    assert (texts[0], texts[-1]) == ("00", "zz")


def test_small_whole_numbers_go_on_below_one_when_they_are_used_up() -> None:
    numbers = values(only(_key_table("smallint", 65_536)), "thing_id")
    assert numbers[32_766:32_769] == [32_767, 0, -1]
    assert numbers[-1] == -32_768


def test_uuids_are_of_version_4() -> None:
    uuids = [UUID(bytes=value) for value in values(only(_key_table("uuid", 100)), "thing_id")]
    assert {uuid.version for uuid in uuids} == {4}


@pytest.mark.parametrize(
    ("type_", "rows", "possible"),
    [
        ("boolean", 3, 2),
        ("smallint", 65_537, 65_536),
        ("numeric(1,0)", 20, 19),
        ("varchar(1)", 37, 36),
        ("char", 37, 36),
        ("real", 1 << 26, 2 * (1 << 24) + 1),
    ],
)
def test_more_rows_than_keys_are_refused_with_both_numbers(
    type_: str, rows: int, possible: int
) -> None:
    with pytest.raises(ConfigError) as caught:
        only(_key_table(type_, rows))
    for part in ("public.things", "(thing_id)", f"{rows} rows", f"{possible} different values"):
        assert part in caught.value.message
    assert f"{possible} rows at most" in caught.value.remedy


def test_a_key_of_the_day_alone_has_as_many_rows_as_days() -> None:
    table = made_table("days", {"day": "date", "n": "integer"}, ["day"], 30, day="day")
    assert len(only(table).days()) == 30
    with pytest.raises(ConfigError, match=r"31 rows were asked for.* 30 different") as caught:
        only(made_table("days", {"day": "date"}, ["day"], 31, day="day"))
    assert "test_data.days" in caught.value.remedy


def test_a_key_of_a_timestamp_has_many_rows_a_day() -> None:
    table = made_table(
        "events", {"at": "timestamp"}, ["at"], 1_000, day="at", form=DayForm.TIMESTAMP
    )
    generator = only(table)
    assert len(set(values(generator, "at"))) == 1_000
    assert len(generator.days()) == 30


def test_states_of_a_key_are_codes_of_states() -> None:
    columns = {"state": "char(2)", "day": "date"}
    table = made_table("by_state", columns, ["state", "day"], 1_500, day="day", state="state")
    generator = only(table)
    assert len(generator.states()) == 50
    assert {"CA", "WA"} < set(generator.states())
    with pytest.raises(ConfigError, match="1500 different values"):
        only(made_table("by_state", columns, ["state", "day"], 1_501, day="day", state="state"))


def test_columns_without_a_count_share_the_rows() -> None:
    table = made_table("pairs", {"a": "integer", "b": "integer"}, ["a", "b"], 10_000)
    made = whole(only(table))
    assert made.group_by(["a", "b"]).aggregate([]).num_rows == 10_000
    assert len(made.column("a").unique()) == len(made.column("b").unique()) == 100


def test_counts_hold_until_the_rows_need_more() -> None:
    rules = {"a": ColumnRule(count=10), "b": ColumnRule(count=20)}

    def sizes(rows: int) -> tuple[int, int]:
        columns = {"a": "integer", "b": "integer"}
        made = whole(only(made_table("pairs", columns, ["a", "b"], rows, rules=rules)))
        assert made.group_by(["a", "b"]).aggregate([]).num_rows == rows
        return len(made.column("a").unique()), len(made.column("b").unique())

    assert sizes(200) == (10, 20)
    assert sizes(100)[1] <= 20
    assert sizes(1_000) == (50, 20)


def test_listed_values_of_a_key_are_all_that_it_has() -> None:
    rules = {"size": ColumnRule(values=("S", "M", "L", "S"))}
    columns = {"size": "text", "n": "integer"}
    made = whole(only(made_table("sizes", columns, ["size", "n"], 300, rules=rules)))
    assert made.group_by(["size", "n"]).aggregate([]).num_rows == 300
    assert set(made.column("size").to_pylist()) == {"S", "M", "L"}
    with pytest.raises(ConfigError, match="3 different values at most"):
        only(made_table("sizes", {"size": "text"}, ["size"], 4, rules=rules))


def test_bounds_of_a_key_move_and_limit_its_numbers() -> None:
    rules = {"thing_id": ColumnRule(low=1001, high=1010)}
    assert values(only(_key_table("integer", 10, rules=rules)), "thing_id") == [*range(1001, 1011)]
    with pytest.raises(ConfigError, match="10 different values at most"):
        only(_key_table("integer", 11, rules=rules))


def test_a_column_of_the_key_that_follows_another_tells_no_rows_apart() -> None:
    rules = {"state": ColumnRule(values=("CA", "TX"), follows="shop_id")}
    columns = {"state": "char(2)", "shop_id": "integer"}
    table = made_table("shops", columns, ["state", "shop_id"], 50, rules=rules, state="state")
    made = whole(only(table))
    assert len(made.column("shop_id").unique()) == 50
    assert only(table).states() == {"CA": 25, "TX": 25}


@pytest.mark.parametrize(
    ("form", "types", "first"),
    [
        (DayForm.DATE, ["date"], "2026-01-31"),
        (DayForm.TIMESTAMP, ["timestamptz"], "2026-01-31"),
        (DayForm.DASHED, ["varchar(10)"], "2026-01-31"),
        (DayForm.PLAIN, ["char(8)"], "20260131"),
        (DayForm.NUMBER, ["integer"], "20260131"),
        (DayForm.NUMBER, ["numeric(8,0)"], "20260131"),
        (DayForm.PARTS, ["smallint", "smallint", "smallint"], "2026-1-31"),
        (DayForm.PARTS, ["text", "varchar(2)", "char(2)"], "2026-01-31"),
    ],
)
@pytest.mark.parametrize("in_key", [True, False])
def test_days_are_counted_in_the_form_in_which_they_are_written(
    form: DayForm, types: list[str], first: str, in_key: bool
) -> None:
    names = ["y", "m", "d"][: len(types)]
    columns = {"id": "integer", **dict(zip(names, types, strict=True))}
    key = ["id", *names] if in_key else ["id"]
    generator = only(made_table("t", columns, key, 1_200, day=names, form=form))
    days = generator.days()
    assert sum(days.values()) == 1_200
    assert len(days) == 30
    assert first in days
    texts: list[str] = []
    for row in whole(generator).select(names).to_pylist():
        parts = list(row.values())
        if form is DayForm.TIMESTAMP:
            parts = [parts[0].date()]
        texts.append("-".join(map(str, parts)))
    assert days == {text: texts.count(text) for text in set(texts)}


def test_a_day_that_does_not_fit_its_column_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"day: '2026-01-31' is longer than varchar\(8\)"):
        only(
            made_table(
                "t",
                {"id": "integer", "day": "varchar(8)"},
                ["id"],
                5,
                day="day",
                form=DayForm.DASHED,
            )
        )


def test_keys_do_not_depend_on_the_batch_they_are_made_in() -> None:
    generator = only(_key_table("varchar(8)", 1_000))
    all_of_them = np.array(values(generator, "thing_id"))
    for first in (0, 1, 998):
        batch = generator.batch(first, 2).column("thing_id").to_pylist()
        assert batch == all_of_them[first : first + 2].tolist()
