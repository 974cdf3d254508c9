"""awswrangler's ``postgresql.to_sql`` by pg8000, in its mode ``upsert``."""

from __future__ import annotations

from typing import Any

import awswrangler as wr
import pandas as pd
import pg8000
import pyarrow as pa
from psycopg.conninfo import conninfo_to_dict

from benchmarks.peers.common import Order, answer

CHUNK = 1000


def load(order: Order) -> None:
    """One call for each batch, all on one connection."""
    place = conninfo_to_dict(order.uri)
    connection = pg8000.connect(
        user=str(place["user"]),
        password=str(place["password"]),
        host=str(place["host"]),
        port=int(str(place["port"])),
        database=str(place["dbname"]),
    )
    try:
        for batch in order.batches():
            wr.postgresql.to_sql(
                # Integers with NULLs would else become doubles, which it cannot write.
                batch.to_pandas(types_mapper=_nullable),
                connection,
                table=order.table,
                schema=order.schema,
                mode="upsert",
                upsert_conflict_columns=order.key,
                use_column_names=True,
                chunksize=CHUNK,
            )
    finally:
        connection.close()


def _nullable(kind: pa.DataType) -> Any:
    return pd.Int32Dtype() if kind == pa.int32() else None


if __name__ == "__main__":
    answer(load)
