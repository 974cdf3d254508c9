"""Which conditions keep partitions from being scanned, by the bytes on the bill."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.sandbox.aws_fixtures import PARQUET, Aws, serving

BUCKET = "s3://neonsync-sandbox"
DAYS = [date(2026, 1, 31) - timedelta(days=back) for back in range(90)]
Keys = tuple[tuple[str, str], ...]
# Table: its partition columns, and the folder of a day.
TABLES: dict[str, tuple[Keys, str]] = {
    "by_date": ((("dt", "date"),), "dt=%Y-%m-%d"),
    "by_timestamp": ((("dt", "timestamp"),), "at/%Y/%m/%d"),
    "by_text": ((("dt", "string"),), "dt=%Y-%m-%d"),
    "by_digits": ((("dt", "string"),), "dt=%Y%m%d"),
    "by_number": ((("dt", "int"),), "dt=%Y%m%d"),
    "by_parts": ((("y", "int"), ("m", "int"), ("d", "int")), "y=%Y/m=%m/d=%d"),
    "by_text_parts": ((("y", "string"), ("m", "string"), ("d", "string")), "y=%Y/m=%m/d=%d"),
}
PROJECTED = {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.format": "yyyy/MM/dd",
    "projection.dt.range": "2025/01/01,NOW",
    "projection.dt.interval": "1",
    "projection.dt.interval.unit": "DAYS",
    "storage.location.template": f"{BUCKET}/by_timestamp/at/${{dt}}",
}


def _value(key: tuple[str, str], day: date) -> str:
    if key[1] == "timestamp":
        return f"{day} 00:00:00"
    form = {"y": "%Y", "m": "%m", "d": "%d"}.get(key[0], "%Y-%m-%d")
    return day.strftime(form)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    root: Path = tmp_path_factory.mktemp("pruning")
    columns = {"id": list(range(50)), "wide": [f"{n:032d}" for n in range(50)]}
    with serving(root) as running:
        for name, (keys, folder) in TABLES.items():
            for day in DAYS:
                home = root / "s3" / "neonsync-sandbox" / name / day.strftime(folder)
                home.mkdir(parents=True)
                pq.write_table(pa.table(columns), home / "part")
            _create(running, name, f"{BUCKET}/{name}/", keys, {})
            values = [
                [day.strftime("%Y%m%d")] if "%Y%m%d" in folder else [_value(k, day) for k in keys]
                for day in DAYS
            ]
            running.glue.batch_create_partition(
                DatabaseName="lake",
                TableName=name,
                PartitionInputList=[
                    {
                        "Values": each,
                        "StorageDescriptor": {
                            "Location": f"{BUCKET}/{name}/{day.strftime(folder)}/"
                        },
                    }
                    for each, day in zip(values, DAYS, strict=True)
                ],
            )
        _create(running, "projected", f"{BUCKET}/by_timestamp/", (("dt", "string"),), PROJECTED)
        yield running


def _create(aws: Aws, name: str, location: str, keys: Keys, parameters: dict[str, str]) -> None:
    storage = {
        "Columns": [{"Name": "id", "Type": "bigint"}, {"Name": "wide", "Type": "string"}],
        "Location": location,
        **PARQUET,
    }
    aws.glue.create_table(
        DatabaseName="lake",
        TableInput={
            "Name": name,
            "StorageDescriptor": storage,  # type: ignore[typeddict-item]
            "PartitionKeys": [{"Name": key, "Type": kind} for key, kind in keys],
            "Parameters": parameters,
        },
    )


def _scanned(aws: Aws, sql: str, rows: int) -> int:
    """The bytes of a query that has this many rows."""
    found = aws.run(f"SELECT count(*), count(id), count(wide) FROM {sql}")
    assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
    answer = aws.read(found["ResultConfiguration"]["OutputLocation"]).decode()
    assert answer.splitlines()[1] == ",".join([f'"{rows}"'] * 3)
    return found["Statistics"]["DataScannedInBytes"]


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("by_date", "dt = DATE '2026-01-31'"),
        ("by_date", "dt > date_add('day', -1, DATE '2026-01-31')"),
        ("by_date", "dt BETWEEN DATE '2026-01-31' AND DATE '2026-02-03' AND id >= 0"),
        ("by_timestamp", "dt = TIMESTAMP '2026-01-31 00:00:00'"),
        ("by_text", "dt = '2026-01-31'"),
        ("by_text", "dt IN ('2026-01-31', '2027-01-31')"),
        ("by_text", "dt >= '2026-01-31' AND length(wide) = 32"),
        ("by_digits", "dt = '20260131'"),
        ("by_number", "dt = 20260131"),
        ("by_number", "dt BETWEEN 20260131 AND 20260231"),
        ("by_parts", "y = 2026 AND m = 1 AND d = 31"),
        ("by_parts", "(y = 2026 AND m = 1 AND d = 31) OR (y = 2027 AND m = 1)"),
        ("by_text_parts", "y = '2026' AND m = '01' AND d = '31'"),
        ("projected", "dt = '2026/01/31'"),
    ],
)
def test_a_literal_of_the_columns_own_type_scans_one_day_of_ninety(
    aws: Aws, table: str, condition: str
) -> None:
    every = _scanned(aws, table, 4500)
    assert 0 < _scanned(aws, f"{table} WHERE {condition}", 50) <= every * 0.05
    joined = f"{table} AS a JOIN (SELECT 1 AS one) AS b ON b.one = 1 WHERE {condition}"
    assert _scanned(aws, joined, 50) <= every * 0.05


@pytest.mark.parametrize(
    ("table", "condition"),
    [
        ("by_text", "CAST(dt AS date) = DATE '2026-01-31'"),
        ("by_text", "date(dt) = DATE '2026-01-31'"),
        ("by_text", "substr(dt, 1, 10) = '2026-01-31'"),
        ("by_text", "date_parse(dt, '%Y-%m-%d') = TIMESTAMP '2026-01-31 00:00:00'"),
        ("by_digits", "CAST(dt AS integer) = 20260131"),
        ("by_number", "CAST(dt AS varchar) = '20260131'"),
        (
            "by_parts",
            "date(CAST(y AS varchar) || '-0' || CAST(m AS varchar) || '-'"
            " || CAST(d AS varchar)) = DATE '2026-01-31' AND m < 10 AND d > 9",
        ),
    ],
)
def test_a_column_inside_a_cast_or_a_function_keeps_no_partition_out(
    aws: Aws, table: str, condition: str
) -> None:
    every = _scanned(aws, table, 4500)
    some = _scanned(aws, f"{table} WHERE {condition}", 50)
    assert some == every if table != "by_parts" else some > every * 0.2


def test_each_reading_of_a_table_is_on_the_bill(aws: Aws) -> None:
    one = _scanned(aws, "by_text WHERE dt = '2026-01-31'", 50)
    both = _scanned(
        aws,
        "(SELECT id, wide FROM by_text WHERE dt = '2026-01-31' UNION ALL "
        "SELECT id, wide FROM by_text WHERE dt = '2026-01-30')",
        100,
    )
    assert both == 2 * one


def test_hidden_columns_tell_the_files_and_stand_in_no_star(aws: Aws) -> None:
    sql = (
        'SELECT DISTINCT "$path", "$file_size", year("$file_modified_time") > 2000 '
        "FROM by_text WHERE dt = '2026-01-31'"
    )
    address = f"{BUCKET}/by_text/dt=2026-01-31/part"
    assert aws.rows(sql) == [[address, str(len(aws.read(address))), "true"]]
    star = f"SELECT * FROM by_text WHERE \"$path\" = '{address}' AND id = 7"
    assert aws.rows(star) == [["7", f"{7:032d}", "2026-01-31"]]


def test_the_information_schema_describes_the_catalogue(aws: Aws) -> None:
    rows = aws.rows(
        "SELECT column_name, data_type, extra_info FROM information_schema.columns "
        "WHERE table_schema = 'lake' AND table_name = 'by_date' ORDER BY ordinal_position"
    )
    assert rows == [
        ["id", "bigint", None],
        ["wide", "varchar", None],
        ["dt", "date", "partition key"],
    ]
    tables = aws.rows("SELECT table_name, table_type FROM information_schema.tables")
    assert sorted(tables) == [[name, "BASE TABLE"] for name in sorted([*TABLES, "projected"])]
