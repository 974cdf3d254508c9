"""Where a column's codes come from: the key, the day, another column, another table, chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neonsync.testdata import scenarios
from neonsync.testdata.domains import DAY_SECONDS
from neonsync.testdata.hashing import Ints, Mask, below, draw
from neonsync.testdata.numbers import Multiple, Numbers
from neonsync.testdata.rows import Group, Rows, Source


@dataclass(frozen=True)
class FromKey(Source):
    """A digit of the key."""

    axis: int

    def codes(self, rows: Rows) -> Ints:
        return rows.digit(self.axis)


@dataclass(frozen=True)
class FromDay(Source):
    """The day, or its seconds where the column holds a time too."""

    in_seconds: bool

    def codes(self, rows: Rows) -> Ints:
        return rows.back() * DAY_SECONDS + rows.second() if self.in_seconds else rows.back()


@dataclass(frozen=True)
class FromRow(Source):
    """The row's own number."""

    def codes(self, rows: Rows) -> Ints:
        return rows.numbers


@dataclass(frozen=True)
class FromParent(Source):
    """A column of a parent's row."""

    group: Group
    column: str

    def codes(self, rows: Rows) -> Ints:
        return rows.parent(self.group).codes(self.column)

    def nulls(self, rows: Rows) -> Mask | None:
        return rows.parent(self.group).nulls(self.column)


@dataclass(frozen=True)
class FromChance(Source):
    """Chance, by row or by what another column holds."""

    key: int
    size: int
    follows: str | None = None

    def codes(self, rows: Rows) -> Ints:
        return below(draw(self.key, rows.counters(self.follows)), self.size)


@dataclass(frozen=True)
class FromPlace(Source):
    """The place of another column's value in its list: the second goes with the second."""

    size: int
    follows: str

    def codes(self, rows: Rows) -> Ints:
        return rows.counters(self.follows) % self.size


@dataclass(frozen=True, eq=False)
class FromMultiple(Source):
    """A multiple of another column; NULL where that is NULL, if it may be."""

    column: str
    base: Numbers
    multiple: Multiple
    nullable: bool

    def codes(self, rows: Rows) -> Ints:
        integers = self.base.integers(rows.codes(self.column))
        return self.multiple.codes(integers, self.base.low, self.base.high)

    def nulls(self, rows: Rows) -> Mask | None:
        return rows.nulls(self.column) if self.nullable else None


@dataclass(frozen=True, eq=False)
class FromDemand(Source):
    """The scenario's demand on the row's day."""

    row_key: int
    series_key: int
    size: int
    levels: Ints

    def codes(self, rows: Rows) -> Ints:
        level = self.levels.ravel()[rows.scenario() * self.levels.shape[1] + rows.back()]
        series = None if rows.layout.day is None else rows.layout.series(rows.numbers)
        noise = scenarios.noise(self.row_key, rows.numbers, self.series_key, series)
        codes: Ints = (level + noise) * (self.size - 1) // scenarios.ONE
        return codes


@dataclass(frozen=True)
class FromScenario(Source):
    """The name of the row's scenario."""

    def codes(self, rows: Rows) -> Ints:
        return rows.scenario()


@dataclass(frozen=True)
class Always(Source):
    """One code for all rows."""

    code: int

    def codes(self, rows: Rows) -> Ints:
        return np.full(len(rows.numbers), self.code, np.int64)
