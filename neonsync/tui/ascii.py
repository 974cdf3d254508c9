"""Where only ASCII is wanted: signs, lines and borders as they are drawn, whoever drew them."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_SIGNS = {
    **dict.fromkeys(map(chr, range(0x2500, 0x2580)), "+"),  # corners and crossings
    **dict.fromkeys("─╌╍┄┅┈┉╴╶╸╺", "-"),
    **dict.fromkeys("│┃╎╏┆┇┊┋╵╷╹╻║", "|"),
    **dict.fromkeys("━═", "="),
    # Parts of a cell, whose colours tell of scroll bars and edges.
    **dict.fromkeys(map(chr, range(0x2580, 0x25A0)), " "),
    **dict.fromkeys("›→▶▸", ">"),
    **dict.fromkeys("‹←◀", "<"),
    **dict.fromkeys("“”", '"'),
    **dict.fromkeys("‘’", "'"),
    **dict.fromkeys("–—", "-"),
    **dict.fromkeys("◆●•", "*"),
    "█": "#",
    "■": "#",
    "✓": "+",
    "✗": "x",
    "×": "x",
    "◌": "o",
    "▼": "v",
    "▲": "^",
    "·": "|",
    "…": "~",
    "⚠": "!",
}
_TABLE = str.maketrans(_SIGNS)
_KEYS = str.maketrans(
    {"↑": "up", "↓": "down", "←": "left", "→": "right", "⏎": "enter", "⌫": "backspace"}
)


def key_word(shown: str) -> str:
    """A key whose sign is a word where only ASCII is wanted."""
    return shown.translate(_KEYS)


class AsciiFilter(LineFilter):
    """Letters of names stay as they are: only what draws is made plain."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same line, each sign as wide as before."""
        return [
            segment
            if segment.control or segment.text.isascii()
            else Segment(segment.text.translate(_TABLE), segment.style)
            for segment in segments
        ]


ASCII = AsciiFilter()
