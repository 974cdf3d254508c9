"""Small charts as inline SVG: no script, no font, colours from the page's style sheet.

They stretch with the page, so words stand beside them and not in them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from neonsync.report.contents import DateChart, DateRows, StepTime
from neonsync.report.markup import Html, group, tag
from neonsync.report.wording import duration, short

_WIDE, _HIGH, _GAP = 10, 100, 1.5
"""A date's place in units of the drawing, the height of the highest count, the gap between two."""
_MOST_BARS = 60
"""With more dates than that the bars touch each other."""


def date_chart(chart: DateChart) -> Html:
    """Rows by date: bars for what was loaded, a line for what the source has."""
    top = max(max(row.source, row.loaded) for row in chart.rows) or 1
    width = len(chart.rows) * _WIDE
    gap = _GAP if len(chart.rows) <= _MOST_BARS else 0
    equal = [(place, row) for place, row in enumerate(chart.rows) if row.source == row.loaded]
    differing = [(place, row) for place, row in enumerate(chart.rows) if row.source != row.loaded]
    drawing = tag(
        "svg",
        tag("path", d=_bars(equal, top, gap), class_="loaded"),
        tag("path", d=_bars(differing, top, gap), class_="differs"),
        tag("path", d=_line(chart.rows, top), class_="source"),
        # What the pointer rests on tells its numbers.
        *(
            tag(
                "rect",
                tag("title", _told(row, chart)),
                x=place * _WIDE,
                y=0,
                width=_WIDE,
                height=_HIGH,
            )
            for place, row in enumerate(chart.rows)
        ),
        viewBox=f"0 -2 {width} {_HIGH + 2}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"Rows of {chart.table} by date. {_summary(chart)}",
    )
    return tag(
        "figure",
        tag("figcaption", tag("strong", chart.table), " ", tag("span", _summary(chart))),
        tag("div", tag("span", short(top)), class_="top"),
        drawing,
        tag(
            "div",
            tag("span", chart.rows[0].date),
            tag("span", chart.rows[-1].date) if len(chart.rows) > 1 else None,
            class_="ends",
        ),
        class_="dates",
    )


def step_chart(steps: Iterable[StepTime]) -> Html:
    """Seconds by step: a bar, the time and what came out."""
    steps = tuple(steps)
    longest = max((step.seconds for step in steps), default=0) or 1
    return tag(
        "div",
        *(
            group(
                tag("span", step.step, class_="name"),
                tag(
                    "svg",
                    tag("rect", x=0, y=0, width=f"{step.seconds / longest * 100:.2f}", height=10),
                    viewBox="0 0 100 10",
                    preserveAspectRatio="none",
                    aria_hidden="true",
                ),
                tag("span", duration(step.seconds), class_="number"),
                tag("span", step.detail, class_="detail"),
            )
            for step in steps
        ),
        class_="steps",
    )


def share_bar(share: float) -> Html:
    """A share from 0 to 1 as a small bar, beside its words."""
    return tag(
        "svg",
        tag("rect", x=0, y=0, width=f"{min(share, 1) * 100:.2f}", height=10),
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        aria_hidden="true",
        class_="share",
    )


def day_bars(days: Sequence[tuple[str, int]], table: str) -> Html:
    """Rows by day, as low bars; what the pointer rests on tells its number."""
    top = max((rows for _, rows in days), default=0) or 1
    return tag(
        "svg",
        *(
            tag(
                "rect",
                tag("title", f"{day}: {rows:,} rows"),
                x=place * _WIDE,
                y=_y(rows, top),
                width=_WIDE - (_GAP if len(days) <= _MOST_BARS else 0),
                height=f"{rows / top * _HIGH:.2f}",
            )
            for place, (day, rows) in enumerate(days)
        ),
        viewBox=f"0 0 {len(days) * _WIDE} {_HIGH}",
        preserveAspectRatio="none",
        role="img",
        aria_label=f"Rows of {table} by day, {days[0][0]} to {days[-1][0]}",
        class_="days",
    )


def _bars(rows: Iterable[tuple[int, DateRows]], top: int, gap: float) -> str:
    return "".join(
        f"M{place * _WIDE + gap / 2:g} {_HIGH}V{_y(row.loaded, top)}h{_WIDE - gap:g}V{_HIGH}z"
        for place, row in rows
        if row.loaded
    )


def _line(rows: Iterable[DateRows], top: int) -> str:
    """A step for each date."""
    path = "".join(f"V{_y(row.source, top)}h{_WIDE}" for row in rows)
    return f"M0 {path[1:].split('h', 1)[0]}{path}"


def _y(count: int, top: int) -> str:
    return f"{_HIGH - count / top * _HIGH:.2f}".rstrip("0").rstrip(".")


def _told(row: DateRows, chart: DateChart) -> str:
    source = "to be made" if chart.made else "in Athena"
    return f"{row.date}: {row.source:,} {source}, {row.loaded:,} loaded"


def _summary(chart: DateChart) -> str:
    some = "" if len(chart.rows) == chart.dates else f", {len(chart.rows):,} of them shown"
    if chart.differing:
        return f"{chart.differing:,} of {chart.dates:,} dates differ{some}"
    return f"equal on {chart.dates:,} date{'' if chart.dates == 1 else 's'}{some}"
