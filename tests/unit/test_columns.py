"""The table of types: names, ways from the one to the other, and what has no way."""

from __future__ import annotations

import pyarrow as pa
import pytest

from neonsync.columns import (
    arrow_type,
    default_postgres,
    length_limit,
    parse_athena,
    parse_postgres,
)
from neonsync.errors import SourceError, TargetError
from neonsync.exporting import export_expression, rounding_note


@pytest.mark.parametrize(
    ("athena", "postgres", "arrow"),
    [
        ("boolean", "boolean", pa.bool_()),
        ("tinyint", "smallint", pa.int16()),
        ("smallint", "smallint", pa.int16()),
        ("int", "integer", pa.int32()),
        ("integer", "integer", pa.int32()),
        ("bigint", "bigint", pa.int64()),
        ("float", "real", pa.float32()),
        ("real", "real", pa.float32()),
        ("double", "double precision", pa.float64()),
        ("decimal(38,18)", "numeric(38,18)", pa.decimal128(38, 18)),
        ("string", "text", pa.string()),
        ("varchar(20)", "varchar(20)", pa.string()),
        ("char(5)", "char(5)", pa.string()),
        ("binary", "bytea", pa.binary()),
        ("date", "date", pa.date32()),
        ("timestamp", "timestamp", pa.timestamp("us")),
        ("timestamp(3) with time zone", "timestamptz", pa.timestamp("us", tz="UTC")),
    ],
)
def test_each_athena_type_has_its_postgres_and_arrow_type(
    athena: str, postgres: str, arrow: pa.DataType
) -> None:
    target = default_postgres(parse_athena(athena), "c")

    assert str(target) == postgres
    assert arrow_type(target, "c") == arrow
    # What Postgres itself calls the type is the same type.
    assert parse_postgres(postgres) == target


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("character varying(50)", "varchar(50)"),
        ("CHARACTER VARYING", "varchar"),
        ("numeric(10, 2)", "numeric(10,2)"),
        ("int8", "bigint"),
        ("timestamp without time zone", "timestamp"),
        ("timestamp(6) with time zone", "timestamptz"),
        ("timestamp(3) with time zone", "timestamptz(3)"),
        ("double precision", "double precision"),
    ],
)
def test_postgres_names_are_made_canonical(written: str, canonical: str) -> None:
    assert str(parse_postgres(written)) == canonical


@pytest.mark.parametrize(
    ("athena", "postgres", "expression"),
    [
        ("int", "integer", '"c"'),
        ("bigint", "integer", '"c"'),  # Arrow refuses what does not fit
        ("string", "varchar(2)", '"c"'),  # never cut short in Athena
        ("double", "numeric(10,2)", 'CAST("c" AS decimal(10,2))'),
        ("string", "date", 'CAST("c" AS date)'),
        ("int", "double precision", 'CAST("c" AS double)'),
        (
            "timestamp(3) with time zone",
            "timestamptz",
            "CAST(\"c\" AT TIME ZONE 'UTC' AS timestamp)",
        ),
    ],
)
def test_a_cast_stands_only_where_it_is_needed(athena: str, postgres: str, expression: str) -> None:
    assert export_expression('"c"', parse_athena(athena), parse_postgres(postgres), "c") == (
        expression
    )


def test_what_has_no_exact_way_names_the_column() -> None:
    with pytest.raises(SourceError, match='column "c" is double in Athena and date'):
        export_expression('"c"', parse_athena("double"), parse_postgres("date"), "c")
    with pytest.raises(SourceError, match='column "h" has the Athena type hyperloglog'):
        default_postgres(parse_athena("HyperLogLog"), "h")
    with pytest.raises(TargetError, match='column "p" has the Postgres type point'):
        arrow_type(parse_postgres("point"), "p")
    with pytest.raises(TargetError, match="without precision"):
        arrow_type(parse_postgres("numeric"), "n")


def test_a_way_that_rounds_is_never_silent() -> None:
    def note(athena: str, postgres: str) -> str | None:
        return rounding_note("c", parse_athena(athena), parse_postgres(postgres))

    assert note("double", "numeric(10,2)") == '"c" is double in Athena and rounded to numeric(10,2)'
    assert note("string", "numeric(10,2)") is not None
    assert note("timestamp", "date") is not None
    assert note("decimal(10,2)", "numeric(10,2)") is None
    assert note("string", "date") is None


def test_only_declared_lengths_are_checked() -> None:
    assert length_limit(parse_postgres("varchar(2)")) == 2
    assert length_limit(parse_postgres("text")) is None
    assert length_limit(parse_postgres("varchar")) is None


@pytest.mark.parametrize(
    ("athena", "postgres", "expression"),
    [
        ("array<int>", "jsonb", 'json_format(CAST("c" AS json))'),
        ("map<string,array<double>>", "jsonb", 'json_format(CAST("c" AS json))'),
        ("struct<time:string,binary:int>", "jsonb", 'json_format(CAST("c" AS json))'),
        ("json", "jsonb", 'json_format("c")'),
        ("uuid", "uuid", 'CAST("c" AS varchar)'),
        ("time(3)", "time", 'CAST("c" AS varchar)'),
    ],
)
def test_what_parquet_does_not_carry_leaves_as_text(
    athena: str, postgres: str, expression: str
) -> None:
    type_ = parse_athena(athena)
    assert str(default_postgres(type_, "c")) == postgres
    assert export_expression('"c"', type_, default_postgres(type_, "c"), "c") == expression


@pytest.mark.parametrize(
    "athena", ["array<binary>", "map<date,int>", "struct<a:array<map<timestamp,int>>>"]
)
def test_a_nested_type_without_a_json_form_is_refused_before_it_is_paid_for(athena: str) -> None:
    with pytest.raises(SourceError, match="makes no JSON of"):
        export_expression('"c"', parse_athena(athena), parse_postgres("jsonb"), "c")


@pytest.mark.parametrize(
    ("athena", "canonical"),
    [
        ("decimal", "decimal(10,0)"),
        ("decimal(7)", "decimal(7,0)"),
        ("varchar(2147483647)", "string"),
        ("varchar", "string"),
        ("char(3)", "char(3)"),
        ("struct<A:int>", "struct<A:int>"),
        ("timestamp(6) with time zone", "timestamp(6) with time zone"),
        ("timestamp(3) with time zone", "timestamp with time zone"),
    ],
)
def test_type_names_of_hive_and_trino_come_to_one_form(athena: str, canonical: str) -> None:
    assert str(parse_athena(athena)) == canonical


@pytest.mark.parametrize(
    ("athena", "expression"),
    [
        ("timestamp(3)", '"c"'),
        ("timestamp(6)", 'CAST(CAST("c" AS timestamp(6)) AS varchar)'),
        (
            "timestamp(6) with time zone",
            "CAST(CAST(\"c\" AT TIME ZONE 'UTC' AS timestamp(6)) AS varchar)",
        ),
    ],
)
def test_more_digits_than_parquet_gets_travel_as_text(athena: str, expression: str) -> None:
    type_ = parse_athena(athena)
    assert str(type_) == (athena if "6" in athena else "timestamp")
    assert export_expression('"c"', type_, default_postgres(type_, "c"), "c") == expression
    assert rounding_note("c", type_, default_postgres(type_, "c")) is None
    finer = parse_athena(athena.replace("6", "9"))
    note = rounding_note("c", finer, default_postgres(finer, "c"))
    assert (note is not None) == ("6" in athena)
