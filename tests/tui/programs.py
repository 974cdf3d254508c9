"""Small programs with the UI on fakes, for tests that run it as a process on a real terminal.

``python -m tests.tui.programs NAME``
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path

from textual.app import ComposeResult

import neonsync.tui.app
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Emit, RunStarted
from neonsync.selection import Selection
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import BranchList, RunReport
from neonsync.tui.preferences import load_preferences
from neonsync.tui.start import leave_soon, run_app
from tests.tui.fakes import FakeBranches, Fakes, report_of

CSS = Path(neonsync.tui.app.__file__).with_name("app.tcss")
PASSWORD = "npg_" + "hunter2secret"  # in two, so that no scan takes it for a real one
AT_WORK = "at work"
ADDRESS = "postgresql://u:hunter2secret@h/db"


class Crashing(NeonsyncApp):
    """Fails where its subclass says, with a secret in the message and in a variable."""

    CSS_PATH = str(CSS)

    def fail(self) -> None:
        address, password = ADDRESS, PASSWORD
        raise RuntimeError(f"no connection to {address} with password={password}")


class InHandler(Crashing):
    def on_key(self) -> None:
        self.fail()


class InWorker(Crashing):
    def on_key(self) -> None:
        async def work() -> None:
            self.fail()

        self.run_worker(work())


class InThread(Crashing):
    """Nobody awaits the thread: the UI goes on."""

    def on_key(self) -> None:
        thread = threading.Thread(target=self.fail)
        thread.start()
        thread.join()
        self.exit(0)


class InTask(Crashing):
    """Nobody awaits the task: the UI goes on."""

    async def on_key(self) -> None:
        async def work() -> None:
            self.fail()

        await asyncio.wait([asyncio.create_task(work())])
        self.exit(0)


class Failing(FakeBranches):
    """A service with a fault of the program's own."""

    def load(self) -> BranchList:
        raise RuntimeError(f"no connection to {ADDRESS} with password={PASSWORD}")


def _fakes() -> Fakes:
    """A run never ends by itself; it takes its time to roll back, and leaves a note of that."""
    fakes = Fakes()
    note = Path(os.environ.get("ROLLED_BACK", os.devnull))

    async def carry_out(emit: Emit, cancel: CancelToken) -> RunReport:
        emit(RunStarted("run_1", "dev", "br-dev", ("claims",), 1))
        waiting = asyncio.ensure_future(asyncio.Event().wait())
        cancel.attach(waiting)
        await asyncio.to_thread(note.write_text, AT_WORK)
        await asyncio.wait([waiting])
        await asyncio.sleep(0.1)
        await asyncio.to_thread(note.write_text, f"rolled back, {int(cancel.exit_code)}")
        return report_of("cancelled")

    fakes.sync.carry_out = carry_out
    return fakes


class Running(NeonsyncApp):
    """Starts a run at once."""

    CSS_PATH = str(CSS)

    def on_ready(self) -> None:
        self.start_run(Selection(branch="dev"))


class Early(NeonsyncApp):
    """Gets a signal when the terminal is taken, and nothing is drawn yet."""

    CSS_PATH = str(CSS)

    def compose(self) -> ComposeResult:
        os.kill(os.getpid(), int(os.environ["SIGNAL"]))
        yield from super().compose()


class CrashingRun(Running, InHandler):
    """A run is at work when the UI fails."""


_PROGRAMS: dict[str, type[NeonsyncApp]] = {
    "plain": NeonsyncApp,
    "handler": InHandler,
    "worker": InWorker,
    "thread": InThread,
    "task": InTask,
    "running": Running,
    "early": Early,
    "crashing-run": CrashingRun,
}


def main(name: str) -> int:
    """Run one of them."""
    fakes = _fakes()
    if name == "service":
        fakes.branches = Failing()
    preferences, notices = load_preferences(os.environ)
    kind = _PROGRAMS.get(name, NeonsyncApp)
    return run_app(kind(fakes.services(), preferences, notices=notices))


if __name__ == "__main__":
    code = main(sys.argv[1])
    leave_soon(code)
    sys.exit(code)
