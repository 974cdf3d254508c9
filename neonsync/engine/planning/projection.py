"""Projection: Athena's SQL for the columns of a table, as its target shall hold them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from neonsync.athena.catalogue import CatalogueColumn
from neonsync.athena.sql import identifier, joined_days, literal
from neonsync.exporting import can_fail, day_expression, export_expression
from neonsync.postgres.days import DATE_LETTERS
from neonsync.tables import ColumnSpec, Day, DayForm, OnBadValue, TableSpec

_SAFE_ALIAS = re.compile(r"[a-z_][a-z0-9_]*")


def exported(
    column: CatalogueColumn, spec: TableSpec, specs: dict[str, ColumnSpec], day: Day | None
) -> str:
    """Athena's SQL for a column: what does not cast is NULL where that is wanted and possible."""
    own = specs[column.name]
    if not _takes_null(column, spec, own, day):
        return _expression(column, own, day)
    return export_expression(
        identifier(column.name), column.type, own.type, column.name, lenient=True
    )


def losses(
    taken: Sequence[CatalogueColumn],
    spec: TableSpec,
    specs: dict[str, ColumnSpec],
    day: Day | None,
) -> tuple[tuple[str, str], ...]:
    """Columns with Athena's condition for a value that becomes NULL as it does not cast."""
    return tuple(
        (
            specs[column.name].name,
            f"{identifier(column.name)} IS NOT NULL AND "
            f"{exported(column, spec, specs, day)} IS NULL",
        )
        for column in taken
        if _takes_null(column, spec, specs[column.name], day)
    )


def day_text(
    shown: Day | None,
    day: Day | None,
    lake: dict[str, CatalogueColumn],
    specs: dict[str, ColumnSpec],
) -> str | None:
    """Athena's SQL for the day as the target shows it; None where it shows none."""
    if shown is None or day is None:
        return None
    if shown.form is DayForm.TIMESTAMP:
        column = lake[day.columns[0]]
        return joined_days([day_expression(identifier(column.name), column.type)])
    text = joined_days([_expression(lake[name], specs[name], day) for name in day.columns])
    # A text may go on with a time of day, which is not the day's.
    return f"substr({text}, 1, {DATE_LETTERS})" if shown.form is DayForm.DASHED else text


def alias(position: int, spec: ColumnSpec) -> str:
    """The name in the exported files: the target's, unless Athena would change its case."""
    return spec.name if _SAFE_ALIAS.fullmatch(spec.name) else f"column {position + 1}"


def _takes_null(column: CatalogueColumn, spec: TableSpec, own: ColumnSpec, day: Day | None) -> bool:
    """Whether a value of a column may become NULL: no key's may, and none that proofs count by."""
    return (
        spec.on_bad_value is OnBadValue.NULL
        and own.nullable
        and own.name not in spec.key
        and (day is None or column.name not in day.columns)
        and can_fail(column.type, own.type)
    )


def _expression(column: CatalogueColumn, spec: ColumnSpec, day: Day | None) -> str:
    quoted = identifier(column.name)
    plain = (
        day is not None
        and column.name in day.columns
        and day.form
        in (
            DayForm.PLAIN,
            DayForm.NUMBER,
        )
    )
    if plain and spec.type.base == "date":
        # CAST reads 2026-01-31 only.
        return f"CAST(date_parse(CAST({quoted} AS varchar), {literal('%Y%m%d')}) AS date)"
    return export_expression(quoted, column.type, spec.type, column.name)
