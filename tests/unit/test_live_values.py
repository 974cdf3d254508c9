"""The live check's values: every type, literals that Athena can take, and a strict comparison."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from neonsync.athena.values import MOST_QUERY_BYTES
from neonsync.columns import default_postgres
from neonsync.engine.live import live_tables
from neonsync.exporting import export_expression
from neonsync.validation.live import ROWS, TABLES, LiveColumn

COLUMNS = [column for columns in TABLES.values() for column in columns]
ATHENA_TYPES = {
    *("boolean", "tinyint", "smallint", "integer", "bigint", "real", "double", "decimal"),
    *("string", "varchar", "char", "varbinary", "uuid"),
    *("date", "time", "timestamp", "timestamp with time zone"),
    *("json", "array", "map", "row"),
}


def test_every_type_that_can_be_copied_is_among_them() -> None:
    assert {column.parsed.base for column in COLUMNS} == ATHENA_TYPES
    for column in COLUMNS:
        export_expression("x", column.parsed, default_postgres(column.parsed, "x"), "x")


def test_each_type_has_a_null_and_no_literal_twice() -> None:
    for column in COLUMNS:
        literals = [literal for literal, _ in column.values]
        assert len(set(literals)) == len(literals) <= ROWS, column.name
        assert [expected is None for _, expected in column.values] == [
            literal == "NULL" for literal in literals
        ], column.name
        assert "NULL" in literals


def test_each_expected_value_equals_itself_and_no_other() -> None:
    for column in COLUMNS:
        for row in range(1, len(column.values) + 1):
            equal = [other for _, other in column.values if column.is_equal(row, other)]
            assert len(equal) == 1, (column.name, column.literal(row))


def test_queries_are_ascii_and_within_athenas_limit() -> None:
    for table in live_tables("neonsync_live_x"):
        assert table.query.isascii()
        assert len(table.query) < MOST_QUERY_BYTES / 4  # the export stands around it
        # Athena takes one statement, without comments that a splitter may stumble over.
        assert not [mark for mark in (";", "--", "/*") if mark in table.query]


@pytest.mark.parametrize(
    ("type_", "expected", "found"),
    [
        ("boolean", True, 1),
        ("integer", 1, True),
        ("integer", 1, 1.0),
        ("double", -0.0, 0.0),
        ("double", math.nan, None),
        ("decimal(10,2)", Decimal("1"), "1"),
        ("varchar", "", None),
        ("varchar", "e\u0301", "\u00e9"),
        ("json", "null", None),
        ("json", "1", "true"),
        ("json", "[0.1]", "[0.10000000000000000001]"),
        ("json", '{"a": 1}', '{"a": 1, "b": null}'),
        ("json", "[1, 2]", "[2, 1]"),
    ],
)
def test_what_is_nearly_equal_differs(type_: str, expected: Any, found: Any) -> None:
    column = LiveColumn("x", type_, (("x", expected),))
    assert column.is_equal(1, expected)
    assert not column.is_equal(1, found)


def test_json_is_compared_by_its_values_and_not_by_its_text() -> None:
    column = LiveColumn("x", "json", (("x", '{"b": 1.50, "a": 2.0E1}'),))
    assert column.is_equal(1, '{"a":20,"b":1.5}')
