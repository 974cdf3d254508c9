"""Whether what has failed is tried again, and when: one decision for all work of the engine.

``neonsync.retry`` says which layer tries what again. An error that comes from a layer which has
given up already, as from a connection that did not come about, is final here.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg

from neonsync.errors import DatabaseAccessError, NeonsyncError, ServerError
from neonsync.postgres.connect import is_connection_lost, is_transient, server_error
from neonsync.postgres.refusals import message
from neonsync.retry import Backoff

T = TypeVar("T")

QUERY = Backoff(attempts=3, first=2.0, most=30.0)
"""A query of Athena's; each attempt is billed."""
READ = Backoff(attempts=4, first=1.0)
"""What is read of S3 outside of a chunk: manifests and footers."""
CHUNK = Backoff(attempts=4, first=0.5)
"""A chunk, with all that is read and sent for it."""
WORK = Backoff(attempts=4, first=0.5)
"""A short piece of idempotent work on a connection."""
PUBLISH = Backoff(attempts=4, first=1.0)
"""The publishing transaction."""


def decide(error: BaseException, attempt: int, backoff: Backoff, chance: float) -> float | None:
    """Seconds to wait before the next attempt; None to give up.

    ``attempt`` is the number of the one that has just failed, from 1; ``chance`` is drawn evenly
    from 0 to 1.
    """
    transient = error.transient if isinstance(error, NeonsyncError) else is_transient(error)
    return backoff.seconds(attempt, chance) if transient else None


def what_broke(error: Exception) -> str:
    """What a person is told of an error that may pass."""
    if is_connection_lost(error):
        return "the connection was lost"
    if isinstance(error, psycopg.Error):
        return f"Postgres gave up a transaction ({message(error)})"
    return str(error)


def given_up(error: psycopg.Error, backoff: Backoff) -> DatabaseAccessError | ServerError:
    """Our error for one of Postgres that ``persist`` has raised."""
    if not is_connection_lost(error):
        return server_error(error)
    return DatabaseAccessError(
        f"the connection to the branch was lost {backoff.attempts} times: {message(error)}",
        "Run the same command again; it goes on where this run ended.",
    )


def go_no_further_if_cancelled() -> None:
    """End what was cancelled and does not know it: an error of its line may have taken the place.

    Raises:
        CancelledError: the task was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def pause(error: BaseException, attempt: int, backoff: Backoff) -> float | None:
    """As ``decide``, by chance; who is cancelled tries nothing again.

    Raises:
        CancelledError: the task was cancelled.
    """
    go_no_further_if_cancelled()
    return decide(error, attempt, backoff, random.random())  # noqa: S311  # no cryptography


async def persist(
    work: Callable[[], Awaitable[T]], backoff: Backoff, tell: Callable[[Exception], None]
) -> T:
    """Do idempotent work, again after errors that may pass; ``tell`` hears of each of those.

    Raises the first error that will not pass, or the last one.
    """
    attempt = 1
    while True:
        try:
            return await work()
        except Exception as error:
            seconds = pause(error, attempt, backoff)
            if seconds is None:
                raise
            tell(error)
        attempt += 1
        await asyncio.sleep(seconds)
