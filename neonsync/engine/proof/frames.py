"""What is compared of a table: the loaded columns, by their types in the files and the target."""

from __future__ import annotations

from collections.abc import Sequence

from neonsync.aggregates import Measure, measures_of
from neonsync.athena.aggregates import aggregates_by_day
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


def measures_over(table: TablePlan, columns: Sequence[ColumnSpec]) -> tuple[Measure, ...]:
    """What a proof by aggregates compares of these columns; nothing where the proof is another."""
    if table.validation is not Validation.AGGREGATE or not table.select:
        return ()
    return measures_of(frame_over(table, columns))


def figures_of(table: TablePlan, columns: Sequence[ColumnSpec]) -> str:
    """The question for Athena's figures of them; empty where the proof is another."""
    measures = measures_over(table, columns)
    return aggregates_by_day(table.by_day, measures) if measures else ""
