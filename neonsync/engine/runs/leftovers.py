"""What a run leaves behind: staging tables in the branch, exported files in S3."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Collection, Container, Mapping
from functools import partial

from neonsync.athena.client import POLL_SECONDS, Athena
from neonsync.athena.export import delete_export
from neonsync.engine.concurrency import Deadline
from neonsync.engine.runs import ledger
from neonsync.engine.runs.ledger import ExportRecord
from neonsync.errors import ExportError, NeonsyncError
from neonsync.postgres import staging
from neonsync.postgres.connect import Connection
from neonsync.threads import begin

QUERY_SECONDS = 20.0
"""For a query that is stopped to end, where nobody is in a hurry."""
SIDE_BY_SIDE = 8
"""Of so many tables files are deleted at once."""


async def drop_staging(connection: Connection, run_id: str, spared: Container[str] = ()) -> None:
    """Drop a run's staging tables, and forget its chunks with them; not those of ``spared``."""
    for record in await ledger.read_exports(connection, run_id):
        if record.target in spared:
            continue
        await staging.drop(connection, record.staging)
        await ledger.forget_chunks(connection, run_id, record.target)


async def delete_exports(
    connection: Connection,
    *,
    athena: Athena | None,
    run_id: str,
    spared: Container[str] = (),
    running: Mapping[str, str] | None = None,
    in_doubt: Container[str] = (),
    deadline: Deadline | None = None,
) -> list[str]:
    """Delete a run's exported files, but those of the tables ``spared``.

    Returns what could not be done, by the ``deadline`` if one is given; the next run tries again.
    While a query may still write, nothing of its table is deleted: ``running`` are queries beside
    the recorded ones, by id with their tables, and of the tables ``in_doubt`` one may be at work
    whose id nobody knows.

    ``athena`` is None for a run that a branch inherited from its parent: the files belong to the
    parent's run, which may still be reading them.
    """
    running = running or {}
    room = asyncio.Semaphore(SIDE_BY_SIDE)
    until = deadline or Deadline(None)

    async def delete(record: ExportRecord) -> list[str]:
        if athena is None or not record.prefix:
            return []  # made rows have no prefix: nothing was exported
        if record.target in in_doubt:
            return [_left(record, "whether Athena has a query at work there is not known")]
        # A start that is answered late writes into it from a thread: a copy is looked through.
        at_work = list(running.items())
        queries = [query_id for query_id, table in at_work if table == record.target]
        async with room:
            deleting = begin(partial(_delete, athena, record, queries, until.left()))
            in_time = await until.sees(deleting)
        if not in_time:
            return [_left(record, f"Athena and S3 did not answer within {until.seconds:g} s")]
        return deleting.result()

    records = [
        record
        for record in await ledger.read_exports(connection, run_id)
        if record.target not in spared
    ]
    found = await asyncio.gather(*map(delete, records))
    for record, problems in zip(records, found, strict=True):
        if not problems:
            await ledger.forget_export(connection, run_id, record.target)
    return [problem for problems in found for problem in problems]


def _delete(
    athena: Athena, record: ExportRecord, running: Collection[str], seconds: float | None
) -> list[str]:
    """Stop the queries that may write below an export's prefix, and delete what lies there.

    Rights may be missing.
    """
    queries = {*running}
    if record.query_id is not None and not record.results:
        queries.add(record.query_id)
    try:
        if at_work := _stopped(athena, queries, seconds):
            return [_left(record, f"the query {at_work} was stopped, and has not ended yet")]
        delete_export(athena.s3, _base(record), record.results)
    except NeonsyncError as error:
        if "NoSuchBucket" in str(error):
            return []  # what was never there, or is gone with all that it held
        return [_left(record, str(error))]
    return []


def _stopped(athena: Athena, queries: Collection[str], seconds: float | None) -> str:
    """Stop queries and wait for their end; the id of one that is still at work, or nothing."""
    until = time.monotonic() + (QUERY_SECONDS if seconds is None else seconds)
    at_work = [query_id for query_id in queries if not _has_ended(athena, query_id)]
    for query_id in at_work:
        athena.stop(query_id)
    while at_work := [query_id for query_id in at_work if not _has_ended(athena, query_id)]:
        if time.monotonic() + POLL_SECONDS > until:
            return at_work[0]
        time.sleep(POLL_SECONDS)
    return ""


def _has_ended(athena: Athena, query_id: str) -> bool:
    """Whether a query writes no more; one that Athena does not know any more has ended long ago."""
    try:
        return athena.status(query_id).finished
    except ExportError as error:
        if "was not found" not in str(error):
            raise
        return True


def _left(record: ExportRecord, why: str) -> str:
    return f"exported files below {_base(record)} are left, the next run deletes them: {why}"


def _base(record: ExportRecord) -> str:
    """What all files of an export's attempts lie below, and the answers that were asked beside."""
    return record.prefix.rsplit("/", 3)[0] + "/"
