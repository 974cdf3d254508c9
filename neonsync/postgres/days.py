"""The day of a row, as text: what proofs count by, in Arrow and in Postgres alike.

A date is ``2026-01-31``; a timestamp counts as its date in UTC; a text or a number stands for
itself; year, month and day are joined by dashes. A NULL has no day.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from neonsync.digest import DigestSums
from neonsync.postgres.arrow import as_numpy
from neonsync.tables import Day, DayForm

DATE_LETTERS = 10
"""The letters of 2026-01-31."""


def sum_by_day(
    batch: pa.RecordBatch, day: Day, digests: Any = None
) -> tuple[Counter[str | None], DigestSums]:
    """A batch's rows by their day, and the sums of their ``digests``, which are int64."""
    parts, codes = _groups([batch.column(name) for name in day.columns])
    # Only the few different days become texts.
    texts: list[str | None] = _days(parts, day).to_pylist()
    rows: Counter[str | None] = Counter()
    for text, count in zip(texts, np.bincount(codes, minlength=len(texts)).tolist(), strict=True):
        rows[text] += count
    sums = DigestSums()
    if digests is not None:
        added = np.zeros(len(texts), np.int64)
        np.add.at(added, codes, as_numpy(digests))  # it wraps around
        sums.add(zip(texts, added.tolist(), strict=True))
    return rows, sums


def _groups(columns: list[Any]) -> tuple[list[Any], np.ndarray[Any, np.dtype[np.int64]]]:
    """The different values that columns have together, and for each row the number of its own.

    Arrow's ``group_by`` would import pandas where there is one.
    """
    parts: list[Any] = []
    numbers = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        encoded = column.dictionary_encode("encode")
        size = len(encoded.dictionary)
        numbers = numbers * size + as_numpy(encoded.indices)
        if not parts:
            parts = [encoded.dictionary]
            continue
        pairs, numbers = np.unique(numbers, return_inverse=True)
        before, own = map(pa.array, np.divmod(pairs, size))
        parts = [*(part.take(before) for part in parts), encoded.dictionary.take(own)]
    return parts, numbers


def wrapped_sum(digests: Any) -> int:
    """The sum of int64 digests, modulo 2^64."""
    return int(np.sum(as_numpy(digests), dtype=np.int64))


def day_of_batch(batch: pa.RecordBatch, day: Day) -> Any:
    """The days of a batch's rows: an Arrow array of strings."""
    return _days([batch.column(name) for name in day.columns], day)


def _days(parts: list[Any], day: Day) -> Any:
    """The days of values of the day's columns: an Arrow array of strings."""
    if day.form is DayForm.TIMESTAMP:
        parts = [part.cast(pa.date32(), safe=False) for part in parts]
    # Blanks at the end, as char(n) has them, tell nothing; nor does a time of day after a date.
    texts = [pc.utf8_rtrim(part.cast(pa.string()), " ") for part in parts]
    if day.form is DayForm.DASHED:
        texts = [pc.utf8_slice_codeunits(text, 0, DATE_LETTERS) for text in texts]
    if len(texts) == 1:
        return texts[0]
    return pc.binary_join_element_wise(*texts, "-")


def day_of_row(day: Day) -> sql.Composed:
    """Postgres's expression for the day of a row, in a session whose time zone is UTC."""
    cast = "::date::text" if day.form is DayForm.TIMESTAMP else "::text"
    text = f"rtrim({{}}{cast})"
    if day.form is DayForm.DASHED:
        text = f"left({text}, {DATE_LETTERS})"
    return sql.SQL(" || '-' || ").join(
        sql.SQL(text).format(sql.Identifier(name)) for name in day.columns
    )
