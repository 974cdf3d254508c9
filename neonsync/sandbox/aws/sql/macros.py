"""Functions that a session's DuckDB gets: those of Athena that it lacks or takes otherwise."""

from __future__ import annotations

import duckdb
import duckdb.func
import pyarrow as pa

from neonsync.sandbox.aws.sql import text

# Overloads are chosen by the arguments' types when a query is bound. An argument is copied to each
# place where a macro names it: nothing that is nested deeply may name one twice.
_MACROS = (
    """athena_time_text(a) AS rpad(CASE WHEN contains(a, '.') THEN a ELSE a || '.' END,
        CASE WHEN length(a) > 12 THEN 15 ELSE 12 END, '0')""",
    """athena_time_in_ms(a) AS CAST(date_trunc('millisecond',
        DATE '2000-01-01' + (a + INTERVAL 500 MICROSECOND)) AS TIME)""",
    """athena_utc_text(a) AS
        strftime(timezone('UTC', a), '%Y-%m-%d %H:%M:%S.%g') || ' UTC'""",
    """athena_fitting(a, n) AS CASE
        WHEN length(a) > n
        THEN error('INVALID_CAST_ARGUMENT: Value ' || a || ' cannot be represented as varchar('
                   || n || ')')
        ELSE a END""",
    "athena_fitting_try(a, n) AS CASE WHEN length(a) <= n THEN a END",
    """athena_checked(a, pattern, kind) AS CASE
        WHEN NOT regexp_full_match(a, pattern)
        THEN error('INVALID_CAST_ARGUMENT: Cannot cast ''' || a || ''' to ' || kind)
        ELSE a END""",
    "athena_tried(a, pattern) AS CASE WHEN regexp_full_match(a, pattern) THEN a END",
    # A zone stands apart from the time there, and must not here.
    "athena_near_zone(a) AS regexp_replace(a, ' ([+-]\\d)', '\\1')",
    # What is moved or cut keeps its type; DuckDB makes a timestamp of microseconds of it.
    """athena_moved
    (a DATE, b) AS CAST(b AS DATE),
    (a TIMESTAMP_S, b) AS CAST(b AS TIMESTAMP_S),
    (a TIMESTAMP_MS, b) AS CAST(b AS TIMESTAMP_MS),
    (a TIMESTAMP, b) AS b,
    (a TIMESTAMPTZ, b) AS b,
    (a, b) AS b""",
    # As long as Trino's concat may make it; by way of a list, so that the argument is named once.
    """athena_joined
    (a VARCHAR) AS list_transform([a], lambda x: CASE WHEN strlen(x) > 1048576
        THEN error('INVALID_FUNCTION_ARGUMENT: Concatenated string is too large') ELSE x END)[1],
    (a BLOB) AS list_transform([a], lambda x: CASE WHEN octet_length(x) > 1048576
        THEN error('INVALID_FUNCTION_ARGUMENT: Concatenated string is too large') ELSE x END)[1]""",
    "athena_length(a VARCHAR) AS length(a), (a BLOB) AS octet_length(a)",
    # concat keeps the optimizer from comparing the column itself, which would prune
    # partitions where Athena prunes none.
    """athena_substr
    (a VARCHAR, start) AS CASE WHEN a IS NOT NULL THEN concat(substring(a, start), '') END,
    (a BLOB, start) AS array_slice(a, start, octet_length(a)),
    (a VARCHAR, start, size) AS CASE WHEN a IS NOT NULL
        THEN concat(substring(a, start, size), '') END,
    (a BLOB, start, size) AS array_slice(a, start, start + size - 1)""",
    """athena_in_utc(a, zone) AS CASE WHEN zone = 'UTC' THEN a
        ELSE error('NOT_SUPPORTED: AT TIME ZONE other than UTC is not supported by the sandbox')
        END""",
    """athena_at_timezone
    (a TIMESTAMP_S, zone) AS athena_in_utc(timezone('UTC', CAST(a AS TIMESTAMP)), zone),
    (a TIMESTAMP_MS, zone) AS athena_in_utc(timezone('UTC', CAST(a AS TIMESTAMP)), zone),
    (a TIMESTAMP, zone) AS athena_in_utc(timezone('UTC', a), zone),
    (a TIMESTAMPTZ, zone) AS athena_in_utc(a, zone)""",
    "athena_quotient(a, b) AS a / b",
    "athena_whole_quotient(a, b) AS a // b",
    "to_big_endian_64(a) AS CAST(CAST(CAST(a AS BIGINT) AS BIT) AS BLOB)",
    "to_big_endian_32(a) AS CAST(CAST(CAST(a AS INTEGER) AS BIT) AS BLOB)",
    "to_ieee754_64(a) AS CAST(CAST(CAST(a AS DOUBLE) AS BIT) AS BLOB)",
    "to_ieee754_32(a) AS CAST(CAST(CAST(a AS FLOAT) AS BIT) AS BLOB)",
    "from_big_endian_64(a) AS CAST(CAST(a AS BIT) AS BIGINT)",
    "from_big_endian_32(a) AS CAST(CAST(a AS BIT) AS INTEGER)",
    "nan() AS CAST('NaN' AS DOUBLE)",
    "infinity() AS CAST('Infinity' AS DOUBLE)",
)
# No argument fits: the binder's error tells the arguments' types.
PROBE = "athena_probe"


def install(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the functions in a fresh connection."""
    varchar = duckdb.sqltype("VARCHAR")
    for name, function, kind in (
        ("athena_double_text", text.cast_double, varchar),
        ("athena_real_text", text.cast_real, duckdb.sqltype("DOUBLE")),
        ("athena_json_parse", text.canonical_json, varchar),
    ):
        connection.create_function(
            name,
            text.each(function, pa.string()),
            [kind],
            varchar,
            type=duckdb.func.PythonUDFType.ARROW,
        )
    connection.create_function(
        PROBE,
        lambda a: a,
        [duckdb.sqltype("STRUCT(never INTEGER)")],
        varchar,
        type=duckdb.func.PythonUDFType.ARROW,
    )
    for macro in _MACROS:
        connection.execute(f"CREATE MACRO {macro}")
