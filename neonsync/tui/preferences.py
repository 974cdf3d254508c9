"""How the UI looks and behaves for this user: values, and the file they are kept in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_THEME = "neonsync-dark"
REFRESHES = (2, 4, 8)


@dataclass(frozen=True)
class Preferences:
    """``refreshes`` is how often a second a run is drawn; fewer are kinder to a slow line.

    ``keys`` maps ids of bindings to keys, as Textual's keymap does.
    """

    theme: str = DEFAULT_THEME
    refreshes: int = 8
    ascii_only: bool = False
    mouse: bool = True
    keys: Mapping[str, str] = field(default_factory=dict, hash=False)
