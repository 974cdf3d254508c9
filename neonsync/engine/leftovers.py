"""What an earlier run left behind: staging tables in the branch, exported files in S3."""

from __future__ import annotations

import asyncio

from neonsync.athena.client import Athena
from neonsync.athena.export import delete_export
from neonsync.engine import ledger
from neonsync.engine.ledger import ExportRecord
from neonsync.errors import NeonsyncError
from neonsync.postgres import staging
from neonsync.postgres.connect import Connection


async def clear(connection: Connection, athena: Athena | None, run_id: str) -> list[str]:
    """Drop a run's staging tables and delete its exports. Returns what could not be done.

    ``athena`` is None for a run that a branch inherited from its parent: the files belong to the
    parent's run, which may still be reading them.
    """
    problems: list[str] = []
    records = await ledger.read_exports(connection, run_id)
    for record in records:
        await staging.drop(connection, record.staging)
        if athena is not None:
            problems += await asyncio.to_thread(_clear_export, athena, record)
    await ledger.forget_exports(connection, run_id)
    return problems


def _clear_export(athena: Athena, record: ExportRecord) -> list[str]:
    """Stop the export's query if it runs, and delete its files; rights may be missing for both."""
    problems = []
    base = record.prefix.rsplit("/", 3)[0] + "/"
    try:
        if record.query_id is not None and not record.results:
            athena.stop(record.query_id)
    except NeonsyncError as error:
        problems.append(f"the query {record.query_id} could not be stopped: {error}")
    try:
        delete_export(athena.s3, base, record.results)
    except NeonsyncError as error:
        problems.append(f"exported files below {base} could not be deleted: {error}")
    return problems
