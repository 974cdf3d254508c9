"""A bound on the whole of a call: the time-outs of sockets begin anew with each byte."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class DeadlineError(Exception):
    """A call has not come to its end in time; the thread that makes it goes on, alone."""


def within(seconds: float, call: Callable[[], T]) -> T:
    """Call in a thread of its own, and wait no longer than so many seconds.

    That bounds whatever can hang: the name service, a handshake, a proxy that sends a byte now and
    then. The thread cannot be stopped, and is no reason for the process to stay.

    Raises:
        DeadlineError: it has not ended; whatever it used belongs to it from now on.
    """
    attempt = _Attempt(call)
    threading.Thread(target=attempt.run, name="neon-request", daemon=True).start()
    if not attempt.ended.wait(seconds):
        raise DeadlineError
    if attempt.error is not None:
        raise attempt.error
    return attempt.results[0]


class _Attempt(Generic[T]):
    def __init__(self, call: Callable[[], T]) -> None:
        self._call = call
        self.ended = threading.Event()
        self.results: list[T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.results.append(self._call())
        except BaseException as error:  # whoever waits raises it
            self.error = error
        finally:
            self.ended.set()
