"""The run's session on the branch: the lease is taken, kept by a heartbeat, and given back."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import AsyncIterator, Callable, Container
from dataclasses import dataclass

import psycopg

from neonsync.athena.client import Athena
from neonsync.engine import retry
from neonsync.engine.events import Emit, Level, Notice
from neonsync.engine.plan import Plan
from neonsync.engine.planning.target import check_server
from neonsync.engine.runs import holder as holders
from neonsync.engine.runs import lease as leases
from neonsync.engine.runs import leftovers
from neonsync.engine.runs.holder import Holder
from neonsync.engine.runs.lease import Lease, OldRun
from neonsync.errors import DatabaseAccessError, LeaseHeldError
from neonsync.postgres.connect import (
    Connection,
    Database,
    connect,
    is_connection_lost,
    server_error,
)
from neonsync.settings import OnError, Settings

LOCK_TRIES = 3
LOCK_PAUSE = 0.2
WATCH_PAUSE = 0.5
LEAVING_SECONDS = 1.0
"""For a heartbeat that is under way; one whose line is silent is not waited for."""


@dataclass(frozen=True)
class Session:
    """The lease of the branch, held by this process. ``resumed`` tells of an earlier attempt."""

    lease: Lease
    database: Database
    resumed: bool


@contextlib.asynccontextmanager
async def held_session(
    plan: Plan,
    database: Database,
    athena: Athena,
    emit: Emit,
    lost: Callable[[Exception], None],
) -> AsyncIterator[Session]:
    """Hold the branch's lease: continue a run that was left over, or start a new one.

    ``lost`` is called, once, when the lease cannot be kept.

    Raises:
        LeaseHeldError: a run is at work on the branch; the message names it.
        WrongTargetError: the server says that it serves another branch.
        DatabaseAccessError: the branch's database cannot be reached.
        ServerError: the role may not make the ledger's schema.
    """
    if plan.address.suspended:
        emit(Notice(Level.INFO, f"waking the compute {plan.address.endpoint_id}, which sleeps"))
    connection, session = await _open(plan, database, athena, emit)
    keeper = asyncio.create_task(_keep(connection, session, lost))
    try:
        yield session
    finally:
        keeper.cancel()
        await asyncio.wait({keeper}, timeout=LEAVING_SECONDS)
        await connection.close()


async def _open(
    plan: Plan, database: Database, athena: Athena, emit: Emit
) -> tuple[Connection, Session]:
    """Connect and take the lease; anew where the line is lost in the midst of it."""
    run_id = plan.run_id or f"run_{secrets.token_hex(5)}"
    database = database.named(Lease(run_id, 0).application_name)
    stranded: list[int] = []
    ours: set[str] = set()

    async def once() -> tuple[Connection, Session]:
        connection = await connect(database)
        pid = connection.info.backend_pid
        try:
            # Where the server has not noticed, it would keep the advisory lock against us.
            for lost in stranded:
                await leases.end_session(connection, lost)
            by_name = plan.settings.neon.api_key is not None
            if said := await check_server(connection, plan.branch, verified=by_name):
                emit(Notice(Level.INFO, said))
            await leases.prepare(connection)
            lease, resumed = await _acquire(connection, plan, run_id, ours, athena, emit)
            # Under the run's name a takeover can end this session too, and its advisory lock.
            named = database.named(lease.application_name)
            await connection.execute(
                "SELECT set_config('application_name', %s, false)", (named.application_name,)
            )
        except BaseException:
            await connection.close()
            stranded.append(pid)
            raise
        return connection, Session(lease, named, resumed)

    def tell(error: Exception) -> None:
        emit(Notice(Level.WARNING, f"{retry.what_broke(error)}; trying again"))

    try:
        return await retry.persist(once, retry.WORK, tell)
    except psycopg.Error as error:
        raise retry.given_up(error, retry.WORK) from error


async def _acquire(
    connection: Connection, plan: Plan, run_id: str, ours: set[str], athena: Athena, emit: Emit
) -> tuple[Lease, bool]:
    """The lease, and whether it continues a run.

    ``ours`` are the runs that this has written to, or may have: the answer can have been lost.
    """
    holder = holders.this_process()
    branch_id = plan.branch.id
    if await _take_lock(connection):
        await _make_sure_nobody_reconnects(connection, branch_id, ours, emit)
    else:
        await _evict(connection, branch_id)
    lease: Lease | None = None
    for old in await leases.unfinished_runs(connection):
        if old.run_id == run_id and run_id in ours and old.holder_key == holder.key:
            return Lease(run_id, old.epoch), False
        if lease is None and not why_not_continued(old, plan):
            ours.add(old.run_id)
            lease = await leases.take_over(
                connection, old, "running", holder, keep_parts=apart(plan.settings)
            )
            emit(Notice(Level.INFO, f"continuing run {old.run_id}, which was left {old.status}"))
        else:
            await _clear(connection, plan, athena, old, holder, emit)
    if lease is not None:
        return lease, True
    ours.add(run_id)
    lease = await leases.start_run(
        connection,
        run_id=run_id,
        branch_id=branch_id,
        branch_name=plan.branch.name,
        fingerprint=plan.fingerprint,
        holder=holder,
    )
    return lease, False


async def _take_lock(connection: Connection) -> bool:
    """Take the advisory lock; the server needs a moment to notice that a holder was killed."""
    for _ in range(LOCK_TRIES):
        if await leases.hold_advisory_lock(connection):
            return True
        await asyncio.sleep(LOCK_PAUSE)
    return False


async def _make_sure_nobody_reconnects(
    connection: Connection, branch_id: str, ours: Container[str], emit: Emit
) -> None:
    """The lock is free, yet its holder may live: a compute that restarts cuts all sessions.

    Such a holder is back within a heartbeat; one that was killed stays quiet.

    Raises:
        LeaseHeldError: the holder is back.
    """
    seen: dict[str, float] = {}
    told = False
    while True:
        waiting = False
        for old in await leases.active_runs(connection, branch_id):
            if old.run_id in ours:
                continue
            if holders.is_dead(old.holder_key) or old.heartbeat_age > leases.QUIET_SECONDS:
                continue
            if old.heartbeat_age < seen.get(old.run_id, old.heartbeat_age):
                raise old.held()
            seen[old.run_id] = old.heartbeat_age
            waiting = True
            if not told:
                emit(Notice(Level.INFO, f"waiting to see whether run {old.run_id} still lives"))
                told = True
        if not waiting:
            return
        await asyncio.sleep(WATCH_PAUSE)


async def _evict(connection: Connection, branch_id: str) -> None:
    """End a holder that is frozen, or give way to one that works.

    Raises:
        LeaseHeldError: the holder is alive, or nobody can tell.
    """
    for old in await leases.active_runs(connection, branch_id):
        if old.heartbeat_age < leases.LEASE_SECONDS:
            raise old.held()
        await leases.end_sessions(connection, old.run_id)
    if not await _take_lock(connection):
        raise LeaseHeldError(
            "another neonsync process is at work on this branch's database",
            "Wait for it to end, then run again.",
        )


async def _clear(
    connection: Connection, plan: Plan, athena: Athena, old: OldRun, holder: Holder, emit: Emit
) -> None:
    """Clear what a run has left that is not continued."""
    inherited = old.branch_id != plan.branch.id
    status = "abandoned" if old.status == "running" else old.status
    await leases.take_over(connection, old, status, holder)
    await leftovers.drop_staging(connection, old.run_id)
    problems = await leftovers.delete_exports(
        connection, athena=None if inherited else athena, run_id=old.run_id
    )
    why = why_not_continued(old, plan) or "a newer one is continued"
    emit(Notice(Level.INFO, f"cleared what run {old.run_id} had left ({why})"))
    for problem in problems:
        emit(Notice(Level.WARNING, problem))


def apart(settings: Settings) -> bool:
    """Whether each table is published by itself, so that one can fail alone."""
    return settings.on_error is OnError.CONTINUE


def why_not_continued(old: OldRun, plan: Plan) -> str:
    """Why a plan does not go on from a run that was left over; empty when it does."""
    if old.branch_id != plan.branch.id:
        return "inherited from the parent branch"
    if old.status in ("published", "succeeded", "invalid"):
        return "it had published, and not cleaned up"
    if not old.resumable:
        return "it had ended, and not cleaned up"
    if plan.settings.fresh:
        return "--fresh was asked for"
    if old.fingerprint != plan.fingerprint:
        return "its plan was another one"
    if old.age_hours >= leases.RESUME_WINDOW_HOURS:
        return f"it began more than {leases.RESUME_WINDOW_HOURS} hours ago"
    return ""


async def _beat(connection: Connection, database: Database, lease: Lease) -> None:
    """One heartbeat; where it is not answered, all lines of the run are taken for dead and cut.

    A server or a proxy that is gone without a word leaves connections that look well: TCP tells
    only of a machine that is gone. Who works on one tries again on a new one.
    """
    beat = asyncio.ensure_future(leases.heartbeat(connection, lease))
    try:
        done, _ = await asyncio.wait({beat}, timeout=leases.BEAT_SECONDS)
        if not done:
            database.cut()
        await beat
    finally:
        beat.cancel()
        await asyncio.wait({beat})


async def _keep(
    connection: Connection, session: Session, lost: Callable[[Exception], None]
) -> None:
    """Beat until cancelled; a cut connection is replaced, a lost lease is told at once.

    The first connection is the session's own, which holds the advisory lock as well.
    """
    database, lease = session.database, session.lease
    current, pid = connection, connection.info.backend_pid
    beaten_at = time.monotonic()
    try:
        while True:
            await asyncio.sleep(leases.HEARTBEAT_SECONDS)
            try:
                try:
                    await _beat(current, database, lease)
                except psycopg.Error as error:
                    if not is_connection_lost(error):
                        raise
                    if current is not connection:
                        await current.close()
                    current = await connect(database)
                    # Where the server has not noticed, it would keep the advisory lock.
                    await leases.end_session(current, pid)
                    pid = current.info.backend_pid
                    await _beat(current, database, lease)
                    # Somebody who has it by now will raise the epoch: the next beat tells.
                    await leases.hold_advisory_lock(current)
                beaten_at = time.monotonic()
            except (psycopg.Error, DatabaseAccessError) as error:
                if isinstance(error, psycopg.Error) and not is_connection_lost(error):
                    raise server_error(error) from error
                if time.monotonic() - beaten_at > leases.AWAY_SECONDS:
                    raise DatabaseAccessError(
                        f"the branch's database was away for {leases.AWAY_SECONDS:.0f} s: {error}",
                        "Check the network and the branch's compute, then run the same command "
                        "again; it goes on where this run ended.",
                    ) from error
    except Exception as error:
        # Without a heartbeat the lease is given away sooner or later: better to stop now.
        lost(error)
    finally:
        if current is not connection:
            await current.close()
