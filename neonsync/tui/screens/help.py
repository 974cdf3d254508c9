"""Help: what the screen behind it is for, its keys as they are now, and what the signs mean."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from neonsync.tui.help_view import help_text
from neonsync.tui.keys import actions_of
from neonsync.tui.screens.base import View


class HelpScreen(View):
    """In front of the screen that it tells of, which goes on meanwhile."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_page(1)", "Down", show=False, id="help.down"),
        Binding("k", "scroll_page(-1)", "Up", show=False, id="help.up"),
        Binding("p", "preferences", "Preferences", id="help.preferences"),
    ]
    CSS = """
    HelpScreen VerticalScroll { padding: 1 2; height: 1fr; }
    """

    def __init__(self, behind: Screen[Any]) -> None:
        """``behind`` is what it tells of; asked now, as its focus is gone later."""
        super().__init__()
        self._about = _about(behind)
        self._actions = actions_of(behind)
        self._of = type(behind).__name__.removesuffix("Screen").lower()

    def body(self) -> ComposeResult:
        """The text, which scrolls."""
        with VerticalScroll():
            yield Static(
                help_text(self._about, self._actions, ascii_only=self.ui.preferences.ascii_only)
            )

    def crumbs(self) -> list[str]:
        """Of which screen it tells."""
        return [self._of, "help"]

    def action_scroll_page(self, direction: int) -> None:
        """On or back by some lines."""
        self.query_one(VerticalScroll).scroll_relative(y=3 * direction, animate=False)

    def action_help(self) -> None:
        """It is there already: the same key leaves it."""
        self.action_leave()

    def action_preferences(self) -> None:
        """Theme, keys, and how it behaves."""
        self.ui.open_preferences()


def _about(screen: Screen[Any]) -> str:
    """What the focused widget says of itself in ``about``, or one around it; then the screen.

    A widget's HELP is Textual's own, and None.
    """
    nodes = screen.focused.ancestors_with_self if screen.focused is not None else ()
    said = next((node.about for node in nodes if hasattr(node, "about")), "")
    return "\n\n".join(filter(None, (said, getattr(screen, "HELP", ""))))
