"""UNLOAD over real sockets: files, manifest, types, rules, orphans."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from neonsync.sandbox.aws import AthenaOptions
from tests.sandbox.aws_fixtures import ROWS, Aws, serving, small_lake, unload_sql, until


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lake(tmp_path_factory.mktemp("unload"))


@pytest.fixture(scope="module")
def aws(root: Path) -> Iterator[Aws]:
    with serving(root) as running:
        yield running


def test_unload_exports_every_row_once(aws: Aws) -> None:
    prefix = aws.prefix()
    found = aws.unload("SELECT * FROM forecast", prefix)
    assert found["Status"]["State"] == "SUCCEEDED"
    manifest = aws.manifest(found)
    assert len(manifest) == 4
    assert all(location.startswith(prefix) for location in manifest)
    assert sorted(location.partition("sandbox/")[2] for location in manifest) == aws.keys_under(
        prefix
    )
    assert not any("." in location.rpartition("/")[2] for location in manifest)
    table = aws.table(found)
    assert table.num_rows == ROWS
    keys = table.select(["restaurant_id", "inventory_item_id", "business_date"])
    assert keys.group_by(keys.column_names).aggregate([]).num_rows == ROWS
    assert table.schema.field("y_50").type == pa.decimal128(10, 2)
    assert table.schema.field("business_date").type == pa.date32()
    total = Decimal(str(aws.rows("SELECT sum(y_50) FROM forecast")[0][0]))
    assert pc.sum(table["y_50"]).as_py() == total


def test_the_manifest_and_metadata_lie_beside_the_results(aws: Aws) -> None:
    found = aws.unload("SELECT state FROM forecast")
    base = f"{aws.service.output_location}{found['QueryExecutionId']}"
    assert found["Statistics"]["DataManifestLocation"] == f"{base}-manifest.csv"
    assert aws.read(f"{base}.metadata")
    assert found["SubstatementType"] == "UNLOAD"


def test_timestamps_are_int96_and_small_integers_32_bits_wide(aws: Aws) -> None:
    found = aws.unload("SELECT * FROM all_types")
    schema = pq.read_schema(pa.BufferReader(aws.read(aws.manifest(found)[0])))
    physical = pq.ParquetFile(pa.BufferReader(aws.read(aws.manifest(found)[0]))).schema
    kinds = {physical.column(i).path: physical.column(i).physical_type for i in range(17)}
    assert kinds["c_timestamp"] == "INT96"
    assert kinds["c_tinyint"] == kinds["c_smallint"] == "INT32"
    assert schema.field("c_decimal").type == pa.decimal128(38, 18)
    table = aws.table(found)
    assert table.schema.field("c_timestamp").type == pa.timestamp("us")
    row = next(row for row in table.to_pylist() if row["c_int"] == 123456)
    assert str(row["c_timestamp"]) == "2026-01-31 12:34:56.789000"
    assert row["c_struct"] == {"a": 1, "b": "one"}
    assert sum(value is None for value in table["c_string"].to_pylist()) == 1


def test_an_empty_result_writes_no_data_file(aws: Aws) -> None:
    prefix = aws.prefix()
    found = aws.unload("SELECT * FROM forecast WHERE state = 'XX'", prefix)
    assert found["Status"]["State"] == "SUCCEEDED"
    assert aws.manifest(found) == []
    assert aws.keys_under(prefix) == []


def test_a_prefix_must_be_fresh(aws: Aws) -> None:
    prefix = aws.prefix()
    assert aws.unload("SELECT state FROM forecast", prefix)["Status"]["State"] == "SUCCEEDED"
    reason = aws.failure(unload_sql("SELECT state FROM forecast", prefix))
    assert reason.startswith("HIVE_PATH_ALREADY_EXISTS: Target directory for table ")
    assert f"already exists: {prefix}. You may need to manually clean the data" in reason


@pytest.mark.parametrize(
    ("select", "reason"),
    [
        ("SELECT 1, 2 AS b", "SYNTAX_ERROR: line 1:1: Column name not specified at position 1"),
        (
            "SELECT 1 AS a, 2 AS A",
            "SYNTAX_ERROR: line 1:1: Column name 'a' specified more than once",
        ),
        ("SELECT f.*, state FROM forecast f", "SYNTAX_ERROR: line 1:1: Column name 'state'"),
        ("SELECT TIME '10:00:00' AS t", "NOT_SUPPORTED: Unsupported Hive type: time"),
        (
            "SELECT current_timestamp AS t",
            "NOT_SUPPORTED: Unsupported Hive type: timestamp(3) with time zone",
        ),
        ("SELECT CAST('1' AS json) AS j", "NOT_SUPPORTED: Unsupported Hive type: json"),
        ("SELECT uuid() AS u", "NOT_SUPPORTED: Unsupported Hive type: uuid"),
        ("SELECT NULL AS n", "NOT_SUPPORTED: Unsupported Hive type: unknown"),
        ("SELECT nope FROM forecast", "SYNTAX_ERROR: line 1:16: Column 'nope' cannot be resolved"),
    ],
)
def test_what_unload_refuses(aws: Aws, select: str, reason: str) -> None:
    prefix = aws.prefix()
    assert aws.failure(unload_sql(select, prefix)).startswith(reason)
    assert aws.keys_under(prefix) == []


def test_unload_survives_comments_quotes_and_parentheses(aws: Aws) -> None:
    sql = (
        "-- a comment with ( and '\n/* and ) */ UNLOAD /* here ( */ (SELECT ')' AS \"a(\", "
        "'it''s (' AS b -- )\n FROM (SELECT 1) t) "
        f"TO '{aws.prefix()}'\nWITH (format='PARQUET', compression='ZSTD');"
    )
    assert aws.table(aws.run(sql)).to_pylist() == [{"a(": ")", "b": "it's ("}]


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ("WITH (format = 'ORC')", "NOT_SUPPORTED: UNLOAD in format ORC"),
        ("", "NOT_SUPPORTED: UNLOAD in format TEXTFILE"),
        ("WITH (format = 'PARQUET', compression = 'RAR')", "INVALID_TABLE_PROPERTY: "),
        (
            "WITH (format = 'PARQUET', bucketed_by = ARRAY['a'])",
            "NOT_SUPPORTED: UNLOAD with bucketed_by",
        ),
    ],
)
def test_options_that_the_sandbox_does_not_know(aws: Aws, tail: str, reason: str) -> None:
    assert aws.failure(f"UNLOAD (SELECT 1 AS a) TO '{aws.prefix()}' {tail}").startswith(reason)


def test_an_unload_outside_the_buckets_fails(aws: Aws) -> None:
    for prefix in ("s3://no-such-bucket/x/", "s3://neonsync-sandbox/../../x/"):
        assert aws.failure(unload_sql("SELECT 1 AS a", prefix))


@pytest.mark.parametrize("files", [1, 500])
def test_the_number_of_files_is_an_option(root: Path, files: int) -> None:
    options = AthenaOptions(query_seconds=0, unload_files=files, row_group_rows=1000)
    with serving(root, options) as aws:
        found = aws.unload("SELECT * FROM forecast")
        manifest = aws.manifest(found)
        assert len(manifest) == files
        groups = [pq.read_metadata(pa.BufferReader(aws.read(each))) for each in manifest[:20]]
        assert all(group.num_rows > 0 for group in groups)
        if files == 1:
            assert groups[0].num_rows == ROWS
            assert groups[0].num_row_groups == 10


def test_an_unload_that_is_cancelled_leaves_orphans(root: Path) -> None:
    options = AthenaOptions(query_seconds=0, unload_files=1, row_group_rows=1000)
    with serving(root, options) as aws:
        prefix = aws.prefix()
        query_id = aws.start(unload_sql("SELECT a.* FROM forecast a, forecast b", prefix))
        directory = root / "s3" / aws.service.bucket / prefix.partition("sandbox/")[2]
        until(lambda: any(path.stat().st_size > 4096 for path in directory.glob("*")) or None)
        aws.athena.stop_query_execution(QueryExecutionId=query_id)
        found = aws.finished(query_id)
        assert found["Status"]["State"] == "CANCELLED"
        assert "DataManifestLocation" not in found["Statistics"]
        (orphan,) = aws.keys_under(prefix)
        assert pq.read_metadata(root / "s3" / aws.service.bucket / orphan).num_rows > 0


def test_planned_failures_reach_the_client(aws: Aws) -> None:
    aws.service.faults.fail_next_query("INTERNAL_ERROR: it broke", category=1, retryable=True)
    status = aws.run("SELECT 1")["Status"]
    assert status["StateChangeReason"] == "INTERNAL_ERROR: it broke"
    assert status["AthenaError"]["Retryable"] is True
    assert aws.rows("SELECT 1") == [["1"]]


def test_no_half_written_object_is_ever_listed(root: Path) -> None:
    with serving(root) as aws:
        prefix = aws.prefix()
        query_id = aws.start(
            unload_sql("SELECT a.* FROM forecast a, forecast b WHERE b.state = 'WA'", prefix)
        )
        directory = root / "s3" / aws.service.bucket / prefix.partition("sandbox/")[2]
        until(lambda: (directory.is_dir() and any(directory.iterdir())) or None)
        assert aws.keys_under(prefix) == []
        aws.athena.stop_query_execution(QueryExecutionId=query_id)
        aws.finished(query_id)
        assert not any(path.name.startswith(".") for path in directory.parent.rglob("*"))
