"""What the command palette offers: every action of the screen and of the app, with its key."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

from neonsync.tui.keys import actions_of

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp

_OPENS_IT = "command_palette"


def commands(app: NeonsyncApp, screen: Screen[Any]) -> Iterator[SystemCommand]:
    """What can be done now; an action that is not allowed is left out."""
    for action in actions_of(screen):
        # Without an id it is Textual's own: moving about in a text, and the like.
        if not action.identity or not action.enabled or action.is_move:
            continue
        if action.action != _OPENS_IT:
            run = partial(app.run_action, action.action, action.node)
            yield SystemCommand(action.what, f"key {action.shown_keys}", run)
    yield SystemCommand("History", "What was done, to all branches", app.open_history)
    yield SystemCommand("Setup", "Project, API key and lake, each tried for real", app.open_setup)
    yield SystemCommand("Preferences", "Theme, keys, refreshes, ASCII", app.open_preferences)
