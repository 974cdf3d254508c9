"""The frame of a table's digest: the loaded columns, by their types in the files and the target."""

from __future__ import annotations

from collections.abc import Sequence

from neonsync.digest import Field, Frame, rule_for
from neonsync.engine.plan import TablePlan
from neonsync.tables import ColumnSpec, Validation


def frame_of(table: TablePlan, loaded: Sequence[ColumnSpec]) -> Frame | None:
    """The frame over the ``loaded`` columns; None for a table that is not proved by digest."""
    if table.validation is not Validation.EXACT or not table.select:
        return None
    return frame_over(table, loaded)


def frame_over(table: TablePlan, columns: Sequence[ColumnSpec]) -> Frame:
    """The frame over some of a table's columns, which have the target's types, as it may have
    others than planned."""
    types = {column.name: column.type for column in columns}
    fields = []
    for field in table.resolved.frame.fields:
        if own := types.get(field.name):
            fields.append(
                Field(field.name, field.exported, rule_for(field.source, own), own, field.source)
            )
    return Frame(tuple(fields))
