"""Branches: the home screen."""

from __future__ import annotations

from textual.app import ComposeResult

from neonsync.tui.screens.base import View
from neonsync.tui.widgets.panel import StatePanel
from neonsync.tui.widgets.rows import Rows


class BranchesScreen(View):
    """All branches of the project."""

    def body(self) -> ComposeResult:
        """The table."""
        yield Rows(("NAME", 20), id="branches")
        yield StatePanel()
