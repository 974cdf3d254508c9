"""A run in a thread and a loop of its own; the UI polls what it looks like. Knows no widgets.

The engine's events are taken in by a pure reducer under a lock, so that thousands a second cost the
UI nothing: it draws a snapshot some times a second.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import ParamSpec

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Emit, Event
from neonsync.errors import ExitCode
from neonsync.selection import Selection
from neonsync.tui.ports import BranchRow, Job, RunReport
from neonsync.tui.run_events import LogLine
from neonsync.tui.run_view import RunSnapshot, RunView

P = ParamSpec("P")


def made_late(make: Callable[P, Job], *args: P.args, **more: P.kwargs) -> Job:
    """A job that is made in the run's own thread: making it may read files, or fail."""

    async def job(emit: Emit, cancel: CancelToken) -> RunReport:
        return await make(*args, **more)(emit, cancel)

    return job


class RunController:
    """Owns one run from its start to its report. All methods may be called from the UI's loop."""

    def __init__(
        self, job: Job, selection: Selection, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.selection = selection
        self.given_up = False  # nobody waits any more for it to confirm that it has stopped
        self._job = job
        self._clock = clock
        self._cancel = CancelToken()
        self._lock = threading.Lock()
        self._view = RunView(clock())
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="run", daemon=True)

    def start(self) -> None:
        """Let it begin."""
        self._thread.start()

    @property
    def active(self) -> bool:
        """Whether it is still at work, or stopping."""
        return not self._ended.is_set()

    @property
    def stopping(self) -> bool:
        """Whether it was asked to stop and has not confirmed yet."""
        return self._cancel.requested and self.active

    @property
    def report(self) -> RunReport | None:
        """How it ended; None until then."""
        return self._view.report

    @property
    def exit_code(self) -> int | None:
        """As the headless mode would have ended, also without a report; None until then."""
        return self._view.exit_code

    def snapshot(self) -> RunSnapshot:
        """What it looks like now."""
        with self._lock:
            return self._view.snapshot(self._clock(), stopping=self.stopping)

    def log_after(self, number: int, limit: int) -> tuple[LogLine, ...]:
        """The lines of the log that are newer than a number, oldest first."""
        with self._lock:
            return self._view.lines_after(number, limit)

    def stop(self, *, keep: bool, exit_code: ExitCode = ExitCode.INTERRUPTED) -> None:
        """Ask it to stop. ``keep`` leaves what is loaded for the next run to go on from."""
        self._cancel.request(exit_code, keep=keep)

    def is_on(self, branch: BranchRow) -> bool:
        """Whether it is at work, and writes to a branch or to a child of it."""
        if not self.active:
            return False
        asked = self.selection.branch
        names = (asked, self.snapshot().state.branch)
        return branch.name in names or (branch.default and not asked)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, at most so many seconds from now. Blocks."""
        return self._ended.wait(seconds)

    def _emit(self, event: Event) -> None:
        with self._lock:
            self._view.take(event, self._clock())

    def _work(self) -> None:
        try:
            asyncio.run(self._main())
        finally:
            self._end(None, None)

    async def _main(self) -> None:
        try:
            report = await self._job(self._emit, self._cancel)
        except BaseException as error:
            self._end(None, error)
        else:
            self._end(report, None)
        # The loop closes when its threads are done, and one may wait for a server that does not
        # answer: whoever watches the run need not.

    def _end(self, report: RunReport | None, failure: BaseException | None) -> None:
        if self._ended.is_set():
            return
        with self._lock:
            self._view.end(report, failure, self._clock())
        self._ended.set()
