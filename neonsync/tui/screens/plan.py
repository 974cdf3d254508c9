"""Plan."""

from __future__ import annotations

from neonsync.selection import Selection
from neonsync.tui.ports import BranchRow
from neonsync.tui.screens.base import View


class PlanScreen(View):
    """What to sync into a branch."""

    def __init__(self, branch: BranchRow, selection: Selection | None = None) -> None:
        super().__init__()
