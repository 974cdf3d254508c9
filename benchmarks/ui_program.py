"""The UI on services that answer from values, to be measured by ``benchmarks.ui``.

``python -m benchmarks.ui_program idle``, or ``run FILE``: a run of 60 tables and two million rows
whose events come as fast as those of a real one, with the run's screen in front; FILE gets the
numbers.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import (
    CheckFinished,
    ChunkLoaded,
    ChunksPlanned,
    Emit,
    Event,
    Purpose,
    QueryProgress,
    RowsCopied,
    RunFinished,
    RunStarted,
    Step,
    StepFinished,
    StepStarted,
    TablePublished,
)
from neonsync.selection import Selection
from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import RunReport
from neonsync.tui.start import run_app
from tests.tui.fakes import Fakes, branch, report_of

TABLES = 60
ROWS = 2_000_000
BATCH = 100
SECONDS = 10.0
SETTLE_SECONDS = 1.5
HEARTBEAT = 0.01


def events() -> list[Event]:
    """All events of the run, those of its tables in turns, as they are at work side by side."""
    names = [f"public.table_{number:02d}" for number in range(TABLES)]
    rows = ROWS // TABLES
    streams = [_table(name, rows) for name in names]
    made: list[Event] = [RunStarted("run_0123456789", "dev", "br-dev", tuple(names), 1)]
    for turn in range(max(map(len, streams))):
        made += [stream[turn] for stream in streams if turn < len(stream)]
    made += [TablePublished(name, "swap", rows, 0, 0) for name in names]
    made += [
        CheckFinished(name, f"check_{number}", "passed", "as expected")
        for name in names
        for number in range(7)
    ]
    return [*made, RunFinished("run_0123456789", "succeeded", SECONDS)]


def _table(name: str, rows: int) -> list[Event]:
    copied: list[Event] = [RowsCopied(name, BATCH) for _ in range(rows // BATCH)]
    return [
        StepStarted(Step.EXTRACT, name),
        *(
            QueryProgress(name, Purpose.EXPORT, "q", "RUNNING", 1_000_000 * part)
            for part in range(20)
        ),
        StepFinished(Step.EXTRACT, name, 1.0, "exported"),
        ChunksPlanned(name, rows, 1, 0, 0),
        StepStarted(Step.LOAD, name),
        *copied,
        ChunkLoaded(name, rows, rows * 60),
        StepFinished(Step.LOAD, name, 1.0, "loaded"),
        StepStarted(Step.AUDIT, name),
        StepFinished(Step.AUDIT, name, 0.1, "proved"),
    ]


async def carry_out(emit: Emit, cancel: CancelToken) -> RunReport:
    """Emit them evenly over the seconds, in the run's own thread."""
    made = events()
    began = time.perf_counter()
    for number, event in enumerate(made):
        emit(event)
        ahead = number / len(made) * SECONDS - (time.perf_counter() - began)
        if ahead > 0.002:
            await asyncio.sleep(ahead)
    return report_of()


class Measured(NeonsyncApp):
    """Starts the run, counts how late its own loop is, and leaves when the run has ended."""

    CSS_PATH = str(Path(sys.modules[NeonsyncApp.__module__].__file__ or "").with_name("app.tcss"))
    file = Path()

    def on_ready(self) -> None:
        """Begin when the first screen is drawn: its cost is another figure."""
        self.set_timer(SETTLE_SECONDS, self._begin)

    def _begin(self) -> None:
        self.start_run(Selection(branch="dev"))
        self.run_worker(self._watch())

    async def _watch(self) -> None:
        late: list[float] = []
        began = time.perf_counter()
        while self.run_active:
            before = time.perf_counter()
            await asyncio.sleep(HEARTBEAT)
            late.append((time.perf_counter() - before - HEARTBEAT) * 1000)
        seconds = time.perf_counter() - began
        late.sort()
        numbers = {
            "p50": late[len(late) // 2],
            "p99": late[len(late) * 99 // 100],
            "max": late[-1],
            "samples": len(late),
            "events a second": len(events()) / seconds,
        }
        self.file.write_text(json.dumps(numbers))  # nothing is measured any more
        self.exit(0)


def main(name: str, *arguments: str) -> int:
    """Run one of them."""
    fakes = Fakes()
    fakes.branches.branches += [branch(f"ci-pr-{number}") for number in range(20)]
    if name == "idle":
        return run_app(NeonsyncApp(fakes.services()))
    fakes.sync.carry_out = carry_out
    app = Measured(fakes.services())
    app.file = Path(arguments[0])
    return run_app(app)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
