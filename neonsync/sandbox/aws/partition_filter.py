"""Which partitions a condition on their keys leaves: GetPartitions' expressions, pruning."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from neonsync.sandbox.aws.catalogue import Column, Partition
from neonsync.sandbox.aws.errors import ApiError, QueryFailed
from neonsync.sandbox.aws.types import duckdb_type

_ALLOWED = (
    exp.Column,
    exp.Identifier,
    exp.Literal,
    exp.Null,
    exp.Predicate,
    exp.And,
    exp.Or,
    exp.Not,
    exp.Paren,
    exp.Cast,
    exp.DataType,
    exp.Neg,
    exp.Tuple,
)


def select(
    expression: str, keys: Sequence[Column], partitions: Sequence[Partition]
) -> list[Partition]:
    """The partitions for which the expression is true; all where it is empty.

    Raises InvalidInputException for an expression that is more than comparisons.
    """
    if not expression.strip() or not partitions:
        return list(partitions)
    condition = _condition(expression)
    try:
        with duckdb.connect(":memory:") as connection:
            found = indices_where(connection, keys, [p.values for p in partitions], condition)
    except (duckdb.Error, QueryFailed) as error:
        raise _unsupported(expression) from error
    return [partitions[index] for index in found]


def indices_where(
    connection: duckdb.DuckDBPyConnection,
    keys: Sequence[Column],
    values: Sequence[tuple[str, ...]],
    condition: str,
) -> list[int]:
    """The positions of the partition values that meet a condition in DuckDB's SQL."""
    items = ", ".join(
        f'CAST(v[{number}] AS {duckdb_type(key.type)}) AS "{key.name}"'
        for number, key in enumerate(keys, 1)
    )
    rows = ", ".join("(?, ?)" for _ in values)
    sql = f"SELECT i FROM (SELECT i, {items} FROM (VALUES {rows}) p(i, v)) WHERE {condition}"  # noqa: S608
    parameters = [item for index, row in enumerate(values) for item in (index, list(row))]
    return sorted(index for (index,) in connection.execute(sql, parameters).fetchall())


def _condition(expression: str) -> str:
    try:
        tree = sqlglot.parse_one(expression, read="trino")
    except SqlglotError as error:
        raise _unsupported(expression) from error
    if any(not isinstance(node, _ALLOWED) for node in tree.walk()):
        raise _unsupported(expression)
    return tree.sql(dialect="duckdb")


def _unsupported(expression: str) -> ApiError:
    return ApiError("InvalidInputException", f"Unsupported expression '{expression}'")
