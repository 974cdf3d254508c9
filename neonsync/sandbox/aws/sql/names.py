"""The names of types: those of Athena's SQL in DuckDB, and DuckDB's in Athena's messages."""

from __future__ import annotations

from sqlglot import exp

from neonsync.sandbox.aws.errors import not_supported
from neonsync.sandbox.aws.types import split_outside_brackets

_SIMPLE = {
    exp.DType.BOOLEAN: "BOOLEAN",
    exp.DType.TINYINT: "TINYINT",
    exp.DType.SMALLINT: "SMALLINT",
    exp.DType.INT: "INTEGER",
    exp.DType.BIGINT: "BIGINT",
    exp.DType.FLOAT: "FLOAT",
    exp.DType.DOUBLE: "DOUBLE",
    exp.DType.VARBINARY: "BLOB",
    exp.DType.DATE: "DATE",
    exp.DType.TIMESTAMPTZ: "TIMESTAMP WITH TIME ZONE",
    exp.DType.JSON: "JSON",
    exp.DType.UUID: "UUID",
}
_TIMESTAMPS = {"": "TIMESTAMP_MS", "3": "TIMESTAMP_MS", "6": "TIMESTAMP", "0": "TIMESTAMP_S"}
_MESSAGES = {
    "FLOAT": "real",
    "TIMESTAMP_S": "timestamp(0)",
    "TIMESTAMP_MS": "timestamp(3)",
    "TIMESTAMP": "timestamp(6)",
    "TIMESTAMP WITH TIME ZONE": "timestamp(3) with time zone",
    "BLOB": "varbinary",
    "TIME": "time(3)",
}


def duckdb_name(kind: exp.DataType, value: exp.Expr | None = None) -> str:
    """The DuckDB type of a type in Athena's SQL; raises QueryFailed for one that is unknown.

    ``value`` is what is cast: the digits of ``DECIMAL '1.50'`` are its type.
    """
    if simple := _SIMPLE.get(kind.this):
        return simple
    if kind.is_type(*exp.DataType.TEXT_TYPES):
        return "VARCHAR"
    if kind.is_type(exp.DType.ARRAY):
        return f"{duckdb_name(kind.expressions[0])}[]"
    if kind.is_type(exp.DType.MAP):
        return f"MAP({', '.join(duckdb_name(each) for each in kind.expressions)})"
    if kind.is_type(exp.DType.STRUCT):
        return f"STRUCT({', '.join(_field(each) for each in kind.expressions)})"
    size = [parameter.name for parameter in kind.expressions]
    if kind.is_type(exp.DType.DECIMAL):
        if not size and isinstance(value, exp.Literal) and value.is_string:
            whole, _, fraction = value.name.strip("+-").partition(".")
            size = [str(max(1, len(whole) + len(fraction))), str(len(fraction))]
        return f"DECIMAL({','.join([*size, '0'][:2]) if size else '38,0'})"
    if kind.is_type(exp.DType.TIMESTAMP) and "".join(size) in _TIMESTAMPS:
        return _TIMESTAMPS["".join(size)]
    if kind.is_type(exp.DType.TIME) and "".join(size) in {"", "0", "3", "6"}:
        return "TIME"
    raise not_supported(f"type {kind.sql(dialect='trino').lower()}")


def athena_name(kind: str) -> str:
    """Athena's name of a DuckDB type in messages."""
    return _MESSAGES.get(kind, kind.lower())


def _field(field: exp.Expr) -> str:
    if not isinstance(field, exp.ColumnDef):
        raise not_supported("a ROW type without field names")
    return f'"{field.name}" {duckdb_name(field.args["kind"])}'


def sql_type(hive: str) -> str:
    """A catalogue type as SQL spells it: ``array<string>`` is ``array(varchar)``."""
    text = hive.strip().lower()
    for outer, name in (("array", "array"), ("map", "map"), ("struct", "row")):
        if text.startswith(f"{outer}<") and text.endswith(">"):
            parts = split_outside_brackets(text[len(outer) + 1 : -1])
            return f"{name}({', '.join(_sql_part(part, outer == 'struct') for part in parts)})"
    renamed = {"string": "varchar", "int": "integer", "float": "real", "binary": "varbinary"}
    return "timestamp(3)" if text == "timestamp" else renamed.get(text, text)


def _sql_part(part: str, is_field: bool) -> str:
    name, _, kind = part.strip().partition(":")
    return f"{name.strip()} {sql_type(kind)}" if is_field else sql_type(part)
