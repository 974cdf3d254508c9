"""Rows and digests by day: as counting them one by one finds, and with little loaded for it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest

from neonsync.postgres.days import sum_by_day
from neonsync.tables import Day, DayForm

DIGESTS = [2**63 - 1, 1, -5, 0, 7]
A, B = date(2026, 1, 31), date(1, 1, 1)
MOMENTS = [datetime(2026, 1, 31, 23, 59), None, datetime(2026, 2, 1), datetime(2026, 1, 31), None]

COLUMNS: dict[str, tuple[DayForm, list[list[Any]], list[str | None]]] = {
    "dates": (
        DayForm.DATE,
        [[A, A, None, B, A]],
        ["2026-01-31", "2026-01-31", None, "0001-01-01", "2026-01-31"],
    ),
    "timestamps": (
        DayForm.TIMESTAMP,
        [MOMENTS],
        ["2026-01-31", None, "2026-02-01", "2026-01-31", None],
    ),
    "texts of which some are the same day": (
        DayForm.DASHED,
        [["2026-01-31", "2026-01-31 00:00", "2026-01-31 ", None, ""]],
        ["2026-01-31", "2026-01-31", "2026-01-31", None, ""],
    ),
    "numbers": (
        DayForm.NUMBER,
        [[20260131, 20260131, None, 1, 2]],
        ["20260131", "20260131", None, "1", "2"],
    ),
    "parts": (
        DayForm.PARTS,
        [["2026", "2026", "2025", None, "2026"], [1, 1, 12, 1, 1], ["31", "30", "31", "31", "31"]],
        ["2026-1-31", "2026-1-30", "2025-12-31", None, "2026-1-31"],
    ),
}


def summed(form: DayForm, columns: list[list[Any]], digests: list[int]) -> Any:
    names = tuple(f"c{number}" for number, _ in enumerate(columns))
    batch = pa.RecordBatch.from_pydict(
        {n: pa.array(c) for n, c in zip(names, columns, strict=True)}
    )
    rows, sums = sum_by_day(batch, Day(names, form), pa.array(digests, pa.int64()))
    assert sum_by_day(batch, Day(names, form)) == (rows, {})
    return rows, dict(sums)


@pytest.mark.parametrize("what", COLUMNS)
def test_rows_and_digests_are_summed_by_day(what: str) -> None:
    form, columns, days = COLUMNS[what]
    expected: Counter[str | None] = Counter()
    for day, digest in zip(days, DIGESTS, strict=True):
        expected[day] = (expected[day] + digest) % 2**64

    rows, sums = summed(form, columns, DIGESTS)

    assert rows == Counter(days)
    assert sums == expected


def test_no_rows_have_no_days() -> None:
    batch = pa.RecordBatch.from_arrays([pa.array([], pa.date32())], names=["day"])
    rows, sums = sum_by_day(batch, Day(("day",), DayForm.DATE), pa.array([], pa.int64()))
    assert (rows, dict(sums)) == (Counter(), {})


PROGRAM = """
import sys
import pyarrow as pa
from neonsync.postgres.days import sum_by_day, wrapped_sum
from neonsync.tables import Day, DayForm
numbers = pa.Array.from_buffers(pa.int64(), 2, [None, pa.py_buffer(bytes(16))])
batch = pa.RecordBatch.from_arrays([numbers], names=["day"])
sum_by_day(batch, Day(("day",), DayForm.NUMBER), numbers)
wrapped_sum(numbers)
assert "pandas" not in sys.modules
"""


def test_pandas_is_not_loaded_for_it() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
