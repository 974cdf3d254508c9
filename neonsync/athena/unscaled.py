"""Decimals on their way from Athena: as whole numbers, 12.34 as 1234, and decimals again in Arrow.

Athena writes decimals to Parquet as bytes, which take Arrow five times as long to read as bigints.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from neonsync.athena.sql import identifier
from neonsync.columns import SqlType

MOST_DIGITS = 18
"""A bigint holds all numbers of so many."""


def with_unscaled(select: str, types: Mapping[str, SqlType]) -> str:
    """A SELECT of columns of these types with its decimals as whole numbers, where a bigint holds
    them."""
    if not any(map(_fits, types.values())):
        return select
    items = ",\n  ".join(
        f"{_unscaled(name, kind)} AS {identifier(name)}" if _fits(kind) else identifier(name)
        for name, kind in types.items()
    )
    return f"SELECT\n  {items}\nFROM (\n{select}\n) AS scaled"


def scaled(batch: pa.RecordBatch, types: Mapping[str, SqlType]) -> pa.RecordBatch:
    """A batch of what ``with_unscaled`` has selected, with its decimals."""
    for position, field in enumerate(batch.schema):
        kind = types.get(field.name)
        if kind is not None and _fits(kind) and field.type == pa.int64():
            array = _decimals(batch.column(position), kind)
            batch = batch.set_column(position, field.name, array)
    return batch


def _fits(kind: SqlType) -> bool:
    return kind.base == "decimal" and kind.modifiers[0] <= MOST_DIGITS


def _unscaled(name: str, kind: SqlType) -> str:
    places = kind.modifiers[1]
    if places == 0:
        return f"CAST({identifier(name)} AS bigint)"
    # The product has as many digits again as there are places.
    return f"CAST(CAST({identifier(name)} AS decimal(38,{places})) * {10**places} AS bigint)"


def _decimals(array: Any, kind: SqlType) -> Any:
    """Arrow's own cast takes four times as long, and knows no scale."""
    if array.offset:  # its validity may begin in the midst of a byte
        array = pa.concat_arrays([array, array[:0]])
    validity, data = array.buffers()
    values = np.frombuffer(data, np.int64, len(array))
    wide: Any = np.empty((len(array), 2), np.int64)
    wide[:, 0] = values
    np.right_shift(values, 63, out=wide[:, 1])  # all bits are the sign's
    buffers = [validity, pa.py_buffer(wide)]
    return pa.Array.from_buffers(pa.decimal128(*kind.modifiers), len(array), buffers)
