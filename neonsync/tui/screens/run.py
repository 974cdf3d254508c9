"""Run."""

from __future__ import annotations

from neonsync.tui.run_controller import RunController
from neonsync.tui.screens.base import View


class RunScreen(View):
    """A run."""

    def __init__(self, controller: RunController) -> None:
        super().__init__()
