"""Rules for made rows: what a column's values look like when its type alone does not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class ColumnRule:
    """How one column's values are made; what is not set comes from the column's type.

    ``values`` is a pool to draw from. ``count`` is the number of distinct values of a key column.
    ``follows`` names a column: equal values there give equal values here, as a state follows from
    its restaurant. ``low`` and ``high`` bound a number. ``factor`` with ``of`` makes a number that
    multiple of another column's. ``null_share`` is the share of NULLs, 0 to 1. ``demand`` tells
    that the scenario shapes the number over time; None leaves that to the type.
    """

    values: tuple[Any, ...] = ()
    count: int | None = None
    follows: str | None = None
    low: float | None = None
    high: float | None = None
    of: str | None = None
    factor: float = 1.0
    null_share: float | None = None
    demand: bool | None = None


@dataclass(frozen=True)
class TestDataRules:
    """A table's made rows: ``rows`` when the run does not say, over ``days`` up to yesterday."""

    __test__ = False  # no test class, whatever pytest thinks of the name

    rows: int = 1_000
    days: int = 30
    columns: Mapping[str, ColumnRule] = field(default_factory=lambda: MappingProxyType({}))


DEFAULT_RULES = TestDataRules()
