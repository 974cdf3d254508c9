"""A table of the lake and the table of the branch that shall equal it, with nothing left open."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from neonsync.columns import SqlType

TEST_FLAG = "is_test_data"
TEST_SCENARIO = "test_scenario"
"""The two columns by which generated rows are told from real ones."""


class Mode(StrEnum):
    """What a run does with its tables."""

    FULL = "full"
    SCHEMA_ONLY = "schema-only"
    TEST_DATA = "test-data"


class OnBadValue(StrEnum):
    """What becomes of a value that Postgres cannot hold."""

    FAIL = "fail"
    NULL = "null"
    STRIP = "strip"
    """U+0000 is taken out of texts; anything else fails."""


class OnDuplicate(StrEnum):
    """What becomes of rows of the source that have the same key."""

    FAIL = "fail"
    LAST = "last"
    FIRST = "first"


class OnDrift(StrEnum):
    """What is done when the columns of source and target have come apart."""

    FAIL = "fail"
    ADD = "add"
    """The target gets new columns and wider types."""
    IGNORE = "ignore"
    """New columns are not copied; values go into the target's types, or are bad ones."""


class Publish(StrEnum):
    """How a table's rows get in: as it fits best, always by a merge, or as a full refresh."""

    AUTO = "auto"
    MERGE = "merge"
    REPLACE = "replace"


class OnMissing(StrEnum):
    """What becomes of rows of the target that the source no longer has."""

    KEEP = "keep"
    DELETE = "delete"


class Validation(StrEnum):
    """How much of a table is compared with Athena before it is published."""

    EXACT = "exact"
    """Every field of every row, by a digest that travels with it."""
    AGGREGATE = "aggregate"
    """By date: the non-NULLs of each column, their sums and bounds."""
    COUNTS = "counts"
    """Rows by date."""


class DayForm(StrEnum):
    """How a source writes the day that a row belongs to."""

    DATE = "date"
    TIMESTAMP = "timestamp"
    DASHED = "2026-01-31"
    PLAIN = "20260131"
    NUMBER = "20260131 as a number"
    PARTS = "year, month, day"


@dataclass(frozen=True)
class Day:
    """The day of a row: one column, or three for ``DayForm.PARTS``, and how they write it."""

    columns: tuple[str, ...]
    form: DayForm


@dataclass(frozen=True)
class ColumnSpec:
    """A column that is copied: its name and its type in the target.

    ``default`` is set for the flag of made rows alone.
    """

    name: str
    type: SqlType
    nullable: bool = True
    comment: str = ""
    default: bool | None = None


@dataclass(frozen=True)
class IndexSpec:
    """A secondary index; ``where_not_null`` makes it partial on that column."""

    name: str
    columns: tuple[str, ...]
    where_not_null: str | None = None


@dataclass(frozen=True)
class Reference:
    """Each value of ``column`` is one of ``parent_column`` in the target ``parent``."""

    column: str
    parent: str
    parent_column: str


@dataclass(frozen=True)
class TableSpec:
    """One table of the lake and the table of the branch that shall equal it.

    All names but ``source`` are the target's. ``source`` is for people. ``key`` identifies a row
    on both sides. ``generated_id`` names an identity column that becomes the primary key;
    ``created_column`` and ``updated_column`` default to the time of writing, and the latter is set
    again by every update. ``day`` and ``state_column`` are what proofs and checks go by; None
    where the target has none. ``indexes`` are those of the run's mode.
    Values of ``private`` columns are not shown; a run is no other one for that, as its repr tells.
    """

    source: str
    target: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...]
    key_name: str
    schema: str = "public"
    day: Day | None = None
    state_column: str | None = None
    required_columns: tuple[str, ...] = ()
    generated_id: str | None = None
    created_column: str | None = None
    updated_column: str | None = None
    indexes: tuple[IndexSpec, ...] = ()
    references: tuple[Reference, ...] = ()
    comment: str = ""
    on_bad_value: OnBadValue = OnBadValue.FAIL
    on_drift: OnDrift = OnDrift.FAIL
    private: tuple[str, ...] = field(default=(), repr=False)

    @property
    def qualified(self) -> str:
        """``schema.table``, for people."""
        return f"{self.schema}.{self.target}"

    def column(self, name: str) -> ColumnSpec | None:
        """The copied column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)
