"""What a branch's ledger says of a run that is over: by its own clock, from any machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

import psycopg

from neonsync.postgres.connect import Database, connected, reading_error

_RUNS: LiteralString = (
    "SELECT run_id, branch_id, branch_name, status, started_at, published_at IS NOT NULL"
    " FROM neonsync.runs"
)


@dataclass(frozen=True)
class PastRun:
    """A run as the ledger has it. ``published`` tells whether anybody has seen its rows."""

    run_id: str
    branch_id: str
    branch_name: str
    status: str
    started_at: datetime
    published: bool


async def read_past(database: Database, run_id: str) -> tuple[PastRun | None, tuple[PastRun, ...]]:
    """A run, None when the ledger does not have it; and those that published later, in order.

    Raises:
        DatabaseAccessError: the branch's database cannot be reached.
        ServerError: the role may not read the ledger.
    """
    try:
        async with connected(database) as connection:
            try:
                cursor = await connection.execute(_RUNS + " WHERE run_id = %s", (run_id,))
            except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
                return None, ()
            row = await cursor.fetchone()
            if row is None:
                return None, ()
            run = PastRun(*row)
            cursor = await connection.execute(
                _RUNS + " WHERE branch_id = %s AND started_at > %s AND published_at IS NOT NULL"
                " ORDER BY started_at",
                (run.branch_id, run.started_at),
            )
            return run, tuple(PastRun(*row) for row in await cursor.fetchall())
    except psycopg.Error as error:
        raise reading_error(error) from error
