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
    # By Arrow and numpy alone: group_by and to_numpy import pandas where there is one, which takes
    # longer than most loads.
    places, groups = _grouped(_parts(batch, day))
    # Only the few different values become texts, and some may be the same day.
    texts: list[Any] = _texts(groups, day).to_pylist()
    rows: Counter[str | None] = Counter()
    for text, count in zip(texts, np.bincount(places).tolist(), strict=True):
        rows[text] += count
    sums = DigestSums()
    if digests is not None:
        added: Any = np.zeros(len(texts), np.int64)
        np.add.at(added, places, as_numpy(digests))  # wraps around
        sums.add(zip(texts, added.tolist(), strict=True))
    return rows, sums


def wrapped_sum(digests: Any) -> int:
    """The sum of int64 digests, modulo 2^64."""
    return int(np.sum(as_numpy(digests), dtype=np.int64))


def day_of_batch(batch: pa.RecordBatch, day: Day) -> Any:
    """The days of a batch's rows: an Arrow array of strings."""
    return _texts(_parts(batch, day), day)


def _grouped(parts: list[Any]) -> tuple[Any, list[Any]]:
    """The number of each row's group, and the values of each group: those of all its rows."""
    encoded = [part.dictionary_encode("encode") for part in parts]
    if len(encoded) == 1:
        return as_numpy(encoded[0].indices), [encoded[0].dictionary]
    numbers: Any = np.zeros(len(encoded[0]), np.int64)
    for part in encoded:
        numbers = numbers * len(part.dictionary) + as_numpy(part.indices)
    groups = _arrow(numbers).dictionary_encode()
    places: Any = as_numpy(groups.indices)
    some_row = np.zeros(len(groups.dictionary), np.int64)
    some_row[places] = np.arange(len(numbers))
    return places, [part.take(_arrow(some_row)) for part in parts]


def _arrow(numbers: Any) -> Any:
    """An Arrow array of int64; ``pa.array`` imports pandas, too."""
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers)])


def _parts(batch: pa.RecordBatch, day: Day) -> list[Any]:
    """The values of the day's columns: of timestamps the dates."""
    parts: list[Any] = [batch.column(name) for name in day.columns]
    if day.form is DayForm.TIMESTAMP:
        parts = [part.cast(pa.date32(), safe=False) for part in parts]
    return parts


def _texts(parts: list[Any], day: Day) -> Any:
    """The days of such values: an Arrow array of strings."""
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


def grouped_by(day: Day | None) -> tuple[sql.Composable, sql.Composable]:
    """What to group rows by, and the day of a group; all rows are one group without a day.

    Dates are few: a text is made of each of them, and not of each row's. Where the column is a text
    after all, as blanks make another value of it, a day may have more than one group.
    """
    if day is None:
        return sql.SQL("NULL::text"), sql.SQL("NULL::text")
    if day.form not in (DayForm.DATE, DayForm.TIMESTAMP):
        return day_of_row(day), day_of_row(day)
    cast = "{}::date" if day.form is DayForm.TIMESTAMP else "{}"
    return sql.SQL(cast).format(sql.Identifier(*day.columns)), day_of_row(day)
