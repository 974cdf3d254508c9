"""Whether a source has changed while it was copied, as far as its files tell."""

from __future__ import annotations

import asyncio

from neonsync.athena.client import Athena
from neonsync.athena.partitions import files_to_read
from neonsync.engine.plan import TablePlan
from neonsync.errors import NeonsyncError


async def written_since(athena: Athena, table: TablePlan, query_id: str | None) -> list[str]:
    """The source's files that were written after a query was submitted, the newest first.

    Empty where that is not known, as for a query, whose tables nobody has looked up; a file that
    was deleted leaves no trace.
    """
    if query_id is None or table.catalogue is None:
        return []
    try:
        return await asyncio.to_thread(_written_since, athena, table, query_id)
    except NeonsyncError:
        return []  # a hint at a cause must not hide the error that it is for


def _written_since(athena: Athena, table: TablePlan, query_id: str) -> list[str]:
    resolved, scope = table.resolved, table.scope
    if table.catalogue is None:
        return []
    states = (resolved.state.name, scope.states) if resolved.state and scope.states else None
    began = athena.submitted_at(query_id).replace(microsecond=0)  # S3 tells seconds
    files = files_to_read(
        athena, table.catalogue, table.partitions, resolved.day, scope.days, states
    )
    found = [(each.modified, each.address) for each in files.objects if each.modified is not None]
    return [address for modified, address in sorted(found, reverse=True) if modified >= began]
