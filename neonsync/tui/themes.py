"""The themes: our own light and dark one, and Textual's two that keep the terminal's colours.

The classes good, bad, warn, busy and dim in ``app.tcss`` are what screens colour by; a state's
glyph and word say the same without colour.
"""

from __future__ import annotations

from textual.theme import Theme

DARK = Theme(
    name="neonsync-dark",
    primary="#5fd7af",
    secondary="#7aa2d6",
    accent="#5fd7af",
    warning="#e5c07b",
    error="#ff8787",
    success="#8fd18f",
    foreground="#d8dee4",
    background="#11161b",
    surface="#161d24",
    panel="#1d2630",
    dark=True,
)
LIGHT = Theme(
    name="neonsync-light",
    primary="#00694a",
    secondary="#1f4f8f",
    accent="#00694a",
    warning="#7a4d00",
    error="#a31515",
    success="#1d6b1d",
    foreground="#1b2127",
    background="#fbfbf8",
    surface="#f2f2ee",
    panel="#e6e6e0",
    dark=False,
)
OWN = (DARK, LIGHT)
