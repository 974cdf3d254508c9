"""Coroutines side by side: the error that matters and not a group of them, room, and time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


async def side_by_side(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Await all; when one fails the others are cancelled and awaited, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in coroutines]
    except BaseExceptionGroup as failed:
        error = _first(failed)
        raise error from error.__cause__
    return [task.result() for task in tasks]


@contextlib.asynccontextmanager
async def alongside() -> AsyncIterator[asyncio.TaskGroup]:
    """Tasks beside the work within: when one of them fails it stops, and the error is raised.

    Where the work fails they are cancelled and awaited, and its own error is raised, whatever else.
    """
    own: Exception | None = None
    try:
        async with asyncio.TaskGroup() as group:
            try:
                yield group
            except Exception as raised:
                own = raised
                raise
    except BaseExceptionGroup as failed:
        first = own or _first(failed)
        raise first from first.__cause__


class Room:
    """Memory that pieces of work share: each waits until what it needs is free.

    What needs more than there is goes alone.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._taken = 0
        self._freed = asyncio.Event()

    @contextlib.asynccontextmanager
    async def taken(self, need: int) -> AsyncIterator[None]:
        """Hold so many bytes of it."""
        while self._taken and self._taken + need > self._size:
            await self._freed.wait()
        self._taken += need
        try:
            yield
        finally:
            self._taken -= need
            self._freed.set()
            self._freed = asyncio.Event()


class Deadline:
    """A moment until which work is waited for; it may be brought forward while somebody waits."""

    def __init__(self, seconds: float | None) -> None:
        """So many seconds from now; None is no limit."""
        self.seconds: float | None = None
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._timer: asyncio.TimerHandle | None = None
        self.shorten(seconds)

    def shorten(self, seconds: float | None) -> None:
        """Bring it forward to so many seconds from now; it is never put off."""
        left = self.left()
        if seconds is None or (left is not None and left <= seconds):
            return
        if self._timer is not None:
            self._timer.cancel()
        self.seconds = seconds
        self._timer = self._loop.call_later(seconds, self._end)

    def left(self) -> float | None:
        """The seconds that are left."""
        return None if self._timer is None else max(self._timer.when() - self._loop.time(), 0.0)

    async def sees(self, task: asyncio.Task[Any]) -> bool:
        """Wait for a task until then; whether it is done. It is left alone."""
        await asyncio.wait({task, self._over}, return_when=asyncio.FIRST_COMPLETED)
        return task.done()

    def _end(self) -> None:
        self._over.set_result(None)


def _first(failed: BaseException) -> BaseException:
    while isinstance(failed, BaseExceptionGroup):
        failed = failed.exceptions[0]
    return failed
