"""The end of a run: recorded in the branch, and what it has made there and in S3 taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Coroutine
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from neonsync.engine.concurrency import Deadline
from neonsync.engine.context import RunContext
from neonsync.engine.events import Level
from neonsync.engine.runs import leftovers
from neonsync.engine.runs import outcome as outcomes
from neonsync.errors import DatabaseAccessError, NeonsyncError
from neonsync.postgres.connect import Connection

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """Seconds that the branch, and after it Athena with S3, are given; None is no limit."""

    database: float | None = None
    files: float | None = None

    @property
    def both(self) -> float | None:
        """For work with all of them."""
        if self.database is None or self.files is None:
            return None
        return self.database + self.files


FAILED = Patience(database=20.0, files=20.0)
"""For a run that failed: nobody waits at the keyboard, and the next run clears the rest."""
STOPPED = Patience(database=2.0, files=2.0)
"""For a run that was asked to stop. A branch at hand needs a tenth of it, one on another continent
about one second; with what comes before, a run is over some five seconds after it was asked to
stop, whoever does not answer."""

Limit: TypeAlias = Callable[[Patience], float | None]


class Allowance:
    """The time that the end of a run is given; a stop in the midst of it leaves it less."""

    def __init__(self, patience: Patience = Patience()) -> None:
        self._patience = patience
        self._given: list[tuple[Deadline, Limit]] = []

    def deadline(self, limit: Limit) -> Deadline:
        """That of a piece of work, from now."""
        deadline = Deadline(limit(self._patience))
        self._given.append((deadline, limit))
        return deadline

    def shorten(self, patience: Patience) -> None:
        """Give no more than that from now, to what is at work and to what follows."""
        self._patience = patience
        for deadline, limit in self._given:
            deadline.shorten(limit(patience))


async def end_run(
    context: RunContext,
    allowance: Allowance,
    status: str,
    error: str | None = None,
    *,
    spared: Container[str] = frozenset(),
    room: bool = False,
) -> None:
    """Record the end, and drop the staging of all tables but those ``spared``.

    With ``room`` all staging goes, as the branch needs the room that it takes.

    Raises:
        DatabaseAccessError: the branch cannot be reached, or did not answer in time.
        LeaseLostError: another run took over.
    """
    tables = [table.spec.qualified for table in context.plan.tables]

    async def end(connection: Connection) -> None:
        async with connection.transaction():
            if await outcomes.has_ended(connection, context.lease):
                return  # Its COMMIT had succeeded, and only the answer was lost.
            await context.lease.guard(connection, published=True)
            await leftovers.drop_staging(connection, context.lease.run_id, () if room else spared)
            await outcomes.finish_run(
                connection,
                context.lease,
                status,
                error,
                resumable=any(name in spared for name in tables),
            )

    await in_time(context, allowance, context.with_connection(end))


async def delete_files(
    context: RunContext, allowance: Allowance, *, spared: Container[str] = frozenset()
) -> None:
    """Delete the exported files of all tables but those ``spared``.

    To be called last, when nobody can continue the run any more: its end is recorded, and this
    changes nothing about it. What cannot be deleted stays in the ledger for the next run, and is
    told.
    """
    if all(table.spec.qualified in spared for table in context.plan.tables):
        return

    async def delete(connection: Connection) -> list[str]:
        return await leftovers.delete_exports(
            connection,
            athena=context.athena,
            run_id=context.lease.run_id,
            spared=spared,
            running=context.running,
            in_doubt=context.in_doubt,
            deadline=allowance.deadline(lambda patience: patience.files),
        )

    work = context.with_connection(delete)
    try:
        problems = await in_time(context, allowance, work, lambda patience: patience.both)
    except NeonsyncError as problem:
        tell_not_cleared(context, problem)
    else:
        for each in problems:
            context.notice(each, Level.WARNING)


def tell_not_cleared(context: RunContext, problem: Exception) -> None:
    """Tell a person of a clearing that did not come to its end."""
    context.notice(f"clearing up did not work, the next run will do it: {problem}", Level.WARNING)


async def in_time(
    context: RunContext,
    allowance: Allowance,
    work: Coroutine[Any, Any, T],
    limit: Limit = lambda patience: patience.database,
) -> T:
    """Do a piece of work with the branch; when the time is over its lines are cut.

    Raises:
        DatabaseAccessError: the branch did not answer in time.
    """
    deadline = allowance.deadline(limit)
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        if await deadline.sees(task):
            return task.result()
    finally:
        task.cancel()  # and not waited for
    context.pool.cut()
    raise DatabaseAccessError(f"the branch's database did not answer within {deadline.seconds:g} s")
