"""The day of a row, as text: what proofs count by, in Arrow and in Postgres alike.

A date is ``2026-01-31``; a timestamp counts as its date in UTC; a text or a number stands for
itself; year, month and day are joined by dashes. A NULL has no day.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from neonsync.tables import Day, DayForm

DATE_LETTERS = 10
"""The letters of 2026-01-31."""


def count_days(batch: pa.RecordBatch, day: Day) -> Counter[str | None]:
    """A batch's rows by their day."""
    parts: list[Any] = [batch.column(name) for name in day.columns]
    if len(parts) > 1:
        counted = _days(parts, day).value_counts()
        days, counts = counted.field("values"), counted.field("counts")
    else:
        # Only the few different values become texts.
        counted = parts[0].value_counts()
        days, counts = _days([counted.field("values")], day), counted.field("counts")
    found: Counter[str | None] = Counter()
    for text, count in zip(days.to_pylist(), counts.to_pylist(), strict=True):
        found[text] += count
    return found


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
