"""An eye on the run while other screens are in front: the chip, and a word at its end."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from textual.timer import Timer

from neonsync.tui.glyphs import run_sign
from neonsync.tui.widgets.breadcrumb import Breadcrumb

if TYPE_CHECKING:
    from textual.notifications import SeverityLevel

    from neonsync.tui.app import NeonsyncApp
    from neonsync.tui.run_controller import RunController

WATCH_SECONDS = 1.0
TOLD_SECONDS = 15.0


class RunWatch:
    """Looks at the App's run once a second while it is at work, wherever one is."""

    def __init__(self, app: NeonsyncApp) -> None:
        self._app = app
        self._seen: RunController | None = None
        self._timer: Timer | None = None

    def begin(self) -> None:
        """A run has begun."""
        self._end()
        # A full collection looks at every object of the program, clients and widgets, and was seen
        # to stop the loop for 310 ms amid a run (benchmarks ui): they are left out until its end.
        gc.freeze()
        self._timer = self._app.set_interval(WATCH_SECONDS, self._look)

    def seen(self, controller: RunController) -> None:
        """The end of a run is on the screen: nothing is to be told of it any more."""
        self._seen = controller

    def show_chip(self) -> None:
        """Say in the breadcrumb of the front screen that a run is at work."""
        app = self._app
        word = app.run_word() if getattr(app.screen, "CHIP", True) else ""
        mark = ">" if app.preferences.ascii_only else "▶"
        for crumb in app.screen.query(Breadcrumb):
            crumb.chip(f"{mark} {word} (v)" if word else "")

    def _look(self) -> None:
        app = self._app
        app.show_chip()
        controller = app.run_controller
        if controller is None or controller.active:
            return
        self._end()
        front = next(screen for screen in reversed(app.screen_stack) if not screen.is_modal)
        # The run's own screen goes on to the results by itself.
        if controller is not self._seen and getattr(front, "CHIP", True):
            self._tell(controller)

    def _tell(self, controller: RunController) -> None:
        status = controller.report.status if controller.report is not None else "failed"
        sign = run_sign(status).text(ascii_only=self._app.preferences.ascii_only)
        severity: SeverityLevel = "information" if status == "succeeded" else "warning"
        self._app.bell()
        said = f"The run has ended: {sign}; v shows it"
        self._app.notify(said, severity=severity, markup=False, timeout=TOLD_SECONDS)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
            gc.unfreeze()
