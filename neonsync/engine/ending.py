"""The end of a run: recorded in the branch, and what it has made there and in S3 taken away."""

from __future__ import annotations

from collections.abc import Container

from neonsync.engine.context import RunContext
from neonsync.engine.events import Level
from neonsync.engine.runs import leftovers
from neonsync.engine.runs import outcome as outcomes
from neonsync.postgres.connect import Connection


async def end_run(
    context: RunContext,
    status: str,
    error: str | None = None,
    *,
    spared: Container[str] = frozenset(),
    room: bool = False,
) -> None:
    """Record the end; drop the staging and delete the exported files of all but ``spared``.

    With ``room`` all staging goes, as the branch needs the room that it takes.
    The files go last, when nobody can continue the run any more; those that cannot be deleted
    stay in the ledger for the next run.
    """
    tables = [table.spec.qualified for table in context.plan.tables]
    run_id = context.lease.run_id

    async def end(connection: Connection) -> None:
        async with connection.transaction():
            if await outcomes.has_ended(connection, context.lease):
                return  # Its COMMIT had succeeded, and only the answer was lost.
            await context.lease.guard(connection, published=True)
            await leftovers.drop_staging(connection, run_id, () if room else spared)
            await outcomes.finish_run(
                connection,
                context.lease,
                status,
                error,
                resumable=any(name in spared for name in tables),
            )

    async def delete(connection: Connection) -> list[str]:
        return await leftovers.delete_exports(connection, context.athena, run_id, spared)

    await context.with_connection(end)
    if not all(name in spared for name in tables):
        for problem in await context.with_connection(delete):
            context.notice(problem, Level.WARNING)
