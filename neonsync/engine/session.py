"""The run's session on the branch: the lease is taken, kept by a heartbeat, and given back."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import platform
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import psycopg

from neonsync.athena.client import Athena
from neonsync.engine import ledger, leftovers
from neonsync.engine.events import Emit, Level, Notice
from neonsync.engine.ledger import Holder, Lease, OldRun
from neonsync.engine.plan import Plan
from neonsync.errors import DatabaseAccessError, LeaseHeldError, LeaseLostError
from neonsync.postgres.connect import Connection, Database, connect, connected, is_connection_lost

LOCK_TRIES = 3
LOCK_PAUSE = 0.2
_RESUMABLE = ("running", "failed", "cancelled")


@dataclass(frozen=True)
class Session:
    """The lease of the branch, held by this process. ``resumed`` tells of an earlier attempt."""

    lease: Lease
    database: Database
    resumed: bool


@contextlib.asynccontextmanager
async def held_session(
    plan: Plan, athena: Athena, emit: Emit, lost: Callable[[Exception], None]
) -> AsyncIterator[Session]:
    """Hold the branch's lease: continue a run that was left over, or start a new one.

    ``lost`` is called, once, when another run has taken over.

    Raises:
        LeaseHeldError: a run is at work on the branch; the message names it.
        DatabaseAccessError: the branch's database cannot be reached.
    """
    database = Database(plan.address.uri)
    async with connected(database) as connection:
        await ledger.prepare(connection)
        lease, resumed = await _acquire(connection, plan, athena, emit)
        named = database.named(lease.application_name)
        # Under the run's name a takeover can end this session too, and with it the advisory lock.
        await connection.execute(
            "SELECT set_config('application_name', %s, false)", (lease.application_name,)
        )
        keeper = asyncio.create_task(_keep(connection, named, lease, lost))
        try:
            yield Session(lease, named, resumed)
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper


async def _acquire(
    connection: Connection, plan: Plan, athena: Athena, emit: Emit
) -> tuple[Lease, bool]:
    holder = Holder(f"{_user()}@{platform.node() or 'unknown'}, process {os.getpid()}")
    alone = await _be_alone(connection)
    branch_id = plan.branch.id
    if not alone:
        await _evict(connection, branch_id)
    lease: Lease | None = None
    for old in await ledger.unfinished_runs(connection):
        if lease is None and _can_continue(old, plan):
            lease = await ledger.take_over(connection, old, "running", holder)
            emit(Notice(Level.INFO, f"continuing run {old.run_id}, which was left {old.status}"))
            continue
        await ledger.take_over(connection, old, "abandoned", holder)
        inherited = old.branch_id != branch_id
        problems = await leftovers.clear(connection, None if inherited else athena, old.run_id)
        emit(Notice(Level.INFO, f"cleared what run {old.run_id} had left ({_why(old, plan)})"))
        for problem in problems:
            emit(Notice(Level.WARNING, problem))
    if lease is not None:
        return lease, True
    lease = await ledger.start_run(
        connection,
        run_id=f"run_{secrets.token_hex(5)}",
        branch_id=branch_id,
        branch_name=plan.branch.name,
        fingerprint=plan.fingerprint,
        holder=holder,
    )
    return lease, False


async def _be_alone(connection: Connection) -> bool:
    """Take the advisory lock; the server needs a moment to notice that a holder was killed."""
    for _ in range(LOCK_TRIES):
        if await ledger.hold_advisory_lock(connection):
            return True
        await asyncio.sleep(LOCK_PAUSE)
    return False


async def _evict(connection: Connection, branch_id: str) -> None:
    """End a holder that is frozen, or give way to one that works.

    Raises:
        LeaseHeldError: the holder is alive, or nobody can tell.
    """
    for old in await ledger.active_runs(connection, branch_id):
        ledger.check_vacant(old, branch_id, holder_is_alive=True)
        await ledger.end_sessions(connection, old.run_id)
    if not await _be_alone(connection):
        raise LeaseHeldError(
            "another neonsync process is at work on this branch's database",
            "Wait for it to end, then run again.",
        )


def _can_continue(old: OldRun, plan: Plan) -> bool:
    return (
        old.branch_id == plan.branch.id
        and old.status in _RESUMABLE
        and old.fingerprint == plan.fingerprint
        and old.age_hours < ledger.RESUME_WINDOW_HOURS
    )


def _why(old: OldRun, plan: Plan) -> str:
    if old.branch_id != plan.branch.id:
        return "inherited from the parent branch"
    if old.status == "published":
        return "it had published, and was ended before it could clean up"
    if old.fingerprint != plan.fingerprint:
        return "its plan was another one"
    return f"older than {ledger.RESUME_WINDOW_HOURS} hours, or a newer one is continued"


async def _keep(
    connection: Connection, database: Database, lease: Lease, lost: Callable[[Exception], None]
) -> None:
    """Beat until cancelled; a cut connection is replaced, a lost lease is told.

    The first connection is the session's own, which holds the advisory lock as well.
    """
    own: Connection | None = None
    try:
        while True:
            await asyncio.sleep(ledger.HEARTBEAT_SECONDS)
            try:
                await ledger.heartbeat(own or connection, lease)
            except LeaseLostError as error:
                lost(error)
                return
            except psycopg.Error as error:
                if not is_connection_lost(error):
                    raise
                with contextlib.suppress(DatabaseAccessError):
                    own = await connect(database)
                    await ledger.hold_advisory_lock(own)
    finally:
        if own is not None:
            await own.close()


def _user() -> str:
    """The person or robot that runs this, for the message to whoever is refused."""
    actor = os.environ.get("GITHUB_ACTOR")
    if actor:
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
