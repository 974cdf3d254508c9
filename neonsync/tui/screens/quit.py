"""Leaving while something is at work: asked first, and a run has confirmed before one is out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neonsync.errors import ExitCode
from neonsync.threads import in_thread
from neonsync.tui.lifecycle import roll_back
from neonsync.tui.screens.confirm import Ask

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp


class QuitRun(Ask):
    """Gives ``stay``, ``quit`` or None."""


def ask_to_quit(app: NeonsyncApp) -> bool:
    """Ask where something is at work, and then leave; False where nothing is.

    A run is stopped, and waited for with a deadline. What Neon has been asked to do it goes on
    with.
    """
    if not (app.run_active or app.changes):
        return False
    if any(isinstance(screen, QuitRun) for screen in app.screen_stack):
        return True  # asked already
    if app.run_active:
        title, stop = "A run is at work", "Stop and quit"
    else:
        title, stop = "Neon is at work", "Quit all the same"

    def answered(choice: str | None) -> None:
        if choice == "quit":
            app.run_worker(_stop_and_quit(app), group="quit", exclusive=True)

    choices = [("stay", "Stay"), ("quit", stop)]
    app.push_screen(QuitRun(title, lambda: _at_stake(app), choices, danger=True), answered)
    return True


def _at_stake(app: NeonsyncApp) -> str:
    """What leaving would mean, as true at this moment."""
    from neonsync.tui.screens.cancel_run import no_way_back

    said = []
    if app.run_controller is not None and app.run_controller.active:
        said.append(
            no_way_back(app.run_controller.snapshot())
            or f"{app.run_word()} so far. Leaving stops it and rolls it back: every table stays as "
            "it was."
        )
        said.append("It cannot go on without this program.")
    if app.changes:
        said.append(
            f"{'; '.join(app.changes)}: Neon goes on with what it has begun, but what comes of it "
            "is neither told nor noted in the history."
        )
    return " ".join(said) or "It has ended meanwhile."


async def _stop_and_quit(app: NeonsyncApp) -> None:
    if app.run_active:
        app.notify("Stopping; the run rolls back …", markup=False)
    await in_thread(lambda: roll_back(app))
    code = app.run_controller.exit_code if app.run_controller is not None else 0
    # A run that was over before the stop came has its own code.
    app.exit(code if code is not None else int(ExitCode.INTERRUPTED))
