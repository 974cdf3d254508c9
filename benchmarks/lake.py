"""The rows of the lake's forecast, read by other means than neonsync's; and changes to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pgpq import ArrowToPostgresBinaryEncoder

COLUMNS = (
    *("restaurant_id", "inventory_item_id", "business_date", "dma_id", "dc_id", "state"),
    *("y_05", "y_50", "y_95"),
)
KEY = COLUMNS[:3]
BATCH_ROWS = 65_536
TRAILER = b"\xff\xff"
_PARTITIONING = ds.partitioning(pa.schema([("business_date", pa.date32())]), flavor="hive")


def read(lake: Path) -> pa.Table:
    """All rows, with the target's columns, in another order than the key's.

    Athena deals rows out to its files from every day: no file is sorted.
    """
    table = ds.dataset(lake, format="parquet", partitioning=_PARTITIONING).to_table(list(COLUMNS))
    order = np.random.default_rng(7).permutation(table.num_rows)
    return table.take(order).combine_chunks()


def encoded(table: pa.Table) -> tuple[bytes, list[bytes], bytes]:
    """The table as a binary COPY: its header, its batches, its trailer."""
    parts = [_encoded(table.schema, batch) for batch in table.to_batches(BATCH_ROWS)]
    return parts[0][0], [body for _, body in parts], TRAILER


def _encoded(schema: pa.Schema, batch: pa.RecordBatch) -> tuple[bytes, bytes]:
    """A header and a batch, by an encoder of its own: it keeps back what it likes until its end."""
    encoder = ArrowToPostgresBinaryEncoder(schema)
    header = bytes(encoder.write_header())
    return header, (bytes(encoder.write_batch(batch)) + bytes(encoder.finish()))[: -len(TRAILER)]


def write_files(table: pa.Table, folder: Path, files: int = 8) -> list[Path]:
    """The table in some Parquet files, for those who read from the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    size = -(-table.num_rows // files)
    paths = []
    for number in range(files):
        piece = table.slice(number * size, size)
        if piece.num_rows:
            paths.append(folder / f"part-{number}.parquet")
            pq.write_table(piece, paths[-1], compression="snappy")
    return paths


def change(lake: Path, one_in: int, turn: int) -> int:
    """Add a cent to ``y_50`` of one row in so many, others each turn; how many were changed."""
    changed = 0
    for path in sorted(lake.rglob("*.parquet")):
        table: Any = pq.read_table(path, partitioning=None)
        chosen = np.arange(table.num_rows) % one_in == turn % one_in
        position = table.column_names.index("y_50")
        kind = table.schema.field(position).type
        cent = pa.scalar(1, pa.int64()).cast(pa.decimal128(38, 0)).as_py().scaleb(-2)
        more = pc.add(table.column(position), pa.scalar(cent, kind)).cast(kind)
        mixed = pc.if_else(pa.array(chosen), more, table.column(position))
        pq.write_table(table.set_column(position, "y_50", mixed), path, compression="snappy")
        changed += int(chosen.sum())
    return changed


def wide_batches(rows: int, seed: int = 7) -> Iterator[pa.RecordBatch]:
    """A key and 99 columns of eight types, in values that no compression makes small."""
    rng = np.random.default_rng(seed)
    for first in range(0, rows, BATCH_ROWS):
        yield _wide_batch(rng, first, min(BATCH_ROWS, rows - first))


def _wide_batch(rng: np.random.Generator, first: int, rows: int) -> pa.RecordBatch:
    columns: dict[str, Any] = {"id": pa.array(np.arange(first, first + rows, dtype=np.int64))}
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz0123456789", dtype=np.uint8)
    for number in range(99):
        values: Any
        match number % 8:
            case 0:
                values = pa.array(rng.integers(-(2**31), 2**31, rows).astype(np.int32))
            case 1:
                values = pa.array(rng.integers(-(2**62), 2**62, rows))
            case 2:
                values = pa.array(rng.normal(size=rows))
            case 3:
                whole = pa.array(rng.integers(-(10**9), 10**9, rows))
                values = whole.cast(pa.decimal128(38, 0)).cast(pa.decimal128(38, 2))
                values = values.cast(pa.decimal128(18, 2))
            case 4 | 5:
                text = letters[rng.integers(0, len(letters), rows * 12)].tobytes()
                ends = pa.py_buffer(np.arange(0, rows * 12 + 1, 12, dtype=np.int32).tobytes())
                values = pa.StringArray.from_buffers(rows, ends, pa.py_buffer(text))
            case 6:
                values = pa.array(rng.integers(0, 25_000, rows).astype(np.int32)).cast(pa.date32())
            case _:
                values = pa.array(rng.integers(0, 2**50, rows)).cast(pa.timestamp("us"))
        columns[f"c_{number:02d}"] = values
    return pa.RecordBatch.from_pydict(columns)
