"""What a table of made rows is asked to be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from neonsync.errors import ConfigError
from neonsync.tables import ColumnSpec, TableSpec, TestDataRules


@dataclass(frozen=True)
class TestTable:
    """A table, its rules, and how many rows it shall have."""

    __test__ = False  # no test class, whatever pytest thinks of the name

    spec: TableSpec
    rules: TestDataRules
    rows: int

    def days(self, last_day: date) -> int:
        """The days up to ``last_day`` that the rows lie on; none lies before the year 1."""
        return min(self.rules.days, last_day.toordinal())


def must_have_values(spec: TableSpec, column: ColumnSpec) -> bool:
    """Whether a column may hold no NULL: it is declared so, or keys, proofs or checks go by it."""
    return (
        not column.nullable
        or column.name in spec.key
        or column.name in spec.required_columns
        or (spec.day is not None and column.name in spec.day.columns)
    )


def is_state(spec: TableSpec, column: ColumnSpec) -> bool:
    """Whether a column's values must be codes of states."""
    return column.name == spec.state_column


@contextmanager
def blamed(spec: TableSpec, column: ColumnSpec) -> Iterator[None]:
    """Turn what is wrong with a value into an error that names table and column."""
    try:
        yield
    except ValueError as error:
        raise ConfigError(
            f"test_data of {spec.qualified}: {column.name}: {error}",
            f"Change test_data.columns.{column.name}, or the column's type.",
        ) from error
