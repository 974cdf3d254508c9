"""The theme's colours for cells of tables, which are Rich's text and know no CSS. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_VARIABLES = {"good": "success", "bad": "error", "warn": "warning", "busy": "accent"}
_ANSI = "ansi_"


def cell_style(name: str, variables: Mapping[str, str]) -> str:
    """The style for a class of ``app.tcss``, from ``App.theme_variables``.

    Anything else, as ``bold``, is a style of Rich's already.
    """
    colour = variables.get(_VARIABLES.get(name, ""), "") if name in _VARIABLES else name
    return colour.removeprefix(_ANSI)  # Rich calls the terminal's own colours by their names alone
