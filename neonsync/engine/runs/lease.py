"""The lease of the branch, which a run's row in the ledger is.

Safety rests on the epoch alone: each transaction that writes calls ``Lease.guard`` first, and a
run whose epoch has moved gets ``LeaseLostError``. Advisory lock and heartbeat only tell whether
the holder of a lease is alive, so that two runs do not fight.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg

from neonsync.engine.runs.holder import Holder
from neonsync.errors import LeaseHeldError, LeaseLostError
from neonsync.postgres.connect import Connection
from neonsync.postgres.queries import query

HEARTBEAT_SECONDS = 2.0
QUIET_SECONDS = 5.0
"""A holder without a session whose heartbeat is older than this is gone, and not reconnecting."""
BEAT_SECONDS = 30.0
"""A heartbeat that is not answered in this time has gone into a line that carries nothing."""
AWAY_SECONDS = 300.0
"""A run that has nothing to do with its database meanwhile waits so long for it to come back."""
LEASE_SECONDS = 60.0
"""A holder with a session whose heartbeat is older than this is frozen."""
RESUME_WINDOW_HOURS = 6
"""A left-over export older than this is not continued: the source has moved on since."""

_ADVISORY_KEY = 0x6E656F6E73796E63  # "neonsync" in ASCII; one lock a database
_OLD_RUNS: LiteralString = (
    "SELECT run_id, branch_id, fingerprint, status, epoch, holder, holder_key, resumable,"
    " started_at, extract(epoch FROM clock_timestamp() - heartbeat_at)::float8,"
    " extract(epoch FROM clock_timestamp() - started_at)::float8 / 3600"
    " FROM neonsync.runs r"
)


@dataclass(frozen=True)
class Lease:
    """The right to write under a run's name until somebody takes over."""

    run_id: str
    epoch: int

    async def guard(self, connection: Connection, *, published: bool = False) -> None:
        """Make sure, until the end of the transaction, that this run still holds the lease.

        ``published`` allows a run that has published, for what comes after that.

        Raises:
            LeaseLostError: another run took over.
        """
        cursor = await connection.execute(
            "SELECT FROM neonsync.runs WHERE run_id = %s AND epoch = %s"
            " AND (status = 'running' OR %s AND status = 'published') FOR KEY SHARE",
            (self.run_id, self.epoch, published),
        )
        if await cursor.fetchone() is None:
            raise self.lost()

    def lost(self) -> LeaseLostError:
        """The error for whoever finds that the epoch has moved."""
        return LeaseLostError(
            f"another run took over from {self.run_id}; this one writes no more",
            "See neonsync.runs in the branch for the run that did.",
        )

    @property
    def application_name(self) -> str:
        """What the run's sessions are called, so that a takeover can end them."""
        return f"neonsync/{self.run_id}"


@dataclass(frozen=True)
class OldRun:
    """An earlier run that may be at work, or may have left something behind. Ages by the
    server's clock."""

    run_id: str
    branch_id: str
    fingerprint: str
    status: str
    epoch: int
    holder: str
    holder_key: str
    resumable: bool
    started_at: datetime
    heartbeat_age: float
    age_hours: float

    def held(self) -> LeaseHeldError:
        """The error for whoever comes second."""
        return LeaseHeldError(
            f"run {self.run_id} ({self.holder}) has been at work on this branch since "
            f"{self.started_at:%Y-%m-%d %H:%M:%S} UTC",
            "Wait for it to end, or stop it, then run again.",
        )


async def prepare(connection: Connection) -> None:
    """Make the ledger's tables where they are missing.

    Two runs that start at once on a new branch would collide in CREATE, so one lock orders them.
    Where all is there nothing is asked for: CREATE INDEX IF NOT EXISTS locks before it looks, and
    would wait for a run that is publishing.
    """
    cursor = await connection.execute(
        # The last that is made or added.
        "SELECT EXISTS (SELECT FROM pg_attribute WHERE NOT attisdropped"
        " AND attrelid = to_regclass('neonsync.chunks') AND attname = 'digests')"
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


async def active_runs(connection: Connection, branch_id: str) -> list[OldRun]:
    """Runs of this branch that say that they are at work."""
    cursor = await connection.execute(
        _OLD_RUNS + " WHERE branch_id = %s AND finished_at IS NULL"
        " AND status IN ('running', 'published')",
        (branch_id,),
    )
    return [OldRun(*row) for row in await cursor.fetchall()]


async def unfinished_runs(connection: Connection) -> list[OldRun]:
    """Runs that may have left staging tables or exported files behind, the newest first."""
    cursor = await connection.execute(
        _OLD_RUNS + " WHERE status = 'running' OR"
        " EXISTS (SELECT FROM neonsync.exports e WHERE e.run_id = r.run_id)"
        " ORDER BY started_at DESC"
    )
    return [OldRun(*row) for row in await cursor.fetchall()]


async def end_sessions(connection: Connection, run_id: str) -> None:
    """End all other sessions that work under a run's name, and wait until they are gone."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = %s AND usename = current_user AND pid <> pg_backend_pid()",
        (Lease(run_id, 0).application_name,),
    )


async def end_session(connection: Connection, pid: int) -> None:
    """End one session of ours, and wait until it is gone: only then is its outcome certain."""
    await connection.execute(
        "SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity"
        " WHERE pid = %s AND usename = current_user AND application_name LIKE 'neonsync/%%'"
        # After a restart of the server another session may have the number, ours above all.
        " AND pid <> pg_backend_pid()",
        (pid,),
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
            " (run_id, branch_id, branch_name, fingerprint, status, holder, holder_key)"
            " VALUES (%s, %s, %s, %s, 'running', %s, %s)",
            (run_id, branch_id, branch_name, fingerprint, holder.text, holder.key),
        )
    except psycopg.errors.UniqueViolation as error:
        raise LeaseHeldError(
            "another run started on this branch at the same moment",
            "Wait for it to end, then run again.",
        ) from error
    return Lease(run_id, 1)


async def take_over(
    connection: Connection, run: OldRun, status: str, holder: Holder, *, keep_parts: bool = False
) -> Lease:
    """Raise a run's epoch, after ending the sessions that still work under its name.

    ``status`` is what the run is from now on: running to continue it, abandoned to clear it. A run
    that was cut off may have published some of its tables: with ``keep_parts`` that counts, else
    they are published again.

    Raises:
        LeaseHeldError: somebody else took it over first.
    """
    await end_sessions(connection, run.run_id)
    # Waits for transactions that hold the row FOR KEY SHARE, should any be left.
    cursor = await connection.execute(
        "UPDATE neonsync.runs SET epoch = epoch + 1, status = %s, holder = %s, holder_key = %s,"
        " heartbeat_at = clock_timestamp(),"
        " finished_at = CASE WHEN %s = 'running' THEN NULL ELSE clock_timestamp() END,"
        " outcome = CASE WHEN %s THEN outcome END"
        " WHERE run_id = %s AND epoch = %s AND status = %s RETURNING epoch",
        (
            status,
            holder.text,
            holder.key,
            status,
            status != "running" or (keep_parts and run.status == "running"),
            run.run_id,
            run.epoch,
            run.status,
        ),
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

    It waits for no lock, so that a late answer tells of the line or the server: whoever holds the
    row is this run itself, which publishes, or one that takes over, as the next beat will tell.

    Raises:
        LeaseLostError: another run took over.
    """
    cursor = await connection.execute(
        "WITH free AS (SELECT run_id FROM neonsync.runs WHERE run_id = %(run)s"
        " AND epoch = %(epoch)s FOR NO KEY UPDATE SKIP LOCKED), beat AS (UPDATE neonsync.runs r"
        " SET heartbeat_at = clock_timestamp() FROM free WHERE r.run_id = free.run_id)"
        " SELECT FROM neonsync.runs WHERE run_id = %(run)s AND epoch = %(epoch)s",
        {"run": lease.run_id, "epoch": lease.epoch},
    )
    if await cursor.fetchone() is None:
        raise lease.lost()
