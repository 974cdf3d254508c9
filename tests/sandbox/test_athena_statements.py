"""Statements beside SELECT: tables and views made and dropped, partitions, plans, EXECUTE."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.sandbox.aws_fixtures import ROWS, Aws, serving, small_lake

if TYPE_CHECKING:
    from mypy_boto3_athena.type_defs import QueryExecutionTypeDef


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(small_lake(tmp_path_factory.mktemp("statements"))) as running:
        yield running


def _done(aws: Aws, sql: str) -> QueryExecutionTypeDef:
    found = aws.run(sql)
    assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
    return found


def _lines(aws: Aws, sql: str) -> list[str]:
    found = _done(aws, sql)
    return aws.read(found["ResultConfiguration"]["OutputLocation"]).decode().splitlines()


def test_create_table_as_makes_a_table_with_partitions(aws: Aws) -> None:
    location = aws.prefix()
    sql = (
        "CREATE TABLE by_state WITH (format = 'PARQUET', write_compression = 'SNAPPY', "
        f"external_location = '{location}', partitioned_by = ARRAY['state']) AS "
        "SELECT restaurant_id, CAST('v' AS varchar(3)) AS code, y_50, state FROM forecast"
    )
    found = aws.run(sql)
    assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
    assert (found["StatementType"], found["SubstatementType"]) == ("DML", "CREATE_TABLE_AS_SELECT")
    assert len(aws.manifest(found)) == 14
    assert all(each.startswith(f"{location}state=") for each in aws.manifest(found))
    table = aws.glue.get_table(DatabaseName="lake", Name="by_state")["Table"]
    columns = [(c["Name"], c["Type"]) for c in table["StorageDescriptor"]["Columns"]]
    assert columns == [("restaurant_id", "int"), ("code", "varchar(3)"), ("y_50", "decimal(10,2)")]
    assert _lines(aws, "SHOW PARTITIONS by_state")[0] == "state=AZ"
    every = "SELECT count(*), sum(y_50) FROM forecast"
    assert aws.rows("SELECT count(*), sum(y_50) FROM by_state") == aws.rows(every)
    one = aws.run("SELECT y_50 FROM by_state WHERE state = 'WA'")["Statistics"]
    assert (
        one["DataScannedInBytes"]
        < aws.run("SELECT y_50 FROM by_state")["Statistics"]["DataScannedInBytes"] * 0.15
    )
    assert aws.failure(sql).startswith("TABLE_ALREADY_EXISTS: ")
    assert aws.failure(sql.replace("by_state", "again")).startswith("HIVE_PATH_ALREADY_EXISTS: ")


def test_create_table_as_chooses_a_place_and_keeps_every_type(aws: Aws) -> None:
    found = aws.run("CREATE TABLE twin AS SELECT * FROM all_types")
    base = f"{aws.service.output_location}tables/{found['QueryExecutionId']}"
    assert found["Statistics"]["DataManifestLocation"] == f"{base}-manifest.csv"
    assert all(each.startswith(f"{base}/") for each in aws.manifest(found))
    query = "SELECT * FROM {} ORDER BY c_int"
    assert aws.rows(query.format("twin")) == aws.rows(query.format("all_types"))
    kinds = [
        [
            column["Type"]
            for column in aws.athena.get_table_metadata(
                CatalogName="AwsDataCatalog", DatabaseName="lake", TableName=name
            )["TableMetadata"]["Columns"]
        ]
        for name in ("twin", "all_types")
    ]
    assert kinds[0] == kinds[1]
    assert aws.run("CREATE TABLE IF NOT EXISTS twin AS SELECT 1 AS a")["Status"]["State"] == (
        "SUCCEEDED"
    )
    assert aws.run("DROP TABLE twin")["SubstatementType"] == "DROP_TABLE"
    assert aws.keys_under(f"{base}/"), "dropping an external table leaves its files"


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("CREATE TABLE x AS SELECT 1", "SYNTAX_ERROR: line 1:1: Column name not specified"),
        ("CREATE TABLE x AS SELECT uuid() AS u", "NOT_SUPPORTED: Unsupported Hive type: uuid"),
        ("CREATE TABLE x WITH (format = 'ORC') AS SELECT 1 AS a", "NOT_SUPPORTED: CREATE TABLE AS"),
        (
            "CREATE TABLE x WITH (partitioned_by = ARRAY['a']) AS SELECT 1 AS a, 2 AS b",
            "HIVE_COLUMN_ORDER_MISMATCH: ",
        ),
        (
            "CREATE TABLE x WITH (partitioned_by = ARRAY['p']) AS "
            "SELECT 1 AS a, p FROM UNNEST(sequence(1, 101)) AS t(p)",
            "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of 100",
        ),
        ("CREATE TABLE x (a int)", "NOT_SUPPORTED: "),
        ("CREATE EXTERNAL TABLE x (a int) STORED AS ORC LOCATION 's3://b/x/'", "NOT_SUPPORTED: "),
        ("DROP TABLE nope", "FAILED: SemanticException [Error 10001]: Table not found lake.nope"),
        ("INSERT INTO forecast SELECT 1", "TYPE_MISMATCH: "),
        ("ALTER TABLE forecast RENAME TO x", "NOT_SUPPORTED: ALTER TABLE"),
        ("SHOW FUNCTIONS", "NOT_SUPPORTED: SHOW FUNCTIONS"),
        ("EXPLAIN ANALYZE SELECT 1", "NOT_SUPPORTED: EXPLAIN ANALYZE"),
        ("EXECUTE nope", "NOT_FOUND: Prepared statement not found: nope"),
    ],
)
def test_statements_fail_by_name(aws: Aws, sql: str, reason: str) -> None:
    assert aws.failure(sql).startswith(reason)
    assert "x" not in _lines(aws, "SHOW TABLES")


def test_an_unload_may_be_partitioned(aws: Aws) -> None:
    prefix = aws.prefix()
    found = aws.run(
        f"UNLOAD (SELECT restaurant_id, dma_id FROM forecast) TO '{prefix}' "
        "WITH (format = 'PARQUET', partitioned_by = ARRAY['dma_id'])"
    )
    manifest = aws.manifest(found)
    assert f"{prefix}dma_id=__HIVE_DEFAULT_PARTITION__" in {m.rpartition("/")[0] for m in manifest}
    assert aws.table(found).num_rows == ROWS
    assert aws.table(found).column_names == ["restaurant_id"]


def test_external_tables_find_their_partitions(aws: Aws) -> None:
    create = (
        "CREATE EXTERNAL TABLE IF NOT EXISTS ext (restaurant_id int COMMENT 'whose', "
        "y_50 decimal(10,2), later struct<a:int,b:array<string>>) COMMENT 'all' "
        "PARTITIONED BY (business_date date) STORED AS PARQUET "
        "LOCATION 's3://neonsync-sandbox/lake/forecast/' TBLPROPERTIES ('classification'='parquet')"
    )
    _lines(aws, create)
    assert aws.rows("SELECT count(*) FROM ext") == [["0"]]
    assert len(_lines(aws, "MSCK REPAIR TABLE ext")) == 91
    assert _lines(aws, "MSCK REPAIR TABLE ext") == []
    expected = aws.rows("SELECT count(*), sum(y_50), 0 FROM forecast")
    assert aws.rows("SELECT count(*), sum(y_50), count(later) FROM ext") == expected
    _lines(aws, "ALTER TABLE ext DROP PARTITION (business_date = '2026-01-31')")
    assert aws.rows("SELECT max(business_date) FROM ext") == [["2026-01-30"]]
    _lines(
        aws,
        "ALTER TABLE ext ADD IF NOT EXISTS PARTITION (business_date = '2027-01-31') "
        "LOCATION 's3://neonsync-sandbox/lake/forecast/business_date=2026-01-31/'",
    )
    assert aws.rows("SELECT count(*) FROM ext WHERE business_date > DATE '2026-12-31'") == [["100"]]
    shown = _lines(aws, "SHOW CREATE TABLE ext")
    assert shown[0] == "CREATE EXTERNAL TABLE `ext`("
    assert "  `later` struct<a:int,b:array<string>>)" in shown
    assert _lines(aws, "SHOW TBLPROPERTIES ext('classification')") == ["parquet"]
    described = [line.split() for line in _lines(aws, "DESCRIBE ext")]
    assert described[0] == ["restaurant_id", "int", "whose"]
    assert described[-1] == ["business_date", "date"]
    _lines(aws, "DROP TABLE IF EXISTS ext")
    _lines(aws, "DROP TABLE IF EXISTS ext")


def test_insert_adds_rows_and_partitions(aws: Aws) -> None:
    _done(
        aws,
        "CREATE TABLE grown WITH (partitioned_by = ARRAY['p']) AS SELECT 1 AS a, 'x' AS b, 1 AS p",
    )
    found = aws.run("INSERT INTO grown SELECT CAST(2 AS bigint), 'y', 2")
    assert found["SubstatementType"] == "INSERT"
    assert len(aws.manifest(found)) == 1
    _done(aws, "INSERT INTO lake.grown (p, a) VALUES (1, 3), (NULL, 4)")
    rows = aws.rows("SELECT a, b, p FROM grown ORDER BY a")
    assert rows == [["1", "x", "1"], ["2", "y", "2"], ["3", None, "1"], ["4", None, None]]


def test_views_are_queries_under_a_name(aws: Aws) -> None:
    _lines(aws, "CREATE VIEW counted AS SELECT state AS s, count(*) AS n FROM forecast GROUP BY 1")
    create = "CREATE OR REPLACE VIEW few AS SELECT s, n, CAST('a' AS char(2)) c FROM lake.counted"
    _lines(aws, create)
    assert aws.failure(create.replace("OR REPLACE ", "")).startswith("ALREADY_EXISTS: ")
    rows = aws.rows("SELECT v.n, w.c FROM few AS v JOIN few w ON v.s = w.s WHERE v.s = 'WA'")
    assert rows == [[aws.rows("SELECT count(*) FROM forecast WHERE state = 'WA'")[0][0], "a "]]
    scanned = aws.run("SELECT n FROM few")["Statistics"]["DataScannedInBytes"]
    assert scanned == aws.run("SELECT state FROM forecast")["Statistics"]["DataScannedInBytes"]
    assert _lines(aws, "SHOW VIEWS") == ["counted", "few"]
    assert _lines(aws, "SHOW CREATE VIEW few")[0] == "CREATE VIEW lake.few AS"
    metadata = aws.athena.get_table_metadata(
        CatalogName="AwsDataCatalog", DatabaseName="lake", TableName="few"
    )["TableMetadata"]
    assert metadata["TableType"] == "VIRTUAL_VIEW"
    assert [c["Type"] for c in metadata["Columns"]] == ["string", "bigint", "char(2)"]
    assert "cannot drop a view" in aws.failure("DROP TABLE few")
    _lines(aws, "DROP VIEW few")
    _lines(aws, "DROP VIEW counted")


def test_a_plan_reads_nothing_and_names_the_partitions(aws: Aws) -> None:
    query = "SELECT state FROM forecast WHERE business_date = DATE '2026-01-31'"
    found = aws.run(f"EXPLAIN (TYPE IO, FORMAT JSON) {query}")
    assert found["StatementType"] == "UTILITY"
    assert found["Statistics"]["DataScannedInBytes"] == 0
    plan = json.loads(aws.read(found["ResultConfiguration"]["OutputLocation"]))
    (info,) = plan["inputTableColumnInfos"]
    assert info["table"]["schemaTable"] == {"schema": "lake", "table": "forecast"}
    (constraint,) = info["constraint"]["columnConstraints"]
    assert (constraint["columnName"], constraint["type"]) == ("business_date", "date")
    assert constraint["domain"]["ranges"][0]["low"] == {"value": "2026-01-31", "bound": "EXACTLY"}
    assert (
        info["estimate"]["outputSizeInBytes"] == aws.run(query)["Statistics"]["DataScannedInBytes"]
    )
    text = "\n".join(_lines(aws, f"EXPLAIN {query}"))
    assert "TableScan[table = awsdatacatalog:lake:forecast]" in text
    assert "Files: 1 of 90" in text
    assert json.loads("".join(_lines(aws, f"EXPLAIN (FORMAT JSON) {query}")))["0"]["id"] == "0"
    assert _lines(aws, f"EXPLAIN (TYPE VALIDATE) {query}") == ["true"]
    assert "'nope' cannot be resolved" in aws.failure(
        "EXPLAIN (TYPE VALIDATE) SELECT nope FROM forecast"
    )


def test_prepared_statements_run_with_values(aws: Aws) -> None:
    _lines(aws, "PREPARE by_day FROM SELECT count(*) FROM forecast WHERE state = ? AND y_50 > ?")
    names = aws.athena.list_prepared_statements(WorkGroup="primary")["PreparedStatements"]
    assert [each["StatementName"] for each in names] == ["by_day"]
    expected = aws.rows("SELECT count(*) FROM forecast WHERE state = 'WA' AND y_50 > 1.5")
    assert aws.rows("EXECUTE by_day USING 'WA', 1.5") == expected
    assert aws.rows("EXECUTE by_day", ExecutionParameters=["'WA'", "1.5"]) == expected
    assert "Incorrect number of parameters" in aws.failure("EXECUTE by_day USING 'WA'")
    _lines(aws, "DEALLOCATE PREPARE by_day")
    assert "not found: by_day" in aws.failure("EXECUTE by_day USING 'WA', 1")


def test_databases_are_made_and_dropped(aws: Aws) -> None:
    _lines(aws, "CREATE DATABASE IF NOT EXISTS other COMMENT 'more' LOCATION 's3://b/x/'")
    assert "already exists" in aws.failure("CREATE SCHEMA other")
    _done(aws, "CREATE TABLE other.t AS SELECT 1 AS a")
    assert aws.rows("SELECT a FROM awsdatacatalog.other.t") == [["1"]]
    assert _lines(aws, "SHOW DATABASES") == ["lake", "other"]
    assert "is not empty" in aws.failure("DROP DATABASE other")
    _lines(aws, "DROP SCHEMA other CASCADE")
    assert _lines(aws, "SHOW SCHEMAS") == ["lake"]


def test_an_enforced_workgroup_lets_no_table_choose_its_place(aws: Aws) -> None:
    configuration = {"ResultConfiguration": {"OutputLocation": "s3://neonsync-sandbox/forced/"}}
    aws.athena.create_work_group(Name="forced", Configuration=configuration)  # type: ignore[arg-type]
    sql = "CREATE TABLE placed WITH (external_location = '{}') AS SELECT 1 AS a"
    status = aws.run(sql.format(aws.prefix()), WorkGroup="forced")["Status"]
    assert "enforces a centralized output location" in status["StateChangeReason"]
    found = aws.run("CREATE TABLE placed AS SELECT 1 AS a", WorkGroup="forced")
    assert aws.manifest(found)[0].startswith("s3://neonsync-sandbox/forced/tables/")
