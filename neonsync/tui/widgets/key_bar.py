"""The keys at the bottom of a screen, made anew only where others are to be shown."""

from __future__ import annotations

from typing import Any

from textual.screen import Screen
from textual.widgets import Footer


class KeyBar(Footer):
    """Textual's footer makes all of its keys anew whenever the focus moves."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)
        self._keys: tuple[tuple[object, ...], ...] | None = None

    def bindings_changed(self, screen: Screen[Any]) -> None:
        """Look whether the keys are others now."""
        if not self.app.app_focus:
            self._keys = None
            return
        shown = [each for each in screen.active_bindings.values() if each.binding.show]
        keys = tuple((self.app.get_key_display(b), b.description, on) for _, b, on, _ in shown)
        if keys != self._keys:
            self._keys = keys
            super().bindings_changed(screen)
