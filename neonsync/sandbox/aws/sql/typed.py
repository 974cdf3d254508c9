"""Rules that go by the operands' types: comparisons, text put together, rows, JSON."""

from __future__ import annotations

import itertools
import re

import duckdb
import pyarrow as pa
from sqlglot import exp

from neonsync.sandbox.aws.errors import QueryFailed, not_supported
from neonsync.sandbox.aws.sql import text
from neonsync.sandbox.aws.sql.names import athena_name
from neonsync.sandbox.aws.sql.probes import (
    NULL_TYPE,
    Asked,
    Rule,
    call,
    is_number,
    mismatch,
    plain,
    register,
)

# Functions stay where they are made, and other queries come after this one.
_numbers = itertools.count(1)
_MOMENTS = ("DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP WITH TIME ZONE")


def to_json(asked: Asked) -> None:
    """``CAST(… AS JSON)``, by a function made for the type."""
    kind = asked.types[0]
    value = asked.arguments[0]
    if kind in {NULL_TYPE, "JSON"}:
        asked.become(plain(value, "JSON"))
        return
    described = duckdb.sqltype(kind)
    writer = text.each(text.json_writer(described), pa.string())
    name = f"athena_json_{next(_numbers)}"
    register(asked.connection, name, writer, [kind], "VARCHAR")
    asked.become(plain(call(name, value), "JSON"))


def joined(asked: Asked) -> None:
    """``||`` and ``concat``: text with text, bytes with bytes, arrays with arrays."""
    kinds = [kind for kind in asked.types if kind != NULL_TYPE]
    if len({kind if kind in {"VARCHAR", "BLOB"} else kind[-2:] for kind in kinds}) > 1 or not all(
        kind in {"VARCHAR", "BLOB"} or kind.endswith("[]") for kind in kinds
    ):
        names = ", ".join(map(athena_name, asked.types))
        raise mismatch(f"Unexpected parameters ({names}) for function concat")
    if kinds and NULL_TYPE in asked.types:
        asked.become(plain(exp.Null(), kinds[0]))
        return
    first = asked.arguments[0].copy()
    for each in asked.arguments[1:]:
        first = exp.DPipe(this=first, expression=each.copy(), safe=False)
    is_list = bool(kinds) and kinds[0].endswith("[]")
    asked.become(exp.Paren(this=first) if is_list else call("athena_joined", first))


def same_group(operator: str, where: str) -> Rule:
    """A comparison: Athena compares text with text, numbers with numbers, and refuses the rest."""

    def rule(asked: Asked) -> None:
        groups = {_group(kind) for kind in asked.types if kind != NULL_TYPE}
        if len(groups) > 1:
            left, right = (
                asked.types[0],
                next(kind for kind in asked.types if _group(kind) != _group(asked.types[0])),
            )
            raise QueryFailed(
                f"TYPE_MISMATCH: {where}: Cannot apply operator: "
                f"{athena_name(left)} {operator} {athena_name(right)}"
            )
        asked.become(asked.arguments[0].copy())

    return rule


def by_position(target: str) -> Rule:
    """A cast of rows: Athena goes by position, DuckDB by name; so the names must agree."""

    def rule(asked: Asked) -> None:
        kind = asked.types[0]
        if "STRUCT(" in kind and _names_of(kind) != _names_of(target):
            raise not_supported("a CAST between rows with other field names")
        asked.become(plain(asked.arguments[0], target))

    return rule


def _group(kind: str) -> str:
    if is_number(kind):
        return "number"
    return "moment" if kind in _MOMENTS else kind.partition("(")[0]


def _names_of(kind: str) -> list[str]:
    return [name.lower() for name in re.findall(r'(?:STRUCT\(|, )"?(\w+)"? (?=[A-Z])', kind)]
