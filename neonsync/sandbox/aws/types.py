"""Types in their three spellings: the catalogue's (Hive), DuckDB's and Athena's answers'."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from neonsync.sandbox.aws.errors import QueryFailed

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

_HIVE_TO_DUCKDB = {
    "boolean": "BOOLEAN",
    "tinyint": "TINYINT",
    "smallint": "SMALLINT",
    "int": "INTEGER",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "float": "FLOAT",
    "real": "FLOAT",
    "double": "DOUBLE",
    "decimal": "DECIMAL(10,0)",
    "string": "VARCHAR",
    "varchar": "VARCHAR",
    "char": "VARCHAR",
    "binary": "BLOB",
    "varbinary": "BLOB",
    "date": "DATE",
    # Athena reads a Hive timestamp to the millisecond, and rounds what is finer.
    "timestamp": "TIMESTAMP_MS",
}
_DUCKDB_TO_ATHENA = {
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "integer": "integer",
    "bigint": "bigint",
    # Wider than any integer of Athena's: sums, which Athena keeps as bigint.
    "hugeint": "bigint",
    "float": "float",
    "double": "double",
    "varchar": "varchar",
    "blob": "varbinary",
    "date": "date",
    "timestamp": "timestamp",
    "timestamp_s": "timestamp",
    "timestamp_ms": "timestamp",
    "timestamp_ns": "timestamp",
    "timestamp with time zone": "timestamp with time zone",
    "time": "time",
    "time with time zone": "time with time zone",
    "json": "json",
    "uuid": "uuid",
    "list": "array",
    "map": "map",
    "struct": "row",
    "decimal": "decimal",
    '"null"': "unknown",
    "sqlnull": "unknown",
    "null": "unknown",
}
_PRECISION = {
    "boolean": (0, 0),
    "tinyint": (3, 0),
    "smallint": (5, 0),
    "integer": (10, 0),
    "bigint": (19, 0),
    "float": (17, 0),
    "double": (17, 0),
    "varchar": (2147483647, 0),
    "varbinary": (1073741824, 0),
    "timestamp": (3, 0),
    "timestamp with time zone": (3, 0),
}
_NOT_IN_HIVE = {
    "time": "time(3)",
    "time with time zone": "time(3) with time zone",
    "timestamp with time zone": "timestamp(3) with time zone",
    "json": "json",
    "uuid": "uuid",
    "unknown": "unknown",
}
_NARROWED = {"tinyint": "INTEGER", "smallint": "INTEGER", "hugeint": "BIGINT"} | {
    "timestamp_ms": "TIMESTAMP"
}
# Athena's precisions that a Hive timestamp does not have.
_OTHER_PRECISION = {"timestamp": 6, "timestamp_s": 0, "timestamp_ns": 9}


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result: its name and Athena's name of its type.

    ``any_zone`` where its moments may be of other zones than UTC: the zone is not kept.
    """

    name: str
    type: str
    precision: int = 0
    scale: int = 0
    any_zone: bool = False


def duckdb_type(hive: str) -> str:
    """The DuckDB type of a catalogue type; raises QueryFailed for one that is unknown."""
    text = hive.strip().lower()
    if "<" in text:
        return _nested(text)
    base, _, arguments = text.partition("(")
    if base == "decimal" and arguments:
        precision, _, scale = arguments.rstrip(")").partition(",")
        return f"DECIMAL({int(precision)},{int(scale or 0)})"
    try:
        return _HIVE_TO_DUCKDB[base.strip()]
    except KeyError:
        raise QueryFailed(f"HIVE_INVALID_METADATA: unsupported type: {hive}") from None


def stored_value(column: str, hive: str) -> str:
    """The SQL of a catalogue column's value in DuckDB, from the file's: in its type, cut to it."""
    value = f"CAST({column} AS {duckdb_type(hive)})"
    text = re.fullmatch(r"(char|varchar)\((\d+)\)", hive)
    if text is None:
        return value
    cut = f"substring({value}, 1, {text[2]})"
    # A char's padding is no part of its value: it is added where the value becomes text.
    return cut if text[1] == "varchar" else f"rtrim({cut}, ' ')"


def result_column(name: str, kind: DuckDBPyType, label: tuple[str, int] | None) -> ResultColumn:
    """How Athena describes a result column of this DuckDB type.

    ``label`` is char or varchar with its length, where the column has one.
    """
    if label is not None:
        return ResultColumn(name, label[0], label[1])
    athena = athena_type(kind)
    if str(kind.id).lower() in _OTHER_PRECISION:
        return ResultColumn(name, athena, max(3, _OTHER_PRECISION[str(kind.id).lower()]))
    if athena == "decimal":
        facts = dict(kind.children)
        return ResultColumn(name, athena, int(str(facts["precision"])), int(str(facts["scale"])))
    precision, scale = _PRECISION.get(athena, (0, 0))
    return ResultColumn(name, athena, precision, scale)


def athena_type(kind: DuckDBPyType) -> str:
    """Athena's name of a DuckDB type; raises QueryFailed where there is none."""
    # JSON is an alias of VARCHAR in DuckDB: only the printed name tells them apart.
    name = "json" if str(kind) == "JSON" else str(kind.id).lower()
    try:
        return _DUCKDB_TO_ATHENA[name]
    except KeyError:
        raise QueryFailed(f"NOT_SUPPORTED: type {kind} is not supported by the sandbox") from None


def unload_type(kind: DuckDBPyType, column: str) -> str:
    """The DuckDB type in which UNLOAD stores a column; raises QueryFailed as Athena does."""
    refuse_outside_hive(kind, column)
    return _NARROWED.get(str(kind.id).lower(), str(kind))


def hive_type(kind: DuckDBPyType, label: tuple[str, int] | None = None) -> str:
    """The catalogue's type for a DuckDB type; raises QueryFailed where Hive has none.

    ``label`` is char or varchar with its length, where the column has one.
    """
    if label is not None:
        return f"{label[0]}({label[1]})"
    athena = athena_type(kind)
    children = [(name, cast("DuckDBPyType", child)) for name, child in _children_of(kind, athena)]
    if athena == "decimal":
        facts = dict(kind.children)
        return f"decimal({facts['precision']},{facts['scale']})"
    if athena == "array":
        return f"array<{hive_type(children[0][1])}>"
    if athena == "map":
        return f"map<{hive_type(children[0][1])},{hive_type(children[1][1])}>"
    if athena == "row":
        return f"struct<{','.join(f'{name}:{hive_type(child)}' for name, child in children)}>"
    if athena in _NOT_IN_HIVE:
        raise QueryFailed(f"NOT_SUPPORTED: Unsupported Hive type: {_NOT_IN_HIVE[athena]}")
    return {"integer": "int", "varchar": "string", "varbinary": "binary"}.get(athena, athena)


def _children_of(kind: DuckDBPyType, athena: str) -> list[tuple[str, object]]:
    return list(kind.children) if athena in {"array", "map", "row"} else []


def refuse_outside_hive(kind: DuckDBPyType, column: str) -> None:
    """Raise QueryFailed when the type, or one inside it, has no place in Hive's formats."""
    athena = athena_type(kind)
    if athena in _NOT_IN_HIVE:
        raise QueryFailed(f"NOT_SUPPORTED: Unsupported Hive type: {_NOT_IN_HIVE[athena]}")
    precision = _OTHER_PRECISION.get(str(kind.id).lower())
    if precision is not None:
        raise QueryFailed(
            f"NOT_SUPPORTED: Incorrect timestamp precision for timestamp({precision}); "
            f"the configured precision is MILLISECONDS; column name: {column}"
        )
    if athena in {"array", "map", "row"}:
        for _, child in kind.children:
            refuse_outside_hive(cast("DuckDBPyType", child), column)


def _nested(text: str) -> str:
    match = re.fullmatch(r"(array|map|struct)\s*<(.*)>", text)
    if not match:
        raise QueryFailed(f"HIVE_INVALID_METADATA: unsupported type: {text}")
    outer, parts = match[1], split_outside_brackets(match[2])
    if outer == "array":
        return f"{duckdb_type(match[2])}[]"
    if outer == "map":
        return f"MAP({duckdb_type(parts[0])}, {duckdb_type(parts[1])})"
    fields = (part.partition(":") for part in parts)
    inner = ", ".join(f'"{name.strip()}" {duckdb_type(kind)}' for name, _, kind in fields)
    return f"STRUCT({inner})"


def split_outside_brackets(text: str) -> list[str]:
    """Split at commas that are outside brackets of any kind."""
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        depth += (char in "<([") - (char in ">)]")
        if char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]
