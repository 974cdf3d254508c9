"""Runs that were left over, as a plan sees them: which would go on, which not, and why."""

from __future__ import annotations

from dataclasses import dataclass

from neonsync.engine.plan import Plan
from neonsync.engine.runs import holder as holders
from neonsync.engine.runs import lease as leases
from neonsync.engine.runs import ledger
from neonsync.engine.runs.session import why_not_continued
from neonsync.postgres.connect import Connection


@dataclass(frozen=True)
class LeftTable:
    """What an earlier run has of a table: whether its export was started, and what is loaded."""

    table: str
    exported: bool
    chunks: int
    rows: int


@dataclass(frozen=True)
class LeftRun:
    """An earlier run with something left; ``why_not`` it would be continued is empty if it would.

    ``at_work`` tells that it seems to be at work at this very moment.
    """

    run_id: str
    status: str
    age_hours: float
    why_not: str
    at_work: bool
    tables: tuple[LeftTable, ...]


async def left_runs(connection: Connection, plan: Plan) -> list[LeftRun]:
    """Read the ledger, if there is one; writes nothing."""
    cursor = await connection.execute("SELECT to_regclass('neonsync.chunks') IS NOT NULL")
    if await cursor.fetchone() != (True,):
        return []
    found: list[LeftRun] = []
    for old in await leases.unfinished_runs(connection):
        why_not = why_not_continued(old, plan)
        if not why_not and any(not run.why_not for run in found):
            why_not = "a newer one is continued"
        at_work = (
            old.status == "running"
            and old.branch_id == plan.branch.id
            and old.heartbeat_age < leases.QUIET_SECONDS
            and not holders.is_dead(old.holder_key)
        )
        tables = []
        for export in await ledger.read_exports(connection, old.run_id):
            loaded = await ledger.read_chunks(connection, old.run_id, export.target)
            exported = export.query_id is not None
            tables.append(LeftTable(export.target, exported, loaded.chunks, loaded.rows))
        found.append(
            LeftRun(old.run_id, old.status, old.age_hours, why_not, at_work, tuple(tables))
        )
    return found
