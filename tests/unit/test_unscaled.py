"""Decimals that travel as whole numbers: what Athena is asked for, and what Arrow makes of it."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest

from neonsync.athena.unscaled import scaled, with_unscaled
from neonsync.columns import SqlType

SELECT = 'SELECT\n  "a",\n  "b"\nFROM t'
WIDEST = 10**18 - 1


def decimal(digits: int, places: int) -> SqlType:
    return SqlType("decimal", (digits, places))


def test_decimals_that_a_bigint_holds_are_asked_for_as_whole_numbers() -> None:
    types = {"a": decimal(18, 2), "b": SqlType("string"), "c": decimal(9, 0), "d": decimal(19, 2)}

    assert with_unscaled(SELECT, types) == (
        "SELECT\n"
        '  CAST(CAST("a" AS decimal(38,2)) * 100 AS bigint) AS "a",\n'
        '  "b",\n'
        '  CAST("c" AS bigint) AS "c",\n'
        '  "d"\n'
        f"FROM (\n{SELECT}\n) AS scaled"
    )


def test_a_select_without_such_decimals_stays_as_it_is() -> None:
    assert with_unscaled(SELECT, {"a": SqlType("bigint"), "b": decimal(38, 18)}) == SELECT


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (decimal(18, 2), [0, 1, -1, 1234, None, -1234, WIDEST, -WIDEST]),
        (decimal(18, 18), [WIDEST, -WIDEST, None, 0]),
        (decimal(10, 0), [None, None]),
        (decimal(10, 2), [7]),
        (decimal(10, 2), []),
    ],
)
def test_whole_numbers_become_the_decimals_again(kind: SqlType, numbers: list[int | None]) -> None:
    digits, places = kind.modifiers
    batch = pa.RecordBatch.from_pydict({"a": pa.array(numbers, pa.int64())})

    again = scaled(batch, {"a": kind})

    assert again.schema.field("a").type == pa.decimal128(digits, places)
    again.validate(full=True)
    assert again.column(0).to_pylist() == [
        None if number is None else Decimal(number).scaleb(-places) for number in numbers
    ]


@pytest.mark.parametrize("start", [1, 3, 8, 13])
def test_a_slice_keeps_its_nulls_at_their_places(start: int) -> None:
    numbers = [None if n % 3 == 0 else -n for n in range(40)]
    batch = pa.RecordBatch.from_pydict({"a": pa.array(numbers, pa.int64())}).slice(start, 20)

    again = scaled(batch, {"a": decimal(10, 1)})

    assert again.column(0).to_pylist() == [
        None if n is None else Decimal(n).scaleb(-1) for n in numbers[start : start + 20]
    ]


def test_other_columns_stay_as_they_are() -> None:
    batch = pa.RecordBatch.from_pydict(
        {"a": pa.array([1], pa.int64()), "b": pa.array([Decimal("1.5")]), "digest": pa.array([2])}
    )

    assert scaled(batch, {"a": SqlType("bigint"), "b": decimal(2, 1)}).equals(batch)
