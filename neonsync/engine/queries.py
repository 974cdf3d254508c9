"""The queries of one piece of work: waited for no longer than is wanted, and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from neonsync.athena.client import Athena, Pending, QueryStatus, delayed
from neonsync.athena.failures import leaves_in_doubt
from neonsync.errors import NeonsyncError
from neonsync.threads import begin

T = TypeVar("T")

START_GRACE_SECONDS = 1.0
"""For Athena to name a query that is being started when it is to be stopped."""
STOP_SECONDS = 1.0
"""For Athena to take the stops, from when it is first asked. It answers in a fraction of that; if
not, each goes on being asked for in a thread of its own, and nobody waits for it."""
STATISTICS_SECONDS = 0.5
"""For Athena's word on a query that was stopped: who cancels does not wait for it."""


class Queries:
    """Queries that are left alone go on, and are billed: who is cancelled has to stop them."""

    def __init__(self, athena: Athena, minutes: float, note: Callable[[QueryStatus], None]) -> None:
        """``minutes`` are given to each result; 0 is no limit. ``note`` gets what was stopped."""
        self._athena = athena
        self._minutes = minutes
        self._note = note
        self._ids: list[str] = []
        self._stops: dict[str, asyncio.Task[None]] = {}
        self._stopping: float | None = None
        self.in_doubt = False
        """Whether a query may have been started of which nobody knows the id."""

    def add(self, query_id: str) -> None:
        """Know of a query; called in any thread, as soon as Athena has named it."""
        self._ids.append(query_id)
        if self._stopping is not None:
            # Nobody may be waiting for its start any more.
            with contextlib.suppress(NeonsyncError):
                self._athena.stop(query_id)

    async def start(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call what starts a query in a thread, to the end: a started query must be known."""
        task = begin(partial(function, *arguments))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait({task}, timeout=START_GRACE_SECONDS)
            error = task.exception() if task.done() else None
            unknown = not task.done() or (error is not None and leaves_in_doubt(error))
            self.in_doubt = unknown and not self._ids
            raise

    async def result(self, pending: Pending[T]) -> T:
        """Wait for one of them, no longer than the settings allow.

        Raises:
            QueryDelayedError: it took too long, and was stopped.
        """
        try:
            async with asyncio.timeout(self._minutes * 60 or None) as patience:
                answer = await asyncio.wrap_future(pending.future)
            self._end_if_stopping()
            return answer
        except TimeoutError as error:
            if not patience.expired():
                raise
            await self.stop()
            raise delayed(pending.query_id, self._minutes) from error
        except NeonsyncError:
            self._end_if_stopping()
            raise
        finally:
            pending.close()

    def _end_if_stopping(self) -> None:
        """End who waits for a query that was asked to stop: its end is the stop's doing.

        Raises:
            CancelledError: somebody has asked for it, of which this task hears later.
        """
        if self._stopping is not None:
            raise asyncio.CancelledError

    def ask_to_stop(self) -> None:
        """Ask Athena to stop them all, side by side, and wait for no answer."""
        if self._stopping is None:
            self._stopping = time.monotonic()
        for query_id in self._ids:
            if query_id not in self._stops:
                self._stops[query_id] = begin(partial(self._athena.stop, query_id))

    async def stop(self) -> dict[str, str]:
        """Ask Athena to stop them all, and what they have scanned: that is billed all the same.

        Returns those of which it has not said in time that it will, each with the reason.
        """
        self.ask_to_stop()
        if self._stops and self._stopping is not None:
            left = max(self._stopping + STOP_SECONDS - time.monotonic(), 0)
            await asyncio.wait(self._stops.values(), timeout=left)
        reasons = {query_id: _why_not(stop) for query_id, stop in self._stops.items()}
        await self._note_statistics([each for each, reason in reasons.items() if not reason])
        return {query_id: reason for query_id, reason in reasons.items() if reason}

    async def _note_statistics(self, stopped: list[str]) -> None:
        asked = [begin(partial(self._athena.status, query_id)) for query_id in stopped]
        if not asked:
            return
        done, _ = await asyncio.wait(asked, timeout=STATISTICS_SECONDS)
        for each in done:
            if each.exception() is None:
                self._note(each.result())


def _why_not(stop: asyncio.Task[None]) -> str:
    """Why a query may go on; empty where Athena has taken the stop."""
    if not stop.done():
        return f"Athena did not answer within {STOP_SECONDS:g} s"
    error = stop.exception()
    return "" if error is None else str(error)
