"""A million and one rows arrive whole: more than a page, a batch and a chunk of anything."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.dataset as ds
import pytest

from neonsync.engine.cancel import CancelToken
from neonsync.engine.pipeline import run
from neonsync.engine.plan import make_plan
from neonsync.sandbox import Sandbox
from neonsync.settings import load_settings
from tests.conftest import lake_folder

ROWS = 1_000_001
KEY: list[tuple[str, Literal["ascending", "descending"]]] = [
    ("restaurant_id", "ascending"),
    ("inventory_item_id", "ascending"),
    ("business_date", "ascending"),
]
COLUMNS: list[tuple[str, pa.DataType]] = [
    ("restaurant_id", pa.int32()),
    ("inventory_item_id", pa.int32()),
    ("business_date", pa.date32()),
    ("dma_id", pa.string()),
    ("dc_id", pa.int32()),
    ("state", pa.string()),
    ("y_05", pa.decimal128(10, 2)),
    ("y_50", pa.decimal128(10, 2)),
    ("y_95", pa.decimal128(10, 2)),
]
SCHEMA = pa.schema(COLUMNS)


def lake_table(world: Sandbox) -> pa.Table:
    folder = lake_folder(world)
    partitioning = ds.partitioning(pa.schema([("business_date", pa.date32())]), flavor="hive")
    table = ds.dataset(folder, format="parquet", partitioning=partitioning).to_table(SCHEMA.names)
    return table.cast(SCHEMA).sort_by(KEY)


def branch_table(uri: str) -> pa.Table:
    """The branch's rows, by Postgres's own CSV and another reader than neonsync's encoder."""
    buffer = io.BytesIO()
    with psycopg.connect(uri) as connection, connection.cursor() as cursor:
        statement = (
            f"COPY (SELECT {', '.join(SCHEMA.names)} FROM forecast_data) TO STDOUT (FORMAT csv)"
        )
        with cursor.copy(statement.encode()) as copy:
            for data in copy:
                buffer.write(data)
    buffer.seek(0)
    return pacsv.read_csv(
        buffer,
        read_options=pacsv.ReadOptions(column_names=SCHEMA.names),
        convert_options=pacsv.ConvertOptions(
            column_types=SCHEMA, strings_can_be_null=True, quoted_strings_can_be_null=False
        ),
    ).sort_by(KEY)


@pytest.mark.slow
async def test_a_million_and_one_rows_arrive_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(tmp_path / "sandbox", rows=ROWS) as world:
        environment = world.environment()
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        settings = load_settings(flags={"confirm": ("main",)}, environ=environment)
        result = await run(make_plan(settings), lambda event: None, CancelToken())

        assert result.error is None
        assert result.rows_read == ROWS
        lake, branch = lake_table(world), branch_table(environment["NEON_CONNECTION_STRING"])
        assert branch.num_rows == ROWS
        assert pc.sum(branch["y_50"]) == pc.sum(lake["y_50"])
        assert branch.equals(lake)
