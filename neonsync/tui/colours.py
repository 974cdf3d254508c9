"""The colours of states in tables and texts, taken from the theme. Pure.

What is drawn by CSS has the classes of ``app.tcss``; a cell is a Rich text and has these styles.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from textual.theme import Theme


def style_of(name: str, theme: Theme) -> str:
    """The Rich style of a sign's ``style``: good, bad, warn, busy or dim."""
    colour = {
        "good": theme.success,
        "bad": theme.error,
        "warn": theme.warning,
        "busy": theme.accent,
    }.get(name)
    # Textual's ANSI themes name the terminal's own colours, which Rich calls by bare names.
    return colour.removeprefix("ansi_") if colour else name


def coloured(text: str, style: str) -> Text:
    """A cell in a style. Rich takes two texts as equal that differ in their own style only, and
    a table that writes what has changed would leave the old colour."""
    return Text().append(text, style)
