"""A run in a thread and a loop of its own; the UI polls what it looks like. Knows no widgets.

The engine's events are taken in by a pure reducer under a lock, so that thousands a second cost the
UI nothing: it draws a snapshot some times a second.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Event
from neonsync.errors import ExitCode
from neonsync.selection import Selection
from neonsync.tui.ports import Job, RunReport
from neonsync.tui.run_view import RunSnapshot, RunView


class RunController:
    """Owns one run from its start to its report. All methods may be called from the UI's loop."""

    def __init__(
        self, job: Job, selection: Selection, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.selection = selection
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

    def snapshot(self) -> RunSnapshot:
        """What it looks like now."""
        with self._lock:
            return self._view.snapshot(self._clock(), stopping=self.stopping)

    def stop(self, *, keep: bool, exit_code: ExitCode = ExitCode.INTERRUPTED) -> None:
        """Ask it to stop. ``keep`` leaves what is loaded for the next run to go on from."""
        self._cancel.request(exit_code, keep=keep)

    def wait(self, seconds: float) -> bool:
        """Whether it has ended, at most so many seconds from now. Blocks."""
        return self._ended.wait(seconds)

    def _emit(self, event: Event) -> None:
        with self._lock:
            self._view.take(event, self._clock())

    def _work(self) -> None:
        report: RunReport | None = None
        failure: BaseException | None = None
        try:
            report = asyncio.run(self._main())
        except BaseException as error:
            failure = error
        finally:
            with self._lock:
                self._view.end(report, failure, self._clock())
            self._ended.set()

    async def _main(self) -> RunReport:
        return await self._job(self._emit, self._cancel)
