"""Values of made rows beside the key: every type, names that tell, rules that are kept."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from neonsync.columns import arrow_type, parse_postgres
from neonsync.tables import ColumnRule
from neonsync.testdata import TableGenerator
from tests.unit.made import LAST_DAY, made_table, only, values, whole

TYPES = [
    "boolean",
    "smallint",
    "integer",
    "bigint",
    "real",
    "double precision",
    "numeric(1,0)",
    "numeric(2,2)",
    "numeric(10,2)",
    "numeric(38,0)",
    "numeric(38,18)",
    "numeric(38,38)",
    "text",
    "varchar(1)",
    "varchar(7)",
    "varchar(100)",
    "char",
    "char(3)",
    "bytea",
    "date",
    "timestamp",
    "timestamptz",
    "jsonb",
    "uuid",
    "time",
]


def _beside(
    name: str, type_: str, rows: int = 2_000, rule: ColumnRule | None = None, **options: Any
) -> TableGenerator:
    """A table with an id and one more column."""
    rules = {name: rule} if rule else {}
    columns = {"id": "integer", name: type_}
    return only(made_table("t", columns, ["id"], rows, rules=rules, **options))


@pytest.mark.parametrize("type_", TYPES)
def test_every_type_is_made_with_a_few_nulls(type_: str) -> None:
    array = whole(_beside("thing", type_)).column("thing")
    array.validate(full=True)
    assert array.type == arrow_type(parse_postgres(type_), "thing")
    assert 50 < array.null_count < 150
    assert len(array.drop_null().unique()) >= 2


@pytest.mark.parametrize("type_", TYPES)
def test_every_type_is_made_without_nulls_where_none_may_be(type_: str) -> None:
    array = whole(_beside("thing", f"{type_} not null")).column("thing")
    assert array.null_count == 0


@pytest.mark.parametrize(("type_", "limit"), [("char", 1), ("varchar(1)", 1), ("varchar(7)", 7)])
@pytest.mark.parametrize(
    "name",
    ["thing", "email", "name", "first_name", "city", "description", "url", "phone", "zip", "state"],
)
def test_texts_keep_to_their_length(name: str, type_: str, limit: int) -> None:
    texts = set(values(_beside(name, f"{type_} not null", 200), name))
    assert all(0 < len(text) <= limit and text == text.strip() for text in texts)


@pytest.mark.parametrize(
    ("name", "example"),
    [
        ("first_name", "Alex"),
        ("last_name", "Birch"),
        ("customer_name", "Alex Birch"),
        ("product_name", "Amber Harbor"),
        ("city", "Denver"),
        ("state_code", "TX"),
        ("country", "US"),
        ("status", "open"),
        ("website", "https://example.com/pages/17"),
        ("phone", "+1-202-555-0117"),
        ("zip_code", "10787"),
        ("currency", "USD"),
    ],
)
def test_names_of_text_columns_tell_their_values(name: str, example: str) -> None:
    assert example in values(_beside(name, "text", 5_000), name)


def test_every_row_has_an_email_of_its_own() -> None:
    emails = values(_beside("email", "text not null"), "email")
    assert emails[16] == "user17@example.com"
    assert len(set(emails)) == 2_000


@pytest.mark.parametrize(
    ("name", "type_", "low", "high"),
    [
        ("quantity", "integer", 1, 100),
        ("unit_price", "numeric(10,2)", 1, 500),
        ("month", "smallint", 1, 12),
        ("latitude", "double precision", 25, 49),
        ("tax_rate", "numeric(5,4)", 0, 1),
        ("rating", "real", 1, 5),
        ("price", "numeric(3,2)", 1, Decimal("9.99")),
    ],
)
def test_names_of_numbers_tell_their_range(name: str, type_: str, low: float, high: Any) -> None:
    numbers = values(_beside(name, f"{type_} not null"), name)
    assert min(numbers) >= low
    assert max(numbers) <= high
    assert max(numbers) - min(numbers) > Decimal("0.9") * (Decimal(high) - Decimal(low)).__floor__()


def test_dates_and_times_are_recent_and_never_after_the_last_day() -> None:
    dates = values(_beside("due", "date not null"), "due")
    assert max(dates) == LAST_DAY
    assert min(dates) > date(2025, 1, 1)
    moments = values(_beside("seen", "timestamptz not null"), "seen")
    assert datetime(2025, 1, 31, tzinfo=UTC) < min(moments) < max(moments)
    assert max(moments) < datetime(2026, 2, 1, tzinfo=UTC)
    assert len(set(moments)) > 1_900


def test_documents_are_json() -> None:
    documents = [json.loads(text) for text in values(_beside("doc", "jsonb not null"), "doc")]
    assert all(isinstance(document["tags"], list) for document in documents)


def test_uuids_beside_the_key_are_of_version_4_and_all_different() -> None:
    uuids = [UUID(bytes=value) for value in values(_beside("ref", "uuid not null"), "ref")]
    assert {uuid.version for uuid in uuids} == {4}
    assert len(set(uuids)) == 2_000


def test_a_column_of_states_holds_codes_of_states() -> None:
    generator = _beside("region", "varchar(2)", state="region")
    states = generator.states()
    assert states == Counter(values(generator, "region"))
    assert None in states
    assert {"CA", "WA", "NY"} < set(states)


def test_tables_without_a_day_or_a_state_have_no_counts_by_them() -> None:
    generator = _beside("thing", "text", 17)
    assert generator.days() == {None: 17}
    assert generator.states() == {}


@pytest.mark.parametrize(
    ("type_", "listed", "expected"),
    [
        ("integer", (3, 1, 2), {1, 2, 3}),
        ("numeric(5,2)", (0.1, 2, 1.25), {Decimal("0.10"), Decimal("2.00"), Decimal("1.25")}),
        ("real", (0.5, 1), {0.5, 1.0}),
        ("double precision", (0.1, 1e-9), {0.1, 1e-9}),
        ("varchar(2)", ("ab", "c"), {"ab", "c"}),
        ("boolean", (True,), {True}),
        ("date", (date(2020, 2, 29),), {date(2020, 2, 29)}),
        ("timestamp", (datetime(2020, 1, 1, 5), date(2020, 1, 2)),
         {datetime(2020, 1, 1, 5), datetime(2020, 1, 2)}),
        ("timestamptz", (datetime(2020, 1, 1, 5, tzinfo=UTC),),
         {datetime(2020, 1, 1, 5, tzinfo=UTC)}),
        ("time", (time(9, 30),), {time(9, 30)}),
        ("uuid", ("12345678-1234-4234-8234-123456789abc",),
         {UUID("12345678-1234-4234-8234-123456789abc").bytes}),
        ("jsonb", ('{"a": 1}', {"b": [2]}), {'{"a": 1}', '{"b": [2]}'}),
        ("bytea", ("raw",), {b"raw"}),
    ],
)  # fmt: skip
def test_listed_values_are_drawn_for_every_type(
    type_: str, listed: tuple[Any, ...], expected: set[Any]
) -> None:
    generator = _beside("thing", f"{type_} not null", 200, ColumnRule(values=listed))
    assert set(values(generator, "thing")) == expected


def test_a_value_that_is_listed_twice_is_drawn_twice_as_often() -> None:
    rule = ColumnRule(values=("a", "a", "b"))
    counts = Counter(values(_beside("thing", "text not null", 3_000, rule), "thing"))
    assert 1.7 < counts["a"] / counts["b"] < 2.3


def test_bounds_are_kept() -> None:
    for type_ in ("smallint", "bigint", "real", "double precision", "numeric(38,18)"):
        rule = ColumnRule(low=-3, high=5)
        numbers = values(_beside("thing", f"{type_} not null", 3_000, rule), "thing")
        assert -3 <= min(numbers) < -2.9
        assert 4.9 < max(numbers) <= 5


@pytest.mark.parametrize("high", [1e12, 9e18])
def test_wide_bounds_are_filled_to_their_ends(high: float) -> None:
    numbers = values(_beside("n", "bigint not null", 3_000, ColumnRule(low=0, high=high)), "n")
    assert min(numbers) >= 0
    assert 0.99 * high < max(numbers) <= high


def test_one_bound_is_enough() -> None:
    above = values(_beside("n", "integer not null", 500, ColumnRule(low=5_000)), "n")
    assert 5_000 <= min(above) < max(above) <= 6_000
    below = values(_beside("n", "integer not null", 500, ColumnRule(high=0)), "n")
    assert -1_000 <= min(below) < max(below) <= 0


def test_a_count_beside_the_key_is_the_number_of_values() -> None:
    assert set(values(_beside("dc", "integer not null", 500, ColumnRule(count=3)), "dc")) == {
        1,
        2,
        3,
    }
    texts = set(values(_beside("dc", "text not null", 500, ColumnRule(count=2)), "dc"))
    assert texts == {"dc-000001", "dc-000002"}


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_share_of_nulls_is_kept(share: float) -> None:
    array = whole(_beside("thing", "integer", 4_000, ColumnRule(null_share=share))).column("thing")
    assert abs(array.null_count - 4_000 * share) < 120


@pytest.mark.parametrize("type_", TYPES)
def test_equal_values_are_followed_by_equal_values(type_: str) -> None:
    columns = {"id": "integer", "leader": "text", "thing": type_}
    rules = {"leader": ColumnRule(count=5), "thing": ColumnRule(follows="leader", null_share=0.2)}
    rows = whole(only(made_table("t", columns, ["id"], 500, rules=rules))).to_pylist()
    pairs = {(row["leader"], str(row["thing"])) for row in rows}
    assert len(pairs) == len({leader for leader, _ in pairs}) == 6


def test_followers_of_values_listed_twice_are_equal_too() -> None:
    columns = {"id": "integer", "leader": "text not null", "thing": "integer not null"}
    rules = {
        "leader": ColumnRule(values=("a", "b", "a")),
        "thing": ColumnRule(follows="leader", values=(1, 2, 3)),
    }
    rows = whole(only(made_table("t", columns, ["id"], 500, rules=rules))).to_pylist()
    assert {(row["leader"], row["thing"]) for row in rows} == {("a", 1), ("b", 2)}


@pytest.mark.parametrize(
    ("base", "type_", "factor", "check"),
    [
        ("numeric(10,2)", "numeric(12,4)", 0.1234, lambda b: (b * Decimal("0.1234")).quantize(
            Decimal("0.0001"), "ROUND_HALF_UP")),
        ("numeric(10,2)", "integer", 2.0, lambda b: (b * 2).quantize(Decimal(1), "ROUND_HALF_UP")),
        ("integer", "numeric(38,18)", 0.5, lambda b: Decimal(b) / 2),
        ("integer", "bigint", -3.0, lambda b: -3 * b),
        ("integer", "integer", -0.5, lambda b: Decimal(b * -5).scaleb(-1).quantize(
            Decimal(1), "ROUND_HALF_UP")),
        ("integer", "double precision", 0.1, lambda b: b / 10),
        ("numeric(38,18)", "numeric(38,18)", 1.2, lambda b: b * Decimal("1.2")),
    ],
)  # fmt: skip
def test_multiples_are_exact_in_the_target_type(
    base: str, type_: str, factor: float, check: Any
) -> None:
    columns = {"id": "integer", "base": base, "thing": type_}
    rules = {"thing": ColumnRule(of="base", factor=factor)}
    rows = whole(only(made_table("t", columns, ["id"], 500, rules=rules))).to_pylist()
    for row in rows:
        wanted = None if row["base"] is None else check(row["base"])
        assert row["thing"] == wanted


def test_a_multiple_that_must_not_be_null_never_is() -> None:
    columns = {"id": "integer", "base": "integer", "thing": "integer not null"}
    rules = {"thing": ColumnRule(of="base", factor=2.0)}
    table = whole(only(made_table("t", columns, ["id"], 500, rules=rules)))
    assert table.column("base").null_count > 0
    assert table.column("thing").null_count == 0


def test_multiples_of_multiples_and_of_listed_numbers() -> None:
    columns = dict.fromkeys(("id", "a", "b", "c"), "integer")
    rules = {
        "a": ColumnRule(values=(1, 10, 100), null_share=0),
        "b": ColumnRule(of="a", factor=2),
        "c": ColumnRule(of="b", factor=3),
    }
    rows = whole(only(made_table("t", columns, ["id"], 50, rules=rules))).to_pylist()
    assert {(row["a"], row["b"], row["c"]) for row in rows} == {
        (1, 2, 6),
        (10, 20, 60),
        (100, 200, 600),
    }
