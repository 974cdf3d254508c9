"""A token that asks a run to stop; safe to use from signal handlers and other threads."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeAlias

from neonsync.errors import ExitCode

Detach: TypeAlias = Callable[[], None]


class CancelToken:
    """Asked once, it stays asked. The run confirms by ending with ``RunCancelled``."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal may arrive while it is held
        self._exit_code: ExitCode | None = None
        self._keep = False
        self._callbacks: list[Callable[[], None]] = []

    @property
    def requested(self) -> bool:
        """Whether the run was asked to stop."""
        return self._exit_code is not None

    @property
    def exit_code(self) -> ExitCode:
        """What the process shall end with: 130 for Ctrl-C, 143 for SIGTERM."""
        return self._exit_code or ExitCode.INTERRUPTED

    @property
    def keep(self) -> bool:
        """Whether what is loaded shall stay in staging, for the next run to go on from."""
        return self._keep

    def request(self, exit_code: ExitCode = ExitCode.INTERRUPTED, *, keep: bool = False) -> None:
        """Ask the run to stop. The first request decides, also about ``keep``."""
        with self._lock:
            if self._exit_code is not None:
                return
            self._exit_code = exit_code
            self._keep = keep
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def attach(self, task: asyncio.Task[object]) -> Detach:
        """Cancel ``task`` when the token is asked; returns a function that lets go of it."""
        return self.listen(task.get_loop(), task.cancel)

    def listen(self, loop: asyncio.AbstractEventLoop, stop: Callable[[], object]) -> Detach:
        """Call ``stop`` in the loop when the token is asked; returns a function that forgets it."""

        def ask() -> None:
            loop.call_soon_threadsafe(stop)

        with self._lock:
            self._callbacks.append(ask)
            already = self._exit_code is not None
        if already:
            ask()

        def detach() -> None:
            with self._lock:
                if ask in self._callbacks:
                    self._callbacks.remove(ask)

        return detach
