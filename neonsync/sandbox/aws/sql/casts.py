"""CAST and TRY_CAST: what each type makes of each other, and the spellings that are accepted."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlglot import exp

from neonsync.sandbox.aws.errors import QueryFailed, not_supported
from neonsync.sandbox.aws.sql import typed
from neonsync.sandbox.aws.sql.labels import Label
from neonsync.sandbox.aws.sql.names import athena_name, duckdb_name
from neonsync.sandbox.aws.sql.probes import Asked, Probes, Rule, call, plain

_DAY = r"\s*\+?\d{4,}-\d{1,2}-\d{1,2}"
_CLOCK = r"\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d{1,12})?)?"
_ZONE = r"(?: ?[+-]\d{2}:\d{2}| ?Z| [A-Za-z_]+(?:/[A-Za-z_+-]+\d*)*)"
_FLOAT = r"\s*[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*"
# DuckDB reads more spellings than Athena does: each must fail here as it would there.
_PATTERNS = {
    "TINYINT": r"[+-]?\d+",
    "SMALLINT": r"[+-]?\d+",
    "INTEGER": r"[+-]?\d+",
    "BIGINT": r"[+-]?\d+",
    "FLOAT": _FLOAT,
    "DOUBLE": _FLOAT,
    "DECIMAL": r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?",
    "BOOLEAN": r"(?i)t|true|f|false|1|0",
    "DATE": rf"{_DAY}\s*",
    "TIME": _CLOCK,
    "TIMESTAMP": rf"{_DAY}(?: {_CLOCK})?\s*",
    "TIMESTAMP WITH TIME ZONE": rf"{_DAY}(?: {_CLOCK})?{_ZONE}?\s*",
    "UUID": r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
}
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT"}
_FLOATS = {"FLOAT", "DOUBLE"}
_NESTED = (exp.DType.ARRAY, exp.DType.MAP, exp.DType.STRUCT)
_SAME_TEXT = _INTEGERS | {"BOOLEAN", "DATE", "UUID", "TIMESTAMP_S", '"NULL"'}
_FRACTIONS = {"TIMESTAMP_MS": "%g", "TIMESTAMP": "%f"}


def translated(node: exp.Cast, label: Label | None, kind: str | None, probes: Probes) -> exp.Expr:
    """The cast in DuckDB's SQL; ``label`` and ``kind`` are its argument's, where they are known."""
    target, value = node.args["to"], node.this
    safe = isinstance(node, exp.TryCast)
    if target.is_type(*_NESTED):
        return _nested(value, target, safe, probes)
    wanted = duckdb_name(target, value)
    if wanted == "TIME" and "6" not in [size.name for size in target.expressions]:
        return call("athena_time_in_ms", _scalar(value, wanted, safe, kind, probes))
    if wanted == "JSON":
        if safe:
            raise not_supported("TRY_CAST to json")
        return probes.ask(typed.to_json, value)
    if wanted == "VARCHAR":
        return probes.ask(_to_text(target, label, safe), value, known=kind)
    return _scalar(value, wanted, safe, kind, probes)


def _scalar(value: exp.Expr, wanted: str, safe: bool, kind: str | None, probes: Probes) -> exp.Expr:
    if isinstance(value, exp.Literal) and value.is_string:
        return _literal(value, wanted, safe)
    return probes.ask(_to(wanted, safe), value, known=kind)


def _to(wanted: str, safe: bool) -> Rule:
    def rule(asked: Asked) -> None:
        kind, value = asked.types[0], asked.arguments[0]
        if wanted == "BLOB" and kind == "VARCHAR":
            asked.become(call("encode", value))
            return
        if kind == "VARCHAR":
            pattern = exp.Literal.string(_PATTERNS[_family(wanted)])
            name = exp.Literal.string(athena_name(wanted))
            value = (
                call("athena_tried", value, pattern)
                if safe
                else call("athena_checked", value, pattern, name)
            )
            if wanted == "TIMESTAMP WITH TIME ZONE":
                value = call("athena_near_zone", value)
        elif kind in _FLOATS and wanted in _INTEGERS:
            # The nearest integer, and of two the one farther from zero.
            value = call("round", value)
        asked.become(plain(value, wanted, safe))

    return rule


def _to_text(target: exp.DataType, label: Label | None, safe: bool) -> Rule:
    is_char = target.is_type(exp.DType.CHAR, exp.DType.NCHAR)
    size = target.expressions[0].this if target.expressions else None
    size = exp.Literal.number(1) if is_char and size is None else size

    def rule(asked: Asked) -> None:
        kind, value = asked.types[0], asked.arguments[0]
        text = _text(kind, value)
        if label is not None and label.kind == "char" and not is_char:
            # A char is kept without its padding, and gets it back as soon as it is text.
            text = call("rpad", text, exp.Literal.number(label.size), exp.Literal.string(" "))
        if size is not None and kind == "VARCHAR":
            text = call("substring", text, exp.Literal.number(1), size)
        elif size is not None:
            # Only text is cut; a number that does not fit is an error.
            text = call("athena_fitting_try" if safe else "athena_fitting", text, size)
        asked.become(call("rtrim", text, exp.Literal.string(" ")) if is_char else text)

    return rule


def _text(kind: str, value: exp.Expr) -> exp.Expr:
    if kind == "VARCHAR":
        return value.copy()
    if kind in _SAME_TEXT or kind.startswith("DECIMAL("):
        text = plain(value, "VARCHAR")
        if re.fullmatch(r"DECIMAL\((\d+),\s*\1\)", kind):
            # DuckDB writes such a number without the digit before its point.
            start, more = exp.Literal.string(r"^(-?)\."), exp.Literal.string(r"\10.")
            return call("regexp_replace", text, start, more)
        return text
    if kind == "DOUBLE":
        return call("athena_double_text", plain(value, "VARCHAR"))
    if kind == "FLOAT":
        return call("athena_real_text", plain(value, "DOUBLE"))
    if kind == "TIME":
        return call("athena_time_text", plain(value, "VARCHAR"))
    if kind in _FRACTIONS:
        form = exp.Literal.string(f"%Y-%m-%d %H:%M:%S.{_FRACTIONS[kind]}")
        return call("strftime", plain(value, "TIMESTAMP"), form)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return call("athena_utc_text", value)
    raise QueryFailed(f"TYPE_MISMATCH: line 1:1: Cannot cast {athena_name(kind)} to varchar")


def _literal(value: exp.Literal, kind: str, safe: bool) -> exp.Expr:
    """A literal is checked here, and stays one: conditions on partitions must stay simple."""
    text = value.name
    if kind == "BLOB":
        return call("encode", value)
    if not re.fullmatch(_PATTERNS[_family(kind)], text):
        if safe:
            return plain(exp.Null(), kind)
        raise QueryFailed(f"INVALID_CAST_ARGUMENT: Cannot cast '{text}' to {athena_name(kind)}")
    if kind == "TIMESTAMP WITH TIME ZONE":
        moment = _of_zone(re.sub(r" ([+-]\d)", r"\1", text))
        if moment is None and not safe:
            raise QueryFailed(f"INVALID_CAST_ARGUMENT: Cannot cast '{text}' to {athena_name(kind)}")
        return plain(exp.Null() if moment is None else exp.Literal.string(moment), kind, safe)
    return plain(exp.Literal.string(text), kind, safe)


def _of_zone(text: str) -> str | None:
    """A moment at UTC, where its zone has a name; None for one that the clocks leave out.

    Of a time that is there twice Athena takes the first, and DuckDB the second.
    """
    match = re.fullmatch(rf"\s*(\d{{4}}-\d+-\d+)(?: ({_CLOCK}))? ([A-Z]\w+/.+?)\s*", text)
    if match is None:
        return text
    clock, _, fraction = (match[2] or "0:0").partition(".")
    clock += ":0" if clock.count(":") == 1 else ""
    try:
        local = datetime.strptime(f"{match[1]} {clock}", "%Y-%m-%d %H:%M:%S")
        zone = ZoneInfo(match[3])
        moment = local.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError, KeyError):
        return text  # DuckDB has a word for it
    if moment.astimezone(zone).replace(tzinfo=None) != local:
        return None
    return f"{moment.replace(tzinfo=None)}.{fraction or 0}+00:00"


def _nested(value: exp.Expr, target: exp.DataType, safe: bool, probes: Probes) -> exp.Expr:
    """Rows and collections. Those that are spelt out are cast item by item."""
    kind = duckdb_name(target)
    if safe:
        raise not_supported("TRY_CAST to a nested type")
    if isinstance(value, exp.Null):
        return plain(value, kind)
    if target.is_type(exp.DType.STRUCT) and isinstance(value, exp.Struct):
        if len(value.expressions) != len(target.expressions):
            raise QueryFailed("TYPE_MISMATCH: line 1:1: the rows differ in their number of fields")
        fields: list[exp.Expr] = [
            exp.PropertyEQ(
                this=exp.to_identifier(field.name, quoted=True),
                expression=_item(each, field.args["kind"], probes),
            )
            for each, field in zip(value.expressions, target.expressions, strict=True)
        ]
        return plain(exp.Struct(expressions=fields), kind)
    if target.is_type(exp.DType.ARRAY) and isinstance(value, exp.Array):
        return plain(_array(value, target.expressions[0], probes), kind)
    if target.is_type(exp.DType.MAP) and isinstance(value, exp.Map):
        empty = exp.Array(expressions=[])  # MAP() has neither
        keys, values = value.args.get("keys", empty), value.args.get("values", empty)
        if isinstance(keys, exp.Array) and isinstance(values, exp.Array):
            made = exp.Map(
                keys=_array(keys, target.expressions[0], probes),
                values=_array(values, target.expressions[1], probes),
            )
            return plain(made, kind)
    return probes.ask(typed.by_position(kind), value)


def _array(array: exp.Array, inner: exp.DataType, probes: Probes) -> exp.Expr:
    return exp.Array(expressions=[_item(each, inner, probes) for each in array.expressions])


def _item(value: exp.Expr, kind: exp.DataType, probes: Probes) -> exp.Expr:
    return translated(exp.Cast(this=value.copy(), to=kind.copy()), None, None, probes)


def _family(kind: str) -> str:
    name = kind.partition("(")[0]
    return "TIMESTAMP" if name.startswith("TIMESTAMP_") else name
