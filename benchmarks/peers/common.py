"""What the programs of the peers share: their order, their rows, their answer."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BATCH_ROWS = 65_536


@dataclass(frozen=True)
class Order:
    """Load the rows of these files, or their first ``rows``, into ``schema.table`` at ``uri``.

    ``folder`` is a place for files of the program's own, and stays for its next run.
    """

    uri: str
    schema: str
    table: str
    key: list[str]
    files: list[str]
    folder: str
    rows: int

    def batches(self, size: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """The rows."""
        left = self.rows
        for file in self.files:
            for batch in pq.ParquetFile(file).iter_batches(size):
                if left <= 0:
                    return
                yield batch.slice(0, left)
                left -= batch.num_rows

    def tuples(self) -> Iterator[tuple[Any, ...]]:
        """The rows as Python has them."""
        for batch in self.batches():
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def answer(load: Callable[[Order], None]) -> None:
    """Carry out the order on stdin; what it has taken goes to stdout."""
    order = Order(**json.load(sys.stdin))
    cpu, began = time.process_time(), time.perf_counter()
    load(order)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "cpu": time.process_time() - cpu}))
