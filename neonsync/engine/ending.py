"""The end of a run: recorded in the branch, and what it has made there and in S3 taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Container, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from neonsync.engine.context import RunContext
from neonsync.engine.events import Level
from neonsync.engine.runs import leftovers
from neonsync.engine.runs import outcome as outcomes
from neonsync.errors import DatabaseAccessError
from neonsync.postgres.connect import Connection

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """Seconds that the branch, and after it Athena with S3, are given; None is no limit."""

    database: float | None = None
    files: float | None = None


WHATEVER_IT_TAKES = Patience()
FAILED = Patience(database=20.0, files=20.0)
"""For a run that failed: nobody waits at the keyboard, and the next run clears the rest."""
STOPPED = Patience(database=2.0, files=2.0)
"""For a run that was asked to stop. A branch at hand needs a tenth of it, one on another continent
about one second; with what comes before, a run is over some five seconds after it was asked to
stop, whoever does not answer."""


async def end_run(
    context: RunContext,
    status: str,
    error: str | None = None,
    *,
    spared: Container[str] = frozenset(),
    room: bool = False,
    patience: Patience = WHATEVER_IT_TAKES,
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

    await in_time(context, context.with_connection(end), patience.database)


async def delete_files(
    context: RunContext,
    *,
    spared: Container[str] = frozenset(),
    patience: Patience = WHATEVER_IT_TAKES,
) -> None:
    """Delete the exported files of all tables but those ``spared``.

    To be called last, when nobody can continue the run any more. What cannot be deleted stays in
    the ledger for the next run, and is told.

    Raises:
        DatabaseAccessError: the branch cannot be reached, or did not answer in time.
    """
    if all(table.spec.qualified in spared for table in context.plan.tables):
        return
    delete = partial(
        leftovers.delete_exports,
        athena=context.athena,
        run_id=context.lease.run_id,
        spared=spared,
        running=context.running,
        in_doubt=context.in_doubt,
        seconds=patience.files,
    )
    both = None
    if patience.files is not None and patience.database is not None:
        both = patience.files + patience.database
    for problem in await in_time(context, context.with_connection(delete), both):
        context.notice(problem, Level.WARNING)


async def in_time(context: RunContext, work: Coroutine[Any, Any, T], seconds: float | None) -> T:
    """Do a piece of work with the branch; when the time is over its lines are cut.

    Raises:
        DatabaseAccessError: the branch did not answer in time.
    """
    if seconds is None:
        return await work
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    await asyncio.wait({task}, timeout=seconds)
    if task.done():
        return task.result()
    task.cancel()  # and not waited for
    context.pool.cut()
    raise DatabaseAccessError(f"the branch's database did not answer within {seconds:g} s")
