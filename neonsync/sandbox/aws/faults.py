"""Faults on request: what AWS does on a bad day, for tests. All are off by default."""

from __future__ import annotations

import threading
from enum import Enum

from neonsync.sandbox.aws.errors import QueryFailed


class Break(Enum):
    """How the body of an answer breaks off: with its connection, or in silence."""

    CUT = "cut"
    STALL = "stall"


class Faults:
    """Switches for faults, safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._throttled = 0
        self._s3_errors = 0
        self._breaks: list[Break] = []
        self._failures: list[tuple[str, QueryFailed]] = []
        self._expired = False
        self._stops_pass = threading.Event()
        self._stops_pass.set()
        self.query_seconds: float | None = None
        """Overrides ``AthenaOptions.query_seconds`` where it is not None."""

    def throttle_next(self, calls: int) -> None:
        """The next ``calls`` Athena calls answer ThrottlingException."""
        with self._lock:
            self._throttled = calls

    def s3_errors_next(self, gets: int) -> None:
        """The next ``gets`` GET requests for S3 objects answer 500 InternalError."""
        with self._lock:
            self._s3_errors = gets

    def break_off_next(self, gets: int, how: Break) -> None:
        """The next ``gets`` GET requests for S3 objects are answered by half a body."""
        with self._lock:
            self._breaks = [how] * gets

    def hold_stops(self, held: bool = True) -> None:
        """StopQueryExecution answers, and what it stops goes on until called with False.

        Athena takes a stop and carries it out later; a query may even end well meanwhile.
        """
        if held:
            self._stops_pass.clear()
        else:
            self._stops_pass.set()

    @property
    def stops_held(self) -> bool:
        """Whether ``hold_stops`` is in force."""
        return not self._stops_pass.is_set()

    def wait_for_stops(self) -> None:
        """Wait until stops are carried out."""
        self._stops_pass.wait()

    def fail_next_query(
        self,
        reason: str,
        category: int = 1,
        error_type: int = 0,
        retryable: bool = True,
        *,
        verb: str = "",
    ) -> None:
        """The next query to run fails with this reason; with ``verb`` the next of those that begin
        with it.
        """
        failure = QueryFailed(reason, category=category, error_type=error_type, retryable=retryable)
        with self._lock:
            self._failures.append((verb, failure))

    def expire_keys(self, expired: bool = True) -> None:
        """All calls answer that the token has expired, until called with False."""
        with self._lock:
            self._expired = expired

    @property
    def keys_expired(self) -> bool:
        """Whether ``expire_keys`` is in force."""
        with self._lock:
            return self._expired

    def take_throttle(self) -> bool:
        """Whether this Athena call is to be throttled."""
        with self._lock:
            self._throttled, hit = max(0, self._throttled - 1), self._throttled > 0
            return hit

    def take_s3_error(self) -> bool:
        """Whether this S3 GET is to fail."""
        with self._lock:
            self._s3_errors, hit = max(0, self._s3_errors - 1), self._s3_errors > 0
            return hit

    def take_break(self) -> Break | None:
        """How the answer to this S3 GET is to break off, if it is to."""
        with self._lock:
            return self._breaks.pop() if self._breaks else None

    def take_failure(self, query: str) -> QueryFailed | None:
        """The failure that this query is to meet, if any."""
        with self._lock:
            for place, (verb, failure) in enumerate(self._failures):
                if query.startswith(verb):
                    del self._failures[place]
                    return failure
            return None
