"""dlt with its merge strategy ``upsert``: Parquet by ADBC, its fastest way."""

from __future__ import annotations

import os
from collections.abc import Iterator

import dlt
import pyarrow as pa

from benchmarks.peers.common import Order, answer


def load(order: Order) -> None:
    """Extract, normalize and load, as one run of a pipeline."""
    os.environ["RUNTIME__LOG_LEVEL"] = "ERROR"  # else a warning for each batch
    pipeline = dlt.pipeline(
        "benchmark",
        pipelines_dir=order.folder,
        destination=dlt.destinations.postgres(credentials=order.uri),
        dataset_name=order.schema,
    )

    def rows() -> Iterator[pa.Table]:
        for batch in order.batches():
            yield pa.Table.from_batches([batch])

    resource = dlt.resource(
        rows,
        name=order.table,
        primary_key=order.key,
        write_disposition={"disposition": "merge", "strategy": "upsert"},
    )
    pipeline.run(resource, loader_file_format="parquet").raise_on_failed_jobs()


if __name__ == "__main__":
    answer(load)
