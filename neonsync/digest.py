"""The row digest: what of a row is hashed, field by field, on both sides of a copy.

A row's digest is the first half of the md5 of its frame, as a signed 64-bit number. The frame is
a text: the row's fields in order, joined by ``|``. How a field stands in it is told by its rule,
which goes by the types on both sides. Three write the same frame, each in its own way:

    neonsync.athena.digest       Athena's SQL, inside the UNLOAD
    neonsync.postgres.digest     Postgres's SQL, over staging or the published table
    row_digest, here             Python: the reference of both, and for rows that the loader changed

Digests of rows are added modulo 2^64: a sum, not an exclusive or, so that a row that stands twice
does not hide.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from neonsync.columns import FLOATS, INTEGERS, TEXTS, SqlType

SEPARATOR = "|"
MODULUS = 1 << 64
_MICROSECONDS = 1_000_000
_DAY_MICROSECONDS = 86_400 * _MICROSECONDS
_Y2K_DAYS = 10_957
_Y2K_MICROSECONDS = _Y2K_DAYS * _DAY_MICROSECONDS
"""Postgres counts time from 2000-01-01, Arrow from 1970-01-01."""


class Rule(StrEnum):
    """How a field stands in the frame. A NULL is empty, or ``:`` for a text."""

    WHOLE = "whole number"
    """Decimal digits."""
    DECIMAL = "decimal"
    """With as many digits after the point as the type has."""
    TEXT = "text"
    """Its length in bytes, a colon, and itself: so that NULL is not '', nor ab+c a+bc."""
    PADDED = "char"
    """As TEXT without the blanks at its end, which char(n) does not tell."""
    BOOLEAN = "boolean"
    """t or f."""
    DOUBLE = "double"
    """The eight bytes in hex; all NaN are one."""
    REAL = "real"
    """The four bytes in hex; all NaN are one."""
    BINARY = "binary"
    """In hex."""
    DAY = "date"
    """Days since 1970-01-01."""
    MOMENT = "timestamp"
    """Microseconds since 2000-01-01 in UTC, as eight bytes in hex."""
    CLOCK = "time"
    """``12:34:56.789000``."""
    FINE_MOMENT = "timestamp with microseconds"
    """``2026-01-31 12:34:56.789000`` in UTC."""
    UUID = "uuid"
    """In lower case."""
    PRESENCE = "presence"
    """Only whether there is a value: Postgres rewrites jsonb, and some texts can be written in more
    than one way."""


LONG = 1000
"""Bytes: of a longer text or binary its md5 stands in the frame, after a ``#``. Trino's concat
makes no more than 1 MiB (``ConcatFunction.MAX_OUTPUT_LENGTH``), and a row may have many columns."""


@dataclass(frozen=True)
class Field:
    """A column in the frame: its name and type in the target, and its rule.

    ``exported`` is its name in the exported files, and ``source`` its Athena type there.
    """

    name: str
    exported: str
    rule: Rule
    type: SqlType
    source: SqlType

    @property
    def exact(self) -> bool:
        """Whether the digest tells every change of its value."""
        return self.rule is not Rule.PRESENCE


@dataclass(frozen=True)
class Frame:
    """The fields of a table's digest, in order.

    ``alias`` is the name of the digest in exported files. It tells the frame: a file that was
    exported for another one has no such column.
    """

    fields: tuple[Field, ...]

    @property
    def alias(self) -> str:
        """As ``neonsync_digest_1f2e3d4c``."""
        # What Athena computes: of the target's type only a decimal's digits count there.
        told = repr(
            [
                (f.name, f.exported, f.rule.value, f.source)
                + (f.type.modifiers if f.rule is Rule.DECIMAL else ())
                for f in self.fields
            ]
        )
        return "neonsync_digest_" + hashlib.sha256(told.encode()).hexdigest()[:8]

    def named(self, names: Sequence[str]) -> list[Field]:
        """The fields of these names, in their order."""
        by_name = {field.name: field for field in self.fields}
        return [by_name[name] for name in names]

    @property
    def inexact(self) -> tuple[str, ...]:
        """Columns of which only the presence of a value is compared."""
        return tuple(field.name for field in self.fields if not field.exact)


class DigestSums(dict[str | None, int]):
    """Sums of row digests by date, modulo 2^64: each from 0 to 2^64-1."""

    def add(self, sums: Iterable[tuple[str | None, int]]) -> None:
        """Add sums of other rows."""
        for date, digest in sums:
            self[date] = (self.get(date, 0) + digest) % MODULUS


def rule_for(exported: SqlType, target: SqlType) -> Rule:
    """The rule of a column, by its Athena type in the exported files and its type in the target."""
    source = exported.base
    match target.base:
        case "text" | "varchar" | "char":
            return Rule.PADDED if "char" in (source, target.base) else Rule.TEXT
        case "timestamp" | "timestamptz" if source == "timestamp":
            return Rule.FINE_MOMENT if exported.modifiers else Rule.MOMENT
        case "timestamp" | "timestamptz" if source == "date":
            return Rule.MOMENT
        case "uuid" if source in TEXTS:
            return Rule.UUID
        case base:
            return _RULES.get((source, base), Rule.PRESENCE)


_WHOLE = ("smallint", "integer", "bigint")
_RULES = {
    ("boolean", "boolean"): Rule.BOOLEAN,
    **{(source, base): Rule.WHOLE for source in (*INTEGERS, "decimal") for base in _WHOLE},
    **{(source, "numeric"): Rule.DECIMAL for source in (*INTEGERS, "decimal")},
    ("real", "real"): Rule.REAL,
    **{(source, "double precision"): Rule.DOUBLE for source in FLOATS},
    ("varbinary", "bytea"): Rule.BINARY,
    ("date", "date"): Rule.DAY,
    ("time", "time"): Rule.CLOCK,
    ("uuid", "uuid"): Rule.UUID,
}


def row_digest(frame: Frame, row: Sequence[Any]) -> int:
    """The digest of a row of ``plain_values``, from -2^63 to 2^63-1."""
    pairs = zip(frame.fields, row, strict=True)
    return digest_of([field_text(field, value) for field, value in pairs])


def digest_of(fields: Sequence[str]) -> int:
    """The digest of a row by the texts of its fields."""
    digest = hashlib.md5(SEPARATOR.join(fields).encode(), usedforsecurity=False).digest()
    return int(struct.unpack(">q", digest[:8])[0])


def field_text(field: Field, value: Any) -> str:
    """How a value stands in the frame; ``value`` is one of ``plain_values``."""
    rule = field.rule
    if value is None:
        return ":" if rule in (Rule.TEXT, Rule.PADDED) else ""
    match rule:
        case Rule.TEXT | Rule.PADDED:
            text = value.rstrip(" ") if rule is Rule.PADDED else value
            size = len(text.encode())
            return f"{size}:{text if size <= LONG else _hashed(text.encode())}"
        case Rule.BOOLEAN:
            return "t" if value else "f"
        case Rule.DECIMAL:
            return f"{value:f}"
        case Rule.DOUBLE | Rule.REAL:
            if value != value:
                return "NaN"
            return "\\x" + struct.pack(">d" if rule is Rule.DOUBLE else ">f", value).hex()
        case Rule.BINARY:
            return "\\x" + (bytes(value).hex() if len(value) <= LONG else _hashed(value))
        case Rule.MOMENT:
            return "\\x" + struct.pack(">q", value - _Y2K_MICROSECONDS).hex()
        case Rule.FINE_MOMENT:
            return _moment_text(value)
        case Rule.CLOCK:
            return _clock_text(value)
        case Rule.UUID:
            digits = bytes(value).hex()
            return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
        case Rule.PRESENCE:
            return "+"
        case _:
            return str(value)


def _hashed(value: bytes) -> str:
    return "#" + hashlib.md5(value, usedforsecurity=False).hexdigest()


def plain_values(array: Any) -> list[Any]:
    """An Arrow array's values, as Python has them for every year: times are whole numbers.

    Dates are days since 1970-01-01, timestamps microseconds since then in UTC, times of day
    microseconds since midnight.
    """
    import pyarrow as pa

    kind = array.type
    if pa.types.is_date32(kind):
        array = array.cast(pa.int32())
    elif pa.types.is_timestamp(kind) or pa.types.is_time64(kind):
        array = array.cast(pa.int64())
    return list(array.to_pylist())


def _clock_text(microseconds: int) -> str:
    seconds, fraction = divmod(microseconds, _MICROSECONDS)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}.{fraction:06}"


def _moment_text(microseconds: int) -> str:
    import numpy as np

    days, rest = divmod(microseconds, _DAY_MICROSECONDS)
    return f"{np.datetime64(days, 'D')} {_clock_text(rest)}"
