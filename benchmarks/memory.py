"""The most memory that the loader has, in its process alone, on tables of several forms."""

from __future__ import annotations

from pathlib import Path

import boto3
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import lake
from benchmarks.figures import Figure, Found, Goal, Options
from benchmarks.world import Load, World, world

ROWS = 10_000_000
FEW_ROWS = 1_000_000
"""Fewer are too few chunks for two connections: that would be another comparison."""
WIDE_ROWS = 400_000
GROUP_ROWS = 143_000  # of the wide table: 128 MB
GOAL = Goal(400.0)
FLAT_GOAL = Goal(1.15)
DAYS = 90
_WIDE = '[[tables]]\nsource = "wide"\ntarget = "wide"\nkey = ["id"]\n'
_WHAT = "the high-water mark of the loader's process, Python and its libraries included"


def measure(options: Options) -> list[Found]:
    """Ten million rows and one of them; 100 columns; row groups of 128 MB."""
    rows = options.rows or ROWS
    with world(rows) as there:
        days = min(DAYS * FEW_ROWS // rows, DAYS)
        small = there.load(until="load", flags=there.last_days(days))
        large = there.load(until="load")
    wide_rows = min(WIDE_ROWS, rows)
    with world(1000, unload_files=4) as there:
        groups = put_wide(there, wide_rows)
        wide = there.load(until="load", config=_WIDE)
    with world(1000, unload_files=1, row_group_rows=GROUP_ROWS) as there:
        put_wide(there, wide_rows)
        grouped = there.load(until="load", config=_WIDE)
    return [
        _figure(f"memory, {small.rows:,} rows", small),
        _figure(f"memory, {large.rows:,} rows", large),
        Figure(
            f"memory, {large.rows:,} rows to {small.rows:,}",
            large.peak / small.peak,
            "×",
            FLAT_GOAL,
            "none",
            what="flat: within 15 %",
        ),
        _figure(f"memory, 100 columns, {wide.rows:,} rows", wide),
        _figure("memory, the same in row groups of 128 MB", grouped, {"of it MB/group": groups}),
    ]


def _figure(name: str, load: Load, more: dict[str, float] | None = None) -> Figure:
    parts = {"when all is imported MB": load.baseline, **(more or {})}
    return Figure(name, load.peak, "MB", GOAL, f"{load.proof}, staged", parts=parts, what=_WHAT)


def put_wide(there: World, rows: int) -> float:
    """Write the table of 100 columns into the lake; the megabytes of a row group by UNLOAD."""
    file = there.folder / "wide.parquet"
    batches = lake.wide_batches(rows)
    first = next(batches)
    with pq.ParquetWriter(file, first.schema, compression="snappy") as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)
    _register(there, file, first.schema)
    size = file.stat().st_size / 1e6
    file.unlink()
    return min(size, 128.0)


def _register(there: World, file: Path, schema: pa.Schema) -> None:
    variables = there.environment
    session = boto3.Session(
        variables["AWS_ACCESS_KEY_ID"],
        variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    )
    url = variables["AWS_ENDPOINT_URL"]
    bucket = variables["ATHENA_OUTPUT_LOCATION"].removeprefix("s3://").partition("/")[0]
    session.client("s3", endpoint_url=url).upload_file(str(file), bucket, "lake/wide/wide.parquet")
    session.client("glue", endpoint_url=url).create_table(
        DatabaseName=variables["ATHENA_DB_NAME"],
        TableInput={
            "Name": "wide",
            "TableType": "EXTERNAL_TABLE",
            "Parameters": {"classification": "parquet"},
            "StorageDescriptor": {
                "Columns": [{"Name": each.name, "Type": _hive(each.type)} for each in schema],
                "Location": f"s3://{bucket}/lake/wide/",
                "InputFormat": ("org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"),
                "OutputFormat": ("org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"),
                "SerdeInfo": {
                    "SerializationLibrary": (
                        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                    )
                },
            },
        },
    )


def _hive(kind: pa.DataType) -> str:
    names = {pa.int32(): "int", pa.int64(): "bigint", pa.float64(): "double", pa.date32(): "date"}
    if pa.types.is_decimal(kind):
        return "decimal(18,2)"
    return names.get(kind, "timestamp" if pa.types.is_timestamp(kind) else "string")
