"""Domains of numbers: whole numbers on a decimal scale, exact until they take their type."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa

from neonsync.columns import SqlType
from neonsync.testdata.domains import Domain, first_places
from neonsync.testdata.hashing import Ints

INTEGER_BITS = {"smallint": 16, "integer": 32, "bigint": 64}
FLOAT_BITS = {"real": 24, "double precision": 53}
NUMBERS = frozenset((*INTEGER_BITS, *FLOAT_BITS, "numeric"))
MOST = (1 << 63) - 1
# Codes of a range stay below this, so that a level times a code fits into 64 bits.
_MOST_CODES = 1 << 32
_FLOAT_SCALE = 4


@dataclass(frozen=True, eq=False)
class Numbers(Domain):
    """``low``, ``low + step``, … on a decimal scale: 12345 on scale 2 is 123.45."""

    scale: int
    low: int
    high: int
    step: int = 1

    def integers(self, codes: Ints) -> Ints:
        """The numbers of these codes, times ten to the power of the scale."""
        return codes * self.step + self.low if self.step != 1 else codes + self.low

    def render(self, codes: Ints) -> pa.Array[Any]:
        return as_numbers(self.integers(codes), self.scale, self.type)


@dataclass(frozen=True, eq=False)
class Counted(Numbers):
    """A key's numbers: ``start`` up to ``top``, then from below ``start`` down."""

    start: int = 1
    top: int = MOST

    def integers(self, codes: Ints) -> Ints:
        upward = self.top - self.start + 1
        if self.size <= upward:
            return codes + self.start
        return np.where(codes < upward, codes + self.start, self.start - 1 - (codes - upward))


@dataclass(frozen=True, eq=False, kw_only=True)
class ListedNumbers(Numbers):
    """Numbers in a list."""

    table: Ints
    firsts: Ints

    def integers(self, codes: Ints) -> Ints:
        return self.table[codes]

    def canonical(self, codes: Ints) -> Ints:
        return self.firsts[codes]


def as_numbers(integers: Ints, scale: int, type_: pa.DataType) -> pa.Array[Any]:
    """The integers, divided by ten to the power of ``scale``, as an array of this type."""
    if pa.types.is_decimal(type_):
        words: Any = np.empty((len(integers), 2), np.int64)
        words[:, 0] = integers
        words[:, 1] = integers >> 63
        # Bounds are kept, so the same scale needs no cast, which would look at each value.
        exact = type_ if scale == type_.scale else pa.decimal128(38, scale)
        array: Any = pa.Array.from_buffers(exact, len(integers), [None, pa.py_buffer(words)])
        return array if exact == type_ else _rescaled(array, type_)
    if pa.types.is_floating(type_):
        floats = integers / np.float64(10**scale)
        return pa.array(floats).cast(type_, safe=False)
    return pa.array(integers).cast(type_)


def _rescaled(array: Any, type_: Any) -> pa.Array[Any]:
    wider: pa.Array[Any] = array.cast(pa.decimal128(38, type_.scale))
    return wider.cast(type_)


def limits(type_: SqlType) -> tuple[Decimal, Decimal]:
    """The least and the greatest number that a column of this type holds exactly."""
    if type_.base in INTEGER_BITS:
        half = 1 << (INTEGER_BITS[type_.base] - 1)
        return Decimal(-half), Decimal(half - 1)
    if type_.base in FLOAT_BITS:
        most = Decimal(1 << FLOAT_BITS[type_.base])
    else:
        precision, scale = type_.modifiers
        most = Decimal(f"{10**precision - 1}E-{scale}")  # as text: scaleb rounds to 28 digits
    return most.copy_negate(), most


def most_scale(type_: SqlType) -> int:
    """The decimal places that a made number may have."""
    if type_.base in INTEGER_BITS:
        return 0
    return _FLOAT_SCALE if type_.base in FLOAT_BITS else type_.modifiers[1]


def in_range(arrow: pa.DataType, type_: SqlType, low: Decimal, high: Decimal) -> Numbers:
    """The numbers from ``low`` to ``high``, as fine as type and 64 bits allow.

    Raises:
        ValueError: no such number fits into the type; the message tells why.
    """
    least, most = limits(type_)
    if low < least or high > most:
        raise ValueError(f"{low} to {high} is outside of {type_}, which holds {least} to {most}")
    scale = most_scale(type_)
    widest = max(abs(low), abs(high), Decimal(1))
    while scale > 0 and ((high - low).scaleb(scale) >= _MOST_CODES or widest.scaleb(scale) > MOST):
        scale -= 1
    first = int(low.scaleb(scale).to_integral_value(ROUND_CEILING))
    last = int(high.scaleb(scale).to_integral_value(ROUND_FLOOR))
    if first > last:
        raise ValueError(f"no {type_} lies between {low} and {high}")
    if max(abs(first), abs(last)) > MOST:
        raise ValueError(f"{low} to {high} is wider than the 64 bits that numbers are made of")
    step = (last - first) // _MOST_CODES + 1
    return Numbers(arrow, (last - first) // step + 1, scale, first, last, step)


def listed_numbers(arrow: pa.DataType, type_: SqlType, values: list[Decimal]) -> ListedNumbers:
    """These numbers.

    Raises:
        ValueError: one of them does not fit into the type; the message names it.
    """
    least, most = limits(type_)
    fine = 18 if type_.base in FLOAT_BITS else most_scale(type_)
    scale = max(map(_places, values))
    for value in values:
        too_fine = _places(value) > fine
        if too_fine or not least <= value <= most or abs(value.scaleb(scale)) > MOST:
            raise ValueError(f"{value} does not fit into {type_}")
    table = [int(value.scaleb(scale)) for value in values]
    return ListedNumbers(
        type=arrow,
        size=len(table),
        scale=scale,
        low=min(table),
        high=max(table),
        table=np.array(table, np.int64),
        firsts=first_places(table),
    )


@dataclass(frozen=True)
class Multiple:
    """What ``factor`` makes of a base's integers on the scale of a target.

    ``times`` and ``over`` are the factor and the change of scale in one fraction.
    """

    times: int
    over: int
    domain: Numbers

    @classmethod
    def of(cls, base: Numbers, factor: float, arrow: pa.DataType, type_: SqlType) -> Multiple:
        """The multiple of a base for a column.

        Raises:
            ValueError: it does not fit into the type; the message tells why.
        """
        exact = Decimal(str(factor))
        finest = base.scale + _places(exact)
        scale = finest if type_.base in FLOAT_BITS else min(most_scale(type_), finest)
        # Floats hold 2**53 exactly; more places than that would be noise.
        most = 1 << 53 if type_.base in FLOAT_BITS else MOST
        while True:
            ratio = Fraction(exact) * Fraction(10) ** (scale - base.scale)
            ends = sorted(_rounded(end, ratio) for end in (base.low, base.high))
            if scale == 0 or max(map(abs, ends)) <= most:
                break
            scale -= 1
        least, greatest = limits(type_)
        low, high = (Decimal(end).scaleb(-scale) for end in ends)
        if low < least or high > greatest or max(map(abs, ends)) > MOST:
            raise ValueError(f"{low} to {high} is outside of {type_}")
        domain = Numbers(arrow, ends[1] - ends[0] + 1, scale, ends[0], ends[1])
        return cls(ratio.numerator, ratio.denominator, domain)

    def codes(self, integers: Ints, low: int, high: int) -> Ints:
        """The codes for a base's integers, which lie between ``low`` and ``high``."""
        widest = max(abs(low), abs(high)) * abs(self.times) * 2 + self.over
        if widest > MOST:
            values = [_rounded(int(value), Fraction(self.times, self.over)) for value in integers]
            return np.array(values, np.int64) - self.domain.low
        doubled = np.abs(integers) * (2 * abs(self.times)) + self.over
        sign = np.sign(integers) * (1 if self.times >= 0 else -1)
        codes: Ints = sign * (doubled // (2 * self.over)) - self.domain.low
        return codes


def _places(value: Decimal) -> int:
    return max(0, -int(value.normalize().as_tuple().exponent))


def _rounded(value: int, ratio: Fraction) -> int:
    """``value * ratio`` rounded as Postgres rounds a numeric: halves away from zero."""
    exact = value * ratio
    size = (abs(exact.numerator) * 2 + exact.denominator) // (2 * exact.denominator)
    return size if exact >= 0 else -size
