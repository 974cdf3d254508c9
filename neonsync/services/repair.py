"""Repair: the settings of the runs that make equal again what a comparison has found to differ."""

from __future__ import annotations

from dataclasses import dataclass, replace

from neonsync.athena.filters import DateRange
from neonsync.engine.plan import Plan, TablePlan
from neonsync.engine.proof.calendar_days import calendar_days
from neonsync.engine.proof.compared import Comparison, Comparisons
from neonsync.settings import Settings
from neonsync.tables import Mode

_MOST_RUNS = 200
"""So many days or ranges of them are asked for one by one: a query has a greatest length."""


@dataclass(frozen=True)
class Repair:
    """One run: a table, on ``dates`` days, or the whole of it with 0.

    ``bounds`` are set where the days are so many and scattered that all between them are synced.
    """

    table: str
    dates: int
    settings: Settings
    bounds: DateRange | None = None

    def __str__(self) -> str:
        if not self.dates:
            return f"syncing {self.table} again"
        if self.bounds is not None:
            return (
                f"syncing {self.table} again from {self.bounds}: the {self.dates:,} dates that "
                "differ are too scattered to be asked for one by one"
            )
        return f"syncing {self.table} again on {self.dates:,} date{'' if self.dates == 1 else 's'}"


def repairs(settings: Settings, plan: Plan, found: Comparisons) -> list[Repair]:
    """A run for each table that differs, about the dates that do.

    Where some of its rows have no date, or one that no filter finds, or the target lacks a column,
    it is the whole scope.
    """
    tables = {table.spec.qualified: table for table in plan.tables}
    return [_repair(settings, tables[each.table], each) for each in found.tables if each.differs]


def _repair(settings: Settings, table: TablePlan, found: Comparison) -> Repair:
    filters = replace(settings.filters, words=(), tables=(found.table,), states=table.scope.states)
    dates = [] if found.lacking else [each.date for each in found.differing]
    days = calendar_days(table, dates)
    bounds = None
    if days:
        filters = replace(filters, dates=tuple(days), days=None, first=days[0], last=days[-1])
        if len(DateRange.of(days).runs) > _MOST_RUNS:
            bounds = DateRange(days[0], days[-1])
            filters = replace(filters, dates=())
    return Repair(
        found.table,
        len(days),
        replace(settings, mode=Mode.FULL, filters=filters, fresh=True),
        bounds,
    )
