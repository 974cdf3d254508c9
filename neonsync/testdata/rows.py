"""Some rows of a table while they are made, and what a column is made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from neonsync.testdata.domains import DAY_SECONDS, Domain
from neonsync.testdata.hashing import Ints, Mask, below, chosen, draw
from neonsync.testdata.layout import Layout

_T = TypeVar("_T")


class Source(ABC):
    """Decides on a column's codes; ``nulls`` on its NULLs, None for none at all."""

    @abstractmethod
    def codes(self, rows: Rows) -> Ints:
        """The code of each row, whether it is NULL or not."""

    def nulls(self, rows: Rows) -> Mask | None:
        """True for each row whose value is NULL because of where it comes from."""
        return None


@dataclass(frozen=True)
class Gaps:
    """NULLs by chance; where ``follows`` is set, equal values there give equal gaps."""

    key: int
    share: float
    follows: str | None = None

    def mask(self, rows: Rows) -> Mask:
        """True for each row without a value."""
        return chosen(draw(self.key, rows.counters(self.follows)), self.share)


@dataclass(frozen=True, eq=False)
class Column:
    """How one column is made."""

    domain: Domain
    source: Source
    gaps: Gaps | None = None


@dataclass(frozen=True)
class Group:
    """Columns that take their values from the same row of a parent.

    ``axis`` is the place of the key's axis that chooses the row, None when chance does, by the
    column ``follows`` where it is set. ``choice`` lists the rows to choose from, None for all.
    """

    parent: Callable[[Ints], Rows]
    size: int
    key: int
    axis: int | None = None
    choice: Ints | None = None
    follows: str | None = None

    def numbers(self, rows: Rows) -> Ints:
        """The parent's row for each row."""
        if self.axis is not None:
            numbers = rows.digit(self.axis)
        else:
            numbers = below(draw(self.key, rows.counters(self.follows)), self.size)
        return numbers if self.choice is None else self.choice[numbers]


@dataclass(frozen=True)
class DayPlan:
    """The day of a row: ``days`` of them, from the layout's axis, a column, or by chance."""

    days: int
    key: int
    axis: int | None
    column: str | None = None
    in_seconds: bool = False


class Rows:
    """Some rows of one table, of any numbers in any order; what is worked out is kept."""

    def __init__(
        self,
        numbers: Ints,
        columns: Callable[[str], Column],
        layout: Layout,
        day: DayPlan | None,
        scenario: Callable[[Ints], Ints],
    ) -> None:
        self.numbers = numbers
        self.layout = layout
        self._columns = columns
        self._day = day
        self._scenario = scenario
        self._kept: dict[tuple[Any, ...], Any] = {}

    def digit(self, place: int) -> Ints:
        """One digit of the row numbers."""
        return self._keep(("digit", place), lambda: self.layout.digit(self.numbers, place))

    def codes(self, name: str) -> Ints:
        """A column's codes."""

        def make() -> Ints:
            column = self._columns(name)
            return column.domain.canonical(column.source.codes(self))

        return self._keep(("codes", name), make)

    def nulls(self, name: str) -> Mask | None:
        """A column's NULLs."""

        def make() -> Mask | None:
            column = self._columns(name)
            nulls = column.source.nulls(self)
            if column.gaps is None:
                return nulls
            gaps = column.gaps.mask(self)
            return gaps if nulls is None else gaps | nulls

        return self._keep(("nulls", name), make)

    def counters(self, follows: str | None) -> Ints:
        """What chance goes by: the row numbers, or a column's codes with -1 for NULL."""
        if follows is None:
            return self.numbers
        nulls = self.nulls(follows)
        codes = self.codes(follows)
        return codes if nulls is None else np.where(nulls, -1, codes)

    def parent(self, group: Group) -> Rows:
        """The parent's rows for a group of references."""
        return self._keep(("parent", group.key), lambda: group.parent(group.numbers(self)))

    def back(self) -> Ints:
        """How many days each row lies before the last day, from 0 on."""

        def make() -> Ints:
            day = self._day
            if day is None:
                raise LookupError("the table has no day")
            if day.column is not None:
                codes = self.codes(day.column)
                return np.minimum(codes // DAY_SECONDS if day.in_seconds else codes, day.days - 1)
            if day.axis is None:
                return below(draw(day.key, self.numbers), day.days)
            digit = self.digit(day.axis)
            return digit % day.days if self.layout.radices[day.axis] > day.days else digit

        return self._keep(("back",), make)

    def second(self) -> Ints:
        """The second of its day at which each row lies."""
        day = self._day
        if day is None or day.axis is None:
            return below(
                draw(0 if day is None else ~day.key & (1 << 64) - 1, self.numbers), DAY_SECONDS
            )
        moments = -(-self.layout.radices[day.axis] // day.days)
        return self.digit(day.axis) // day.days * (DAY_SECONDS // moments)

    def scenario(self) -> Ints:
        """The number of each row's scenario."""

        def make() -> Ints:
            place = self.layout.entity
            if place is None:
                return self._scenario(self.layout.series(self.numbers))
            return self._scenario(self.digit(place))

        return self._keep(("scenario",), make)

    def array(self, name: str) -> pa.Array[Any]:
        """A column's values."""
        values = self._columns(name).domain.render(self.codes(name))
        nulls = self.nulls(name)
        if nulls is None:
            return values
        empty: Any = pa.scalar(None, values.type)
        filled: pa.Array[Any] = pc.if_else(pa.array(nulls), empty, values)
        return filled

    def _keep(self, name: tuple[Any, ...], make: Callable[[], _T]) -> _T:
        if name not in self._kept:
            self._kept[name] = make()
        kept: _T = self._kept[name]
        return kept
