"""The measures of a proof by aggregates, in Athena's SQL."""

from __future__ import annotations

from collections.abc import Sequence

from neonsync.aggregates import Kind, Measure
from neonsync.athena.digest import decimal, text_of
from neonsync.athena.sql import identifier
from neonsync.digest import Rule

DAY = "neonsync day"
"""The column of the SELECT that says which day a row belongs to, as text."""


def aggregates_by_day(select: str, measures: Sequence[Measure]) -> str:
    """Athena's figures of what a SELECT exports, by its column ``DAY``: one row a day."""
    day = identifier(DAY)
    figures = ",\n  ".join([f"{day} AS day", *map(_figure, measures)])
    return f"SELECT\n  {figures}\nFROM (\n{select}\n) AS exported\nGROUP BY {day}"


def _figure(measure: Measure) -> str:
    field = measure.field
    column = identifier(field.exported)
    match measure.kind:
        case Kind.NON_NULLS:
            return f"CAST(count({column}) AS varchar)"
        case Kind.TRUE:
            return f"CAST(count_if({column}) AS varchar)"
        case Kind.BYTES:
            return f"CAST(sum(length(to_utf8({text_of(field)}))) AS varchar)"
        case Kind.SUM if field.rule is Rule.DECIMAL:
            scale = field.type.modifiers[1]
            return f"CAST(sum(CAST({decimal(column, field)} AS decimal(38,{scale}))) AS varchar)"
        case Kind.SUM:
            return f"CAST(sum(CAST({column} AS decimal(38,0))) AS varchar)"
        case Kind.LOW | Kind.HIGH:
            bound = f"{'min' if measure.kind is Kind.LOW else 'max'}({column})"
            if field.rule is Rule.DAY:
                return f"CAST(date_diff('day', DATE '1970-01-01', {bound}) AS varchar)"
            moment = f"CAST({bound} AS timestamp)" if field.source.base == "date" else bound
            start = "TIMESTAMP '2000-01-01 00:00:00'"
            return f"CAST(date_diff('millisecond', {start}, {moment}) AS varchar)"
