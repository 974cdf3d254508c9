"""The ledger in the branch: runs and their lease, exports, chunks.

Safety rests on the epoch alone: each transaction that writes calls ``Lease.guard`` first, and a
run whose epoch has moved gets ``LeaseLostError``. The advisory lock and the heartbeat only tell
whether the holder of a lease is alive.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg.types.json import Jsonb

from neonsync.athena.export import Chunk
from neonsync.errors import LeaseHeldError, LeaseLostError
from neonsync.postgres.connect import Connection
from neonsync.postgres.queries import query

HEARTBEAT_SECONDS = 5.0
LEASE_SECONDS = 60.0
"""A holder whose heartbeat is older is taken for frozen, though its session is still open."""
RESUME_WINDOW_HOURS = 6
"""A left-over export older than this is not continued: the source has moved on since."""

_ADVISORY_KEY = 0x6E656F6E73796E63  # "neonsync" in ASCII; one lock a database
_NULL_DATE = ""
_OLD_RUNS: LiteralString = (
    "SELECT run_id, branch_id, fingerprint, status, epoch, holder, started_at,"
    " extract(epoch FROM clock_timestamp() - heartbeat_at)::float8,"
    " extract(epoch FROM clock_timestamp() - started_at)::float8 / 3600"
    " FROM neonsync.runs r"
)


@dataclass(frozen=True)
class Holder:
    """Who holds the lease, for people: ``user@host, process 4711``."""

    text: str


@dataclass(frozen=True)
class Lease:
    """The right to write under a run's name until somebody takes over."""

    run_id: str
    epoch: int

    async def guard(self, connection: Connection) -> None:
        """Make sure, until the end of the transaction, that this run still holds the lease.

        Raises:
            LeaseLostError: another run took over.
        """
        cursor = await connection.execute(
            "SELECT FROM neonsync.runs WHERE run_id = %s AND epoch = %s"
            " AND status IN ('running', 'published') FOR KEY SHARE",
            (self.run_id, self.epoch),
        )
        if await cursor.fetchone() is None:
            raise LeaseLostError(
                f"another run took over from {self.run_id}; this one writes no more",
                "See neonsync.runs in the branch for the run that did.",
            )

    @property
    def application_name(self) -> str:
        """What the run's sessions are called, so that a takeover can end them."""
        return f"neonsync/{self.run_id}"


@dataclass(frozen=True)
class OldRun:
    """An earlier run that may have left something behind."""

    run_id: str
    branch_id: str
    fingerprint: str
    status: str
    epoch: int
    holder: str
    started_at: datetime
    heartbeat_age: float
    age_hours: float


@dataclass(frozen=True)
class ExportRecord:
    """What the ledger knows of a table's UNLOAD and staging."""

    target: str
    attempt: int
    prefix: str
    token: str
    query_id: str | None
    results: tuple[str, ...]
    staging: str
    method: str


async def prepare(connection: Connection) -> None:
    """Make the ledger's tables where they are missing.

    Two runs that start at once on a new branch would collide in CREATE, so one lock orders them.
    Where all is there nothing is asked for: CREATE INDEX IF NOT EXISTS locks before it looks, and
    would wait for a run that is publishing.
    """
    cursor = await connection.execute(
        "SELECT to_regclass('neonsync.chunks') IS NOT NULL"  # the last that is made
    )
    row = await cursor.fetchone()
    if row is not None and row[0]:
        return
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s, 1)", (_ADVISORY_KEY >> 33,))
        await connection.execute(query("ledger"))


async def hold_advisory_lock(connection: Connection) -> bool:
    """Take the lock that says: a run is alive here. It is gone with the session."""
    cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", (_ADVISORY_KEY,))
    row = await cursor.fetchone()
    return bool(row and row[0])


async def unfinished_runs(connection: Connection) -> list[OldRun]:
    """Runs that may have left staging tables or exported files behind, the newest first."""
    cursor = await connection.execute(
        _OLD_RUNS + " WHERE status IN ('running', 'published') OR"
        " EXISTS (SELECT FROM neonsync.exports e WHERE e.run_id = r.run_id)"
        " ORDER BY started_at DESC"
    )
    return [OldRun(*row) for row in await cursor.fetchall()]


async def active_runs(connection: Connection, branch_id: str) -> list[OldRun]:
    """Runs of this branch that say that they are at work."""
    cursor = await connection.execute(
        _OLD_RUNS + " WHERE branch_id = %s AND status IN ('running', 'published')", (branch_id,)
    )
    return [OldRun(*row) for row in await cursor.fetchall()]


async def end_sessions(connection: Connection, run_id: str) -> None:
    """End all other sessions that work under a run's name, and wait until they are gone."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = %s AND usename = current_user AND pid <> pg_backend_pid()",
        (Lease(run_id, 0).application_name,),
    )


def check_vacant(run: OldRun, branch_id: str, *, holder_is_alive: bool) -> None:
    """Decide whether a running run's lease may be taken over.

    Raises:
        LeaseHeldError: its holder is at work; the message names it.
    """
    if run.branch_id != branch_id:
        return  # inherited from the parent branch, where its holder works
    if holder_is_alive and run.heartbeat_age < LEASE_SECONDS:
        raise LeaseHeldError(
            f"run {run.run_id} ({run.holder}) has been at work on this branch since "
            f"{run.started_at:%Y-%m-%d %H:%M:%S} UTC",
            "Wait for it to end, or stop it, then run again.",
        )


async def start_run(
    connection: Connection,
    *,
    run_id: str,
    branch_id: str,
    branch_name: str,
    fingerprint: str,
    holder: Holder,
) -> Lease:
    """Write a new run, which is the lease of the branch.

    Raises:
        LeaseHeldError: another run came first.
    """
    try:
        await connection.execute(
            "INSERT INTO neonsync.runs"
            " (run_id, branch_id, branch_name, fingerprint, status, holder)"
            " VALUES (%s, %s, %s, %s, 'running', %s)",
            (run_id, branch_id, branch_name, fingerprint, holder.text),
        )
    except psycopg.errors.UniqueViolation as error:
        raise LeaseHeldError(
            "another run started on this branch at the same moment",
            "Wait for it to end, then run again.",
        ) from error
    return Lease(run_id, 1)


async def take_over(connection: Connection, run: OldRun, status: str, holder: Holder) -> Lease:
    """Raise a run's epoch, after ending the sessions that still work under its name.

    ``status`` is what the run is from now on: running to continue it, abandoned to clear it.

    Raises:
        LeaseHeldError: somebody else took it over first.
    """
    await end_sessions(connection, run.run_id)
    # Waits for transactions that hold the row FOR KEY SHARE, should any be left.
    cursor = await connection.execute(
        "UPDATE neonsync.runs SET epoch = epoch + 1, status = %s, holder = %s, error = NULL,"
        " heartbeat_at = clock_timestamp()"
        " WHERE run_id = %s AND epoch = %s AND status = %s RETURNING epoch",
        (status, holder.text, run.run_id, run.epoch, run.status),
    )
    row = await cursor.fetchone()
    if row is None:
        raise LeaseHeldError(
            f"somebody else took over run {run.run_id} at the same moment",
            "Wait for it to end, then run again.",
        )
    return Lease(run.run_id, int(row[0]))


async def heartbeat(connection: Connection, lease: Lease) -> None:
    """Say that the run is alive, by the server's clock.

    Raises:
        LeaseLostError: another run took over.
    """
    cursor = await connection.execute(
        "UPDATE neonsync.runs SET heartbeat_at = clock_timestamp()"
        " WHERE run_id = %s AND epoch = %s AND status IN ('running', 'published')",
        (lease.run_id, lease.epoch),
    )
    if cursor.rowcount != 1:
        raise LeaseLostError(
            f"another run took over from {lease.run_id}; this one writes no more",
            "See neonsync.runs in the branch for the run that did.",
        )


async def mark_published(connection: Connection, lease: Lease, outcome: Mapping[str, Any]) -> None:
    """Record the publishing, in the publishing transaction itself."""
    await connection.execute(
        "UPDATE neonsync.runs SET status = 'published', published_at = clock_timestamp(),"
        " outcome = %s WHERE run_id = %s AND epoch = %s",
        (Jsonb(outcome), lease.run_id, lease.epoch),
    )


async def published_outcome(connection: Connection, lease: Lease) -> dict[str, Any] | None:
    """What was published, or None: the answer when a COMMIT's reply was lost."""
    cursor = await connection.execute(
        "SELECT outcome FROM neonsync.runs WHERE run_id = %s AND status = 'published'",
        (lease.run_id,),
    )
    row = await cursor.fetchone()
    return None if row is None else row[0]


async def finish_run(
    connection: Connection, lease: Lease, status: str, error: str | None = None
) -> None:
    """Record how a run ended, unless somebody took over from it."""
    await connection.execute(
        "UPDATE neonsync.runs SET status = %s, error = %s, finished_at = clock_timestamp()"
        " WHERE run_id = %s AND epoch = %s",
        (status, error, lease.run_id, lease.epoch),
    )


async def read_export(connection: Connection, run_id: str, target: str) -> ExportRecord | None:
    """The export of a table, or None."""
    return next((e for e in await read_exports(connection, run_id) if e.target == target), None)


async def read_exports(connection: Connection, run_id: str) -> list[ExportRecord]:
    """All exports of a run."""
    cursor = await connection.execute(
        "SELECT target, attempt, prefix, token, query_id, results, staging, method"
        " FROM neonsync.exports WHERE run_id = %s ORDER BY target",
        (run_id,),
    )
    return [
        ExportRecord(target, attempt, prefix, token, query_id, tuple(results), staging, method)
        for target, attempt, prefix, token, query_id, results, staging, method in (
            await cursor.fetchall()
        )
    ]


async def store_export(connection: Connection, lease: Lease, record: ExportRecord) -> None:
    """Store an export before its query is started; an earlier one and its chunks are forgotten."""
    async with connection.transaction():
        await lease.guard(connection)
        await connection.execute(
            "DELETE FROM neonsync.exports WHERE run_id = %s AND target = %s",
            (lease.run_id, record.target),
        )
        await connection.execute(
            "INSERT INTO neonsync.exports"
            " (run_id, target, attempt, prefix, token, query_id, results, staging, method)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                lease.run_id,
                record.target,
                record.attempt,
                record.prefix,
                record.token,
                record.query_id,
                list(record.results),
                record.staging,
                record.method,
            ),
        )


async def store_query(
    connection: Connection, lease: Lease, target: str, query_id: str, results: tuple[str, ...] = ()
) -> None:
    """Store the query's id as soon as Athena has given it, and where its result files lie."""
    await connection.execute(
        "UPDATE neonsync.exports SET query_id = %s, results = %s WHERE run_id = %s AND target = %s",
        (query_id, list(results), lease.run_id, target),
    )


async def forget_exports(connection: Connection, run_id: str) -> None:
    """Remove the exports of a run and their chunks: nothing of it is left to clear or continue."""
    await connection.execute("DELETE FROM neonsync.exports WHERE run_id = %s", (run_id,))


async def forget_chunks(connection: Connection, run_id: str, target: str) -> None:
    """Remove the chunks of a table, whose staging table is made anew."""
    await connection.execute(
        "DELETE FROM neonsync.chunks WHERE run_id = %s AND target = %s", (run_id, target)
    )


async def store_chunk(
    connection: Connection,
    lease: Lease,
    target: str,
    chunk: Chunk,
    dates: Counter[str | None] | None = None,
) -> None:
    """Write a chunk's row, in the transaction of its COPY.

    Called first without ``dates``, so that a chunk that is loaded already fails at once, and
    again with them when the rows have been seen.
    """
    if dates is None:
        await connection.execute(
            "INSERT INTO neonsync.chunks (run_id, target, chunk, pieces, rows, bytes, dates)"
            " VALUES (%s, %s, %s, %s, %s, %s, '{}')",
            (
                lease.run_id,
                target,
                chunk.key,
                [piece.key for piece in chunk.pieces],
                chunk.rows,
                chunk.bytes,
            ),
        )
        return
    await connection.execute(
        "UPDATE neonsync.chunks SET dates = %s WHERE run_id = %s AND target = %s AND chunk = %s",
        (
            json.dumps({date or _NULL_DATE: count for date, count in dates.items()}),
            lease.run_id,
            target,
            chunk.key,
        ),
    )


@dataclass(frozen=True)
class LoadedChunks:
    """All chunks of a table that are committed."""

    pieces: frozenset[str]
    chunks: int
    rows: int
    dates: Counter[str | None]


async def read_chunks(connection: Connection, run_id: str, target: str) -> LoadedChunks:
    """Sum up what is loaded of a table."""
    cursor = await connection.execute(
        "SELECT pieces, rows, dates FROM neonsync.chunks WHERE run_id = %s AND target = %s",
        (run_id, target),
    )
    pieces: set[str] = set()
    dates: Counter[str | None] = Counter()
    rows = chunks = 0
    for chunk_pieces, chunk_rows, chunk_dates in await cursor.fetchall():
        pieces.update(chunk_pieces)
        chunks += 1
        rows += chunk_rows
        for date, count in chunk_dates.items():
            dates[None if date == _NULL_DATE else date] += count
    return LoadedChunks(frozenset(pieces), chunks, rows, dates)
