"""The quality metrics on a run's page: a table for each table, with bars for its NULLs and days."""

from __future__ import annotations

from collections.abc import Sequence

from neonsync.report.charts import day_bars, share_bar
from neonsync.report.markup import Html, breakable, group, tag
from neonsync.report.quality import COLUMNS, QualityRow, QualityTable
from neonsync.report.wording import DASH

TABLES = 12
"""More would make the page heavy."""
_NUMBERS = COLUMNS[1:7]


def quality_section(tables: Sequence[QualityTable]) -> Html | None:
    """The section; None where nothing was measured."""
    if not tables:
        return None
    left = len(tables) - TABLES
    more = tag("p", f"The metrics of {left} more tables are in etl-report.json.")
    return group(*map(_table, tables[:TABLES]), more if left > 0 else None)


def _table(table: QualityTable) -> Html:
    heads = (tag("th", name, class_="n" if name in _NUMBERS else None) for name in COLUMNS)
    rows = tag(
        "table", tag("thead", tag("tr", *heads)), tag("tbody", *(_row(row) for row in table.rows))
    )
    days = table.days if len(table.days) > 1 else ()
    return tag(
        "details",
        tag("summary", tag("strong", table.table), " ", tag("span", table.said)),
        tag(
            "div",
            day_bars(days, table.table),
            tag("div", tag("span", days[0][0]), tag("span", days[-1][0]), class_="ends"),
            class_="by-day",
        )
        if days
        else None,
        tag("div", rows, class_="wide"),
        open="" if len(table.rows) <= TABLES else None,
        class_="quality",
    )


def _row(row: QualityRow) -> Html:
    name, nulls, *rest = row.cells
    cells = [
        tag("td", tag("b", breakable(name)), tag("small", row.type), data_label=COLUMNS[0]),
        tag(
            "td",
            nulls,
            share_bar(row.null_share) if row.null_share else None,
            class_="n",
            data_label=COLUMNS[1],
        ),
    ]
    for label, text in zip(COLUMNS[2:], rest, strict=True):
        number = "n nothing" if text == DASH else "n"
        cells.append(
            tag("td", text, class_=number if label in _NUMBERS else None, data_label=label)
        )
    return tag("tr", *cells)
