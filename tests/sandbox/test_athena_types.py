"""Values of every type, spelt out: their casts, their text, their JSON, and what has no place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.aws_fixtures import Aws, serving, small_lake


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(small_lake(tmp_path_factory.mktemp("types"))) as running:
        yield running


EVERY_TYPE = (
    ("CAST(1 AS tinyint)", ("tinyint", 3, 0), "1"),
    ("CAST(2 AS smallint)", ("smallint", 5, 0), "2"),
    ("CAST(3 AS integer)", ("integer", 10, 0), "3"),
    ("CAST(4 AS bigint)", ("bigint", 19, 0), "4"),
    ("CAST(0.1 AS real)", ("float", 17, 0), "0.1"),
    ("CAST(1e10 AS double)", ("double", 17, 0), "1.0E10"),
    ("CAST('1.235' AS decimal(10,2))", ("decimal", 10, 2), "1.24"),
    ("DECIMAL '1.50'", ("decimal", 3, 2), "1.50"),
    ("CAST('any' AS varchar)", ("varchar", 2147483647, 0), "any"),
    ("CAST('abcdef' AS varchar(3))", ("varchar", 3, 0), "abc"),
    ("CAST('ab' AS char(5))", ("char", 5, 0), "ab   "),
    ("X'6162'", ("varbinary", 1073741824, 0), "61 62"),
    ("DATE '2026-01-31'", ("date", 0, 0), "2026-01-31"),
    (
        "CAST('2026-01-31 10:00:00.1236' AS timestamp)",
        ("timestamp", 3, 0),
        "2026-01-31 10:00:00.124",
    ),
    (
        "CAST('2026-01-31 10:00:00.123456' AS timestamp(6))",
        ("timestamp", 6, 0),
        "2026-01-31 10:00:00.123456",
    ),
    (
        "CAST('2026-01-31 10:00:00' AS timestamp with time zone)",
        ("timestamp with time zone", 3, 0),
        "2026-01-31 10:00:00.000 UTC",
    ),
    ("CAST('10:00:00.5' AS time)", ("time", 0, 0), "10:00:00.500"),
    ('JSON \'{"b": 1,  "a": [1.50]}\'', ("json", 0, 0), '{"a":[1.5],"b":1}'),
    (
        "CAST('12151fd2-7586-11e9-8f9e-2a86e4085a59' AS uuid)",
        ("uuid", 0, 0),
        "12151fd2-7586-11e9-8f9e-2a86e4085a59",
    ),
    ("ARRAY[1, NULL]", ("array", 0, 0), "[1, null]"),
    ("MAP(ARRAY['k'], ARRAY[1])", ("map", 0, 0), "{k=1}"),
    ("CAST(ROW(1, 'x') AS ROW(a integer, b varchar))", ("row", 0, 0), "{a=1, b=x}"),
)


def test_values_have_the_types_and_texts_that_their_casts_say(aws: Aws) -> None:
    items = ", ".join(item for item, _, _ in EVERY_TYPE)
    nulls = ", ".join("NULL" for _ in EVERY_TYPE)
    names = ", ".join(f"c{index}" for index in range(len(EVERY_TYPE)))
    found = aws.run(f"SELECT * FROM (VALUES ({items}), ({nulls})) AS t({names})")
    assert found["Status"]["State"] == "SUCCEEDED", found["Status"]
    answer = aws.athena.get_query_results(QueryExecutionId=found["QueryExecutionId"])["ResultSet"]
    columns = answer["ResultSetMetadata"]["ColumnInfo"]
    described = [(c["Type"], c["Precision"], c["Scale"]) for c in columns]
    assert described == [kind for _, kind, _ in EVERY_TYPE]
    rows = [[datum.get("VarCharValue") for datum in row["Data"]] for row in answer["Rows"][1:]]
    assert rows == [[text for _, _, text in EVERY_TYPE], [None] * len(EVERY_TYPE)]


def test_values_are_a_statement_of_their_own(aws: Aws) -> None:
    assert aws.rows("VALUES (1, 'a'), (2.5, NULL)") == [["1.0", "a"], ["2.5", None]]
    assert aws.rows("VALUES 2, 1 ORDER BY 1") == [["1"], ["2"]]
    assert (
        "Column name not specified at position 1"
        in aws.unload("VALUES (1)")["Status"]["StateChangeReason"]
    )


def test_an_unload_of_values_holds_what_hive_can_hold(aws: Aws) -> None:
    kept = [item for item, (kind, *_), _ in EVERY_TYPE if kind not in {"json", "uuid", "time"}]
    kept = [item for item in kept if "zone" not in item and "timestamp(6)" not in item]
    names = [f"c{index}" for index in range(len(kept))]
    select = f"SELECT * FROM (VALUES ({', '.join(kept)})) AS t({', '.join(names)})"
    (row,) = aws.table(aws.unload(select)).to_pylist()
    values = dict(zip(kept, row.values(), strict=True))
    assert values["CAST('ab' AS char(5))"] == "ab"
    assert values["X'6162'"] == b"ab"
    moment = values["CAST('2026-01-31 10:00:00.1236' AS timestamp)"]
    assert str(moment) == "2026-01-31 10:00:00.124000"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("CAST('10:00:00' AS time)", "Unsupported Hive type: time(3)"),
        ("TIMESTAMP '2026-01-31 10:00:00 UTC'", "Unsupported Hive type: timestamp(3) with time"),
        ("json_parse('1')", "Unsupported Hive type: json"),
        ("UUID '12151fd2-7586-11e9-8f9e-2a86e4085a59'", "Unsupported Hive type: uuid"),
        ("ARRAY[uuid()]", "Unsupported Hive type: uuid"),
        (
            "CAST('2026-01-31' AS timestamp(6))",
            "Incorrect timestamp precision for timestamp(6); the configured precision is "
            "MILLISECONDS; column name: x",
        ),
        ("TIMESTAMP '2026-01-31 10:00:00'", "Incorrect timestamp precision for timestamp(0)"),
    ],
)
def test_an_unload_refuses_what_hive_cannot_hold(aws: Aws, item: str, reason: str) -> None:
    status = aws.unload(f"SELECT {item} AS x")["Status"]
    assert status["StateChangeReason"].startswith(f"NOT_SUPPORTED: {reason}")


def _check(aws: Aws, pairs: list[tuple[str, str | None]]) -> None:
    """All in one query: each expression beside the text that it must have."""
    (row,) = aws.rows(f"SELECT {', '.join(expression for expression, _ in pairs)}")
    found = [(expression, text) for (expression, _), text in zip(pairs, row, strict=True)]
    assert found == pairs


def test_casts_to_text_are_trinos(aws: Aws) -> None:
    pairs: list[tuple[str, str | None]] = [
        ("CAST(1.5e0 AS varchar)", "1.5E0"),
        ("CAST(1e10 AS varchar)", "1.0E10"),
        ("CAST(12345678.9e0 AS varchar)", "1.23456789E7"),
        ("CAST(-0.0001e0 AS varchar)", "-1.0E-4"),
        ("CAST(0e0 AS varchar)", "0E0"),
        ("CAST(REAL '0.1' AS varchar)", "1.0E-1"),
        ("CAST(nan() AS varchar)", "NaN"),
        ("CAST(-infinity() AS varchar)", "-Infinity"),
        ("CAST(DECIMAL '1.50' AS varchar)", "1.50"),
        ("CAST(DECIMAL '.50' AS varchar)", "0.50"),
        ("CAST(CAST(-0.05 AS decimal(2,2)) AS varchar)", "-0.05"),
        ("CAST(CAST(0 AS decimal(2,2)) AS varchar)", "0.00"),
        ("CAST(true AS varchar)", "true"),
        ("CAST(CAST('10:00:00' AS time) AS varchar)", "10:00:00.000"),
        ("CAST(UUID '12151FD2-7586-11e9-8f9e-2a86e4085a59' AS varchar)", EVERY_TYPE[18][2]),
        ("CAST(TIMESTAMP '2026-01-31 10:00:00' AS varchar)", "2026-01-31 10:00:00"),
        ("CAST(CAST('2026-01-31' AS timestamp) AS varchar)", "2026-01-31 00:00:00.000"),
        ("CAST(TIMESTAMP '2026-01-31 10:00:00 UTC' AS varchar)", "2026-01-31 10:00:00.000 UTC"),
        ("CAST(CAST('ab' AS char(4)) AS varchar) || '|'", "ab  |"),
        ("length(CAST('ab' AS char(4)))", "4"),
        ("CAST('ab' AS char(4)) = 'ab'", "true"),
        ("CAST(12 AS varchar(2))", "12"),
    ]
    _check(aws, pairs)


def test_json_is_trinos(aws: Aws) -> None:
    row = (
        "CAST(ROW(1, 'x\"\n', NULL, DATE '2026-01-31', CAST('2026-01-31' AS timestamp), true, 1.50,"
        " 2e10, REAL '0.1', ARRAY[NULL], MAP(ARRAY['b', 'a'], ARRAY[1, NULL]), JSON '{}') AS ROW("
        "a integer, b varchar, c integer, d date, e timestamp(3), f boolean, g decimal(5,2), "
        "h double, i real, j array(integer), k map(varchar, integer), l json))"
    )
    expected = (
        '{"a":1,"b":"x\\"\\n","c":null,"d":"2026-01-31","e":"2026-01-31 00:00:00.000","f":true,'
        '"g":1.50,"h":2.0E10,"i":0.1,"j":[null],"k":{"a":null,"b":1},"l":{}}'
    )
    pairs: list[tuple[str, str | None]] = [
        (f"json_format(CAST({row} AS JSON))", expected),
        ("json_format(CAST(CAST(NULL AS array(integer)) AS JSON))", None),
        ("json_format(CAST(CAST('1e-8' AS decimal(38,18)) AS JSON))", "1.0000000000E-8"),
        ("json_format(CAST(ARRAY[ARRAY[1], NULL] AS JSON))", "[[1],null]"),
        ("json_format(CAST(MAP(ARRAY[2, 10], ARRAY['x', 'y']) AS JSON))", '{"10":"y","2":"x"}'),
        ("json_format(CAST(ROW(1, 'a') AS JSON))", '{"":1,"":"a"}'),
        ("json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a.b')", "1"),
        ("json_extract_scalar('{\"a\": {\"b\": 1}}', '$.a')", None),
        ("json_format(CAST(nan() AS JSON))", '"NaN"'),
        ('json_format(json_parse(\'{"b": 1, "a": "é"}\'))', '{"a":"é","b":1}'),
    ]
    _check(aws, pairs)
    assert "Cannot cast varbinary to json" in aws.failure("SELECT CAST(X'61' AS JSON)")
    assert "Cannot cast uuid to json" in aws.failure("SELECT CAST(ARRAY[uuid()] AS JSON)")


def test_decimals_divide_and_average_as_decimals_rounded_half_up(aws: Aws) -> None:
    sql = (
        "SELECT avg(x), avg(x) FILTER (WHERE x > 1), sum(x), 1.00 / 3, DECIMAL '10.00' / 4, "
        "CAST(2 AS integer) / 3.0, round(1.555, 2), ceil(1.2), 10.5 % 3 "
        "FROM (VALUES DECIMAL '1.00', DECIMAL '1.01', DECIMAL '1.03', NULL) AS t(x)"
    )
    found = aws.run(sql)
    answer = aws.athena.get_query_results(QueryExecutionId=found["QueryExecutionId"])["ResultSet"]
    columns = answer["ResultSetMetadata"]["ColumnInfo"]
    shown = [
        (datum["VarCharValue"], column["Precision"], column["Scale"])
        for datum, column in zip(answer["Rows"][1]["Data"], columns, strict=True)
    ]
    assert {column["Type"] for column in columns} == {"decimal"}
    assert shown == [
        *(("1.01", 3, 2), ("1.02", 3, 2), ("3.04", 38, 2), ("0.33", 3, 2), ("2.50", 4, 2)),
        *(("0.7", 12, 1), ("1.560", 5, 3), ("2", 2, 0), ("1.5", 3, 1)),
    ]
    assert aws.failure("SELECT 1.0 / 0").startswith("DIVISION_BY_ZERO")


def test_text_is_read_as_athena_reads_it(aws: Aws) -> None:
    pairs: list[tuple[str, str | None]] = [
        ("TRY_CAST('12.5' AS integer)", None),
        ("TRY_CAST('+12' AS bigint)", "12"),
        ("TRY_CAST('1_000' AS double)", None),
        ("TRY_CAST('NaN' AS double)", "NaN"),
        ("TRY_CAST('yes' AS boolean)", None),
        ("TRY_CAST('2026-01-31T10:00:00' AS timestamp)", None),
        ("TRY_CAST('2026/01/31' AS date)", None),
        ("TRY_CAST(x AS integer)", None),
        ("CAST(2.5e0 AS integer)", "3"),
        ("CAST(-2.5e0 AS bigint)", "-3"),
    ]
    expressions = ", ".join(expression for expression, _ in pairs)
    rows = aws.rows(f"SELECT {expressions} FROM (VALUES 'no') AS t(x)")
    assert rows == [[text for _, text in pairs]]
    assert aws.failure("SELECT CAST(x AS date) FROM (VALUES '31.1.2026') AS t(x)").startswith(
        "INVALID_CAST_ARGUMENT: "
    )


@pytest.mark.parametrize(
    ("condition", "operator"),
    [
        ("state = 1", "varchar = integer"),
        ("business_date >= '2026-01-31'", "date >= varchar"),
        ("dc_id IN (1, '2')", "integer = varchar"),
        ("dc_id BETWEEN '1' AND '2'", "integer BETWEEN varchar"),
    ],
)
def test_a_literal_of_another_type_is_no_condition(aws: Aws, condition: str, operator: str) -> None:
    reason = aws.failure(f"SELECT count(*) FROM forecast WHERE {condition}")
    assert reason.startswith("TYPE_MISMATCH: line 1:")
    assert reason.endswith(f"Cannot apply operator: {operator}")


def test_moments_of_other_zones_count_only_at_utc(aws: Aws) -> None:
    zoned = "(VALUES TIMESTAMP '2026-01-31 10:00:00 +02:00') AS t(x)"
    rows = aws.rows(f"SELECT CAST(x AT TIME ZONE 'UTC' AS timestamp) FROM {zoned}")
    assert rows == [["2026-01-31 08:00:00.000"]]
    for item in ("x", "CAST(x AS timestamp)", "CAST(x AS varchar)", "year(x)"):
        assert "other" in aws.failure(f"SELECT {item} FROM {zoned}")
    # What has no zone needs none: no rows, and no value.
    assert aws.rows(f"SELECT * FROM (SELECT x FROM {zoned}) AS query LIMIT 0") == []
    assert aws.rows("SELECT CAST(NULL AS timestamp(3) with time zone)") == [[None]]


def test_a_change_of_clocks_leaves_times_out_and_has_others_twice(aws: Aws) -> None:
    berlin = "CAST(CAST('{}' AS timestamp(3) with time zone) AT TIME ZONE 'UTC' AS timestamp)"
    pairs: list[tuple[str, str | None]] = [
        (berlin.format("2026-03-29 01:59:59.999 Europe/Berlin"), "2026-03-29 00:59:59.999"),
        (berlin.format("2026-03-29 03:00:00 Europe/Berlin"), "2026-03-29 01:00:00.000"),
        (berlin.format("2026-10-25 02:30:00.5 Europe/Berlin"), "2026-10-25 00:30:00.500"),
        (berlin.format("2026-10-25 02:30:00 +01:00"), "2026-10-25 01:30:00.000"),
    ]
    _check(aws, pairs)
    gone = "'2026-03-29 02:30:00 Europe/Berlin' AS timestamp with time zone)"
    assert aws.failure(f"SELECT CAST({gone}").startswith("INVALID_CAST_ARGUMENT: ")
    assert aws.rows(f"SELECT TRY_CAST({gone} IS NULL") == [["true"]]


def test_times_of_day_are_of_milliseconds_unless_they_say_more(aws: Aws) -> None:
    pairs: list[tuple[str, str | None]] = [
        ("CAST(CAST('12:34:56.123456' AS time(6)) AS varchar)", "12:34:56.123456"),
        ("CAST(CAST('12:34:56.1236' AS time) AS varchar)", "12:34:56.124"),
        ("CAST(CAST('23:59:59.9996' AS time(3)) AS varchar)", "00:00:00.000"),
    ]
    _check(aws, pairs)


def test_many_rows_of_values_with_casts_are_no_long_wait(aws: Aws) -> None:
    row = "CAST(ROW(DATE '2026-01-31', DECIMAL '1.5', ARRAY[1]) AS ROW(d date, m decimal(5,2), "
    row += "a array(bigint)))"
    rows = ", ".join(f"({row}, CAST(MAP() AS map(varchar, bigint)))" for _ in range(60))
    found = aws.rows(f"SELECT x, y FROM (VALUES {rows}) AS t(x, y)")
    assert found == [["{d=2026-01-31, m=1.50, a=[1]}", "{}"]] * 60


def test_an_empty_answer_describes_every_column(aws: Aws) -> None:
    found = aws.run("SELECT * FROM (SELECT * FROM all_types) AS q LIMIT 0")
    answer = aws.athena.get_query_results(QueryExecutionId=found["QueryExecutionId"])["ResultSet"]
    described = {
        column["Name"]: (column["Type"], column["Precision"], column["Scale"])
        for column in answer["ResultSetMetadata"]["ColumnInfo"]
    }
    assert len(answer["Rows"]) == 1
    assert described["c_varchar"] == ("varchar", 20, 0)
    assert described["c_char"] == ("char", 5, 0)
    assert described["c_decimal"] == ("decimal", 38, 18)
    assert described["c_timestamp"] == ("timestamp", 3, 0)
