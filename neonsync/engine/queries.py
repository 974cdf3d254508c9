"""The queries of one piece of work: waited for no longer than is wanted, and stopped together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, TypeVar

from neonsync.athena.client import Athena, Pending, QueryStatus, delayed
from neonsync.errors import NeonsyncError

T = TypeVar("T")

START_GRACE_SECONDS = 5.0
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

    def add(self, query_id: str) -> None:
        """Know of a query; called in any thread, as soon as Athena has named it."""
        self._ids.append(query_id)

    async def start(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call what starts a query in a thread, to the end: a started query must be known."""
        task = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(task, START_GRACE_SECONDS)
            raise

    async def result(self, pending: Pending[T]) -> T:
        """Wait for one of them, no longer than the settings allow.

        Raises:
            QueryDelayedError: it took too long, and was stopped.
        """
        try:
            async with asyncio.timeout(self._minutes * 60 or None) as patience:
                return await asyncio.wrap_future(pending.future)
        except TimeoutError as error:
            if not patience.expired():
                raise
            await self.stop()
            raise delayed(pending.query_id, self._minutes) from error
        finally:
            pending.close()

    async def stop(self) -> None:
        """Ask Athena to stop them all, and what they have scanned: that is billed all the same."""
        for query_id in self._ids:
            with contextlib.suppress(NeonsyncError):
                await asyncio.to_thread(self._athena.stop, query_id)
        for query_id in self._ids:
            with contextlib.suppress(NeonsyncError, TimeoutError):
                async with asyncio.timeout(STATISTICS_SECONDS):
                    self._note(await asyncio.to_thread(self._athena.status, query_id))
