"""Batches that are joined before they are encoded: the same rows, few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pytest

from neonsync.postgres import copy
from neonsync.postgres.copy import FittedBatch, joined
from neonsync.postgres.fitting import Change

CHANGE = Change("a", "null", "too long")


def batch(first: int, rows: int, *, digests: bool = True) -> FittedBatch:
    numbers = pa.array(range(first, first + rows), pa.int64())
    changes = Counter({CHANGE: rows})
    rows_ = pa.RecordBatch.from_arrays([numbers], names=["a"])
    return FittedBatch(rows_, numbers if digests else None, changes)


@pytest.mark.parametrize("digests", [True, False])
def test_small_batches_become_few_with_the_same_rows(
    monkeypatch: pytest.MonkeyPatch, digests: bool
) -> None:
    monkeypatch.setattr(copy, "JOINED_ROWS", 10)
    sizes = [3, 3, 0, 3, 3, 25, 1]
    starts = [sum(sizes[:place]) for place, _ in enumerate(sizes)]
    small = [batch(*each, digests=digests) for each in zip(starts, sizes, strict=True)]

    large = list(joined(small))

    assert [each.batch.num_rows for each in large] == [12, 25, 1]
    values = [value for each in large for value in each.batch.column(0).to_pylist()]
    assert values == list(range(38))
    if digests:
        assert [value for each in large for value in each.digests.to_pylist()] == values
    else:
        assert all(each.digests is None for each in large)
    assert [each.changes[CHANGE] for each in large] == [12, 25, 1]


def test_batches_that_are_large_go_on_as_they_are_and_none_is_held_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(copy, "JOINED_BYTES", 16)
    drawn: list[FittedBatch] = []

    def draw() -> Iterator[FittedBatch]:
        for number in range(3):
            drawn.append(batch(number, 2))
            yield drawn[-1]

    for place, each in enumerate(joined(draw())):
        assert each is drawn[-1]
        assert len(drawn) == place + 1
