"""What a run leaves behind: staging tables in the branch, exported files in S3."""

from __future__ import annotations

import asyncio
from collections.abc import Container

from neonsync.athena.client import Athena
from neonsync.athena.export import delete_export
from neonsync.engine.runs import ledger
from neonsync.engine.runs.ledger import ExportRecord
from neonsync.errors import NeonsyncError
from neonsync.postgres import staging
from neonsync.postgres.connect import Connection


async def drop_staging(connection: Connection, run_id: str, spared: Container[str] = ()) -> None:
    """Drop a run's staging tables, and forget its chunks with them; not those of ``spared``."""
    for record in await ledger.read_exports(connection, run_id):
        if record.target in spared:
            continue
        await staging.drop(connection, record.staging)
        await ledger.forget_chunks(connection, run_id, record.target)


async def delete_exports(
    connection: Connection, athena: Athena | None, run_id: str, spared: Container[str] = ()
) -> list[str]:
    """Delete a run's exported files, but those of the tables ``spared``.

    Returns what could not be done; the next run tries again.

    ``athena`` is None for a run that a branch inherited from its parent: the files belong to the
    parent's run, which may still be reading them.
    """
    problems: list[str] = []
    for record in await ledger.read_exports(connection, run_id):
        if record.target in spared:
            continue
        found = [] if athena is None else await asyncio.to_thread(_delete, athena, record)
        problems += found
        if not found:
            await ledger.forget_export(connection, run_id, record.target)
    return problems


def _delete(athena: Athena, record: ExportRecord) -> list[str]:
    """Stop the export's query if it may run, and delete its files; rights may be missing."""
    if not record.prefix:
        return []  # made rows: nothing was exported
    base = record.prefix.rsplit("/", 3)[0] + "/"
    try:
        if record.query_id is not None and not record.results:
            athena.stop(record.query_id)
        delete_export(athena.s3, base, record.results)
    except NeonsyncError as error:
        if "NoSuchBucket" in str(error):
            return []  # what was never there, or is gone with all that it held
        return [f"exported files below {base} could not be deleted: {error}"]
    return []
