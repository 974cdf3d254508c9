"""Athena's SQL to DuckDB's: only what means the same in both; all else fails by its name."""

from __future__ import annotations

import re

import duckdb
from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError

from neonsync.sandbox.aws.errors import (
    ErrorCategory,
    QueryCancelled,
    QueryFailed,
    not_supported,
)

# Overloads are chosen by the arguments' types when a query is bound. A fallback without types
# must not declare DOUBLE: integers and decimals would be cast to it.
MACROS = (
    # CAST(… AS varchar): timestamps carry milliseconds; doubles have a notation of their own.
    """CREATE MACRO athena_varchar
    (a DATE) AS CAST(a AS VARCHAR),
    (a TIMESTAMP_S) AS CAST(a AS VARCHAR),
    (a TIMESTAMP) AS strftime(a, '%Y-%m-%d %H:%M:%S.%g'),
    (a) AS CASE WHEN typeof(a) IN ('DOUBLE', 'FLOAT', 'BLOB', 'JSON', 'TIMESTAMP WITH TIME ZONE')
                     OR typeof(a) LIKE '%[]' OR typeof(a) LIKE 'MAP(%' OR typeof(a) LIKE 'STRUCT(%'
                THEN error('NOT_SUPPORTED: CAST to varchar of ' || typeof(a)
                           || ' is not supported by the sandbox')
                ELSE CAST(a AS VARCHAR) END""",
    # Integers divide to integers.
    """CREATE MACRO athena_divide
    (a BIGINT, b BIGINT) AS a // b,
    (a HUGEINT, b HUGEINT) AS CAST(a // b AS BIGINT),
    (a, b) AS CASE WHEN typeof(a) IN ('DOUBLE', 'FLOAT') OR typeof(b) IN ('DOUBLE', 'FLOAT')
                   THEN a / b
                   ELSE error('NOT_SUPPORTED: division of ' || typeof(a) || ' by ' || typeof(b)
                              || ' is not supported by the sandbox; cast to double') END""",
    # An average of decimals is a decimal there, a double here.
    """CREATE MACRO athena_averaged(a) AS
        CASE WHEN typeof(a) LIKE 'DECIMAL%'
             THEN error('NOT_SUPPORTED: avg of ' || typeof(a)
                        || ' is not supported by the sandbox; cast to double')
             ELSE a END""",
    # A date that is moved or cut stays a date; DuckDB makes a timestamp of it.
    """CREATE MACRO athena_moved
    (a DATE, b) AS CAST(b AS DATE),
    (a TIMESTAMP, b) AS b,
    (a TIMESTAMPTZ, b) AS b,
    (a, b) AS b""",
    "CREATE MACRO athena_length(a VARCHAR) AS length(a), (a BLOB) AS octet_length(a)",
    """CREATE MACRO athena_substr
    (a VARCHAR, start) AS substring(a, start),
    (a BLOB, start) AS array_slice(a, start, octet_length(a)),
    (a VARCHAR, start, size) AS substring(a, start, size),
    (a BLOB, start, size) AS array_slice(a, start, start + size - 1)""",
    """CREATE MACRO athena_at_timezone
    (a TIMESTAMP, zone) AS
        CASE WHEN zone = 'UTC' THEN timezone('UTC', a)
             ELSE error('NOT_SUPPORTED: AT TIME ZONE other than UTC') END,
    (a TIMESTAMPTZ, zone) AS
        CASE WHEN zone = 'UTC' THEN a
             ELSE error('NOT_SUPPORTED: AT TIME ZONE other than UTC') END""",
    "CREATE MACRO to_big_endian_64(a) AS CAST(CAST(CAST(a AS BIGINT) AS BIT) AS BLOB)",
    "CREATE MACRO to_big_endian_32(a) AS CAST(CAST(CAST(a AS INTEGER) AS BIT) AS BLOB)",
    "CREATE MACRO to_ieee754_64(a) AS CAST(CAST(CAST(a AS DOUBLE) AS BIT) AS BLOB)",
    "CREATE MACRO to_ieee754_32(a) AS CAST(CAST(CAST(a AS FLOAT) AS BIT) AS BLOB)",
    "CREATE MACRO from_big_endian_64(a) AS CAST(CAST(a AS BIT) AS BIGINT)",
    "CREATE MACRO from_big_endian_32(a) AS CAST(CAST(a AS BIT) AS INTEGER)",
)
# Functions that sqlglot does not know and passes on by name.
_PASSED_ON = {
    "bit_count",
    "from_big_endian_32",
    "from_big_endian_64",
    "map_values",
    "millisecond",
    "to_big_endian_32",
    "to_big_endian_64",
    "to_ieee754_32",
    "to_ieee754_64",
}
# Functions that sqlglot would write for DuckDB, with another meaning there.
_OTHER_MEANING = (
    exp.CurrentUser,
    exp.Format,
    exp.Localtimestamp,
    exp.Normalize,
    exp.ParseDatetime,
    exp.ReadCSV,
    exp.ReadParquet,
    exp.SHA,
    exp.Typeof,
)
_MISSING_COLUMN = re.compile(r'(?:Referenced column|have a column named) "([^"]+)"')
_MISSING_FUNCTION = re.compile(r"Function with name (\S+) does not exist")
_KNOWN_REASON = re.compile(r"(NOT_SUPPORTED: .*)")


def to_duckdb(query: exp.Query) -> str:
    """The query in DuckDB's SQL; raises QueryFailed that names what cannot be translated."""
    tree = query.copy()
    # Children before parents: what a translation makes is not translated again.
    for node in reversed(list(tree.walk())):
        translated = _translate(node)
        if translated is not node:
            node.replace(translated)
    try:
        return tree.sql(dialect="duckdb", unsupported_level=ErrorLevel.RAISE)
    except UnsupportedError as error:
        raise QueryFailed(f"NOT_SUPPORTED: {error}") from error


def failure(error: Exception, query: exp.Query, text: str) -> Exception:
    """What Athena would say where DuckDB, or its Arrow reader, says ``error``."""
    message = str(error)
    if isinstance(error, duckdb.InterruptException) or "INTERRUPT" in message:
        return QueryCancelled("Query cancelled by user")
    if known := _KNOWN_REASON.search(message):
        return QueryFailed(known[1].splitlines()[0])
    if missing := _MISSING_COLUMN.search(message):
        name = missing[1]
        where = position(_named(query, name), text)
        return QueryFailed(f"SYNTAX_ERROR: {where}: Column '{name}' cannot be resolved")
    if function := _MISSING_FUNCTION.search(message):
        return QueryFailed(f"FUNCTION_NOT_FOUND: line 1:1: Function '{function[1]}' not registered")
    first = message.split(": ", 1)[-1].splitlines()[0]
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException | duckdb.ParserException):
        return QueryFailed(f"SYNTAX_ERROR: line 1:1: {first}")
    if "Division by zero" in message:
        return QueryFailed("DIVISION_BY_ZERO: Division by zero")
    if isinstance(error, duckdb.OutOfRangeException) or "out of range" in message:
        return QueryFailed(f"NUMERIC_VALUE_OUT_OF_RANGE: {first}")
    if isinstance(error, duckdb.ConversionException) or "Conversion Error" in message:
        return QueryFailed(f"INVALID_CAST_ARGUMENT: {first}")
    return QueryFailed(
        f"GENERIC_INTERNAL_ERROR: {first}", category=ErrorCategory.SYSTEM, error_type=100
    )


def position(node: exp.Expr | None, text: str) -> str:
    """Where in the text a node starts, as Athena writes it: ``line 1:8``."""
    start = min(
        (found.meta["start"] for found in (node.walk() if node else ()) if "start" in found.meta),
        default=0,
    )
    line = text.count("\n", 0, start) + 1
    column = start - (text.rfind("\n", 0, start) + 1) + 1
    return f"line {line}:{column}"


def _named(query: exp.Query, name: str) -> exp.Expr | None:
    columns = (c for c in query.find_all(exp.Column, bfs=False) if c.name.lower() == name.lower())
    return next(columns, None)


def _translate(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Anonymous) and node.name.lower() not in _PASSED_ON:
        if node.name.lower() == "at_timezone":
            return _call("athena_at_timezone", *node.expressions)
        raise QueryFailed(
            f"FUNCTION_NOT_FOUND: line 1:1: Function '{node.name.lower()}' not registered "
            "(or not known to the sandbox)"
        )
    if isinstance(node, _OTHER_MEANING):
        raise QueryFailed(
            f"NOT_SUPPORTED: function {node.sql_name().lower()} is not supported by the sandbox"
        )
    if isinstance(node, exp.Cast):
        return _cast(node)
    if isinstance(node, exp.JSONFormat):
        return exp.Cast(this=node.this, to=exp.DataType.build("text"))
    if isinstance(node, exp.Div):
        return _call("athena_divide", node.this, node.expression)
    if isinstance(node, exp.Avg):
        if isinstance(node.this, exp.Distinct):
            raise not_supported("avg(DISTINCT …)")
        return exp.Avg(this=_call("athena_averaged", node.this))
    if _moves_a_date(node):
        return _call("athena_moved", node.this.copy(), node.copy())
    if isinstance(node, exp.Length):
        return _call("athena_length", node.this)
    if isinstance(node, exp.Substring):
        size = node.args.get("length")
        return _call("athena_substr", node.this, node.args["start"], *([size] if size else []))
    if isinstance(node, exp.DateDiff):
        # Athena counts the whole units between two moments, DuckDB's date_diff their borders.
        unit = exp.Literal.string(node.args["unit"].name.lower())
        return _call("date_sub", unit, node.expression, node.this)
    if isinstance(node, exp.AtTimeZone):
        return _call("athena_at_timezone", node.this, node.args["zone"])
    return node


def _moves_a_date(node: exp.Expr) -> bool:
    if isinstance(node, exp.Add | exp.Sub):
        return isinstance(node.expression, exp.Interval)
    return isinstance(node, exp.DateAdd | exp.DateSub | exp.DateTrunc | exp.TimestampTrunc)


def _cast(node: exp.Cast) -> exp.Expr:
    target = node.args["to"]
    if target.is_type(exp.DataType.Type.JSON):
        return _call("to_json", node.this)
    if not target.is_type(*exp.DataType.TEXT_TYPES):
        return node
    text = _call("athena_varchar", node.this)
    size = target.expressions
    return _call("substring", text, exp.Literal.number(1), size[0].this) if size else text


def _call(name: str, *arguments: exp.Expr) -> exp.Anonymous:
    return exp.Anonymous(this=name, expressions=list(arguments))
