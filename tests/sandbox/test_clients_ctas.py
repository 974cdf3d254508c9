"""Clients that make tables by queries: CREATE TABLE AS, views and repairs, by awswrangler."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import awswrangler as wr
import boto3
import pytest

from tests.sandbox.aws_fixtures import ROWS, Aws
from tests.sandbox.clients_fixtures import reachable

BUCKET = "neonsync-sandbox"
OUTPUT = f"s3://{BUCKET}/athena-results/"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with reachable(tmp_path_factory.mktemp("ctas")) as running:
        wr.config.athena_query_wait_polling_delay = 0.02
        boto3.setup_default_session()
        yield running
        boto3.DEFAULT_SESSION = None
        wr.config.reset("athena_query_wait_polling_delay")


def test_a_query_is_read_by_way_of_a_temporary_table(aws: Aws) -> None:
    frame = wr.athena.read_sql_query(
        "SELECT c_int, c_decimal, c_array, c_struct, c_date FROM all_types",
        "lake",
        s3_output=f"s3://{BUCKET}/ctas/",
        ctas_approach=True,
        keep_files=False,
    )
    row: dict[str, Any] = frame[frame["c_int"] == 123456].to_dict("records")[0]
    assert list(row["c_array"]) == [1, 2, 3]
    assert row["c_struct"] == {"a": 1, "b": "one"}
    assert str(row["c_date"]) == "2026-01-31"
    assert len(frame) == 3
    # The table and its files are gone.
    assert [t["Name"] for t in wr.catalog.get_tables(database="lake")] == ["all_types", "forecast"]
    assert aws.keys_under(f"s3://{BUCKET}/ctas/") == []


def test_a_table_is_made_by_a_query_and_partitioned(aws: Aws) -> None:
    made = wr.athena.create_ctas_table(
        sql="SELECT restaurant_id, y_50, state FROM forecast",
        database="lake",
        ctas_table="by_state",
        s3_output=f"s3://{BUCKET}/by_state/",
        partitioning_info=["state"],
        wait=True,
    )
    assert made["ctas_table"] == "by_state"
    assert set(wr.catalog.get_table_types("lake", "by_state")) >= {"restaurant_id", "y_50", "state"}
    count = wr.athena.read_sql_query(
        "SELECT count(*) AS n FROM by_state", "lake", ctas_approach=False, s3_output=OUTPUT
    )
    assert count["n"].tolist() == [ROWS]
    wr.catalog.delete_table_if_exists("lake", "by_state")


def test_partitions_that_lie_in_s3_are_found_by_a_repair(aws: Aws) -> None:
    types = wr.catalog.get_table_types("lake", "forecast", filter_iceberg_current=False) or {}
    types.pop("business_date")
    wr.catalog.create_parquet_table(
        "lake",
        "again",
        f"s3://{BUCKET}/lake/forecast/",
        columns_types=types,
        partitions_types={"business_date": "date"},
    )
    assert wr.catalog.get_partitions("lake", "again") == {}
    assert wr.athena.repair_table("again", "lake", s3_output=OUTPUT) == "SUCCEEDED"
    assert len(wr.catalog.get_partitions("lake", "again")) == 90
    wr.catalog.delete_table_if_exists("lake", "again")


def test_a_table_is_described_and_shown(aws: Aws) -> None:
    described = wr.athena.describe_table("forecast", "lake", s3_output=OUTPUT)
    assert described["Column Name"].tolist()[0] == "restaurant_id"
    shown = wr.athena.show_create_table("all_types", "lake", s3_output=OUTPUT)
    assert "CREATE EXTERNAL TABLE" in shown
