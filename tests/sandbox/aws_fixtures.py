"""What the AWS half's tests share: a service on a small lake, and clients that reach it."""

from __future__ import annotations

import io
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.config import Config

from neonsync.sandbox.aws import AthenaOptions, AwsKeys, AwsService
from neonsync.sandbox.lake import build_sample_lake

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_athena.type_defs import QueryExecutionTypeDef
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")
KEYS = AwsKeys("AKIDSANDBOX", "a-secret-of-the-tests")
ROWS = 9_001
DAYS = 90
END = date(2026, 1, 31)
FAST = AthenaOptions(query_seconds=0)
# What a Glue client says of a table of Parquet files.
PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    },
}
_FINAL = {"SUCCEEDED", "FAILED", "CANCELLED"}
_ONE_TRY = Config(retries={"mode": "standard", "total_max_attempts": 1})


class Aws:
    """A running service, and its clients."""

    def __init__(self, service: AwsService, keys: AwsKeys) -> None:
        self.service = service
        self.keys = keys

    @cached_property
    def session(self) -> boto3.Session:
        return boto3.Session(
            aws_access_key_id=self.keys.access_key_id,
            aws_secret_access_key=self.keys.secret_access_key,
            region_name=self.service.region,
        )

    @cached_property
    def athena(self) -> AthenaClient:
        url = self.service.endpoint_url
        return self.session.client("athena", endpoint_url=url, config=_ONE_TRY)

    @cached_property
    def glue(self) -> GlueClient:
        url = self.service.endpoint_url
        return self.session.client("glue", endpoint_url=url, config=_ONE_TRY)

    @cached_property
    def s3(self) -> S3Client:
        url = self.service.endpoint_url
        return self.session.client("s3", endpoint_url=url, config=_ONE_TRY)

    def start(self, sql: str, **more: Any) -> str:
        """Start a query in the lake; returns its id."""
        return self.athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.service.database},
            ResultConfiguration={"OutputLocation": self.service.output_location},
            **more,
        )["QueryExecutionId"]

    def execution(self, query_id: str) -> QueryExecutionTypeDef:
        return self.athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]

    def finished(self, query_id: str) -> QueryExecutionTypeDef:
        """The execution, once it has ended."""
        client = self.athena

        def ended() -> QueryExecutionTypeDef | None:
            found = client.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
            return found if found["Status"]["State"] in _FINAL else None

        return until(ended)

    def run(self, sql: str, **more: Any) -> QueryExecutionTypeDef:
        """Run a query to its end, whatever that is."""
        return self.finished(self.start(sql, **more))

    def failure(self, sql: str) -> str:
        """The reason for which a query fails."""
        status = self.run(sql)["Status"]
        assert status["State"] == "FAILED", status
        return status["StateChangeReason"]

    def rows(self, sql: str, **more: Any) -> list[list[str | None]]:
        """The rows of a query that succeeds, without the header."""
        found = self.run(sql, **more)
        assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
        pages = self.athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=found["QueryExecutionId"]
        )
        every = [row for page in pages for row in page["ResultSet"]["Rows"]]
        return [[datum.get("VarCharValue") for datum in row["Data"]] for row in every[1:]]

    def prefix(self) -> str:
        """A fresh address to unload to."""
        return f"s3://{self.service.bucket}/exports/{uuid.uuid4()}/"

    def manifest(self, found: QueryExecutionTypeDef) -> list[str]:
        """The addresses that an UNLOAD's manifest names."""
        location = found["Statistics"]["DataManifestLocation"]
        return self.read(location).decode().split()

    def read(self, location: str) -> bytes:
        """An object's content."""
        bucket, _, key = location.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def table(self, found: QueryExecutionTypeDef) -> pa.Table:
        """All that an UNLOAD has exported."""
        return pa.concat_tables(
            pq.read_table(io.BytesIO(self.read(location)), coerce_int96_timestamp_unit="us")
            for location in self.manifest(found)
        )

    def unload(self, select: str, prefix: str | None = None) -> QueryExecutionTypeDef:
        """Run an UNLOAD to its end."""
        return self.run(unload_sql(select, prefix or self.prefix()))

    def keys_under(self, prefix: str) -> list[str]:
        """The keys of the objects under an s3:// address."""
        bucket, _, key = prefix.removeprefix("s3://").partition("/")
        listed = self.s3.list_objects_v2(Bucket=bucket, Prefix=key)
        return [item["Key"] for item in listed.get("Contents", [])]


def unload_sql(select: str, prefix: str) -> str:
    return f"UNLOAD ({select}) TO '{prefix}' WITH (format = 'PARQUET', compression = 'SNAPPY')"


def until(attempt: Callable[[], T | None], seconds: float = 60) -> T:
    """What ``attempt`` returns, once it is not None."""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while time.monotonic() < deadline:
        found = attempt()
        if found is not None:
            return found
        time.sleep(pause)  # to ask without one would take the processor from who answers
        pause = min(2 * pause, 0.02)
    raise AssertionError(f"not within {seconds} s: {attempt}")


@contextmanager
def serving(root: Path, options: AthenaOptions = FAST, keys: AwsKeys = KEYS) -> Iterator[Aws]:
    """A service on ``root`` for the length of a block."""
    service = AwsService(root, keys, options=options)
    service.start()
    try:
        yield Aws(service, keys)
    finally:
        service.stop()


def small_lake(root: Path) -> Path:
    """A lake of ROWS rows; returns its root."""
    build_sample_lake(root, rows=ROWS, days=DAYS, end=END)
    return root
