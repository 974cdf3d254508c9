"""The results of a run as the screen shows them. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from neonsync.report import results
from neonsync.report.results import Repair, ResultRow, ResultsView, difference
from neonsync.tui.formatting import DASH
from neonsync.tui.ports import RunReport

if TYPE_CHECKING:
    from neonsync.selection import Selection

__all__ = [
    "Repair",
    "ResultRow",
    "ResultsView",
    "again",
    "detail_text",
    "difference",
    "only_days",
    "results_view",
]


def results_view(report: RunReport) -> ResultsView:
    """Read a run's documents."""
    return results.results_view(report.report, report.validation)


def again(selection: Selection, view: ResultsView) -> Selection:
    """The selection of a run, with what of it has failed; all of it where no table is to blame."""
    if view.failed_tables:
        names = tuple(name.removeprefix("public.") for name in view.failed_tables)
        selection = replace(selection, tables=names)
    repair = view.repair
    if repair is None:
        return selection
    return replace(selection, days=None, first=repair.first, last=repair.last)


def only_days(repair: Repair) -> str:
    """What a plan leaves out that is filled in with the days that differed."""
    days = f"{repair.first} to {repair.last}"
    if repair.first == repair.last:
        days = str(repair.first)
    return (
        f"Only the days that differed: {days}. The failed run has published nothing: widen the "
        "range, and choose the other tables, for the rest of it."
    )


def detail_text(row: ResultRow) -> str:
    """All that is known of a row, to be read and copied."""
    head = " · ".join(part for part in (row.table, row.check) if part)
    expected, measured = row.sides
    facts = [(expected, row.athena), (measured, row.neon), ("diff", row.diff), *row.detail]
    told = [(label, value) for label, value in facts if value != DASH]
    width = max((len(label) for label, _ in told), default=0)
    parts = [head, "\n".join(f"{label:<{width}}  {value}" for label, value in told)]
    for title, text in (
        ("Message", row.message),
        ("Try", row.remedy),
        *((title, "\n".join(lines)) for title, lines in row.listings),
        ("Athena SQL", row.athena_sql),
        ("Postgres SQL", row.neon_sql),
    ):
        parts.append(f"{title}\n{text}" if text else "")
    return "\n\n".join(part for part in parts if part)
