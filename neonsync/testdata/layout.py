"""How a table's key counts its rows: the row number in mixed radix, one digit for each axis.

An axis is a column of the key, or several that change together: a day in three columns, or a
reference of more than one column. Different row numbers have different digits, and so different
keys. The day's digit changes fastest, then the entity's, so that few rows already show all days of
all entities.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from neonsync.testdata.hashing import Ints

ENTITIES = 4
"""The entities that a table has at least when its rows suffice: one for each scenario."""


@dataclass(frozen=True)
class Axis:
    """Columns of a key that share a digit. ``room`` is the most values they can have, ``usual``
    how many they have when the rows ask for as many, or None when the rows alone decide."""

    columns: tuple[str, ...]
    room: int
    usual: int | None = None
    is_day: bool = False


class KeyTooSmallError(ValueError):
    """The key cannot tell as many rows apart; ``possible`` is how many it can."""

    def __init__(self, possible: int) -> None:
        super().__init__(possible)
        self.possible = possible


@dataclass(frozen=True)
class Layout:
    """The axes from the fastest to the slowest, with their radices.

    ``entity`` is the place of the axis that scenarios go by, None where all axes but the day's
    count together.
    """

    axes: tuple[Axis, ...]
    radices: tuple[int, ...]
    rows: int
    entity: int | None

    @property
    def day(self) -> int | None:
        """The place of the day's axis."""
        return 0 if self.axes and self.axes[0].is_day else None

    def place(self, column: str) -> int | None:
        """The place of the axis that a column belongs to, None where it belongs to none."""
        places = (n for n, axis in enumerate(self.axes) if column in axis.columns)
        return next(places, None)

    def stride(self, place: int) -> int:
        """How many rows it takes until a digit changes."""
        stride = 1
        for radix in self.radices[:place]:
            stride *= radix
        return stride

    def digit(self, rows: Ints, place: int) -> Ints:
        """One digit of each row number."""
        stride = self.stride(place)
        digit = rows if stride == 1 else rows // stride
        if place < len(self.radices) - 1:
            digit = digit - digit // self.radices[place] * self.radices[place]
        return digit

    def series(self, rows: Ints) -> Ints:
        """What is left of the row numbers without the day."""
        return rows if self.day is None else rows // self.radices[0]

    def distinct(self, columns: Collection[str]) -> Ints | None:
        """Row numbers with each combination of these columns' values once; None for all rows.

        Raises:
            ValueError: the columns do not fill an axis, so their values may repeat.
        """
        whole = [n for n, axis in enumerate(self.axes) if set(axis.columns) <= set(columns)]
        if not whole:
            raise ValueError("no column of a key")
        if len(whole) == len(self.axes):
            return None
        rows = np.zeros(1, np.int64)
        # A row whose other digits are 0 comes before all others with the same digits here: where
        # any of them is among the rows, it is.
        for place in whole:
            steps = np.arange(self.radices[place], dtype=np.int64) * self.stride(place)
            rows = (steps[:, None] + rows[None, :]).ravel()
            rows = rows[rows < self.rows]
        return rows


def plan_layout(axes: Sequence[Axis], rows: int) -> Layout:
    """Give each axis its radix, so that together they count ``rows`` rows and hardly more.

    In this order, each only as far as the rows ask for it: entities for all scenarios, the days,
    the usual values of the other axes and then of the entity, axes that the rows decide on. Where
    all of these do not suffice, there are more entities than usual, and more of the others last.

    Raises:
        KeyTooSmallError: all their values together are fewer.
    """
    others = [axis for axis in axes if not axis.is_day]
    fewest = min(ENTITIES, rows)
    entity = next((axis for axis in others if axis.room >= fewest), None)
    if entity is not None:
        others.remove(entity)
        others.insert(0, entity)
    ordered = [axis for axis in axes if axis.is_day] + others
    plan = _Plan(ordered, max(rows, 1))
    for axis in [entity] if entity else others:
        plan.grow(axis, axis.room, fewest)
    for axis in ordered:
        if axis.is_day:
            # Few rows lie on fewer days, for the sake of the entities.
            most = max(1, rows // ENTITIES) if others else rows
            plan.grow(axis, min(most, axis.usual or axis.room))
    for axis in (*others[1:], *others[:1]):
        if axis.usual is not None:
            plan.grow(axis, axis.usual)
    plan.share([axis for axis in others if axis.usual is None])
    for axis in (*others, *ordered):
        plan.grow(axis, axis.room)
    if plan.product < rows:
        raise KeyTooSmallError(plan.product)
    return Layout(
        tuple(ordered), tuple(plan.radices), rows, ordered.index(entity) if entity else None
    )


class _Plan:
    """The radices while they grow."""

    def __init__(self, axes: Sequence[Axis], rows: int) -> None:
        self._axes = list(axes)
        self._rows = rows
        self.radices = [1] * len(axes)

    @property
    def product(self) -> int:
        product = 1
        for radix in self.radices:
            product *= radix
        return product

    def grow(self, axis: Axis, most: int, goal: int | None = None) -> None:
        """Give an axis up to ``most`` values, as long as the product is below the goal."""
        place = self._axes.index(axis)
        missing = -(-(goal or self._rows) // (self.product // self.radices[place]))
        self.radices[place] = max(self.radices[place], min(most, axis.room, missing))

    def share(self, axes: list[Axis]) -> None:
        """Spread what is missing over these axes alike."""
        for done, axis in enumerate(axes):
            others = self.product // self.radices[self._axes.index(axis)]
            missing = -(-self._rows // others)
            self.grow(axis, _root(missing, len(axes) - done))
        for axis in axes:
            self.grow(axis, axis.room)


def _root(number: int, degree: int) -> int:
    """The least whole number whose power reaches ``number``."""
    low, high = 0, number
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if middle**degree >= number else (middle, high)
    return high
