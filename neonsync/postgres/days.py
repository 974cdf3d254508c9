"""The day of a row, as text: what proofs count by, in Arrow and in Postgres alike.

A date is ``2026-01-31``; a timestamp counts as its date in UTC; a text or a number stands for
itself; year, month and day are joined by dashes. A NULL has no day.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from neonsync.tables import Day, DayForm


def day_of_batch(batch: pa.RecordBatch, day: Day) -> Any:
    """The days of a batch's rows: an Arrow array of strings."""
    parts: list[Any] = [batch.column(name) for name in day.columns]
    if day.form is DayForm.TIMESTAMP:
        parts = [part.cast(pa.date32(), safe=False) for part in parts]
    texts = [part.cast(pa.string()) for part in parts]
    if len(texts) == 1:
        return texts[0]
    return pc.binary_join_element_wise(*texts, "-")


def day_of_row(day: Day) -> sql.Composed:
    """Postgres's expression for the day of a row, in a session whose time zone is UTC."""
    cast = sql.SQL("::date::text" if day.form is DayForm.TIMESTAMP else "::text")
    return sql.SQL(" || '-' || ").join(sql.Identifier(name) + cast for name in day.columns)
