"""Whether a source has changed while it was copied, as far as its files tell."""

from __future__ import annotations

import asyncio

from neonsync.athena.client import Athena
from neonsync.engine.loading.source_files import source_files
from neonsync.engine.plan import TablePlan
from neonsync.errors import NeonsyncError


async def written_since(athena: Athena, table: TablePlan, query_id: str | None) -> list[str]:
    """The source's files that were written after a query was submitted, the newest first.

    Empty where that is not known, as for a query, whose tables nobody has looked up; a file that
    was deleted leaves no trace.
    """
    catalogue = table.catalogue
    if query_id is None or catalogue is None:
        return []

    def look() -> list[str]:
        began = athena.submitted_at(query_id).replace(microsecond=0)  # S3 tells seconds
        files = source_files(athena, table, catalogue).objects
        found = [(each.modified, each.address) for each in files if each.modified is not None]
        return [address for modified, address in sorted(found, reverse=True) if modified >= began]

    try:
        return await asyncio.to_thread(look)
    except NeonsyncError:
        return []  # a hint at a cause must not hide the error that it is for
