"""A plan in words: what it would do, what it costs, what to look out for. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from neonsync.tui.formatting import count, money, printable, short, size
from neonsync.tui.plan_form import MODES, PlanForm
from neonsync.tui.ports import BranchRow, PlanPreview, TablePreview

METHODS = {
    "swap": "built beside, and put in place in one step",
    "merge": "changed rows are updated, new ones inserted, others stay",
    "create": "an empty table with keys and indexes",
    "keep": "nothing is done to its rows",
}


@dataclass(frozen=True)
class Line:
    """A line of the summary; ``style`` is good, bad, warn, dim or empty."""

    text: str
    style: str = ""


def summary(
    preview: PlanPreview, mode: str, chosen: int, notes: Sequence[str] = ()
) -> tuple[Line, ...]:
    """The whole of it: the figures, the warnings, then each table by how it is published.

    ``chosen`` is the number of tables that the form has chosen; ``notes`` are warnings of the form.
    """
    return (
        Line(headline(preview, mode)),
        *(Line(f"! {text}", "warn") for text in (*notes, *warnings(preview, mode, chosen))),
        *_by_method(preview.tables),
    )


def headline(preview: PlanPreview, mode: str) -> str:
    """Tables, rows, bytes and price."""
    parts = [_number(len(preview.tables), "table"), _rows(preview, mode)]
    if mode != "full":
        return " · ".join([*parts, "nothing is scanned"])
    if preview.price is not None:
        parts.append(f"about {money(preview.price)}")
    if preview.scanned_bytes is not None:
        billed = preview.billed_bytes
        as_ = f", billed as {size(billed)}" if billed not in (None, preview.scanned_bytes) else ""
        parts.append(f"{size(preview.scanned_bytes)} to scan{as_}")
    return " · ".join(parts)


def warnings(preview: PlanPreview, mode: str, chosen: int) -> list[str]:
    """What to look out for, the merges first."""
    holding = [table for table in preview.tables if _merges_rows(table)]
    said = []
    if holding:
        hold = "holds" if len(holding) == 1 else "hold"
        said.append(f"merge into {_number(len(holding), 'table')} that {hold} rows")
    if mode == "full" and preview.price is None:
        said.append("the price is not known beforehand")
    if len(preview.tables) != chosen:
        said.append(
            f"the run takes {_number(len(preview.tables), 'table')}, but {chosen} chosen: "
            "a table_filter of the configuration counts as well"
        )
    return [*said, *preview.warnings]


def status(form: PlanForm, branch: BranchRow, obstacle: str) -> Line:
    """Whether F5 starts, and what."""
    if obstacle:
        return Line(f"✗ F5 waits: {obstacle}", "bad")
    into = f"a child of {branch.name} that expires in a day" if form.via_branch else branch.name
    return Line(f"✓ F5 starts: {MODES[form.mode].lower()} into {into}", "good")


def command_lines(command: str, width: int, most: int) -> list[str]:
    """A command in at most so many lines of so many cells; what is cut off is shown as such."""
    lines = textwrap.wrap(
        printable(command), max(width, 20), break_on_hyphens=False, subsequent_indent="    "
    )
    if len(lines) <= most:
        return lines
    end = " … (y copies all)"
    return [*lines[: most - 1], lines[most - 1][: max(width - len(end), 0)] + end]


def _rows(preview: PlanPreview, mode: str) -> str:
    if mode == "schema-only":
        return "no rows"
    if preview.rows is None:
        return "rows not known beforehand"
    if mode == "test-data":
        return f"{count(preview.rows)} rows are made"
    if all(table.rows_exact for table in preview.tables):
        return f"{count(preview.rows)} rows"
    most = "at most " if any(table.note for table in preview.tables) else ""
    return f"{most}~{short(preview.rows)} rows"


def _by_method(tables: Sequence[TablePreview]) -> list[Line]:
    lines: list[Line] = []
    for method in dict.fromkeys((*METHODS, *(table.method for table in tables))):
        group = [table for table in tables if table.method == method]
        if not group:
            continue
        meaning = f": {METHODS[method]}" if method in METHODS else ""
        lines.append(Line(f"{method} {_number(len(group), 'table')}{meaning}", "head"))
        width = min(max(len(printable(table.target)) for table in group), 32)
        for table in group:
            lines.append(Line(f"  {_table(table, width)}"))
            told = filter(None, (table.dates, table.note))
            lines += [Line(f"    {printable(text)}", "dim") for text in told]
    return lines


def _table(table: TablePreview, width: int) -> str:
    about = "" if table.rows_exact else "at most ~" if table.note else "~"
    rows = f"  {about}{short(table.rows)} rows" if table.rows is not None else ""
    return printable(f"{table.target:<{width}}{rows}  because {table.reason}")


def _merges_rows(table: TablePreview) -> bool:
    return table.method == "merge" and "holds rows" in table.reason


def _number(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
