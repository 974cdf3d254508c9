"""History."""

from __future__ import annotations

from neonsync.tui.screens.base import View


class HistoryScreen(View):
    """What was done."""

    def __init__(self, branch: str = "") -> None:
        super().__init__()
