"""Fields and figures as people read them: a date is a date, a text has no length before it."""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from neonsync.aggregates import Kind, Measure
from neonsync.digest import Field, Rule
from neonsync.postgres.refusals import PRIVATE

_LONGEST_SHOWN = 60
_EPOCH = date(1970, 1, 1)
_Y2K = datetime(2000, 1, 1)  # of a frame, which is in UTC
_FOR_EVER = {(1 << 63) - 1: "infinity", -(1 << 63): "-infinity"}


@dataclass(frozen=True)
class Readable:
    """How rows are told of: by the fields of their ``key``, and never by ``private`` columns."""

    key: Sequence[Field]
    private: Collection[str] = ()

    def key_of(self, key: Sequence[str]) -> str:
        """A row's key, in brackets."""
        pairs = zip(self.key, key, strict=True)
        return f"({', '.join(self._value(field, text) for field, text in pairs)})"

    def change(self, key: Sequence[str], field: Field, theirs: str, ours: str) -> str:
        """What a field is on both sides."""
        sides = [_shortened(field, text) for text in (theirs, ours)]
        return f"{self.key_of(key)} {field.name}: {sides[0]} in Athena, {sides[1]} here"

    def _value(self, field: Field, text: str) -> str:
        return PRIVATE if field.name in self.private else readable(field, text)


def is_null(field: Field, text: str) -> bool:
    """Whether a field of a frame is that of a NULL."""
    return text == (":" if field.rule in (Rule.TEXT, Rule.PADDED) else "")


def readable(field: Field, text: str) -> str:
    """A field of a frame; as it is where it is none that the rule writes."""
    try:
        return _readable(field.rule, text)
    except (ValueError, OverflowError, struct.error):
        return text


def readable_figure(measure: Measure, text: str | None) -> str:
    """A figure of a proof by aggregates; as it is where it is none that its rule gives."""
    if text is None:
        return "none"
    if measure.kind not in (Kind.LOW, Kind.HIGH):
        return text
    try:
        number = int(Decimal(text))
        if measure.field.rule is Rule.DAY:
            return str(_EPOCH + timedelta(days=number))
        return str(_Y2K + timedelta(milliseconds=number))
    except (ValueError, OverflowError, InvalidOperation):
        return text


def _readable(rule: Rule, text: str) -> str:
    match rule:
        case Rule.TEXT | Rule.PADDED:
            length, colon, value = text.partition(":")
            return value if colon and length.isdigit() else text
        case Rule.DAY:
            return str(_EPOCH + timedelta(days=int(text)))
        case Rule.MOMENT:
            (micros,) = struct.unpack(">q", _bytes(text))
            return _FOR_EVER.get(micros) or str(_Y2K + timedelta(microseconds=micros))
        case Rule.CLOCK | Rule.FINE_MOMENT:
            whole, point, fraction = text.partition(".")
            fraction = fraction.rstrip("0")
            return whole + point + fraction if fraction else whole
        case Rule.DOUBLE if text.startswith("\\x"):
            return repr(struct.unpack(">d", _bytes(text))[0])
        case Rule.REAL if text.startswith("\\x"):
            return f"{struct.unpack('>f', _bytes(text))[0]:.9g}"
        case Rule.BOOLEAN:
            return {"t": "true", "f": "false"}.get(text, text)
        case Rule.PRESENCE:
            return "a value" if text == "+" else text
        case _:
            return text


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("\\x"))


def _shortened(field: Field, text: str) -> str:
    """A field as it is shown beside another one."""
    if is_null(field, text):
        return "NULL"
    shown = repr(readable(field, text))[1:-1]
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[: _LONGEST_SHOWN - 1]}…"
