"""DuckDB's errors in Athena's words, with the place in the query's text."""

from __future__ import annotations

import re

import duckdb
from sqlglot import exp

from neonsync.sandbox.aws.errors import ErrorCategory, QueryCancelled, QueryFailed

_MISSING_COLUMN = re.compile(r'(?:Referenced column|have a column named) "([^"]+)"')
_MISSING_FUNCTION = re.compile(r"Function with name (\S+) does not exist")
_KNOWN_REASON = re.compile(
    r"((?:NOT_SUPPORTED|INVALID_CAST_ARGUMENT|TYPE_MISMATCH|DIVISION_BY_ZERO"
    r"|NUMERIC_VALUE_OUT_OF_RANGE|INVALID_FUNCTION_ARGUMENT): .*)"
)


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
