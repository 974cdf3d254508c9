"""A column of the live check: Athena's literals, and beside each the value it must become."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from neonsync.columns import SqlType, parse_athena

ROWS = 20
"""Rows of each table of the check; a column with fewer values begins again at its first."""


@dataclass(frozen=True)
class LiveColumn:
    """One Athena type, with pairs of a literal and what Postgres must hold for it.

    A literal is SQL of Athena's engine 3, in ASCII, which ``CAST(… AS type)`` brings to the type;
    ``NULL`` must become None. What a jsonb column must hold is written as a JSON text, so that
    JSON's null differs from no value.
    """

    name: str
    type: str
    values: tuple[tuple[str, Any], ...]

    @property
    def column(self) -> str:
        """What the column is called, in the query and in the target: nothing to be quoted."""
        return "v_" + re.sub(r"\W+", "_", self.name).strip("_")

    @property
    def parsed(self) -> SqlType:
        """The type as the one table of types knows it."""
        return parse_athena(self.type)

    @property
    def is_json(self) -> bool:
        """Whether the target holds jsonb."""
        return self.parsed.base in ("json", "array", "map", "row")

    def literal(self, row: int) -> str:
        """The literal of a row; rows count from 1."""
        return self.values[(row - 1) % len(self.values)][0]

    def cell(self, row: int) -> str:
        """Athena's SQL for the value of a row."""
        return f"CAST({self.literal(row)} AS {self.type})"

    def expected(self, row: int) -> Any:
        """What Postgres must hold in a row."""
        return self.values[(row - 1) % len(self.values)][1]

    def is_equal(self, row: int, found: Any) -> bool:
        """Whether a value read from Postgres, jsonb as text, is exactly what it must be."""
        expected = self.expected(row)
        if self.is_json and isinstance(expected, str) and isinstance(found, str):
            return _same(_json(expected), _json(found))
        return _same(expected, found)


def _json(text: str) -> Any:
    # Floats would forget digits that a decimal inside has.
    return json.loads(text, parse_float=Decimal)


def _same(expected: Any, found: Any) -> bool:
    """Equal in kind and value: True is not 1, -0.0 is not 0.0, and NaN is NaN."""
    match expected:
        case float():
            return isinstance(found, float) and (
                (math.isnan(expected) and math.isnan(found))
                or (expected == found and math.copysign(1, expected) == math.copysign(1, found))
            )
        case dict():
            return (
                isinstance(found, dict)
                and expected.keys() == found.keys()
                and all(_same(value, found[key]) for key, value in expected.items())
            )
        case list():
            return (
                isinstance(found, list)
                and len(expected) == len(found)
                and all(map(_same, expected, found))
            )
    numbers = (int, Decimal)
    both_numbers = isinstance(expected, numbers) and isinstance(found, numbers)
    alike = type(expected) is type(found) or (
        both_numbers and not isinstance(expected, bool) and not isinstance(found, bool)
    )
    return alike and bool(expected == found)
