"""The frame of a table's digest: the columns that are loaded, by their types on both sides."""

from __future__ import annotations

from collections.abc import Sequence

from neonsync.digest import Frame
from neonsync.engine.plan import TablePlan
from neonsync.tables import ColumnSpec, Validation


def frame_of(table: TablePlan, loaded: Sequence[ColumnSpec]) -> Frame | None:
    """The frame over the ``loaded`` columns; None for a table that is not proved by digest."""
    if table.validation is not Validation.EXACT or not table.select:
        return None
    wanted = {column.name for column in loaded}
    fields = table.resolved.frame.fields
    return Frame(tuple(field for field in fields if field.name in wanted))
