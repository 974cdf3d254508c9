"""Small batches that are cast and encoded together: the same rows, and the same errors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest

from neonsync.errors import LoadError
from neonsync.postgres import copy
from neonsync.postgres.copy import BatchEncoder, ReadBatch, in_groups
from neonsync.postgres.fitting import Change
from tests.unit.test_fitting import spec


def batch(first: int, rows: int, type_: Any = None) -> ReadBatch:
    numbers = pa.array(range(first, first + rows), type_ or pa.int64())
    return pa.RecordBatch.from_arrays([numbers], names=["a"]), f"s3://lake/{first}"


def sizes(groups: list[list[ReadBatch]]) -> list[list[int]]:
    return [[each.num_rows for each, _ in group] for group in groups]


def test_small_batches_come_in_few_groups_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy, "GROUP_ROWS", 10)
    rows = [3, 3, 0, 3, 3, 25, 1]
    small = [batch(sum(rows[:place]), size) for place, size in enumerate(rows)]

    groups = list(in_groups(small))

    assert sizes(groups) == [[3, 3, 0, 3, 3], [25], [1]]
    assert [each for group in groups for each in group] == small


def test_no_group_has_two_schemas() -> None:
    mixed = [batch(0, 1), batch(1, 2), batch(3, 3, pa.int32()), batch(6, 4)]

    assert sizes(list(in_groups(mixed))) == [[1, 2], [3], [4]]


def test_batches_that_are_large_go_on_alone_and_none_is_held_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(copy, "GROUP_BYTES", 16)
    drawn: list[ReadBatch] = []

    def draw() -> Iterator[ReadBatch]:
        for number in range(3):
            drawn.append(batch(number, 2))
            yield drawn[-1]

    for place, group in enumerate(in_groups(draw())):
        assert group == [drawn[-1]]
        assert len(drawn) == place + 1


def texts(source: str, *values: str) -> ReadBatch:
    return pa.RecordBatch.from_pydict({"a": pa.array(values, pa.string())}), source


def encoder(policy: str) -> BatchEncoder:
    table = spec(policy, a="varchar(3)")
    return BatchEncoder(table, table.columns)


def test_a_group_is_cast_as_one_batch_and_its_changes_are_counted() -> None:
    group = [texts("one", "abc", "long"), texts("two"), texts("three", "longer", "d")]

    fitted = encoder("null").fit_together(group)

    assert fitted.batch.column(0).to_pylist() == ["abc", None, None, "d"]
    assert fitted.changes == {Change("a", "null", "are longer than varchar(3)"): 2}


def test_a_value_that_does_not_fit_is_told_with_its_own_file() -> None:
    group = [texts("s3://lake/good", "abc"), texts("s3://lake/bad", "ab", "long", "longer")]

    with pytest.raises(LoadError) as caught:
        encoder("fail").fit_together(group)

    assert 'column "a", file s3://lake/bad: values are longer' in caught.value.message
    assert "(2 of them)" in caught.value.message
