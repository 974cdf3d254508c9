"""Leaving while a run is at work: asked first, and only left when the run has confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neonsync.errors import ExitCode
from neonsync.tui.lifecycle import roll_back
from neonsync.tui.screens.confirm import Ask
from neonsync.tui.threads import in_thread

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp


class QuitRun(Ask):
    """Gives ``stay``, ``quit`` or None."""


def ask_to_quit(app: NeonsyncApp) -> None:
    """Ask; then stop the run, wait for it with a deadline, and leave."""

    if any(isinstance(screen, QuitRun) for screen in app.screen_stack):
        return  # asked already

    def answered(choice: str | None) -> None:
        if choice == "quit":
            app.run_worker(_stop_and_quit(app), group="quit", exclusive=True)

    app.push_screen(
        QuitRun(
            "A run is at work",
            f"{app.run_word()} so far. Leaving stops it and rolls it back: every table stays as "
            "it was. It cannot go on without this program.",
            [("stay", "Keep running"), ("quit", "Stop and quit")],
            danger=True,
        ),
        answered,
    )


async def _stop_and_quit(app: NeonsyncApp) -> None:
    app.notify("Stopping; the run rolls back …", markup=False)
    await in_thread(lambda: roll_back(app))
    code = app.run_controller.exit_code if app.run_controller is not None else None
    # A run that was over before the stop came has its own code.
    app.exit(code if code is not None else int(ExitCode.INTERRUPTED))
