"""From a column's type, name and rule to its domain: for a key's column, for any other, for a list.

Whatever does not fit raises ``ValueError`` with the reason; the caller knows table and column.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pyarrow as pa

from neonsync.columns import arrow_type
from neonsync.tables import ColumnRule, ColumnSpec, DayForm
from neonsync.testdata import naming
from neonsync.testdata.domains import (
    DAY_SECONDS,
    UUIDS,
    Booleans,
    Bytes,
    Dates,
    Documents,
    Domain,
    Listed,
    Moments,
    Numbered,
    Serial,
    Times,
    Uuids,
)
from neonsync.testdata.listed import TEXTS, TIMESTAMPS, listed_domain, text_limit
from neonsync.testdata.numbers import (
    MOST,
    NUMBERS,
    Counted,
    Numbers,
    in_range,
    limits,
)

_EPOCH = date(1970, 1, 1)
_RECENT_DAYS = 365
_NUMBER_WIDTH = 6
_EMAIL = ("user", "@example.com")
_MANY = 1 << 32


def key_room(column: ColumnSpec, rule: ColumnRule, last_day: date, *, state: bool = False) -> int:
    """How many values a key's column can have; ``state`` where they must be codes of states."""
    base = column.type.base
    if base in NUMBERS:
        counting = _counting(column, rule, MOST + 1)
        return min(MOST, counting.top - counting.bottom + 1)
    if base in TEXTS:
        limit = text_limit(column.type)
        if state and (limit is None or limit > 1):
            return len(naming.STATES)
        return MOST if limit is None else int(min(MOST, 36 ** min(limit, 13)))
    days = last_day.toordinal()
    return {
        "boolean": 2,
        "date": days,
        "timestamp": days * DAY_SECONDS,
        "timestamptz": days * DAY_SECONDS,
        "time": DAY_SECONDS * 1_000_000,
        "uuid": UUIDS,
    }.get(base, MOST)


def key_domain(
    column: ColumnSpec,
    rule: ColumnRule,
    size: int,
    last_day: date,
    key: int,
    *,
    state: bool = False,
) -> Domain:
    """``size`` different values, which must be no more than ``key_room``."""
    arrow, base = arrow_type(column.type, column.name), column.type.base
    if base in NUMBERS:
        counting = _counting(column, rule, size)
        start, top = counting.start, counting.top
        low = start - max(0, size - (top - start + 1))
        high = min(top, start + size - 1)
        return Counted(arrow, size, counting.scale, low, high, start=start, top=top)
    if base in TEXTS:
        limit = text_limit(column.type)
        if state and (limit is None or limit > 1):
            return Listed.of(pa.array(naming.STATES[:size], arrow))
        return _serial(arrow, size, naming.prefix(column.name), limit)
    if base == "bytea":
        return Bytes(arrow, size)
    if base == "jsonb":
        return Documents(arrow, size)
    if base == "time":
        return Times(arrow, size, 1_000_000 if size <= DAY_SECONDS else 1)
    return _plain(column, size, last_day, key)


def default_domain(
    column: ColumnSpec, rule: ColumnRule, last_day: date, key: int, *, state: bool = False
) -> Domain:
    """What a column holds when no rule lists its values or makes it another's multiple."""
    arrow, base = arrow_type(column.type, column.name), column.type.base
    if base in NUMBERS:
        return in_range(arrow, column.type, *_range(column, rule))
    if base in TEXTS:
        limit = text_limit(column.type)
        if state and (limit is None or limit > 1):
            return Listed.of(pa.array(naming.STATES, arrow))
        if naming.is_email(column.name):
            around = len("".join(_EMAIL))
            digits = 18 if limit is None else min(18, limit - around)
            if digits >= 1:
                return Numbered(arrow, 10**digits - 1, *_EMAIL)
        pool = (text[:limit].rstrip() for text in naming.texts(column.name))
        return Listed.of(pa.array(list(dict.fromkeys(pool)), arrow))
    if base == "jsonb":
        return Listed.of(pa.array(naming.documents(), arrow))
    if base == "bytea":
        return Bytes(arrow, _MANY)
    if base == "time":
        return Times(arrow, DAY_SECONDS, 1_000_000)
    sizes = {"boolean": 2, "uuid": UUIDS, "date": _RECENT_DAYS}
    return _plain(column, sizes.get(base, _RECENT_DAYS * DAY_SECONDS), last_day, key)


def day_domain(
    column: ColumnSpec, form: DayForm, part: int, days: int, last_day: date
) -> tuple[Domain, bool]:
    """The domain of a day's column, and whether its codes count seconds, not days.

    ``part`` is 0, 1 or 2 for year, month and day where the day has three columns.
    """
    arrow, base = arrow_type(column.type, column.name), column.type.base
    if base == "date" and form is not DayForm.PARTS:
        return Dates(arrow, days, _since_epoch(last_day)), False
    if base in TIMESTAMPS and form is not DayForm.PARTS:
        return Moments(arrow, days * DAY_SECONDS, _since_epoch(last_day)), True
    dates = [last_day - timedelta(days=back) for back in range(days)]
    if form is DayForm.PARTS:
        texts = [day.isoformat().split("-")[part] for day in dates]
    else:
        plain = base in NUMBERS or form in (DayForm.PLAIN, DayForm.NUMBER)
        texts = [day.isoformat().replace("-", "") if plain else day.isoformat() for day in dates]
    if base in TEXTS:
        return listed_domain(column, texts), False
    if base in NUMBERS:
        return listed_domain(column, [int(text) for text in texts]), False
    raise ValueError(f"{column.type} cannot hold a day")


def retyped(domain: Domain, column: ColumnSpec) -> Domain:
    """The same values in another column's type, for a column that refers to them.

    Raises:
        ValueError: they do not fit into it.
    """
    arrow, base = arrow_type(column.type, column.name), column.type.base
    if isinstance(domain, Numbers) and base in NUMBERS:
        ends = (Decimal(f"{end}E-{domain.scale}") for end in (domain.low, domain.high))
        least, most = limits(column.type)
        fits = all(least <= end <= most for end in ends)
        if fits and (domain.scale == 0 or pa.types.is_decimal(arrow)):
            exact = not pa.types.is_decimal(arrow) or domain.scale <= arrow.scale
            if exact:
                return replace(domain, type=arrow)
    elif base in TEXTS and pa.types.is_string(domain.type):
        limit = text_limit(column.type)
        if limit is None or domain.longest() <= limit:
            return domain
    elif domain.type == arrow or (base in TIMESTAMPS and isinstance(domain, Moments)):
        return replace(domain, type=arrow)
    raise ValueError(f"{column.type} does not hold them")


def _plain(column: ColumnSpec, size: int, last_day: date, key: int) -> Domain:
    """The domain of a type whose values a key and other columns number alike."""
    arrow = arrow_type(column.type, column.name)
    match column.type.base:
        case "boolean":
            return Booleans(arrow, size)
        case "date":
            return Dates(arrow, size, _since_epoch(last_day))
        case "timestamp" | "timestamptz":
            return Moments(arrow, size, _since_epoch(last_day))
        case "uuid":
            return Uuids(arrow, size, key)
    raise ValueError(f"test data cannot be made for {column.type}")


@dataclass(frozen=True)
class _Counting:
    """How a key's numbers are counted, in units of its scale."""

    start: int
    top: int
    bottom: int
    scale: int = 0


def _counting(column: ColumnSpec, rule: ColumnRule, size: int) -> _Counting:
    least, most = limits(column.type)
    whole = min(MOST, int(most))
    if rule.low is not None or rule.high is not None:
        start = 1 if rule.low is None else math.ceil(rule.low)
        top = whole if rule.high is None else min(whole, math.floor(rule.high))
        if start > top or start < least:
            raise ValueError(f"no {column.type} lies between {rule.low} and {rule.high}")
        return _Counting(start, top, start)
    if column.type.base != "numeric":
        return _Counting(1, whole, max(-MOST, int(least)))
    if size <= whole:
        return _Counting(1, whole, -whole)
    # Whole numbers do not suffice: all decimal places count.
    precision, scale = column.type.modifiers
    top = min(MOST, 10**precision - 1)
    return _Counting(1, top, -top, scale)


def _serial(arrow: pa.DataType, size: int, prefix: str, limit: int | None) -> Domain:
    """Numbered texts, the most readable form that the length allows."""
    digits = len(str(size))
    for width in (max(_NUMBER_WIDTH, digits), digits):
        if limit is None or len(prefix) + 1 + width <= limit:
            return Serial(arrow, size, f"{prefix}-", width)
        if limit - width >= 3:
            return Serial(arrow, size, f"{prefix[: limit - width - 1]}-", width)
    if limit is not None and digits <= limit:
        return Serial(arrow, size, "", digits)
    width = 1
    while 36**width < size:
        width += 1
    return Serial(arrow, size, "", width, base=36)


def _range(column: ColumnSpec, rule: ColumnRule) -> tuple[Decimal, Decimal]:
    """The bounds of a number: the rule's, else those by its name, within its type."""
    least, most = limits(column.type)
    usual = [min(max(Decimal(str(end)), least), most) for end in naming.bounds(column.name)]
    if usual[0] >= usual[1]:
        usual = [Decimal(0), most]  # a type too narrow for what its name promises
    span = usual[1] - usual[0]
    low = None if rule.low is None else Decimal(str(rule.low))
    high = None if rule.high is None else Decimal(str(rule.high))
    if low is None:
        low = usual[0] if high is None or high > usual[0] else max(least, high - span)
    if high is None:
        high = usual[1] if low < usual[1] else min(most, low + span)
    return low, high


def _since_epoch(day: date) -> int:
    return (day - _EPOCH).days
