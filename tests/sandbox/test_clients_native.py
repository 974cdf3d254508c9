"""Clients that are not botocore's, on the sandbox: AWS's C++ SDK in pyarrow, Rust's in Polars."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from pyarrow import fs

from tests.sandbox.aws_fixtures import ROWS, Aws
from tests.sandbox.clients_fixtures import reachable

BUCKET = "neonsync-sandbox"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with reachable(tmp_path_factory.mktemp("native")) as running:
        yield running


@pytest.fixture
def s3(aws: Aws) -> fs.S3FileSystem:
    return fs.S3FileSystem(
        endpoint_override=aws.service.endpoint_url,
        access_key=aws.keys.access_key_id,
        secret_key=aws.keys.secret_access_key,
        region=aws.service.region,
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )


def test_arrow_writes_a_data_set_with_its_folders_and_removes_it(s3: fs.S3FileSystem) -> None:
    s3.create_dir("arrow-bucket/empty/folder", recursive=True)
    table = pa.table({"a": range(9000), "p": [number % 3 for number in range(9000)]})
    ds.write_dataset(
        table,
        "arrow-bucket/set",
        filesystem=s3,
        format="parquet",
        partitioning=["p"],
        partitioning_flavor="hive",
    )
    back = ds.dataset("arrow-bucket/set", filesystem=s3, partitioning="hive").to_table()
    assert back.sort_by("a").select(["a", "p"]).to_pydict() == table.to_pydict()
    found: Any = s3.get_file_info(fs.FileSelector("arrow-bucket", recursive=True))
    folders = {item.path for item in found if item.type == fs.FileType.Directory}
    assert {"arrow-bucket/empty/folder", "arrow-bucket/set/p=0"} <= folders
    s3.delete_dir("arrow-bucket")
    assert s3.get_file_info("arrow-bucket").type == fs.FileType.NotFound


def test_arrow_streams_copies_and_moves_in_parts(s3: fs.S3FileSystem) -> None:
    with s3.open_output_stream(f"{BUCKET}/stream") as stream:
        for letter in (b"a", b"b", b"c"):
            stream.write(letter * 5_000_000)
    s3.copy_file(f"{BUCKET}/stream", f"{BUCKET}/copied")
    s3.move(f"{BUCKET}/copied", f"{BUCKET}/moved")
    assert s3.get_file_info(f"{BUCKET}/copied").type == fs.FileType.NotFound
    with s3.open_input_file(f"{BUCKET}/moved") as file:
        file.seek(9_999_999)
        assert (file.size(), file.read(2)) == (15_000_000, b"bc")


def test_polars_scans_the_lake_and_writes_to_it(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    lake = pl.scan_parquet(f"s3://{BUCKET}/lake/forecast/**/*.parquet", hive_partitioning=True)
    assert lake.select(pl.len()).collect().item() == ROWS
    frame = pl.DataFrame({"a": [1, None, 3], "b": ["x", "ü", None]})
    frame.write_parquet(f"s3://{BUCKET}/polars/one.parquet")
    assert pl.read_parquet(f"s3://{BUCKET}/polars/one.parquet").equals(frame)
