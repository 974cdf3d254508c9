"""Rules for made rows that say nothing clear: refused before a row is made, by name."""

from __future__ import annotations

from typing import Any

import pytest

from neonsync.errors import ConfigError, TargetError
from neonsync.tables import ColumnRule
from tests.unit.made import made, made_table, only

COLUMNS = {
    "id": "integer",
    "day": "date",
    "word": "varchar(5)",
    "number": "integer",
    "amount": "numeric(6,2)",
    "flag": "boolean",
    "fixed": "text not null",
}


def _refusal(column: str, rule: ColumnRule, **options: Any) -> ConfigError:
    table = made_table("t", COLUMNS, ["id"], 50, day="day", rules={column: rule}, **options)
    with pytest.raises(ConfigError) as caught:
        only(table)
    assert "public.t" in caught.value.message
    assert column in caught.value.message
    assert caught.value.remedy
    return caught.value


def test_a_rule_for_no_column_is_refused_with_the_nearest_name() -> None:
    error = _refusal("amuont", ColumnRule(low=1))
    assert "'amuont', which is not there" in error.message
    assert error.remedy == "Did you mean 'amount'?"


@pytest.mark.parametrize(
    ("setting", "rule"),
    [("follows", ColumnRule(follows="nobody")), ("of", ColumnRule(of="nobody"))],
)
def test_a_rule_that_names_no_column_is_refused(setting: str, rule: ColumnRule) -> None:
    error = _refusal("number", rule)
    assert f"test_data.columns.number.{setting}" in error.message
    assert "'nobody', which is not there" in error.message


@pytest.mark.parametrize(
    ("column", "rule", "part"),
    [
        ("number", ColumnRule(values=("a",)), "'a' is no integer"),
        ("number", ColumnRule(values=(1.5,)), "1.5 is no integer"),
        ("number", ColumnRule(values=(True,)), "True is no integer"),
        ("number", ColumnRule(values=(1 << 31,)), "2147483648 does not fit into integer"),
        ("amount", ColumnRule(values=(1.234,)), "1.234 does not fit into numeric(6,2)"),
        ("amount", ColumnRule(values=(float("nan"),)), "nan is no numeric(6,2)"),
        ("word", ColumnRule(values=(1,)), "1 is no varchar(5)"),
        ("word", ColumnRule(values=("longer",)), "'longer' is longer than varchar(5)"),
        ("flag", ColumnRule(values=(1,)), "1 is no boolean"),
        ("amount", ColumnRule(low=0, high=1e5), "outside of numeric(6,2)"),
        ("amount", ColumnRule(low=5, high=1), "no numeric(6,2) lies between 5 and 1"),
        ("number", ColumnRule(low=0.1, high=0.9), "no integer lies between"),
        ("word", ColumnRule(low=1), "is varchar(5), which has no low or high"),
        ("flag", ColumnRule(demand=True), "is boolean, which has no demand"),
        ("word", ColumnRule(of="number"), "is varchar(5), which has no of"),
        ("number", ColumnRule(of="word"), "a multiple of word, which is varchar(5)"),
        ("amount", ColumnRule(of="number", factor=100), "is outside of numeric(6,2)"),
        ("number", ColumnRule(factor=2), "has a factor, and no of"),
        ("number", ColumnRule(values=(1,), low=0), "has values and low or high"),
        ("number", ColumnRule(of="amount", follows="word"), "has follows and of"),
        ("amount", ColumnRule(demand=True, count=5), "has count and demand"),
        ("flag", ColumnRule(count=3), "cannot have 3 different values, 2 at most"),
        ("id", ColumnRule(count=1 << 33), "cannot have 8589934592 different values"),
        ("id", ColumnRule(demand=True), "belongs to the key and has no demand"),
        ("id", ColumnRule(null_share=0.1), "must not be null"),
        ("fixed", ColumnRule(null_share=0.1), "must not be null"),
        ("day", ColumnRule(null_share=0.1), "must not be null"),
        ("day", ColumnRule(count=5), "is the table's day and takes no count"),
        ("number", ColumnRule(null_share=1.5), "has the null_share 1.5"),
        ("is_test_data", ColumnRule(values=(False,)), "marks made rows"),
    ],
)
def test_a_rule_that_its_column_cannot_keep_is_refused(
    column: str, rule: ColumnRule, part: str
) -> None:
    assert part in _refusal(column, rule).message


def test_demand_without_a_day_is_refused() -> None:
    rules = {"amount": ColumnRule(demand=True)}
    with pytest.raises(ConfigError, match="amount has demand, and the table has no day"):
        only(made_table("t", COLUMNS, ["id"], 5, rules=rules))


def test_a_rule_beside_a_reference_is_refused() -> None:
    rule = ColumnRule(values=(1, 2))
    error = _refusal("number", rule, references={"number": "t.id"})
    assert "number refers to another table and takes no values" in error.message


@pytest.mark.parametrize(
    ("rules", "circle"),
    [
        ({"number": ColumnRule(of="number", factor=2)}, "t.number -> public.t.number"),
        (
            {"word": ColumnRule(follows="flag"), "flag": ColumnRule(follows="word")},
            "t.word -> public.t.flag -> public.t.word",
        ),
        (
            {"number": ColumnRule(of="amount"), "amount": ColumnRule(of="number")},
            "t.number -> public.t.amount -> public.t.number",
        ),
    ],
)
def test_rules_in_a_circle_are_refused_with_the_way_round(
    rules: dict[str, ColumnRule], circle: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        only(made_table("t", COLUMNS, ["id"], 5, rules=rules))
    assert circle in caught.value.message


def test_a_reference_and_a_rule_in_a_circle_are_refused() -> None:
    table = made_table(
        "t",
        COLUMNS,
        ["id"],
        5,
        references={"number": "t.amount"},
        rules={"amount": ColumnRule(of="number")},
    )
    with pytest.raises(ConfigError, match="depends on itself"):
        only(table)


def test_a_key_of_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"the key of public.t names 'nobody'"):
        only(made_table("t", COLUMNS, ["nobody"], 5))


def test_fewer_rows_than_none_are_refused() -> None:
    with pytest.raises(ConfigError, match="cannot have -1 rows"):
        only(made_table("t", COLUMNS, ["id"], -1))


def test_a_type_that_is_not_loaded_is_refused_as_everywhere() -> None:
    with pytest.raises(TargetError, match="numeric column without"):
        only(made_table("t", {"id": "integer", "x": "numeric"}, ["id"], 5))


def test_a_table_that_was_not_asked_for_is_not_there() -> None:
    with pytest.raises(KeyError):
        made(made_table("t", COLUMNS, ["id"], 5)).table("public.other")
