"""The UI's beginning and its end: what is opened first, signals, and faults that nobody awaits."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from neonsync.errors import ExitCode, NeonsyncError, UnknownBranchError
from neonsync.selection import Selection, from_arguments
from neonsync.threads import in_thread
from neonsync.tui.widgets.panel import Failure

if TYPE_CHECKING:
    from neonsync.tui.app import NeonsyncApp
    from neonsync.tui.ports import BranchRow

ROLLBACK_SECONDS = 20.0
"""So long a run may take to roll back at the end; the next run clears up after that."""
_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


def handle_signals(app: NeonsyncApp) -> None:
    """Let SIGTERM and SIGINT end the UI, its run rolled back; a second one ends it at once.

    Ctrl-C is no signal here but a key. SIGHUP says that the terminal is gone.
    """
    loop = asyncio.get_running_loop()
    asked: list[ExitCode] = []

    def end(code: ExitCode) -> None:
        if asked:
            os._exit(int(code))
        asked.append(code)
        app.run_worker(_end(app, code), group="signal", exclusive=True)

    for number, code in _CODES.items():
        loop.add_signal_handler(number, end, code)
    signal.signal(signal.SIGHUP, lambda *_: _hang_up(app))


async def _end(app: NeonsyncApp, code: ExitCode) -> None:
    await in_thread(lambda: roll_back(app, code))
    app.exit(int(code))


def roll_back(app: NeonsyncApp, code: ExitCode = ExitCode.INTERRUPTED) -> None:
    """Stop a run that is at work, and wait until it has confirmed. Blocks, once at most."""
    controller = app.run_controller
    if controller is not None and controller.active and not controller.given_up:
        controller.stop(keep=False, exit_code=code)
        controller.given_up = not controller.wait(ROLLBACK_SECONDS)


def _hang_up(app: NeonsyncApp) -> None:
    """Nothing can be drawn or restored any more: writing may even block the loop for ever."""

    def end() -> None:
        roll_back(app, ExitCode.TERMINATED)
        os._exit(int(ExitCode.TERMINATED))

    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    threading.Thread(target=end, name="hang up").start()


class Faults:
    """What fails in a thread or a task that nobody awaits, kept to be told at the end.

    Python would write it to the terminal at once: amid the screen, and with all that its message
    holds.
    """

    def __init__(self, hide: Callable[[str], str]) -> None:
        """``hide`` takes secrets out of a text."""
        self.texts: list[str] = []
        self._hide = hide

    def in_a_thread(self, fault: threading.ExceptHookArgs) -> None:
        """For ``threading.excepthook``."""
        if fault.exc_value is not None:
            self._keep(
                f"in the thread {fault.thread.name if fault.thread else '?'}", fault.exc_value
            )

    def in_a_task(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """For ``loop.set_exception_handler``."""
        self._keep(str(context.get("message", "in a task")), context.get("exception"))

    def _keep(self, what: str, error: BaseException | None) -> None:
        said = "".join(traceback.format_exception(error)) if error is not None else ""
        self.texts.append(self._hide(f"unexpected, {what}\n{said}".rstrip()))


async def open_first(app: NeonsyncApp) -> None:
    """The setup in front of the branches where there must be one, or the plan of a command."""
    services = app.services
    try:
        if await in_thread(services.setup.needed):
            app.open_setup()
        elif app.first_plan:
            app.open_plan(*await in_thread(lambda: _plan_of(app)))
    except NeonsyncError as error:
        app.notify(Failure.of(error, app.hide).said, severity="error", markup=False)


def _plan_of(app: NeonsyncApp) -> tuple[BranchRow, Selection]:
    selection = from_arguments(app.first_plan, app.services.sync.base())
    branches = app.services.branches.load().branches
    for branch in branches:
        if branch.name == selection.branch or (branch.default and not selection.branch):
            return branch, selection
    raise UnknownBranchError(
        f"no branch is named {selection.branch!r}", "Choose one of the branches, or make it: n."
    )
