"""Results."""

from __future__ import annotations

from neonsync.tui.ports import RunReport
from neonsync.tui.screens.base import View


class ResultsScreen(View):
    """What a run came to."""

    def __init__(self, report: RunReport) -> None:
        super().__init__()
