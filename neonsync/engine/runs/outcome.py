"""What a run has published and how it ended, as its row in the ledger tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg.types.json import Jsonb

from neonsync.engine.runs.lease import Lease
from neonsync.postgres.connect import Connection


async def mark_published(connection: Connection, lease: Lease, outcome: Mapping[str, Any]) -> None:
    """Record the publishing, in the publishing transaction itself."""
    await connection.execute(
        "UPDATE neonsync.runs SET status = 'published', published_at = clock_timestamp(),"
        " resumable = false, outcome = coalesce(outcome, '{}') || %s"
        " WHERE run_id = %s AND epoch = %s",
        (Jsonb(outcome), lease.run_id, lease.epoch),
    )


async def columns_published(connection: Connection, target: str) -> list[str]:
    """The columns that the last run into a table has copied; empty when nobody knows."""
    cursor = await connection.execute("SELECT to_regclass('neonsync.runs') IS NOT NULL")
    row = await cursor.fetchone()
    if row is None or not row[0]:
        return []
    cursor = await connection.execute(
        "SELECT outcome -> 'columns' -> %(target)s FROM neonsync.runs"
        " WHERE outcome -> 'columns' ? %(target)s ORDER BY published_at DESC LIMIT 1",
        {"target": target},
    )
    row = await cursor.fetchone()
    return [str(name) for name in row[0]] if row is not None else []


async def mark_part_published(
    connection: Connection,
    lease: Lease,
    part: Mapping[str, Any],
    columns: Mapping[str, Sequence[str]],
) -> None:
    """Record the publishing of one table, in its own transaction; the run goes on."""
    await connection.execute(
        "UPDATE neonsync.runs SET outcome = jsonb_build_object("
        " 'tables', coalesce(outcome -> 'tables', '[]') || %s,"
        " 'columns', coalesce(outcome -> 'columns', '{}') || %s)"
        " WHERE run_id = %s AND epoch = %s",
        (Jsonb([part]), Jsonb(columns), lease.run_id, lease.epoch),
    )


async def published_outcome(connection: Connection, lease: Lease) -> dict[str, Any] | None:
    """What was published, if anything: the answer when a COMMIT's reply was lost.

    Waits for a publishing transaction that is still at work, which has written the row.
    """
    cursor = await connection.execute(
        # The row by its key alone: a condition on what that transaction writes would be decided
        # by the old version, without waiting.
        "SELECT outcome FROM neonsync.runs WHERE run_id = %s FOR SHARE",
        (lease.run_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def has_ended(connection: Connection, lease: Lease) -> bool:
    """Whether this run's own end is recorded; who takes over raises the epoch."""
    cursor = await connection.execute(
        "SELECT FROM neonsync.runs WHERE run_id = %s AND epoch = %s AND finished_at IS NOT NULL",
        (lease.run_id, lease.epoch),
    )
    return await cursor.fetchone() is not None


async def finish_run(
    connection: Connection,
    lease: Lease,
    status: str,
    error: str | None = None,
    *,
    resumable: bool = False,
) -> None:
    """Record how a run ended, unless somebody took over from it.

    A run that has published stays published, whatever befell it afterwards.
    """
    await connection.execute(
        "UPDATE neonsync.runs SET error = %(error)s, finished_at = clock_timestamp(),"
        " resumable = %(resumable)s AND published_at IS NULL,"
        " status = CASE WHEN published_at IS NOT NULL AND %(status)s IN ('failed', 'cancelled')"
        " THEN 'published' ELSE %(status)s END"
        " WHERE run_id = %(run)s AND epoch = %(epoch)s",
        {
            "error": error,
            "resumable": resumable,
            "status": status,
            "run": lease.run_id,
            "epoch": lease.epoch,
        },
    )
