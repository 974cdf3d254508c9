"""Domains: the values that a column may have, each with a number, its code.

A generator decides on codes; a domain turns them into an Arrow array. Equal codes are equal values
and unequal codes unequal ones, so that keys can be counted and other columns can follow.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from neonsync.testdata.hashing import Ints, mix

DAY_SECONDS = 86_400
UUIDS = 1 << 62
"""A uuid's bits that its version and variant leave free, in its second half."""

_DIGITS = np.frombuffer(b"0123456789abcdefghijklmnopqrstuvwxyz", np.uint8)


@dataclass(frozen=True, eq=False)
class Domain(ABC):
    """``size`` values of one Arrow type, with the codes from 0 on."""

    type: pa.DataType
    size: int

    @abstractmethod
    def render(self, codes: Ints) -> pa.Array[Any]:
        """The values of these codes."""

    def canonical(self, codes: Ints) -> Ints:
        """The codes, with one code only for values that are listed twice."""
        return codes

    def longest(self) -> int:
        """The characters of the longest text; 0 where values are no texts."""
        return 0


@dataclass(frozen=True, eq=False)
class Listed(Domain):
    """Values in a list; one that stands in it twice is drawn twice as often."""

    values: pa.Array[Any]
    firsts: Ints

    @classmethod
    def of(cls, values: pa.Array[Any]) -> Listed:
        """The domain of these values."""
        return cls(values.type, len(values), values, first_places(values.to_pylist()))

    def render(self, codes: Ints) -> pa.Array[Any]:
        places: Any = pa.array(codes)
        return self.values.take(places)

    def canonical(self, codes: Ints) -> Ints:
        return self.firsts[codes]

    def longest(self) -> int:
        if not pa.types.is_string(self.type):
            return 0
        return max((len(str(text)) for text in self.values.to_pylist()), default=0)


@dataclass(frozen=True, eq=False)
class Serial(Domain):
    """Texts with a number of fixed width in them, counted from 1: ``item-000017``."""

    prefix: str
    width: int
    base: int = 10

    def render(self, codes: Ints) -> pa.Array[Any]:
        head = np.frombuffer(self.prefix.encode("ascii"), np.uint8)
        text = np.empty((len(codes), len(head) + self.width), np.uint8)
        text[:, : len(head)] = head
        rest = codes + 1 if self.base == 10 else codes
        for place in range(text.shape[1] - 1, len(head) - 1, -1):
            shorter = rest // self.base
            text[:, place] = _DIGITS[rest - shorter * self.base]
            rest = shorter
        return _fixed_width(self.type, text)

    def longest(self) -> int:
        return len(self.prefix) + self.width


@dataclass(frozen=True, eq=False)
class Numbered(Domain):
    """Texts around a number as it is, counted from 1: ``user17@example.com``."""

    prefix: str
    suffix: str

    def render(self, codes: Ints) -> pa.Array[Any]:
        numbers: Any = pa.array(codes + 1).cast(pa.string())
        texts: pa.Array[Any] = pc.binary_join_element_wise(
            pa.scalar(self.prefix), numbers, pa.scalar(self.suffix), pa.scalar("")
        )
        return texts

    def longest(self) -> int:
        return len(self.prefix) + len(str(self.size)) + len(self.suffix)


@dataclass(frozen=True, eq=False)
class Booleans(Domain):
    """False and true."""

    def render(self, codes: Ints) -> pa.Array[Any]:
        values: pa.Array[Any] = pa.array(codes == 1)
        return values


@dataclass(frozen=True, eq=False)
class Dates(Domain):
    """Dates back from the last day, which has code 0. ``last`` counts days since 1970."""

    last: int

    def render(self, codes: Ints) -> pa.Array[Any]:
        return pa.array((self.last - codes).astype(np.int32)).cast(self.type)


@dataclass(frozen=True, eq=False)
class Moments(Domain):
    """Seconds of the last day, then of the day before it, and so on. ``last`` as in ``Dates``."""

    last: int

    def render(self, codes: Ints) -> pa.Array[Any]:
        back = codes // DAY_SECONDS
        seconds = (self.last - back) * DAY_SECONDS + codes - back * DAY_SECONDS
        values: pa.Array[Any] = pa.array(seconds * 1_000_000).cast(self.type)
        return values


@dataclass(frozen=True, eq=False)
class Times(Domain):
    """Times of day, ``step`` microseconds apart."""

    step: int

    def render(self, codes: Ints) -> pa.Array[Any]:
        return pa.array(codes * self.step).cast(self.type)


@dataclass(frozen=True, eq=False)
class Bytes(Domain):
    """Eight bytes that look random."""

    def render(self, codes: Ints) -> pa.Array[Any]:
        return _fixed_width(self.type, _big_endian(mix(codes.astype(np.uint64))))


@dataclass(frozen=True, eq=False)
class Uuids(Domain):
    """Random-looking uuids of version 4; no code's uuid is another's."""

    key: int

    def render(self, codes: Ints) -> pa.Array[Any]:
        words = codes.astype(np.uint64)
        first = mix(words + np.uint64(self.key))
        first &= np.uint64(0xFFFF_FFFF_FFFF_0FFF)
        first |= np.uint64(0x4000)
        second = _scramble(words, np.uint64(self.key % UUIDS)) | np.uint64(1 << 63)
        return _fixed_width(self.type, np.hstack((_big_endian(first), _big_endian(second))))


@dataclass(frozen=True, eq=False)
class Documents(Domain):
    """Small JSON objects with a number in them, counted from 1."""

    def render(self, codes: Ints) -> pa.Array[Any]:
        return Numbered(self.type, self.size, '{"id": ', "}").render(codes)


def first_places(values: list[Any]) -> Ints:
    """For each value, where it stands first."""
    places: dict[Any, int] = {}
    return np.array([places.setdefault(value, n) for n, value in enumerate(values)], np.int64)


def _scramble(words: npt.NDArray[np.uint64], key: np.uint64) -> npt.NDArray[np.uint64]:
    """A bijection on 62 bits: each step, and so all of them together, can be undone."""
    within = np.uint64(UUIDS - 1)
    words = words ^ key
    for multiplier in (0xBF58476D1CE4E5B9, 0x94D049BB133111EB):
        words = (words * np.uint64(multiplier)) & within
        words ^= words >> np.uint64(31)
    return words


def _big_endian(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint8]:
    return words.astype(">u8").view(np.uint8).reshape(-1, 8)


def _fixed_width(type_: pa.DataType, text: npt.NDArray[np.uint8]) -> pa.Array[Any]:
    """An array whose values are the matrix's lines."""
    rows, width = text.shape
    lines: Any = np.ascontiguousarray(text)
    data = pa.py_buffer(lines)
    if pa.types.is_fixed_size_binary(type_):
        return pa.Array.from_buffers(type_, rows, [None, data])
    offsets = np.arange(rows + 1, dtype=np.int64) * width
    if offsets[-1] > np.iinfo(np.int32).max:
        raise ValueError("a batch of more than 2 GiB of text: ask for fewer rows at once")
    return pa.Array.from_buffers(type_, rows, [None, pa.py_buffer(offsets.astype(np.int32)), data])
