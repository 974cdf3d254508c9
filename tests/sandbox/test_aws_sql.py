"""Athena's SQL over real sockets: meanings that differ from DuckDB's, pruning, bytes scanned."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

import pytest

from tests.sandbox.aws_fixtures import DAYS, PARQUET, ROWS, Aws, serving, small_lake


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(small_lake(tmp_path_factory.mktemp("sql"))) as running:
        yield running


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("7e0 / 2", "3.5"),
        ("(SELECT sum(restaurant_id) / 2 * 0 FROM forecast)", "0"),
        ("concat('a', NULL)", None),
        ("greatest(1, NULL)", None),
        ("length('ünïcödé')", "7"),
        ("length(to_utf8('ünïcödé'))", "11"),
        ("substr('abcdef', 2, 3)", "bcd"),
        ("CAST('abcdef' AS varchar(3))", "abc"),
        ("CAST(DATE '2026-01-31' AS varchar)", "2026-01-31"),
        ("CAST(CAST('2026-01-31 10:00:00' AS timestamp(3)) AS varchar)", "2026-01-31 10:00:00.000"),
        ("CAST(CAST(1.5 AS decimal(10,2)) AS varchar)", "1.50"),
        ("TRY_CAST(CAST('2026-01-31' AS timestamp) AS varchar)", "2026-01-31 00:00:00.000"),
        ("TRY_CAST('x' AS integer)", None),
        ("IF(true, 't', 'f')", "t"),
        ("date_diff('day', DATE '1970-01-01', DATE '2026-01-31')", "20484"),
        # 23 hours are no day, though midnight lies between.
        ("date_diff('day', TIMESTAMP '2026-01-30 01:00:00', TIMESTAMP '2026-01-31 00:00:00')", "0"),
        (
            "date_diff('millisecond', TIMESTAMP '2000-01-01 00:00:00', "
            "TIMESTAMP '2000-01-01 00:00:01.001')",
            "1001",
        ),
        ("DATE '2026-01-31' + INTERVAL '1' DAY", "2026-02-01"),
        ("date_add('month', -1, DATE '2026-01-31')", "2025-12-31"),
        ("date_trunc('month', DATE '2026-01-31')", "2026-01-01"),
        ("date_trunc('hour', TIMESTAMP '2026-01-31 10:20:30')", "2026-01-31 10:00:00.000"),
        ("CAST(from_unixtime(0) AS timestamp)", "1970-01-01 00:00:00.000"),
        ("CAST(at_timezone(from_unixtime(0), 'UTC') AS timestamp)", "1970-01-01 00:00:00.000"),
        ("'\\x' || lower(to_hex(to_utf8('a')))", "\\x61"),
        ("from_unixtime(0)", "1970-01-01 00:00:00.000 UTC"),
        (
            "CAST(TIMESTAMP '2026-01-31 10:00:00' AT TIME ZONE 'UTC' AS timestamp)",
            "2026-01-31 10:00:00.000",
        ),
        ("json_format(CAST(ARRAY[1, NULL] AS json))", "[1,null]"),
        ("json_format(CAST(MAP(ARRAY['k'], ARRAY[1]) AS json))", '{"k":1}'),
        ("json_format(CAST('text' AS json))", '"text"'),
        ("1e10", "1.0E10"),
        ("CAST(0.1 AS real)", "0.1"),
        ("date_format(DATE '2026-01-31', '%Y/%m')", "2026/01"),
        ("regexp_replace('aXbX', 'X', '-')", "a-b-"),
        ("(SELECT max(state) FILTER (WHERE state < 'B') FROM forecast)", "AZ"),
    ],
)
def test_expressions_mean_what_they_mean_in_athena(
    aws: Aws, expression: str, value: str | None
) -> None:
    assert aws.rows(f"SELECT {expression}") == [[value]]


def test_the_functions_of_a_row_digest(aws: Aws) -> None:
    digest = hashlib.md5(b"2:ab|").digest()
    rows = aws.rows(
        "SELECT from_big_endian_64(substr(md5(to_utf8('2:ab|')), 1, 8)), "
        "lower(to_hex(to_big_endian_64(-2))), lower(to_hex(to_ieee754_64(-1.5e0))), "
        "lower(to_hex(to_ieee754_32(CAST(1.5 AS real)))), lower(to_hex(md5(to_utf8('2:ab|'))))"
    )
    assert rows == [
        [
            str(struct.unpack(">q", digest[:8])[0]),
            struct.pack(">q", -2).hex(),
            struct.pack(">d", -1.5).hex(),
            struct.pack(">f", 1.5).hex(),
            digest.hex(),
        ]
    ]


@pytest.mark.parametrize(
    ("join", "value"),
    [
        ("concat({}, 'é')", "rpad('x', {}, 'x')"),
        ("{} || 'é'", "rpad('x', {}, 'x')"),
        ("{} || X'0102'", "to_utf8(rpad('x', {}, 'x'))"),
    ],
)
def test_what_is_joined_is_as_long_as_trino_makes_it_and_no_longer(
    aws: Aws, join: str, value: str
) -> None:
    whole, longer = (join.format(value.format(size)) for size in (1_048_574, 1_048_575))
    told = "" if "X" in join else "to_utf8"
    assert aws.rows(f"SELECT length({told}({whole}))") == [["1048576"]]
    with pytest.raises(AssertionError, match="FUNCTION_ARGUMENT: Concatenated string is too large"):
        aws.rows(f"SELECT length({longer})")


def test_grouping_sets_count_every_level(aws: Aws) -> None:
    rows = aws.rows(
        "SELECT grouping(business_date, state), count(*) FROM forecast "
        "GROUP BY GROUPING SETS ((business_date), (state), ()) ORDER BY 1"
    )
    levels: dict[str | None, list[int]] = {}
    for level, count in rows:
        levels.setdefault(level, []).append(int(count or 0))
    assert {level: (len(counts), sum(counts)) for level, counts in levels.items()} == {
        "1": (DAYS, ROWS),
        "2": (14, ROWS),
        "3": (1, ROWS),
    }


@pytest.mark.parametrize(
    "name",
    [
        "forecast",
        "lake.forecast",
        "awsdatacatalog.lake.forecast",
        '"AwsDataCatalog"."lake"."FORECAST"',
    ],
)
def test_a_table_has_short_and_long_names(aws: Aws, name: str) -> None:
    assert aws.rows(f"SELECT count(*) FROM {name}") == [[str(ROWS)]]


@pytest.mark.parametrize(
    "condition",
    [
        "business_date = DATE '2026-01-31'",
        "business_date >= DATE '2026-01-31' AND state = 'WA'",
        "business_date IN (DATE '2026-01-31')",
        "business_date > date_add('day', -1, DATE '2026-01-31')",
    ],
)
def test_one_day_of_ninety_scans_one_day(aws: Aws, condition: str) -> None:
    def scanned(sql: str) -> int:
        return aws.run(sql)["Statistics"]["DataScannedInBytes"]

    every = scanned("SELECT * FROM forecast")
    day = scanned(f"SELECT * FROM forecast WHERE {condition}")
    wrapped = scanned(f"SELECT * FROM (SELECT * FROM forecast) t WHERE {condition}")
    assert 0 < day <= every * 0.05
    assert wrapped == day


def test_fewer_columns_scan_fewer_bytes(aws: Aws) -> None:
    def scanned(sql: str) -> int:
        return aws.run(sql)["Statistics"]["DataScannedInBytes"]

    one, both, every = (scanned(f"SELECT {c} FROM forecast") for c in ("y_50", "y_50, y_95", "*"))
    assert 0 < one < both < every
    assert scanned("SELECT sum(y_50) FROM forecast WHERE y_95 > 5") == both
    assert scanned("SELECT max(business_date) FROM forecast") == 0


def test_tables_without_files_have_columns_and_no_rows(aws: Aws) -> None:
    storage = {
        "Columns": [{"Name": "Id", "Type": "bigint"}, {"Name": "tags", "Type": "array<string>"}],
        "Location": "s3://neonsync-sandbox/lake/empty/",
        **PARQUET,
    }
    aws.glue.create_table(
        DatabaseName="lake",
        TableInput={
            "Name": "empty",
            "StorageDescriptor": storage,  # type: ignore[typeddict-item]
            "PartitionKeys": [{"Name": "day", "Type": "string"}],
        },
    )
    try:
        found = aws.run("SELECT * FROM empty WHERE day = 'x'")
        assert found["Status"]["State"] == "SUCCEEDED"
        text = aws.read(found["ResultConfiguration"]["OutputLocation"])
        assert text == b'"id","tags","day"\n'
    finally:
        aws.glue.delete_table(DatabaseName="lake", Name="empty")


def test_partitions_may_lie_anywhere_and_grow_columns(aws: Aws) -> None:
    source = aws.keys_under("s3://neonsync-sandbox/lake/forecast/business_date=2026-01-31/")[0]
    target = "elsewhere/one-day/data"
    aws.s3.copy_object(
        Bucket="neonsync-sandbox",
        Key=target,
        CopySource={"Bucket": "neonsync-sandbox", "Key": source},
    )
    aws.glue.create_table(
        DatabaseName="lake",
        TableInput={
            "Name": "moved",
            "StorageDescriptor": {
                "Columns": [
                    {"Name": "state", "Type": "string"},
                    {"Name": "restaurant_id", "Type": "bigint"},
                ],
                "Location": "s3://neonsync-sandbox/elsewhere/",
                **PARQUET,  # type: ignore[typeddict-item]
            },
            "PartitionKeys": [{"Name": "business_date", "Type": "date"}],
        },
    )
    aws.glue.batch_create_partition(
        DatabaseName="lake",
        TableName="moved",
        PartitionInputList=[
            {
                "Values": ["2026-01-31"],
                "StorageDescriptor": {"Location": "s3://neonsync-sandbox/elsewhere/one-day/"},
            }
        ],
    )
    try:
        rows = aws.rows("SELECT count(*), min(business_date), count(restaurant_id) FROM moved")
        assert rows == [["100", "2026-01-31", "100"]]
    finally:
        aws.glue.delete_table(DatabaseName="lake", Name="moved")


@pytest.mark.parametrize(
    ("query", "row"),
    [
        (
            "WITH forecast AS (SELECT 'x' AS y_50)"
            " SELECT CAST(y_50 AS varchar) || 'z' FROM forecast",
            ["xz"],
        ),
        ("SELECT transform(ARRAY['a'], c_int -> CAST(c_int AS varchar) || 'x') FROM one", ["[ax]"]),
        ("SELECT c_int / 2 AS c_double, c_double / 2 FROM one", ["61728", "1.125"]),
        ("SELECT x / 2 FROM (SELECT c_int / 4 AS x FROM one)", ["15432"]),
        (
            "SELECT (SELECT max(c_bigint / restaurant_id) FROM forecast WHERE restaurant_id = 5)"
            " FROM one",
            ["2469135780"],
        ),
    ],
    ids=["WITH", "lambda", "alias", "inner", "outer"],
)
def test_a_name_has_the_type_of_what_it_means_there(aws: Aws, query: str, row: list[str]) -> None:
    one = "(SELECT * FROM all_types WHERE c_int = 123456) AS one"
    assert aws.rows(query.replace("FROM one", f"FROM {one}")) == [row]


def test_a_query_is_translated_anew_when_its_table_is_another(aws: Aws) -> None:
    folder = aws.prefix()
    aws.unload("SELECT 'ab' AS c", folder)
    for size, text in ((3, "ab "), (6, "ab    "), (3, "ab ")):
        aws.run(
            f"CREATE EXTERNAL TABLE padded (c char({size})) STORED AS PARQUET LOCATION '{folder}'"
        )
        assert aws.rows("SELECT CAST(c AS varchar) FROM padded") == [[text]]
        aws.run("DROP TABLE padded")
