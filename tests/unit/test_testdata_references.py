"""References of made rows: each child has a parent that is really made."""

from __future__ import annotations

from collections import Counter

import pytest

from neonsync.errors import ConfigError
from neonsync.tables import ColumnRule
from neonsync.testdata import TestData
from tests.unit.made import made, made_table, values, whole


def _pairs(data: TestData, table: str, *columns: str) -> list[tuple[object, ...]]:
    rows = whole(data.table(f"public.{table}")).select(list(columns)).to_pylist()
    return [tuple(row.values()) for row in rows]


def test_children_refer_to_parents_that_are_made_whatever_their_order() -> None:
    parent = made_table("shops", {"code": "varchar(12)", "city": "text"}, ["code"], 20)
    child = made_table(
        "sales",
        {"id": "bigint", "shop": "text not null"},
        ["id"],
        1_000,
        references={"shop": "shops.code"},
    )
    for data in (made(parent, child), made(child, parent)):
        parents = set(values(data.table("public.shops"), "code"))
        used = Counter(values(data.table("public.sales"), "shop"))
        assert set(used) == parents
        assert min(used.values()) > 20


def test_a_reference_may_be_null_where_its_column_may() -> None:
    parent = made_table("shops", {"id": "integer"}, ["id"], 20)
    child = made_table(
        "sales",
        {"id": "integer", "shop": "integer"},
        ["id"],
        2_000,
        references={"shop": "shops.id"},
    )
    shops = Counter(values(made(parent, child).table("public.sales"), "shop"))
    assert 50 < shops.pop(None) < 150
    assert set(shops) == set(range(1, 21))


def test_a_key_of_references_is_unique_and_true() -> None:
    shops = made_table("shops", {"id": "uuid"}, ["id"], 12)
    goods = made_table("goods", {"sku": "text"}, ["sku"], 40)
    stock = made_table(
        "stock",
        {"shop": "uuid", "sku": "varchar(20)", "day": "date", "n": "integer"},
        ["shop", "sku", "day"],
        5_000,
        day="day",
        references={"shop": "shops.id", "sku": "goods.sku"},
    )
    data = made(stock, goods, shops)
    rows = _pairs(data, "stock", "shop", "sku", "day")
    assert len(set(rows)) == 5_000
    assert {row[0] for row in rows} <= set(values(data.table("public.shops"), "id"))
    assert {row[1] for row in rows} <= set(values(data.table("public.goods"), "sku"))
    assert len({row[2] for row in rows}) == 30


def test_a_key_holds_no_more_than_its_parents_allow() -> None:
    shops = made_table("shops", {"id": "integer"}, ["id"], 3)
    facts = made_table("facts", {"shop": "integer"}, ["shop"], 4, references={"shop": "shops.id"})
    with pytest.raises(ConfigError, match=r"public.facts: 4 rows .* \(shop\) has 3 different"):
        made(shops, facts)


def test_a_reference_of_several_columns_takes_them_from_one_row() -> None:
    parent = made_table(
        "lines",
        {"order_id": "integer", "line": "smallint", "sku": "text"},
        ["order_id", "line"],
        500,
    )
    child = made_table(
        "shipped",
        {"id": "integer", "order_id": "integer not null", "line": "integer not null"},
        ["id"],
        2_000,
        references={"order_id": "lines.order_id", "line": "lines.line"},
    )
    data = made(parent, child)
    parents = set(_pairs(data, "lines", "order_id", "line"))
    assert set(_pairs(data, "shipped", "order_id", "line")) <= parents


def test_a_reference_of_several_columns_is_null_as_a_whole() -> None:
    parent = made_table("lines", {"a": "integer", "b": "integer"}, ["a", "b"], 100)
    child = made_table(
        "shipped",
        {"id": "integer", "a": "integer", "b": "integer"},
        ["id"],
        2_000,
        references={"a": "lines.a", "b": "lines.b"},
    )
    pairs = _pairs(made(parent, child), "shipped", "a", "b")
    assert (None, None) in pairs
    assert all((a is None) == (b is None) for a, b in pairs)


def test_a_key_may_be_a_reference_of_several_columns() -> None:
    parent = made_table("lines", {"a": "integer", "b": "text"}, ["a", "b"], 500)
    child = made_table(
        "shipped",
        {"a": "integer", "b": "text", "box": "integer"},
        ["a", "b", "box"],
        1_200,
        references={"a": "lines.a", "b": "lines.b"},
    )
    data = made(parent, child)
    assert len(set(_pairs(data, "shipped", "a", "b", "box"))) == 1_200
    assert set(_pairs(data, "shipped", "a", "b")) == set(_pairs(data, "lines", "a", "b"))


def test_a_key_may_refer_to_a_part_of_a_longer_key() -> None:
    parent = made_table(
        "stock",
        {"shop": "integer", "sku": "text", "day": "date"},
        ["shop", "sku", "day"],
        700,
        day="day",
    )
    child = made_table(
        "orders",
        {"sku": "text", "n": "integer"},
        ["sku", "n"],
        300,
        references={"sku": "stock.sku"},
    )
    data = made(parent, child)
    rows = _pairs(data, "orders", "sku", "n")
    assert len(set(rows)) == 300
    assert {row[0] for row in rows} <= set(values(data.table("public.stock"), "sku"))


def test_chains_of_references_hold_at_every_link() -> None:
    first = made_table("a", {"id": "text"}, ["id"], 7)
    second = made_table(
        "b", {"a_id": "text", "n": "integer"}, ["a_id", "n"], 50, references={"a_id": "a.id"}
    )
    third = made_table(
        "c",
        {"id": "integer", "a_id": "text not null", "n": "integer not null"},
        ["id"],
        400,
        references={"a_id": "b.a_id", "n": "b.n"},
    )
    fourth = made_table(
        "d",
        {"id": "integer", "c_a": "varchar(10) not null"},
        ["id"],
        900,
        references={"c_a": "c.a_id"},
    )
    data = made(fourth, third, second, first)
    assert set(_pairs(data, "c", "a_id", "n")) <= set(_pairs(data, "b", "a_id", "n"))
    assert set(_pairs(data, "b", "a_id")) <= set(_pairs(data, "a", "id"))
    assert set(_pairs(data, "d", "c_a")) <= set(_pairs(data, "c", "a_id"))


def test_two_references_to_the_same_column_are_independent() -> None:
    accounts = made_table("accounts", {"id": "integer"}, ["id"], 50)
    transfers = made_table(
        "transfers",
        {"id": "integer", "payer": "integer not null", "payee": "integer not null"},
        ["id"],
        1_000,
        references={"payer": "accounts.id", "payee": "accounts.id"},
    )
    pairs = _pairs(made(accounts, transfers), "transfers", "payer", "payee")
    assert sum(payer == payee for payer, payee in pairs) < 60


def test_a_table_may_refer_to_itself() -> None:
    people = made_table(
        "people",
        {"id": "integer", "boss": "integer", "office": "integer"},
        ["id"],
        200,
        references={"boss": "people.id"},
    )
    bosses = set(values(made(people).table("public.people"), "boss"))
    assert None in bosses
    assert bosses - {None} <= set(range(1, 201))


def test_a_key_may_refer_to_its_own_table() -> None:
    parts = made_table(
        "parts",
        {"id": "integer", "whole": "integer"},
        ["id", "whole"],
        200,
        references={"whole": "parts.id"},
    )
    rows = _pairs(made(parts), "parts", "id", "whole")
    assert len(set(rows)) == 200
    assert {row[1] for row in rows} <= {row[0] for row in rows}


def test_tables_may_refer_to_each_other() -> None:
    teams = made_table(
        "teams",
        {"id": "integer", "lead": "integer not null"},
        ["id"],
        10,
        references={"lead": "people.id"},
    )
    people = made_table(
        "people",
        {"id": "integer", "team": "integer not null"},
        ["id"],
        90,
        references={"team": "teams.id"},
    )
    data = made(teams, people)
    assert set(values(data.table("public.people"), "team")) == set(range(1, 11))
    assert set(values(data.table("public.teams"), "lead")) <= set(range(1, 91))


def test_days_of_a_calendar_are_its_latest() -> None:
    calendar = made_table("calendar", {"day": "date"}, ["day"], 400)
    in_key = made_table(
        "a",
        {"shop": "integer", "day": "date"},
        ["shop", "day"],
        600,
        day="day",
        references={"day": "calendar.day"},
    )
    beside = made_table(
        "b",
        {"id": "integer", "day": "date", "y": "numeric(8,2)"},
        ["id"],
        3_000,
        day="day",
        references={"day": "calendar.day"},
    )
    data = made(calendar, in_key, beside)
    for table in ("public.a", "public.b"):
        days = data.table(table).days()
        assert len(days) == 30
        assert sorted(map(str, days))[::29] == ["2026-01-02", "2026-01-31"]


def test_parents_may_be_chosen_by_what_a_column_holds() -> None:
    regions = made_table("regions", {"id": "integer"}, ["id"], 9)
    shops = made_table(
        "shops",
        {"id": "integer", "state": "char(2) not null", "region": "integer not null"},
        ["id"],
        500,
        references={"region": "regions.id"},
        rules={"region": ColumnRule(follows="state")},
    )
    pairs = set(_pairs(made(regions, shops), "shops", "state", "region"))
    assert len(pairs) == len({state for state, _ in pairs})


def test_a_single_child_can_be_made_again_alone() -> None:
    parent = made_table("shops", {"id": "uuid", "city": "text"}, ["id"], 20)
    child = made_table(
        "sales", {"id": "integer", "shop": "uuid"}, ["id"], 100, references={"shop": "shops.id"}
    )
    sales = made(parent, child).table("public.sales")
    assert sales.batch(71, 1).to_pylist() == whole(sales).slice(71, 1).to_pylist()


def test_a_reference_to_a_table_that_is_not_made_is_refused_by_name() -> None:
    child = made_table(
        "sales", {"id": "integer", "shop": "integer"}, ["id"], 5, references={"shop": "shops.id"}
    )
    with pytest.raises(ConfigError, match=r"public.sales.shop refers to public.shops, which"):
        made(child)


def test_a_reference_to_a_column_that_is_not_there_is_refused_by_name() -> None:
    parent = made_table("shops", {"id": "integer"}, ["id"], 5)
    child = made_table(
        "sales", {"id": "integer", "shop": "integer"}, ["id"], 5, references={"shop": "shops.code"}
    )
    with pytest.raises(ConfigError, match=r"refers to public.shops.code, which is not there"):
        made(parent, child)


def test_a_circle_of_references_is_shown() -> None:
    one = made_table("one", {"id": "integer", "x": "integer"}, ["id"], 5, references={"x": "two.y"})
    two = made_table("two", {"id": "integer", "y": "integer"}, ["id"], 5, references={"y": "one.x"})
    circle = r"public.one.x -> public.two.y -> public.one.x"
    with pytest.raises(ConfigError, match=circle):
        made(one, two)


def test_keys_that_count_each_other_are_refused() -> None:
    one = made_table(
        "one", {"a": "integer", "b": "integer"}, ["a", "b"], 5, references={"a": "two.c"}
    )
    two = made_table(
        "two", {"c": "integer", "d": "integer"}, ["c", "d"], 5, references={"d": "one.b"}
    )
    with pytest.raises(ConfigError, match="refers to a key that refers back"):
        made(one, two)


@pytest.mark.parametrize(
    ("parent_type", "child_type"),
    [("integer", "text"), ("text", "varchar(6)"), ("bigint", "boolean"), ("uuid", "bytea")],
)
def test_a_child_of_another_type_is_refused(parent_type: str, child_type: str) -> None:
    parent = made_table("shops", {"id": parent_type}, ["id"], 5)
    child = made_table(
        "sales", {"id": "integer", "shop": child_type}, ["id"], 5, references={"shop": "shops.id"}
    )
    with pytest.raises(ConfigError, match=r"public.sales: shop: refers to public.shops.id, and"):
        made(parent, child)


def test_a_narrower_child_is_refused_where_a_parent_does_not_fit() -> None:
    def data(rows: int) -> TestData:
        parent = made_table("shops", {"id": "bigint"}, ["id"], rows)
        child = made_table(
            "sales",
            {"id": "integer", "shop": "smallint"},
            ["id"],
            5,
            references={"shop": "shops.id"},
        )
        return made(parent, child)

    assert data(32_767).table("public.sales").rows == 5
    with pytest.raises(ConfigError, match="smallint does not hold them"):
        data(32_768)


def test_a_parent_without_rows_is_refused() -> None:
    parent = made_table("shops", {"id": "integer"}, ["id"], 0)
    child = made_table(
        "sales", {"id": "integer", "shop": "integer"}, ["id"], 5, references={"shop": "shops.id"}
    )
    with pytest.raises(ConfigError, match=r"public.shops, which is to have no rows"):
        made(parent, child)


def test_a_key_cannot_refer_to_values_that_repeat() -> None:
    parent = made_table("shops", {"id": "integer", "city": "text"}, ["id"], 50)
    child = made_table("cities", {"city": "text"}, ["city"], 5, references={"city": "shops.city"})
    with pytest.raises(ConfigError, match=r"public.shops.city, whose values may repeat"):
        made(parent, child)


def test_a_referenced_column_is_null_only_when_told_so() -> None:
    columns = {"id": "integer", "code": "text"}
    child = made_table(
        "sales",
        {"id": "integer", "code": "text not null"},
        ["id"],
        50,
        references={"code": "shops.code"},
    )
    data = made(made_table("shops", columns, ["id"], 50), child)
    assert None not in values(data.table("public.shops"), "code")
    told = made_table("shops", columns, ["id"], 50, rules={"code": ColumnRule(null_share=0.5)})
    with pytest.raises(ConfigError, match="code: must not be null and refers to"):
        made(told, child)
