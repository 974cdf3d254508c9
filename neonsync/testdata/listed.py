"""Values as a rule lists them, read strictly into a column's type."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

from neonsync.columns import SqlType, arrow_type, length_limit
from neonsync.tables import ColumnSpec
from neonsync.testdata.domains import Domain, Listed
from neonsync.testdata.numbers import INTEGER_BITS, NUMBERS, listed_numbers

TEXTS = frozenset(("text", "varchar", "char"))
TIMESTAMPS = frozenset(("timestamp", "timestamptz"))


def listed_domain(column: ColumnSpec, values: Sequence[object]) -> Domain:
    """These values, as a rule lists them.

    Raises:
        ValueError: one of them is no value of the column's type.
    """
    arrow, base = arrow_type(column.type, column.name), column.type.base
    plain = [_READ[base](value) for value in values]
    for value, read in zip(values, plain, strict=True):
        if read is None:
            raise ValueError(f"{value!r} is no {column.type}")
    if base in NUMBERS:
        return listed_numbers(arrow, column.type, plain)
    limit = text_limit(column.type)
    for text in plain:
        if limit is not None and len(text) > limit:
            raise ValueError(f"{text!r} is longer than {column.type}")
    return Listed.of(pa.array(plain, arrow))


def once(values: Sequence[object]) -> list[object]:
    """The values without those that are listed again; they need not be hashable."""
    return [value for place, value in enumerate(values) if value not in values[:place]]


def text_limit(type_: SqlType) -> int | None:
    """The characters that a text's type holds; Postgres reads a bare ``char`` as ``char(1)``."""
    return 1 if type_.base == "char" and not type_.modifiers else length_limit(type_)


def _number(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    exact = Decimal(str(value))
    return exact if exact.is_finite() else None


def _whole(value: object) -> Decimal | None:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _day(value: object) -> date | None:
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return datetime.combine(value, time()) if isinstance(value, date) else None


def _uuid(value: object) -> bytes | None:
    try:
        return uuid.UUID(value).bytes if isinstance(value, str) else None
    except ValueError:
        return None


def _document(value: object) -> str | None:
    if not isinstance(value, str):
        return json.dumps(value) if isinstance(value, dict | list | int | float) else None
    try:
        json.loads(value)
    except ValueError:
        return None
    return value


def _only(type_: type) -> Callable[[object], Any]:
    return lambda value: value if isinstance(value, type_) else None


_READ: dict[str, Callable[[object], Any]] = {
    **dict.fromkeys(NUMBERS, _number),
    **dict.fromkeys(INTEGER_BITS, _whole),
    **dict.fromkeys(TEXTS, _only(str)),
    **dict.fromkeys(TIMESTAMPS, _moment),
    "boolean": _only(bool),
    "date": _day,
    "time": _only(time),
    "uuid": _uuid,
    "jsonb": _document,
    "bytea": lambda value: value.encode() if isinstance(value, str) else None,
}
