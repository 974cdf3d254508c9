"""etl-report.html: a run on one page, failures first.

It stands for itself: no script, no network, the system's fonts, light or dark as the reader has it.
It is made of the two reports alone, so that the page of an old run can be made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from neonsync.report.charts import date_chart, step_chart
from neonsync.report.contents import Contents, TableOutcome, contents
from neonsync.report.markup import Html, breakable, group, tag
from neonsync.report.quality import quality_tables
from neonsync.report.quality_section import quality_section
from neonsync.report.reading import inert, items, listed, number_in, part, shown, text_in
from neonsync.report.results import ResultRow, results_view
from neonsync.report.wording import DASH, size

CHARTS = 12
"""More would make the page heavy; those in which something differs come first."""
CHECKS_UNFOLDED = 14
# Nothing may be loaded or run, whatever a name in the data should contrive.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_GLYPHS = {"failed": "✗", "warning": "!", "passed": "✓"}
_WORDS = {"failed": "fail", "warning": "warn", "passed": "pass"}
_SIGNS = {"succeeded": "passed", "invalid": "failed", "failed": "failed", "cancelled": "warning"}


def html_page(report: Mapping[str, Any], validation: Mapping[str, Any]) -> str:
    """The page of a run."""
    told, view = contents(report, validation), results_view(report, validation)
    checks = [row for row in view.rows if row.kind == "check"]
    body = group(
        _head(told),
        *(_problem(row) for row in view.rows if row.kind == "error" or row.status == "failed"),
        tag("p", tag("span", "✓", class_="glyph"), " ", view.proof, class_="proof")
        if view.proof
        else None,
        tag("dl", *(group(tag("dt", name), tag("dd", value)) for name, value in told.facts)),
        _section("Tables", _tables(told.tables) if told.tables else None),
        _section("Checks", _checks(checks, view.counts) if checks else None),
        _section("Rows by date", _date_charts(told) if told.charts else None),
        _section("Quality", quality_section(quality_tables(report))),
        _section("Time by step", _steps(told) if told.steps else None),
        _section("Notices", _notices(report)),
        _section("Athena queries", _queries(report)),
        tag("footer", f"neonsync {text_in(report, 'neonsyncVersion')}".strip()),
    )
    head = tag(
        "head",
        Html('<meta charset="utf-8">'),
        Html(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
        Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
        Html('<meta name="color-scheme" content="light dark">'),
        Html('<link rel="icon" href="data:,">'),
        tag("title", f"neonsync: {told.title}"),
        tag("style", Html(_style())),
    )
    return f"<!doctype html>\n{tag('html', head, tag('body', tag('main', body)), lang='en')}\n"


@cache
def _style() -> str:
    return files("neonsync.report").joinpath("html_page.css").read_text(encoding="utf-8")


def _head(told: Contents) -> Html:
    sign = _SIGNS.get(told.status, "warning")
    return tag(
        "header",
        tag("span", _GLYPHS[sign], class_="glyph", aria_hidden="true"),
        tag("h1", told.title),
        class_=sign,
    )


def _section(title: str, content: Html | None) -> Html | None:
    return tag("section", tag("h2", title), content) if content is not None else None


def _problem(row: ResultRow) -> Html:
    """What ended the run, or a check that failed: not only for whoever reads the table."""
    # The message of what ended the run names the table itself.
    about = " · ".join(filter(None, (row.table, row.check))) if row.kind == "check" else ""
    expected, measured = row.sides
    compared = [
        (name, value)
        for name, value in ((expected, row.athena), (measured, row.neon), ("difference", row.diff))
        if value != DASH
    ]
    if row.kind == "error":
        compared += row.detail
    return tag(
        "article",
        tag("h3", about) if about else None,
        tag("p", row.message, class_="message"),
        tag("p", row.remedy, class_="remedy") if row.remedy else None,
        tag(
            "p",
            *(group(tag("span", f"{name} "), tag("b", value), " ") for name, value in compared),
            class_="compared",
        )
        if compared
        else None,
        class_=row.status,
    )


def _tables(tables: Sequence[TableOutcome]) -> Html:
    columns = ("table", "how", "inserted", "updated", "unchanged", "removed", "deleted")
    rows = []
    for table in tables:
        written = (table.inserted, table.updated, table.unchanged, table.removed, table.deleted)
        counts = [f"{count:,}" if table.method else DASH for count in written]
        notes = (table.scope, table.proof, *table.losses)
        rows.append(
            tag(
                "tr",
                tag(
                    "td",
                    tag("b", breakable(table.table)),
                    *(
                        tag("small", note, class_="loss" if note in table.losses else None)
                        for note in notes
                        if note
                    ),
                    data_label=columns[0],
                ),
                tag(
                    "td",
                    table.method or "not published",
                    class_=None if table.method else "absent",
                    data_label=columns[1],
                ),
                *map(_number, columns[2:], counts),
            )
        )
    return _table(columns, rows, numbers=columns[2:])


def _checks(checks: Sequence[ResultRow], counts: str) -> Html:
    passed = [row for row in checks if row.status == "passed"]
    if len(checks) <= CHECKS_UNFOLDED or not passed:
        return group(tag("p", counts), _check_table(checks))
    rest = [row for row in checks if row.status != "passed"]
    return group(
        tag("p", counts),
        _check_table(rest) if rest else None,
        tag("details", tag("summary", f"{len(passed)} passed"), _check_table(passed)),
    )


def _check_table(checks: Iterable[ResultRow]) -> Html:
    columns = ("status", "check", "table", "expected", "measured", "difference", "found")
    numbers = columns[3:6]
    rows = []
    for row in checks:
        names = breakable(row.check), breakable(row.table.removeprefix("public."))
        glyph, word = _GLYPHS.get(row.status, "?"), _WORDS.get(row.status, row.status)
        rows.append(
            tag(
                "tr",
                tag("td", f"{glyph} {word}", class_="status", data_label=columns[0]),
                *map(_cell, columns[1:3], names),
                _number(columns[3], row.athena, row.source),
                *map(_number, columns[4:6], (row.neon, row.diff)),
                tag(
                    "td",
                    row.message,
                    tag("small", row.remedy) if row.remedy else None,
                    _statements(row),
                    data_label=columns[6],
                ),
                class_=row.status,
            )
        )
    return _table(columns, rows, numbers=numbers)


def _statements(row: ResultRow) -> Html | None:
    told = (("Athena", row.athena_sql), ("Postgres", row.neon_sql))
    parts = [group(tag("small", name), tag("pre", text)) for name, text in told if text]
    return tag("details", tag("summary", "SQL"), *parts) if parts else None


def _date_charts(told: Contents) -> Html:
    made = told.charts[0].made
    left = len(told.charts) - CHARTS
    key = tag(
        "p",
        _key("loaded", "loaded into the branch, before publishing"),
        _key("source", "to be made" if made else "counted by Athena"),
        _key("differs", "differs") if told.charts[0].differing else None,
        class_="legend",
    )
    more = (
        tag("p", f"The counts of {left} more tables are in etl-report.json.") if left > 0 else None
    )
    return group(key, *map(date_chart, told.charts[:CHARTS]), more)


def _key(kind: str, words: str) -> Html:
    return tag("span", tag("i", class_=f"key {kind}"), words)


def _steps(told: Contents) -> Html:
    several = any(step.tables > 1 for step in told.steps)
    note = "Tables go side by side; these are the sums over all of them." if several else None
    return group(tag("p", note, class_="legend") if note else None, step_chart(told.steps))


def _notices(report: Mapping[str, Any]) -> Html | None:
    notices = [inert(text) for text in listed(report, "notices")]
    return tag("ul", *(tag("li", text) for text in notices)) if notices else None


def _queries(report: Mapping[str, Any]) -> Html | None:
    columns = ("for", "table", "query", "scanned")
    queries = items(part(report, "athena"), "queries")
    rows = [
        tag(
            "tr",
            tag("td", text_in(query, "purpose"), data_label=columns[0]),
            tag("td", text_in(query, "table"), data_label=columns[1]),
            tag("td", shown(query.get("query_id")), class_="id", data_label=columns[2]),
            tag(
                "td",
                size(number_in(query, "scanned_bytes")),
                " before" if query.get("resumed") else None,
                class_="n",
                data_label=columns[3],
            ),
        )
        for query in queries
    ]
    table = _table(columns, rows, numbers=columns[3:])
    return tag("details", tag("summary", f"{len(rows)} queries"), table) if rows else None


def _cell(label: str, value: Html) -> Html:
    return tag("td", value, class_="name", data_label=label)


def _number(label: str, value: str, whose: str = "") -> Html:
    """A number, and whose it is; where there is none, a narrow page leaves the cell out."""
    told = tag("small", whose) if whose else None
    return tag("td", value, told, class_="n nothing" if value == DASH else "n", data_label=label)


def _table(columns: Sequence[str], rows: Iterable[Html], numbers: Sequence[str] = ()) -> Html:
    heads = (tag("th", name, class_="n" if name in numbers else None) for name in columns)
    table = tag("table", tag("thead", tag("tr", *heads)), tag("tbody", *rows))
    return tag("div", table, class_="wide")
