"""Quality metrics of a table at one moment, as the ledger and the reports keep them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class TopValue:
    """A frequent value, None for NULL, and its share of all rows, from 0 to 1."""

    value: str | None
    share: float


@dataclass(frozen=True)
class ColumnMetrics:
    """One column; what does not go with its type is None.

    ``distinct`` is Postgres's estimate. ``low`` and ``high`` are the least and the greatest value
    of a number or a time, ``mean`` their mean: a text for a time; of a boolean it is the share of
    values that are true. ``length`` is the mean length of a text in letters, of bytes in bytes,
    ``longest`` the greatest one. ``top`` are the most frequent values of a column that has few,
    all of them where ``top_whole``. Of a ``private`` one there are only shares and counts.
    """

    column: str
    type: str
    null_share: float | None = None
    distinct: int | None = None
    low: str | None = None
    high: str | None = None
    mean: float | str | None = None
    length: float | None = None
    longest: int | None = None
    top: tuple[TopValue, ...] = ()
    top_whole: bool = False
    private: bool = False


@dataclass(frozen=True)
class DayRows:
    """Rows of a day; ``day`` is None for those without one."""

    day: str | None
    rows: int


def in_order(day: str | None) -> str:
    """What days are sorted by, whose numbers may have no zeros before them, as in 2026-9-1."""
    return re.sub(r"\d+", lambda digits: digits[0].zfill(9), day or "")


@dataclass(frozen=True)
class TableMetrics:
    """A table. ``source_rows`` are those that Athena has counted within ``scope``.

    ``measured_rows`` are those that the columns were measured by: fewer than ``rows`` where only a
    sample was looked at. ``days`` are the newest ones, ``dates`` how many there are in all, and
    ``source_days`` the newest ones that Athena has counted. ``written`` tells whether the run has
    inserted or updated any row.
    """

    table: str
    rows: int
    source_rows: int
    scope: str
    measured_rows: int
    seconds: float
    columns: tuple[ColumnMetrics, ...]
    days: tuple[DayRows, ...] = ()
    dates: int = 0
    source_days: tuple[DayRows, ...] = ()
    written: bool = True

    @property
    def sampled(self) -> bool:
        """Whether the columns were measured by some of the rows."""
        return self.measured_rows < self.rows

    def column(self, name: str) -> ColumnMetrics | None:
        """The metrics of a column."""
        return next((column for column in self.columns if column.column == name), None)

    def as_json(self) -> dict[str, Any]:
        """As the ledger and the reports have it."""
        return asdict(self)


def parse_metrics(document: Mapping[str, Any]) -> TableMetrics | None:
    """Metrics as they were kept, also by another version; None for what are none."""
    try:
        columns = tuple(
            ColumnMetrics(
                **{
                    **_known(ColumnMetrics, column),
                    "top": tuple(TopValue(**_known(TopValue, each)) for each in column["top"]),
                }
            )
            for column in document["columns"]
        )
        days, source_days = (
            tuple(DayRows(**_known(DayRows, each)) for each in listed)
            for listed in (document["days"], document.get("source_days", ()))
        )
        known = _known(TableMetrics, document)
        made = {"columns": columns, "days": days, "source_days": source_days}
        return TableMetrics(**{**known, **made})
    except (KeyError, TypeError, AttributeError):
        return None


def _known(kind: Any, document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in kind.__dataclass_fields__ if name in document}
