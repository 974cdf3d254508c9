"""Workgroups, their limits and prepared statements, statistics and pages, through the API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws_fixtures import PARQUET, ROWS, Aws, serving, small_lake, unload_sql

LEAST = 10_000_000


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(small_lake(tmp_path_factory.mktemp("workgroups"))) as running:
        yield running


def _group(aws: Aws, name: str, location: str = "", **settings: Any) -> None:
    results = {"ResultConfiguration": {"OutputLocation": location}} if location else {}
    configuration: Any = {**results, **settings}
    aws.athena.create_work_group(Name=name, Configuration=configuration)


def test_an_enforced_location_overrides_the_querys(aws: Aws) -> None:
    location = "s3://neonsync-sandbox/enforced/"
    _group(aws, "strict", location)
    assert aws.athena.get_work_group(WorkGroup="strict")["WorkGroup"]["Configuration"][
        "EnforceWorkGroupConfiguration"
    ]
    found = aws.run("SELECT 1 AS one", WorkGroup="strict")
    assert found["WorkGroup"] == "strict"
    assert found["ResultConfiguration"]["OutputLocation"].startswith(location)
    exported = aws.run(unload_sql("SELECT 1 AS one", aws.prefix()), WorkGroup="strict")
    assert exported["Statistics"]["DataManifestLocation"].startswith(location)
    assert aws.table(exported).to_pylist() == [{"one": 1}]
    listed = aws.athena.list_query_executions(WorkGroup="strict")["QueryExecutionIds"]
    assert listed == [exported["QueryExecutionId"], found["QueryExecutionId"]]


def test_a_location_that_is_not_enforced_is_only_the_default(aws: Aws) -> None:
    location = "s3://neonsync-sandbox/default/"
    _group(aws, "lenient", location, EnforceWorkGroupConfiguration=False)
    own = aws.run("SELECT 1", WorkGroup="lenient")["ResultConfiguration"]["OutputLocation"]
    assert own.startswith(aws.service.output_location)
    query_id = aws.athena.start_query_execution(QueryString="SELECT 1", WorkGroup="lenient")
    found = aws.finished(query_id["QueryExecutionId"])
    assert found["ResultConfiguration"]["OutputLocation"].startswith(location)


def test_a_query_beyond_the_workgroups_limit_is_cancelled(aws: Aws) -> None:
    home = aws.service.bucket
    table = pa.table({"x": [os.urandom(1000) for _ in range(11_000)], "y": range(11_000)})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, use_dictionary=False)
    aws.s3.put_object(Bucket=home, Key="large/part", Body=sink.getvalue().to_pybytes())
    columns = [{"Name": "x", "Type": "binary"}, {"Name": "y", "Type": "bigint"}]
    storage = {"Columns": columns, "Location": f"s3://{home}/large/", **PARQUET}
    aws.glue.create_table(
        DatabaseName="lake",
        TableInput={"Name": "large", "StorageDescriptor": storage},  # type: ignore[typeddict-item]
    )
    _group(aws, "thrifty", BytesScannedCutoffPerQuery=LEAST, EnforceWorkGroupConfiguration=False)
    prefix = aws.prefix()
    found = aws.run(unload_sql("SELECT x FROM large", prefix), WorkGroup="thrifty")
    assert found["Status"]["State"] == "CANCELLED"
    assert found["Status"]["StateChangeReason"] == "Bytes scanned limit was exceeded"
    assert found["Statistics"]["DataScannedInBytes"] == LEAST
    assert aws.keys_under(prefix) == []
    assert aws.rows("SELECT count(y) FROM large", WorkGroup="thrifty") == [["11000"]]


def test_workgroups_are_changed_listed_and_deleted(aws: Aws, tmp_path: Path) -> None:
    with serving(tmp_path) as fresh:
        athena = fresh.athena
        _group(fresh, "a", "s3://neonsync-sandbox/a/", BytesScannedCutoffPerQuery=LEAST)
        athena.update_work_group(
            WorkGroup="a",
            Description="changed",
            State="DISABLED",
            ConfigurationUpdates={
                "EnforceWorkGroupConfiguration": False,
                "RemoveBytesScannedCutoffPerQuery": True,
                "ResultConfigurationUpdates": {"RemoveOutputLocation": True},
            },
        )
        with pytest.raises(ClientError, match="already created"):
            _group(fresh, "a")
        with pytest.raises(ClientError, match="disabled"):
            fresh.start("SELECT 1", WorkGroup="a")
    with serving(tmp_path) as fresh:
        athena = fresh.athena
        group = athena.get_work_group(WorkGroup="a")["WorkGroup"]
        assert (group["Description"], group["State"]) == ("changed", "DISABLED")
        assert "BytesScannedCutoffPerQuery" not in group["Configuration"]
        assert group["Configuration"]["ResultConfiguration"] == {}
        assert [each["Name"] for each in athena.list_work_groups()["WorkGroups"]] == [
            "a",
            "primary",
        ]
        athena.delete_work_group(WorkGroup="a")
        with pytest.raises(ClientError, match="WorkGroup a is not found"):
            athena.get_work_group(WorkGroup="a")


def test_prepared_statements_are_kept_by_the_workgroup(aws: Aws) -> None:
    athena = aws.athena
    sql = "SELECT count(*) FROM forecast WHERE state = ?"
    athena.create_prepared_statement(
        StatementName="by_state", WorkGroup="primary", QueryStatement=sql
    )
    names = athena.list_prepared_statements(WorkGroup="primary")["PreparedStatements"]
    assert [each["StatementName"] for each in names] == ["by_state"]
    found = athena.get_prepared_statement(StatementName="by_state", WorkGroup="primary")
    assert found["PreparedStatement"]["QueryStatement"] == sql
    athena.update_prepared_statement(
        StatementName="by_state", WorkGroup="primary", QueryStatement="SELECT 1", Description="d"
    )
    answer = athena.batch_get_prepared_statement(
        PreparedStatementNames=["by_state", "none"], WorkGroup="primary"
    )
    assert answer["PreparedStatements"][0]["Description"] == "d"
    assert answer["UnprocessedPreparedStatementNames"][0]["StatementName"] == "none"
    athena.delete_prepared_statement(StatementName="by_state", WorkGroup="primary")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        athena.get_prepared_statement(StatementName="by_state", WorkGroup="primary")


def test_statistics_count_what_went_in_and_came_out(aws: Aws) -> None:
    found = aws.run("SELECT state FROM forecast WHERE state <> ''")
    answer = aws.athena.get_query_runtime_statistics(QueryExecutionId=found["QueryExecutionId"])
    rows = answer["QueryRuntimeStatistics"]["Rows"]
    assert (rows["InputRows"], rows["OutputRows"]) == (ROWS, ROWS)
    assert rows["InputBytes"] == found["Statistics"]["DataScannedInBytes"]
    assert rows["OutputBytes"] == len(aws.read(found["ResultConfiguration"]["OutputLocation"]))
    timeline = answer["QueryRuntimeStatistics"]["Timeline"]
    assert timeline["TotalExecutionTimeInMillis"] >= timeline["EngineExecutionTimeInMillis"]


def test_pages_hold_a_thousand_rows_and_the_first_the_header(aws: Aws) -> None:
    query_id = aws.run("SELECT x FROM UNNEST(sequence(1, 1999)) AS t(x)")["QueryExecutionId"]
    first = aws.athena.get_query_results(QueryExecutionId=query_id)
    assert first["ResultSet"]["Rows"][0]["Data"] == [{"VarCharValue": "x"}]
    assert len(first["ResultSet"]["Rows"]) == 1000
    second = aws.athena.get_query_results(QueryExecutionId=query_id, NextToken=first["NextToken"])
    assert len(second["ResultSet"]["Rows"]) == 1000
    assert second["ResultSet"]["Rows"][-1]["Data"] == [{"VarCharValue": "1999"}]
    assert "NextToken" not in second
    columns = second["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
    assert [column["Name"] for column in columns] == ["x"]
