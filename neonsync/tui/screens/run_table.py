"""The tables of a run: a row each, what went wrong first, then what moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text

from neonsync.tui.colours import coloured
from neonsync.tui.formatting import DASH, bar, clock, cut, short, size
from neonsync.tui.glyphs import Sign
from neonsync.tui.run_signs import PHASES
from neonsync.tui.run_steps import WORDS
from neonsync.tui.run_view import RunSnapshot, TableLine
from neonsync.tui.screens.base import WIDE
from neonsync.tui.widgets.rows import Rows

NAME, NAME_MOST = 14, 40
BAR, BAR_WIDE = 7, 20
STEP, ROWS, RATE, TIME = 9, 14, 7, 11
FIXED = STEP + ROWS + RATE + TIME + 5 + 12 + 1
"""The columns without name and bar: a percentage, the gaps and the scroll bar."""
_ORDER = {phase: place for place, phase in enumerate(PHASES)}
Style = Callable[[str], str]
"""From the name of a sign's style to a Rich style, by the theme of now."""


class RunTable(Rows):
    """The rows; their columns follow the width of the terminal."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(*layout(0), id=id)
        self._width = 0

    def fit(self, width: int) -> None:
        """Lay the columns out anew where the width asks for it."""
        if layout(width) != layout(self._width):
            self.set_layout(*layout(width))
        self._width = width

    def show_run(self, snapshot: RunSnapshot, style: Style, *, ascii_only: bool) -> None:
        """Draw the tables."""
        self.show(
            [
                (line.name, cells(line, style, self._width, ascii_only=ascii_only))
                for line in ordered(snapshot.tables)
            ]
        )


def bar_width(width: int) -> int:
    """The cells of a bar."""
    return BAR_WIDE if width >= WIDE else BAR


def name_width(width: int) -> int:
    """The cells of a name: what the rest leaves."""
    return min(max(width - FIXED - bar_width(width), NAME), NAME_MOST)


def layout(width: int) -> tuple[tuple[str, int], ...]:
    """The columns for a terminal's width."""
    return (
        ("TABLE", name_width(width)),
        ("STEP", STEP),
        ("PROGRESS", bar_width(width) + 5),
        ("ROWS".rjust(ROWS), ROWS),
        ("RATE".rjust(RATE), RATE),
        ("TIME", TIME),
    )


def ordered(lines: Sequence[TableLine]) -> list[TableLine]:
    """What failed first, then what is at work, queued, done; else as the run has them."""
    return sorted(lines, key=lambda line: _ORDER[line.phase])


def cells(line: TableLine, style: Style, width: int, *, ascii_only: bool) -> list[Text]:
    """The row of a table."""
    sign = sign_of(line)
    # Loading before the total is known has no bar: half of an unknown is nothing.
    progress = ""
    if line.rows is not None:
        share = line.sent / line.rows if line.rows else 1.0
        progress = f"{bar(share, bar_width(width), ascii_only=ascii_only)} {int(share * 100):3d}%"
    elif line.scanned:
        progress = size(line.scanned)
    return [
        Text(cut(line.name.removeprefix("public."), name_width(width), ascii_only=ascii_only)),
        coloured(sign.text(ascii_only=ascii_only), style(sign.style)),
        coloured(progress, style(sign.style)),
        Text(_rows(line), justify="right"),
        Text(f"{short(line.rate)}/s" if line.rate is not None else DASH, justify="right"),
        Text(_time(line)),
    ]


def sign_of(line: TableLine) -> Sign:
    """Glyph and word: of a table at work the word is its step's."""
    sign = PHASES[line.phase]
    if line.phase != "running":
        return sign
    word = WORDS.get(line.step, line.step)  # type: ignore[call-overload]  # a Step is its word
    return Sign(sign.glyph, sign.ascii, str(word), sign.style)


def _rows(line: TableLine) -> str:
    if line.rows is None:
        return DASH if not line.sent else short(line.sent)
    return f"{short(line.sent)} / {short(line.rows)}"


def _time(line: TableLine) -> str:
    if line.left is not None:
        # From an hour on the seconds are noise.
        return f"{clock(line.left)} left" if line.left < 3600 else f"{line.left / 3600:.1f} h left"
    return clock(line.seconds) if line.seconds is not None else DASH
