"""What is tried again, and after how long: a decision on values."""

from __future__ import annotations

import psycopg
import pytest

from neonsync.engine import retry
from neonsync.errors import (
    AthenaAccessError,
    DatabaseAccessError,
    ExportError,
    InterruptedReadError,
    LeaseLostError,
    LoadError,
    OutOfRoomError,
    QueryDelayedError,
    QueryError,
)
from neonsync.postgres.connect import CONNECTING
from neonsync.retry import Backoff

BACKOFF = Backoff(attempts=6, first=1.0, most=5.0)
MAY_PASS = [
    psycopg.OperationalError("the connection is lost"),  # one that is cut has no SQLSTATE
    psycopg.InterfaceError("the connection is closed"),
    psycopg.errors.AdminShutdown(),
    psycopg.errors.CrashShutdown(),
    psycopg.errors.ConnectionFailure(),
    psycopg.errors.DeadlockDetected(),
    psycopg.errors.SerializationFailure(),
    InterruptedReadError("S3 fell silent"),
    QueryError("Athena has trouble", transient=True),
]
IS_FINAL = [
    psycopg.errors.DiskFull(),
    psycopg.errors.QueryCanceled(),
    psycopg.errors.LockNotAvailable(),
    psycopg.errors.UniqueViolation(),
    psycopg.errors.InsufficientPrivilege(),
    AthenaAccessError("no right"),
    DatabaseAccessError("connect has given up"),
    ExportError("no such file"),
    LeaseLostError("taken over"),
    LoadError("a value"),
    OutOfRoomError("full"),
    QueryDelayedError("an hour"),
    QueryError("a fault in the query"),
    ValueError("a mistake of ours"),
]


@pytest.mark.parametrize("error", MAY_PASS, ids=lambda error: type(error).__name__)
def test_what_may_pass_is_waited_for_and_given_up_at_last(error: Exception) -> None:
    waits = [retry.decide(error, attempt, BACKOFF, 1.0) for attempt in range(1, 8)]
    assert waits == [1.0, 2.0, 4.0, 5.0, 5.0, None, None]


@pytest.mark.parametrize("error", IS_FINAL, ids=lambda error: type(error).__name__)
def test_what_will_not_pass_is_given_up_at_once(error: Exception) -> None:
    assert retry.decide(error, 1, BACKOFF, 0.0) is None


@pytest.mark.parametrize("chance", [0.0, 0.25, 1.0])
def test_the_jitter_is_full(chance: float) -> None:
    assert retry.decide(MAY_PASS[0], 3, BACKOFF, chance) == 4.0 * chance


@pytest.mark.parametrize(
    "backoff", [retry.QUERY, retry.READ, retry.CHUNK, retry.WORK, retry.PUBLISH, CONNECTING]
)
def test_nobody_is_kept_waiting_for_more_than_a_minute_in_all(backoff: Backoff) -> None:
    waits = [backoff.seconds(attempt, 1.0) for attempt in range(1, backoff.attempts)]
    assert all(seconds is not None for seconds in waits)
    assert sum(seconds or 0 for seconds in waits) < 60
    assert backoff.seconds(backoff.attempts, 1.0) is None


async def test_persistence_returns_the_first_result_and_raises_the_last_error() -> None:
    quick = Backoff(attempts=3, first=0.0)
    told: list[Exception] = []
    failures = [InterruptedReadError("one"), InterruptedReadError("two")]

    async def work() -> str:
        if failures:
            raise failures.pop(0)
        return "done"

    assert await retry.persist(work, quick, told.append) == "done"
    assert [str(error) for error in told] == ["one", "two"]

    failures.extend(InterruptedReadError(str(number)) for number in range(3))
    with pytest.raises(InterruptedReadError, match="2"):
        await retry.persist(work, quick, told.append)

    failures[:] = [InterruptedReadError("passes")]
    final = ExportError("does not")

    async def fail() -> None:
        raise failures.pop() if failures else final

    with pytest.raises(ExportError) as raised:
        await retry.persist(fail, quick, told.append)
    assert raised.value is final
