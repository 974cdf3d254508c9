"""What a proof by aggregates compares, date by date: one measure or a few of each column.

Two write the same measures, each in its own SQL: ``neonsync.athena.aggregates`` over what is
exported, ``neonsync.postgres.aggregates`` over staging. Doubles are only counted: their sums
depend on the order of the rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from neonsync.digest import Field, Frame, Rule

_MOST_SUMMED_DIGITS = 28
"""A sum of ten billion decimals of so many digits still fits into Athena's decimal(38)."""


class Kind(StrEnum):
    """What is measured."""

    NON_NULLS = "values that are not NULL"
    SUM = "sum"
    BYTES = "bytes of all texts"
    TRUE = "values that are true"
    LOW = "least"
    HIGH = "greatest"


@dataclass(frozen=True)
class Measure:
    """One figure of a column, for each date."""

    field: Field
    kind: Kind

    def __str__(self) -> str:
        return f'{self.kind} of "{self.field.name}"'


Figures = Mapping[str | None, tuple[str | None, ...]]
"""By date, a text for each measure; None where there is none, as for the sum of no values."""


def measures_of(frame: Frame) -> tuple[Measure, ...]:
    """What is measured of the columns of a table."""
    return tuple(Measure(field, kind) for field in frame.fields for kind in _kinds(field))


def only_counted(measures: Sequence[Measure]) -> tuple[str, ...]:
    """Columns of which no more is measured than how many values there are."""
    told = {measure.field.name for measure in measures if measure.kind is not Kind.NON_NULLS}
    names = dict.fromkeys(measure.field.name for measure in measures)
    return tuple(name for name in names if name not in told)


def _kinds(field: Field) -> tuple[Kind, ...]:
    match field.rule:
        case Rule.WHOLE:
            return (Kind.NON_NULLS, Kind.SUM)
        case Rule.DECIMAL if field.type.modifiers[0] <= _MOST_SUMMED_DIGITS:
            return (Kind.NON_NULLS, Kind.SUM)
        case Rule.TEXT | Rule.PADDED:
            return (Kind.NON_NULLS, Kind.BYTES)
        case Rule.BOOLEAN:
            return (Kind.NON_NULLS, Kind.TRUE)
        case Rule.DAY | Rule.MOMENT:
            return (Kind.NON_NULLS, Kind.LOW, Kind.HIGH)
        case _:
            return (Kind.NON_NULLS,)
