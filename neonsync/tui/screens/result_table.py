"""The rows of the results: their columns by the terminal's width, and what stands in them. Pure."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text

from neonsync.tui.colours import coloured
from neonsync.tui.formatting import DASH, cut, short
from neonsync.tui.glyphs import Sign, check_sign
from neonsync.tui.results_view import ResultRow, detail_text
from neonsync.tui.screens.base import WIDE

NAME, NAME_MOST = 14, 40
CHECK, VALUE, DIFF = 18, 10, 8
FIXED = 6 + CHECK + VALUE + VALUE + DIFF + 12 + 1
"""The columns without the name, their gaps and the scroll bar."""
PANE, PANE_MOST = 31, 80
_TITLES = ("Message", "Try", "Examples", "Changes", "Athena SQL", "Postgres SQL")
SIGNS = {
    "published": Sign("✓", "+", "done", "good"),
    "notice": Sign("·", ".", "note", "dim"),
}


def name_width(width: int) -> int:
    """The cells for a table's name: what the rest leaves, beside the pane where there is one."""
    room = width - FIXED - (pane_width(width) if width >= WIDE else 0)
    return min(max(room, NAME), NAME_MOST)


def pane_width(width: int) -> int:
    """The cells for the detail: a third of what is more than the table needs goes to the names."""
    spare = max(width - FIXED - NAME - PANE, 0)
    return min(PANE + spare * 2 // 3, PANE_MOST)


def layout(width: int) -> tuple[tuple[str, int], ...]:
    """The columns: with their gaps 79 cells, and more where there is room."""
    return (
        ("", 6),
        ("CHECK", CHECK),
        ("TABLE", name_width(width)),
        ("EXPECTED".rjust(VALUE), VALUE),
        ("MEASURED".rjust(VALUE), VALUE),
        ("DIFF".rjust(DIFF), DIFF),
    )


def cells(
    row: ResultRow, name_cells: int, style: Callable[[str], str], *, ascii_only: bool
) -> list[Text]:
    """One row."""
    sign = SIGNS.get(row.status) or check_sign(row.status)
    return [
        coloured(sign.text(ascii_only=ascii_only), style(sign.style)),
        Text(cut(row.check, CHECK, ascii_only=ascii_only)),
        Text(cut(row.table.removeprefix("public."), name_cells, ascii_only=ascii_only)),
        Text(_fit(row.athena, VALUE, ascii_only=ascii_only), justify="right"),
        Text(_fit(row.neon, VALUE, ascii_only=ascii_only), justify="right"),
        coloured(
            _fit(row.diff, DIFF, ascii_only=ascii_only).rjust(DIFF),
            style(sign.style) if row.diff not in (DASH, "0") else "",
        ),
    ]


def styled(row: ResultRow) -> Text:
    """The detail with its headings in bold."""
    text = Text()
    for number, line in enumerate(detail_text(row).split("\n")):
        text.append("\n" if number else "")
        text.append(line, "bold" if number == 0 or line in _TITLES else "")
    return text


def _fit(value: str, width: int, *, ascii_only: bool) -> str:
    """A value in its column; a number too long for it is rounded, not cut."""
    digits = value.replace(",", "")
    if len(value) > width and digits.lstrip("+-").isdigit():
        sign = digits[0] if digits[0] in "+-" else ""
        return sign + short(int(digits.lstrip("+-")))
    return cut(value, width, ascii_only=ascii_only)
