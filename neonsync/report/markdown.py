"""etl-report.md: a run as Markdown, failures first, for a pull request or a step of a job.

It is made of the two reports alone, and cut where there is no room for more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from neonsync.report.contents import TableOutcome, contents
from neonsync.report.quality import COLUMNS, QualityTable, quality_tables
from neonsync.report.reading import float_in, inert, items, listed, text_in
from neonsync.report.results import ResultRow, results_view
from neonsync.report.wording import DASH, duration, printable

COMMENT_BYTES = 65_000
"""GitHub takes 65,536 characters for a comment, so that the page can be one."""

CELL_CHARACTERS = 2_000
_COMPARED = ("expected", "measured", "difference")
_SPECIAL = frozenset("&<>|`*_[]{}#!~\\@$")


def markdown_page(
    report: Mapping[str, Any],
    validation: Mapping[str, Any],
    *,
    directory: str = "",
    limit: int = COMMENT_BYTES,
) -> str:
    """The page, no longer than ``limit`` bytes; ``directory`` is where the reports are."""
    told, view = contents(report, validation), results_view(report, validation)
    checks = [row for row in view.rows if row.kind == "check"]
    page = _Page(limit)
    page.add(f"## neonsync: {escape(told.title)}\n\n")
    for row in view.rows:
        if row.kind == "error":
            page.add(f"**{escape(row.message)}**\n\n{escape(row.remedy)}".rstrip() + "\n\n")
    page.table(_checks("Failed checks", [row for row in checks if row.status == "failed"]))
    if view.proof:
        page.add(f"✓ {escape(view.proof)}\n\n")
    facts = (*told.facts, *([("reports", directory)] if directory else []))
    page.table(_Table("", ("", ""), [[name, escape(value)] for name, value in facts]))
    page.table(_checks("Warnings of checks", [row for row in checks if row.status == "warning"]))
    page.table(_tables(told.tables))
    page.table(_checks("All checks", checks, folded=True))
    for measured in quality_tables(report):
        page.table(_quality(measured))
    notices = [[escape(inert(text))] for text in listed(report, "notices")]
    page.table(_Table("Notices", ("notice",), notices, folded=True))
    page.table(_steps(report))
    return page.text


def escape(text: str) -> str:
    """Text that Markdown and HTML show as it is, in one line, wherever it stands.

    As numeric references: they are never structure, in a table's cell neither. A log that prints
    the page takes none of it for a command.
    """
    if len(text) > CELL_CHARACTERS:
        text = f"{text[:CELL_CHARACTERS]}…"
    text = printable(text.replace("\n", " "))
    safe = "".join(f"&#{ord(one)};" if one in _SPECIAL else one for one in text)
    return safe.replace("://", "&#58;//").replace("::", "&#58;&#58;")


@dataclass(frozen=True)
class _Table:
    """Rows below a heading, or behind one that unfolds."""

    heading: str
    columns: Sequence[str]
    rows: Iterable[Sequence[str]]
    folded: bool = False


class _Page:
    """Text that grows until it is full; what is left out is counted, and nothing left open."""

    def __init__(self, limit: int) -> None:
        self._parts: list[str] = []
        # Room for closing a table and for telling what is missing.
        self._left = limit - 500
        self._full = False

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def add(self, part: str) -> bool:
        """Add a part if there is room for it, and for what came before."""
        length = len(part.encode())
        if self._full or length > self._left:
            self._tell_full("")
            return False
        self._parts.append(part)
        self._left -= length
        return True

    def table(self, table: _Table) -> None:
        rows = [f"| {' | '.join(row)} |\n" for row in table.rows]
        if not rows or self._full:
            return
        heading = f"{table.heading} ({len(rows)})" if table.folded else table.heading
        start, end = (
            (f"<details><summary>{heading}</summary>\n\n", "\n</details>\n\n")
            if table.folded
            else (f"### {heading}\n\n" if heading else "", "\n")
        )
        head = f"| {' | '.join(table.columns)} |\n|{'---|' * len(table.columns)}\n"
        if not self.add(start + head):
            return
        for number, row in enumerate(rows):
            if len(row.encode()) > self._left:
                self._parts.append(end)
                self._tell_full(f"{len(rows) - number:,} rows of this table and ")
                return
            self.add(row)
        self._parts.append(end)
        self._left -= len(end)

    def _tell_full(self, what: str) -> None:
        if not self._full and self._parts:
            self._parts.append(
                f"\n*Cut here: {what}what follows would be more than GitHub takes. "
                "The reports of the run have it all.*\n"
            )
        self._full = True


def _tables(tables: Sequence[TableOutcome]) -> _Table:
    def row(table: TableOutcome) -> list[str]:
        counts = (
            table.inserted,
            table.updated,
            table.unchanged,
            table.removed,
            table.deleted,
        )
        return [
            escape(table.table),
            escape(table.method or "not published"),
            *(f"{count:,}" if table.method else "" for count in counts),
            escape("; ".join(filter(None, (table.proof, *table.losses)))),
        ]

    counted = ("inserted", "updated", "unchanged", "removed", "deleted")
    columns = ("table", "method", *counted, "proof")
    return _Table("Tables", columns, map(row, tables), folded=len(tables) > 20)


def _checks(heading: str, checks: Sequence[ResultRow], *, folded: bool = False) -> _Table:
    def row(check: ResultRow) -> list[str]:
        expected = f"{check.athena} in {check.source}" if check.source else check.athena
        compared = [each if each != DASH else "" for each in (expected, check.neon, check.diff)]
        said = (check.check, check.table, check.status, *compared, check.message, check.remedy)
        return [*map(escape, said)]

    columns = ("check", "table", "status", *_COMPARED, "found", "what to do")
    return _Table(heading, columns, map(row, checks), folded=folded)


def _quality(table: QualityTable) -> _Table:
    rows = [[escape(cell) if cell != DASH else "" for cell in row.cells] for row in table.rows]
    heading = f"Quality of {escape(table.table)}: {escape(table.said)}"
    return _Table(heading, COLUMNS, rows, folded=True)


def _steps(report: Mapping[str, Any]) -> _Table:
    rows = [
        [
            escape(text_in(step, "step")),
            escape(text_in(step, "table")),
            duration(float_in(step, "seconds")),
            escape(text_in(step, "detail")),
        ]
        for step in items(report, "steps")
    ]
    return _Table("Steps", ("step", "table", "time", "what came out"), rows, folded=True)
