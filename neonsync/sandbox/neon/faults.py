"""Faults on request: refusals, delays, lost replies, cut connections, restarts."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from neonsync.sandbox.neon.operations import Fate, OperationFaults
from neonsync.sandbox.neon.request import Reply


@dataclass(frozen=True)
class Lost:
    """A reply that does not arrive: the connection is cut, or a proxy answers on its own."""

    method: str | None = None
    instead: Reply | None = None


@dataclass(frozen=True)
class Fault:
    """What happens to one request: a reply in place of the true one, a delay, a hang-up.

    ``hang`` is waited for, without a reply; ``distort`` changes the true reply; ``lost`` is what
    comes in its place after the work is done.
    """

    reply: Reply | None = None
    delay_seconds: float = 0.0
    lost: Lost | None = None
    hang: threading.Event | None = None
    distort: bool = False


@dataclass
class Faults:
    """Faults for the requests to come, all off at first. Safe to use from any thread."""

    _restart: Callable[[str], None]
    _terminate: Callable[[str], int]
    _refuse: Callable[[str, str | None], None]
    _replies: deque[Reply] = field(default_factory=deque)
    _delays: deque[float] = field(default_factory=deque)
    _losses: deque[Lost] = field(default_factory=deque)
    clock: timedelta = timedelta(0)
    size_limit: int = 0
    operations: OperationFaults = field(default_factory=OperationFaults)
    _until: tuple[float, Reply] | None = None
    _distort: bool = False
    _hung: threading.Event = field(default_factory=threading.Event)
    _hanging: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fail_next(
        self,
        n: int,
        status: int,
        body: Mapping[str, Any] | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Answer the next ``n`` requests with this status, and do nothing of what they ask.

        ``body`` is an object (JSON) or a text (HTML, as a proxy in front of Neon sends); None is
        Neon's general error.
        """
        if body is None:
            body = {"request_id": "sandbox-fault", "code": "", "message": f"fault {status}"}
        with self._lock:
            self._replies.extend([Reply(status, body, dict(headers or {}))] * n)

    def delay_next(self, n: int, seconds: float) -> None:
        """Answer the next ``n`` requests only after this time."""
        with self._lock:
            self._delays.extend([seconds] * n)

    def lose_next(
        self, n: int, method: str | None = None, status: int | None = None, body: str = ""
    ) -> None:
        """Do what the next ``n`` requests (of a method) ask, and hang up in place of a reply.

        With a ``status`` the answer is that, with ``body`` as HTML: a proxy's that gave up waiting.
        """
        instead = None if status is None else Reply(status, body)
        with self._lock:
            self._losses.extend([Lost(method, instead)] * n)

    def fail_for(
        self, seconds: float, status: int, headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer every *change* with this status for a time, as a busy project does with 423."""
        body = {"request_id": "sandbox-fault", "code": "", "message": f"fault {status}"}
        with self._lock:
            self._until = time.monotonic() + seconds, Reply(status, body, dict(headers or {}))

    def hang_next(self, n: int) -> None:
        """Accept the next ``n`` requests, do nothing, and never answer; ``release`` ends it."""
        with self._lock:
            self._hanging += n
            self._hung.clear()

    @property
    def hanging(self) -> int:
        """How many of the requests that shall hang are still to come."""
        return self._hanging

    def release(self) -> None:
        """Hang up on every request that hangs."""
        with self._lock:
            self._hanging = 0
        self._hung.set()

    def distort_replies(self, on: bool) -> None:
        """Answer with words and fields that nobody knows, and without all that may be missing."""
        self._distort = on

    def next_operation(self, fate: Fate) -> None:
        """Let the next operation be slow, fail, be tried again or be skipped."""
        self.operations.add(fate)

    def set_clock(self, ahead: timedelta) -> None:
        """Move the clock that expiries, the history window and the Date header go by."""
        self.clock = ahead

    def restart_compute(self, branch_name: str) -> None:
        """Stop and start the branch's Postgres; every connection drops."""
        self._restart(branch_name)

    def terminate_backends(self, branch_name: str) -> int:
        """Cut every client's connection to the branch; returns how many there were."""
        return self._terminate(branch_name)

    def refuse_connections(self, branch_name: str, text: str | None) -> None:
        """Refuse connections to the branch with this text, as Neon's proxy; None ends that."""
        self._refuse(branch_name, text)

    def take(self, method: str) -> Fault:
        """The faults for the request that is here now."""
        with self._lock:
            lost = None
            if self._losses and self._losses[0].method in (None, method):
                lost = self._losses.popleft()
            hanging = self._hanging > 0
            self._hanging -= hanging
            reply = self._replies.popleft() if self._replies else None
            if reply is None and self._until and method != "GET":
                reply = self._until[1] if time.monotonic() < self._until[0] else None
            return Fault(
                reply=reply,
                hang=self._hung if hanging else None,
                distort=self._distort,
                delay_seconds=self._delays.popleft() if self._delays else 0.0,
                lost=lost,
            )
