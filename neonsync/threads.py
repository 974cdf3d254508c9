"""Blocking calls beside a loop, in threads that never keep the program from ending."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(call: Callable[[], T]) -> T:
    """Wait for a blocking call without blocking the loop.

    ``asyncio.to_thread`` would have the loop wait for the thread at its end: whoever quits while a
    service does not answer would sit there. And it has few threads, which may all be waiting. When
    the waiting is cancelled, the call goes on and its result is dropped.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # a result whenever no error

    def work() -> None:
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = call()
        except BaseException as error:
            failure = error
        # The loop may have ended meanwhile, with nobody left to be told.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=work, daemon=True, name="service").start()
    return await future


def begin(call: Callable[[], T]) -> asyncio.Task[T]:
    """Begin a blocking call; nobody has to wait for it, or to hear of its error."""
    task = asyncio.ensure_future(in_thread(call))
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task
