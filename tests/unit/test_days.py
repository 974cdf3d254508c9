"""Rows and digests by their day: the same as counted one by one, with nothing heavy imported."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from neonsync.digest import DigestSums
from neonsync.postgres.days import sum_by_day
from neonsync.tables import Day, DayForm

ROWS = 1_000
DAYS = [None if n % 10 == 0 else date(2026, 1 + n % 12, 1 + n % 28) for n in range(ROWS)]


def column(kind: pa.DataType, make: Any) -> pa.Array[Any]:
    return pa.array([None if day is None else make(day) for day in DAYS], kind)


@pytest.mark.parametrize(
    ("form", "columns"),
    [
        (DayForm.DATE, [column(pa.date32(), lambda day: day)]),
        (
            DayForm.TIMESTAMP,
            [column(pa.timestamp("us"), lambda day: datetime(day.year, day.month, day.day, 7))],
        ),
        (
            DayForm.PARTS,
            [
                column(pa.string(), lambda day: f"{day:%Y}"),
                column(pa.string(), lambda day: f"{day:%m}"),
                column(pa.string(), lambda day: f"{day:%d}"),
            ],
        ),
    ],
)
def test_rows_and_digests_are_summed_by_day(form: DayForm, columns: list[Any]) -> None:
    names = tuple(f"c{number}" for number, _ in enumerate(columns))
    batch = pa.record_batch(columns, names=list(names))
    digests = np.random.default_rng(7).integers(-(2**63), 2**63 - 1, ROWS)
    texts = [None if day is None else day.isoformat() for day in DAYS]
    expected = DigestSums()
    expected.add(zip(texts, digests.tolist(), strict=True))

    rows, sums = sum_by_day(batch, Day(names, form), pa.array(digests))

    assert rows == Counter(texts)
    assert dict(sums) == dict(expected)


def test_a_batch_without_rows_has_no_days() -> None:
    batch = pa.record_batch({"a": pa.array([], pa.int32()), "b": pa.array([], pa.int32())})

    assert sum_by_day(batch, Day(("a", "b"), DayForm.PARTS)) == (Counter(), DigestSums())


def test_loading_imports_no_pandas() -> None:
    """Where it is installed it would take 40 MB, and longer than most loads."""
    program = """
import sys
import numpy as np, pyarrow as pa
from neonsync.columns import parse_postgres
from neonsync.postgres.copy import BatchEncoder
from neonsync.postgres.days import sum_by_day, wrapped_sum
from neonsync.tables import ColumnSpec, Day, DayForm, TableSpec

def numbers():
    data = pa.py_buffer(np.arange(10, dtype=np.int64).data)
    return pa.Array.from_buffers(pa.int64(), 10, [None, data])

columns = tuple(ColumnSpec(name, parse_postgres("bigint")) for name in "abc")
spec = TableSpec("s", "t", columns, ("a",), "t_key", day=Day(("b",), DayForm.NUMBER))
batch = pa.RecordBatch.from_arrays([numbers() for _ in columns], names=list("abc"))
encoder = BatchEncoder(spec, columns)
encoder.header()
assert encoder.encode(batch, "file").rows == 10
assert sum_by_day(batch, spec.day, numbers())[1]["9"] == 9
assert wrapped_sum(numbers()) == 45
assert "pandas" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True)
