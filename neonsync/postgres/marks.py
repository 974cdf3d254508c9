"""The two columns by which made rows are told from real ones, in a table as it is."""

from __future__ import annotations

from neonsync.columns import SqlType
from neonsync.postgres.catalog import TargetTable
from neonsync.tables import ColumnSpec, TableSpec
from neonsync.tables.spec import TEST_FLAG, TEST_SCENARIO

_MARKS = (
    # A row that an export brings is real.
    ColumnSpec(TEST_FLAG, SqlType("boolean"), default=False),
    ColumnSpec(TEST_SCENARIO, SqlType("varchar", (100,))),
)


def is_marked(table: TargetTable | None) -> bool:
    """Whether a table has the two columns."""
    flag = table.column(TEST_FLAG) if table else None
    return bool(table and flag and flag.type.base == "boolean" and table.column(TEST_SCENARIO))


def tells_made_rows(table: TargetTable | None, spec: TableSpec, *, made: bool) -> bool:
    """Whether the two columns are marks: not where the lake itself has one of them, as data."""
    own = not made and any(spec.column(mark.name) for mark in _MARKS)
    return is_marked(table) and not own


def marks_of(table: TargetTable) -> tuple[ColumnSpec, ...]:
    """The marks with the types that a marked table really has: a merge compares row images."""
    return tuple(
        ColumnSpec(mark.name, there.type, default=mark.default)
        for mark in _MARKS
        if (there := table.column(mark.name)) is not None
    )
