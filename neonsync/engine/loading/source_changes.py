"""Whether a source has changed while it was copied, as far as Athena and its files tell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from neonsync.athena.client import Athena
from neonsync.athena.failures import translated_errors
from neonsync.engine.loading.source_files import source_files
from neonsync.engine.plan import TablePlan
from neonsync.errors import NeonsyncError

T = TypeVar("T")


async def changed_since(
    athena: Athena, table: TablePlan, query_id: str | None, later_id: str
) -> str:
    """What tells that a source has changed since the query of its export was submitted, in words.

    Files that were written since tell it of a table, and of any source, a query too, that a
    ``later_id`` query about the same rows has read another number of the lake's, as when a file was
    deleted. Empty where neither tells: the source may have changed all the same.
    """
    if query_id is None:
        return ""
    if files := await _asked(lambda: _written_since(athena, table, query_id)):
        more = f" and {len(files) - 1} more were" if len(files) > 1 else " was"
        return f"{files[0]}{more} written after it"
    if not later_id:
        return ""
    rows = await _asked(lambda: [_rows_read(athena, each) for each in (query_id, later_id)])
    if not rows or None in rows or rows[0] == rows[1]:
        return ""
    return f"Athena has read {rows[0]:,} rows of it for the export, and {rows[1]:,} to count them"


def _written_since(athena: Athena, table: TablePlan, query_id: str) -> list[str]:
    """A table's files that were written after a query was submitted, the newest first."""
    if table.catalogue is None:
        return []
    began = athena.submitted_at(query_id).replace(microsecond=0)  # S3 tells seconds
    files = source_files(athena, table, table.catalogue).objects
    found = [(each.modified, each.address) for each in files if each.modified is not None]
    return [address for modified, address in sorted(found, reverse=True) if modified >= began]


def _rows_read(athena: Athena, query_id: str) -> int | None:
    """The rows of the lake that a query which has ended has read; None where Athena tells none."""
    with translated_errors("asking Athena for what a query has read"):
        answer = athena.client.get_query_runtime_statistics(QueryExecutionId=query_id)
    rows = answer["QueryRuntimeStatistics"].get("Rows", {}).get("InputRows")
    return None if rows is None else int(rows)


async def _asked(look: Callable[[], list[T]]) -> list[T]:
    try:
        return await asyncio.to_thread(look)
    except NeonsyncError:
        return []  # a hint at a cause must not hide the error that it is for
