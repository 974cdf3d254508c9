"""Runs that a test plays by itself: it sends the events, moves the clock and says when it ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import (
    ChunkLoaded,
    ChunksPlanned,
    Emit,
    Event,
    Purpose,
    QueryProgress,
    RowsCopied,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
)
from neonsync.selection import Selection
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import ProjectInfo, RunReport
from neonsync.tui.run_controller import RunController
from neonsync.tui.screens.run import RunScreen

RUN_ID = "run_01jd5x9w7t8k2"
TABLES = ("claims", "claim_lines", "members", "providers", "plans", "payments", "codes", "x[/x]y")
NAMES = tuple(f"public.{name}" for name in TABLES)


class Script:
    """A job that does nothing until it is told to end."""

    def __init__(self) -> None:
        self.now = 0.0
        self.begun = threading.Event()
        self.emit: Emit
        self.cancel: CancelToken
        self._loop: asyncio.AbstractEventLoop
        self._over: asyncio.Event
        self._outcome: RunReport | Exception

    def clock(self) -> float:
        return self.now

    async def carry_out(self, emit: Emit, cancel: CancelToken) -> RunReport:
        self.emit, self.cancel = emit, cancel
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        self.begun.set()
        await self._over.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def send(self, *events: Event, at: float | None = None) -> None:
        """Let the run say something, at a moment of its clock."""
        self.now = self.now if at is None else at
        for event in events:
            self.emit(event)

    def finish(self, outcome: RunReport | Exception) -> None:
        """Let it end."""
        self._outcome = outcome
        with contextlib.suppress(RuntimeError):  # it has ended, and its loop with it
            self._loop.call_soon_threadsafe(self._over.set)


def begin(script: Script, branch: str = "dev-kate") -> RunController:
    """The script at work, by the script's clock."""
    controller = RunController(script.carry_out, Selection(branch=branch), script.clock)
    controller.start()
    assert script.begun.wait(30)
    return controller


def show(app: NeonsyncApp, script: Script) -> RunController:
    """Begin it and show its screen, as ``App.start_run`` does with the real clock."""
    app.project = ProjectInfo("ep-quiet-moon-123", "acme-claims", "aws-eu-central-1", "17")
    controller = app.run_controller = begin(script)
    app.run_watch.begin()
    app.push_screen(RunScreen(controller))
    return controller


def started() -> RunStarted:
    return RunStarted(RUN_ID, "dev-kate", "br-dev-kate", NAMES, 1)


def exported(name: str, rows: int, chunks: int = 10, scanned: int = 300_000_000) -> list[Event]:
    """The events from a table's first step to its first row."""
    return [
        StepStarted(Step.EXTRACT, name),
        QueryProgress(name, Purpose.EXPORT, f"7f3c0000-{name}", "RUNNING", scanned // 2),
        QueryProgress(name, Purpose.EXPORT, f"7f3c0000-{name}", "SUCCEEDED", scanned),
        StepFinished(Step.EXTRACT, name, 4.1, f"{rows:,} rows in 3 files"),
        StepStarted(Step.LOAD, name),
        ChunksPlanned(name, rows, chunks, 0, 0),
    ]


def loaded(name: str, rows: int) -> list[Event]:
    return [RowsCopied(name, rows), ChunkLoaded(name, rows, rows * 20)]


def staged(name: str) -> list[Event]:
    """The events from a table's last row until it is ready."""
    return [
        StepFinished(Step.LOAD, name, 20.0, "all rows"),
        StepStarted(Step.AUDIT, name),
        StepFinished(Step.AUDIT, name, 0.2, "counts equal on 31 dates"),
        StepStarted(Step.INDEX, name),
        StepFinished(Step.INDEX, name, 1.0, "2 of 2 indexes built"),
    ]


def in_full_swing(script: Script) -> None:
    """Three tables are ready, two load, one is exported, two wait; four minutes have gone by."""
    script.send(started(), at=2.0)
    for number, (name, rows) in enumerate(zip(NAMES[4:7], (4_400, 3_110_000, 71_900), strict=True)):
        script.send(*exported(name, rows), at=5.0 + number)
        script.send(*loaded(name, rows), at=9.0 + number)
        script.send(*staged(name), at=10.0 + number)
    script.send(*exported(NAMES[0], 4_810_000, 420), *exported(NAMES[1], 22_500_000, 590), at=20.0)
    for second in range(25, 265):
        script.send(*loaded(NAMES[0], 10_000 + second * 10), at=float(second))
        script.send(*loaded(NAMES[1], 38_000), at=float(second))
    script.send(StepStarted(Step.EXTRACT, NAMES[2]), at=266.0)
    script.send(
        QueryProgress(NAMES[2], Purpose.EXPORT, "8a4d0000", "RUNNING", 18_000_000), at=268.0
    )
