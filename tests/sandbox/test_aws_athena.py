"""Athena's API over real sockets: states, results, pages, tokens, cancellation, restarts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pyathena
import pytest
from botocore.exceptions import ClientError

from neonsync.sandbox.aws import AthenaOptions
from tests.sandbox.aws_fixtures import KEYS, ROWS, Aws, serving, small_lake, unload_sql, until

# Billions of pairs: runs until somebody stops it.
ENDLESS = (
    "SELECT count(*) AS n FROM forecast a, forecast b, forecast c WHERE a.y_50 < b.y_95 + c.y_05"
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_lake(tmp_path_factory.mktemp("athena"))


@pytest.fixture(scope="module")
def aws(root: Path) -> Iterator[Aws]:
    with serving(root) as running:
        yield running


def test_a_query_reports_what_it_was_and_what_it_did(aws: Aws) -> None:
    found = aws.run("SELECT count(*) AS n FROM forecast")
    assert found["Status"]["State"] == "SUCCEEDED"
    assert found["Query"] == "SELECT count(*) AS n FROM forecast"
    assert found["StatementType"] == "DML"
    assert found["WorkGroup"] == "primary"
    assert found["QueryExecutionContext"]["Database"] == "lake"
    assert found["Status"]["CompletionDateTime"] >= found["Status"]["SubmissionDateTime"]
    location = found["ResultConfiguration"]["OutputLocation"]
    assert location == f"{aws.service.output_location}{found['QueryExecutionId']}.csv"
    assert aws.read(location) == f'"n"\n"{ROWS}"\n'.encode()
    assert aws.read(f"{location}.metadata")


def test_a_query_takes_at_least_its_time_and_passes_through_its_states(root: Path) -> None:
    with serving(root, AthenaOptions(query_seconds=0.5)) as aws:
        assert aws.athena  # a client takes its time to be made
        begun = time.monotonic()
        query_id = aws.start("SELECT 1")
        states = set()
        while "SUCCEEDED" not in states:
            states.add(aws.execution(query_id)["Status"]["State"])
        assert time.monotonic() - begun >= 0.5
        assert states == {"QUEUED", "RUNNING", "SUCCEEDED"}
        statistics = aws.execution(query_id)["Statistics"]
        assert statistics["TotalExecutionTimeInMillis"] >= 490
        assert statistics["QueryQueueTimeInMillis"] > 0


def test_results_come_in_pages_and_arrive_whole(aws: Aws) -> None:
    sql = "SELECT restaurant_id, inventory_item_id, dma_id FROM forecast LIMIT 2500"
    query_id = aws.run(sql)["QueryExecutionId"]
    first = aws.athena.get_query_results(QueryExecutionId=query_id)
    assert len(first["ResultSet"]["Rows"]) == 1000
    pages = list(aws.athena.get_paginator("get_query_results").paginate(QueryExecutionId=query_id))
    assert [len(page["ResultSet"]["Rows"]) for page in pages] == [1000, 1000, 501]
    small = aws.athena.get_query_results(QueryExecutionId=query_id, MaxResults=2)
    assert len(small["ResultSet"]["Rows"]) == 2
    with pytest.raises(ClientError, match="MaxResults"):
        aws.athena.get_query_results(QueryExecutionId=query_id, MaxResults=1001)


def test_pyathena_reads_all_pages_in_order(aws: Aws) -> None:
    with _pyathena(aws).cursor() as cursor:
        cursor.execute("SELECT x FROM UNNEST(sequence(1, 2500)) AS t(x) ORDER BY x")
        assert [row[0] for row in cursor.fetchall()] == list(range(1, 2501))


def test_pyathena_runs_an_explicit_unload(aws: Aws) -> None:
    seen: list[str] = []
    with _pyathena(aws).cursor() as cursor:
        cursor.execute(
            unload_sql("SELECT * FROM forecast", aws.prefix()),
            on_start_query_execution=seen.append,
        )
        assert seen == [cursor.query_id]
        manifest = aws.read(cursor.data_manifest_location).decode().split()
        assert len(manifest) == 4
        assert cursor.data_scanned_in_bytes > 0


def test_every_type_keeps_its_text_and_its_nulls(aws: Aws) -> None:
    query_id = aws.run("SELECT * FROM all_types ORDER BY c_int DESC")["QueryExecutionId"]
    answer = aws.athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]
    kinds = [column["Type"] for column in answer["ResultSetMetadata"]["ColumnInfo"]]
    assert kinds == [
        *("boolean", "tinyint", "smallint", "integer", "bigint", "float", "double", "decimal"),
        *("varchar", "varchar", "char", "varbinary", "date", "timestamp"),
        *("array", "map", "row"),
    ]
    rows = [[datum.get("VarCharValue") for datum in row["Data"]] for row in answer["Rows"][1:]]
    assert rows[0] == [
        *("true", "12", "1234", "123456", "12345678901", "1.5", "2.25"),
        *("1234.500000000000000000", "plain", "twenty at most", "abcde", "62 79 74 65 73"),
        *("2026-01-31", "2026-01-31 12:34:56.789", "[1, 2, 3]", "{a=1, b=2}", "{a=1, b=one}"),
    ]
    assert rows[1][5] == "3.4028235E38"
    assert rows[1][8] == 'tab\t"quote" \\ newline\n ünïcödé 🍕'
    assert rows[1][9] == ""
    assert rows[2] == [None] * len(kinds)


def test_items_without_a_name_are_numbered(aws: Aws) -> None:
    query_id = aws.run("SELECT count(*), state FROM forecast GROUP BY 2")["QueryExecutionId"]
    answer = aws.athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]
    names = [column["Name"] for column in answer["ResultSetMetadata"]["ColumnInfo"]]
    assert names == ["_col0", "state"]


def test_the_same_token_is_the_same_query_even_when_it_failed(aws: Aws) -> None:
    token = "token-of-a-failing-query-0123456789"
    first = aws.start("SELECT nope FROM forecast", ClientRequestToken=token)
    assert aws.finished(first)["Status"]["State"] == "FAILED"
    assert aws.start("SELECT nope FROM forecast", ClientRequestToken=token) == first
    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        aws.start("SELECT 1", ClientRequestToken=token)


@pytest.mark.parametrize("sql", [ENDLESS, unload_sql(ENDLESS, "PREFIX")])
def test_a_query_is_cancelled_while_it_runs(aws: Aws, sql: str) -> None:
    query_id = aws.start(sql.replace("PREFIX", aws.prefix()))
    until(lambda: aws.execution(query_id)["Status"]["State"] == "RUNNING" or None)
    aws.athena.stop_query_execution(QueryExecutionId=query_id)
    status = aws.finished(query_id)["Status"]
    assert status["State"] == "CANCELLED"
    assert status["StateChangeReason"] == "Query cancelled by user"
    with pytest.raises(ClientError, match="Query did not finish successfully"):
        aws.athena.get_query_results(QueryExecutionId=query_id)


def test_requests_that_athena_refuses(aws: Aws) -> None:
    with pytest.raises(ClientError, match="No output location provided"):
        aws.athena.start_query_execution(QueryString="SELECT 1")
    with pytest.raises(ClientError, match="less than or equal to 262144"):
        aws.start(f"SELECT '{'x' * 262_144}'")
    with pytest.raises(ClientError, match="was not found"):
        aws.execution("00000000-0000-0000-0000-000000000000")
    with pytest.raises(ClientError, match="Unable to verify/create output bucket"):
        aws.athena.start_query_execution(
            QueryString="SELECT 1", ResultConfiguration={"OutputLocation": "s3://no-such-bucket/"}
        )
    answer = aws.athena.batch_get_query_execution(
        QueryExecutionIds=["00000000-0000-0000-0000-000000000000"]
    )
    assert len(answer["UnprocessedQueryExecutionIds"]) == 1


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT nope FROM forecast", "SYNTAX_ERROR: line 1:8: Column 'nope' cannot be resolved"),
        (
            "SELECT * FROM nope",
            "TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.lake.nope' does not exist",
        ),
        (
            "SELECT *\nFROM other.nope",
            "TABLE_NOT_FOUND: line 2:6: Table 'awsdatacatalog.other.nope' does not exist",
        ),
        ("SELECT nofn(1)", "FUNCTION_NOT_FOUND: line 1:1: Function 'nofn' not registered"),
        ("SELECT CAST('x' AS integer)", "INVALID_CAST_ARGUMENT: "),
        ("SELECT 1 / 0", "DIVISION_BY_ZERO: Division by zero"),
        ("SELEC 1", "SYNTAX_ERROR: line 1:7: mismatched input '1'"),
        ("DELETE FROM forecast", "NOT_SUPPORTED: DELETE statements are not supported"),
        ("SELECT format('%s', 1)", "NOT_SUPPORTED: function format is not supported"),
        ("SELECT avg(state) FROM forecast", "TYPE_MISMATCH: "),
    ],
)
def test_a_query_fails_in_athenas_words(aws: Aws, sql: str, reason: str) -> None:
    found = aws.run(sql)["Status"]
    assert found["State"] == "FAILED"
    assert found["StateChangeReason"].startswith(reason)
    assert found["AthenaError"]["ErrorMessage"] == found["StateChangeReason"]
    assert found["AthenaError"]["ErrorCategory"] == 2
    assert found["AthenaError"]["Retryable"] is False


def test_finished_queries_and_tokens_outlive_the_service(tmp_path: Path) -> None:
    token = "token-that-outlives-the-service-01234"
    with serving(tmp_path) as aws:
        before = aws.run("SELECT 42 AS answer", ClientRequestToken=token)
        query_id = before["QueryExecutionId"]
    with serving(tmp_path) as aws:
        assert aws.execution(query_id)["Status"] == before["Status"]
        assert aws.start("SELECT 42 AS answer", ClientRequestToken=token) == query_id
        rows = aws.athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
        assert [row["Data"][0]["VarCharValue"] for row in rows] == ["answer", "42"]
        assert aws.athena.list_query_executions()["QueryExecutionIds"] == [query_id]


def test_a_query_that_the_service_left_running_has_failed(tmp_path: Path) -> None:
    with serving(tmp_path) as aws:
        query_id = aws.run("SELECT 1")["QueryExecutionId"]
    record = tmp_path / "athena" / f"{query_id}.json"
    record.write_text(record.read_text().replace('"SUCCEEDED"', '"RUNNING"'))
    with serving(tmp_path) as aws:
        status = aws.execution(query_id)["Status"]
        assert status["State"] == "FAILED"
        assert status["AthenaError"]["Retryable"] is True


def test_the_end_of_the_service_stops_queries(root: Path) -> None:
    with serving(root) as aws:
        query_id = aws.start(ENDLESS)
        until(lambda: aws.execution(query_id)["Status"]["State"] == "RUNNING" or None)
        aws.service.stop()
        aws.service.stop()
    with serving(root) as aws:
        assert aws.execution(query_id)["Status"]["State"] == "CANCELLED"


def test_parameters_take_the_place_of_question_marks(aws: Aws) -> None:
    sql = "SELECT count(*) FROM forecast WHERE state = ? AND business_date >= ?"
    found = aws.rows(sql, ExecutionParameters=["'WA'", "DATE '2026-01-31'"])
    expected = (
        "SELECT count(*) FROM forecast WHERE state = 'WA' AND business_date >= DATE '2026-01-31'"
    )
    assert found == aws.rows(expected)
    assert (
        "Incorrect number of parameters"
        in aws.run(sql, ExecutionParameters=["1"])["Status"]["StateChangeReason"]
    )


def test_utilities_list_the_catalogue(aws: Aws) -> None:
    def lines(sql: str) -> list[str]:
        found = aws.run(sql)
        assert found["StatementType"] == "UTILITY"
        return aws.read(found["ResultConfiguration"]["OutputLocation"]).decode().splitlines()

    assert lines("SHOW DATABASES") == ["lake"]
    assert lines("SHOW TABLES IN lake") == ["all_types", "forecast"]
    assert len(lines("SHOW PARTITIONS forecast")) == 90
    assert lines("SHOW PARTITIONS forecast")[-1] == "business_date=2026-01-31"
    assert "Table nope not found" in aws.failure("SHOW PARTITIONS nope")


def _pyathena(aws: Aws) -> pyathena.connection.Connection:  # type: ignore[type-arg]
    return pyathena.connect(
        s3_staging_dir=aws.service.output_location,
        schema_name=aws.service.database,
        region_name=aws.service.region,
        endpoint_url=aws.service.endpoint_url,
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
        poll_interval=0.02,
    )
