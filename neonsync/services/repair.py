"""Repair: the settings of the runs that make equal again what a comparison has found to differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from neonsync.engine.plan import Plan, TablePlan
from neonsync.engine.validate import Comparison, Comparisons
from neonsync.settings import Settings
from neonsync.tables import Mode


@dataclass(frozen=True)
class Repair:
    """One run: a table, on ``dates`` days, or the whole of it with 0."""

    table: str
    dates: int
    settings: Settings

    def __str__(self) -> str:
        if not self.dates:
            return f"syncing {self.table} again"
        return f"syncing {self.table} again on {self.dates:,} date{'' if self.dates == 1 else 's'}"


def repairs(settings: Settings, plan: Plan, found: Comparisons) -> list[Repair]:
    """A run for each table that differs, about the dates that do.

    Where some of its rows have no date, or one that is not in the calendar, it is the whole scope.
    """
    tables = {table.spec.qualified: table for table in plan.tables}
    return [_repair(settings, tables[each.table], each) for each in found.tables if each.differing]


def _repair(settings: Settings, table: TablePlan, found: Comparison) -> Repair:
    filters = replace(settings.filters, words=(), tables=(found.table,), states=table.scope.states)
    days = _days([each.date for each in found.differing]) if table.resolved.day else []
    if days and not table.resolved.config.whole:
        filters = replace(filters, dates=tuple(days), days=None, first=days[0], last=days[-1])
    else:
        days = []
    return Repair(
        found.table, len(days), replace(settings, mode=Mode.FULL, filters=filters, fresh=True)
    )


def _days(texts: Sequence[str | None]) -> list[date]:
    """The days in order; none at all when one of them is none."""
    found = []
    for text in texts:
        day = _day(text or "")
        if day is None:
            return []
        found.append(day)
    return sorted(found)


def _day(text: str) -> date | None:
    """A day as proofs write it: 2026-01-31, 20260131, or 2026-1-31 of three columns."""
    try:
        if text.count("-") == 2:
            return date(*map(int, text.split("-")))
        return date.fromisoformat(text)
    except ValueError:
        return None
