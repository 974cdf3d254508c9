"""Values as Trino writes them: numbers, JSON. DuckDB writes the same values otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from neonsync.sandbox.aws.errors import QueryFailed
from neonsync.sandbox.aws.sql.names import athena_name

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

Json = Callable[[Any], str]
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b"} | {
    "\f": "\\f"
}
_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_NUMBERS = {"tinyint", "smallint", "integer", "bigint", "hugeint"}
_KEYS = _NUMBERS | {"boolean", "float", "double", "decimal", "varchar"}


def java_number(text: str) -> str:
    """The shortest digits of a float in Java's notation: 1.0, 1.0E10, NaN, Infinity."""
    number = Decimal(text)
    if not number.is_finite():
        return _not_finite(number)
    exponent = number.adjusted()
    if not number or -3 <= exponent < 7:
        plain = f"{number:f}"
        return plain if "." in plain else f"{plain}.0"
    return _scientific(number)


def cast_double(text: str) -> str:
    """``CAST(double AS varchar)``: always scientific, 1.5E0, and 0E0 for zero."""
    number = Decimal(text)
    if not number.is_finite():
        return _not_finite(number)
    return _scientific(number) if number else ("-0E0" if number.is_signed() else "0E0")


def cast_real(value: float) -> str:
    """``CAST(real AS varchar)``: as for double, with seven digits at the most."""
    return cast_double(f"{value:.6e}")


def java_decimal(value: Decimal) -> str:
    """A decimal as Java's BigDecimal prints it: small ones with an exponent."""
    sign, digits, exponent = value.as_tuple()
    scale = -int(exponent)
    adjusted = len(digits) - 1 - scale
    if adjusted >= -6:
        return f"{value:f}"
    text = "".join(str(digit) for digit in digits)
    mantissa = f"{text[0]}.{text[1:]}" if len(text) > 1 else text
    return f"{'-' if sign else ''}{mantissa}E{adjusted}"


def json_string(text: str) -> str:
    """A JSON string as Jackson writes it: only what must be escaped is."""
    return f'"{_ESCAPED.sub(_escape, text)}"'


def canonical_json(text: str) -> str:
    """What ``json_parse`` keeps: no blanks, keys in order, numbers as Java prints them."""
    try:
        value = json.loads(text, parse_float=_JsonFloat, parse_constant=_refuse_constant)
    except ValueError as error:
        raise ValueError(
            f"INVALID_FUNCTION_ARGUMENT: Cannot convert value to JSON: '{text}'"
        ) from (error)
    return _written(value)


def json_writer(kind: DuckDBPyType) -> Json:
    """What ``CAST(… AS JSON)`` makes of values of this type; raises QueryFailed."""
    name = "json" if str(kind) == "JSON" else str(kind.id).lower()
    if name == "json":
        return str
    if simple := _SIMPLE.get(name):
        return simple
    children = [(key, cast("DuckDBPyType", child)) for key, child in _children(kind, name)]
    if name == "list":
        item = _nullable(json_writer(children[0][1]))
        return lambda values: f"[{','.join(map(item, values))}]"
    if name in {"struct", "tuple"}:
        # The fields of ROW(1, 2) have no names, and empty ones in JSON.
        fields = [(json_string(key), _nullable(json_writer(child))) for key, child in children]
        return lambda value: (
            "{"
            + ",".join(
                f"{label}:{write(item)}"
                for (label, write), item in zip(fields, value.values(), strict=True)
            )
            + "}"
        )
    if name == "map" and str(children[0][1].id).lower() in _KEYS:
        key, item = json_writer(children[0][1]), _nullable(json_writer(children[1][1]))
        return lambda pairs: _object({_key(key(name)): item(each) for name, each in pairs})
    raise QueryFailed(f"TYPE_MISMATCH: line 1:1: Cannot cast {athena_name(str(kind))} to json")


def each(function: Callable[[Any], Any], returned: pa.DataType) -> Callable[[Any], Any]:
    """A vectorised function that maps values, and NULL to NULL."""

    def apply(values: Any) -> Any:
        found = [None if value is None else function(value) for value in values.to_pylist()]
        return pa.array(found, returned)

    return apply


def _scientific(number: Decimal) -> str:
    digits = "".join(str(digit) for digit in number.as_tuple().digits).rstrip("0")
    sign = "-" if number.is_signed() else ""
    return f"{sign}{digits[0]}.{digits[1:] or '0'}E{number.adjusted()}"


def _not_finite(number: Decimal) -> str:
    return "NaN" if number.is_nan() else f"{'-' if number.is_signed() else ''}Infinity"


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04X}"


def _json_float(value: float) -> str:
    text = java_number(repr(value))
    return f'"{text}"' if text in {"NaN", "Infinity", "-Infinity"} else text


def _json_real(value: float) -> str:
    # Arrow hands a real over as the double next to it: its own digits are nine at the most.
    for digits in range(6, 10):
        text = f"{value:.{digits}g}"
        if pa.scalar(float(text), pa.float32()).as_py() == value:
            return java_number(text)
    return _json_float(value)


def _json_timestamp(value: datetime) -> str:
    return f'"{value.isoformat(" ", timespec="milliseconds")}"'


def _json_date(value: date) -> str:
    return f'"{value.isoformat()}"'


_SIMPLE: dict[str, Json] = {
    **dict.fromkeys(_NUMBERS, str),
    "boolean": lambda value: "true" if value else "false",
    "float": _json_real,
    "double": _json_float,
    "decimal": java_decimal,
    "varchar": json_string,
    "date": _json_date,
    "timestamp_s": lambda value: f'"{value.isoformat(" ", timespec="seconds")}"',
    "timestamp_ms": _json_timestamp,
    "timestamp": lambda value: f'"{value.isoformat(" ", timespec="microseconds")}"',
    "sqlnull": lambda _: "null",
    '"null"': lambda _: "null",
}


def _children(kind: DuckDBPyType, name: str) -> list[tuple[str, Any]]:
    return list(kind.children) if name in {"list", "struct", "tuple", "map"} else []


def _nullable(write: Json) -> Json:
    return lambda value: "null" if value is None else write(value)


def _key(written: str) -> str:
    return written if written.startswith('"') else json_string(written)


def _object(items: dict[str, str]) -> str:
    """An object with its keys in order: Trino writes maps so."""
    return "{" + ",".join(f"{key}:{items[key]}" for key in sorted(items, key=json.loads)) + "}"


class _JsonFloat(float):
    """A number with a point or an exponent, as it stood in the text."""


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _written(value: Any) -> str:
    if isinstance(value, dict):
        items = sorted(value.items())
        return "{" + ",".join(f"{json_string(k)}:{_written(v)}" for k, v in items) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, str):
        return json_string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _json_float(value)
    return "null" if value is None else str(value)
