"""The quality metrics of a run's tables as its pages show them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neonsync.report.reading import float_in, inert, items, number_in, shown, text_in
from neonsync.report.wording import DASH
from neonsync.validation.trend import percent

COLUMNS = ("column", "NULL", "different", "lowest", "highest", "mean", "length", "most frequent")
VALUES = 5
"""Frequent values that a page shows of a column."""
_SPARKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class QualityRow:
    """A column: its cells as texts, and the share of NULLs for a bar; None where nobody knows."""

    column: str
    type: str
    null_share: float | None
    nulls: str
    distinct: str
    low: str
    high: str
    mean: str
    length: str
    top: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells, in the order of ``COLUMNS``."""
        return (
            self.column,
            self.nulls,
            self.distinct,
            self.low,
            self.high,
            self.mean,
            self.length,
            self.top,
        )


@dataclass(frozen=True)
class QualityTable:
    """A table: what was measured in a line, its columns, and its rows by day."""

    table: str
    said: str
    rows: tuple[QualityRow, ...]
    days: tuple[tuple[str, int], ...]


def quality_tables(document: Mapping[str, Any]) -> tuple[QualityTable, ...]:
    """The tables of etl-report.json that were measured."""
    return tuple(map(_table, items(document, "quality")))


def sparkline(numbers: Sequence[float], *, ascii_only: bool = False) -> str:
    """Numbers as a line of small bars from 0 on; empty for none."""
    steps = "_.-=*#" if ascii_only else _SPARKS
    top = max(numbers, default=0) or 1
    return "".join(steps[round(number / top * (len(steps) - 1))] for number in numbers)


def _table(metrics: Mapping[str, Any]) -> QualityTable:
    rows, measured = number_in(metrics, "rows"), number_in(metrics, "measured_rows")
    said = f"{rows:,} rows"
    if dates := number_in(metrics, "dates"):
        said += f" on {dates:,} date{'' if dates == 1 else 's'}"
    if measured < rows:
        said += f"; columns by a sample of {measured:,}"
    days = tuple(
        (text_in(each, "day") or "no date", number_in(each, "rows"))
        for each in items(metrics, "days")
    )
    return QualityTable(
        text_in(metrics, "table"), said, tuple(map(_row, items(metrics, "columns"))), days
    )


def _row(column: Mapping[str, Any]) -> QualityRow:
    share = column.get("null_share")
    known = isinstance(share, int | float)
    length = number_shown(column.get("length"))
    longest = column.get("longest")
    return QualityRow(
        column=text_in(column, "column"),
        type=text_in(column, "type"),
        null_share=float_in(column, "null_share") if known else None,
        nulls=percent(float_in(column, "null_share")) if known else DASH,
        distinct=shown(column.get("distinct")),
        low=shown(column.get("low")),
        high=shown(column.get("high")),
        mean=_mean(column),
        length=f"{length}, at most {shown(longest)}" if longest is not None else length,
        top="private" if column.get("private") else _top(column),
    )


def _mean(column: Mapping[str, Any]) -> str:
    mean = column.get("mean")
    if isinstance(mean, str):
        return inert(mean)
    true = text_in(column, "type") == "boolean" and isinstance(mean, int | float)
    return f"{percent(mean)} true" if true and mean is not None else number_shown(mean)


def _top(column: Mapping[str, Any]) -> str:
    top = items(column, "top")
    told = [
        f"{'NULL' if each.get('value') is None else inert(each.get('value'))}"
        f" {percent(float_in(each, 'share'))}"
        for each in top[:VALUES]
    ]
    more = f" and {len(top) - VALUES} more" if len(top) > VALUES else ""
    return ", ".join(told) + more if told else DASH


def number_shown(value: object) -> str:
    """A measured number in few digits."""
    if not isinstance(value, int | float):
        return DASH
    return f"{value:,.2f}".rstrip("0").rstrip(".") if abs(value) < 1e9 else f"{value:.4g}"
