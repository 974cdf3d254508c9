"""The files of the lake that a table's export reads."""

from __future__ import annotations

from neonsync.athena.catalogue import CatalogueTable
from neonsync.athena.client import Athena
from neonsync.athena.partitions import Files, files_to_read
from neonsync.engine.plan import TablePlan


def source_files(athena: Athena, table: TablePlan, catalogue: CatalogueTable) -> Files:
    """List them; ``catalogue`` is the plan's, which a query has not. Blocks.

    Raises:
        AthenaAccessError: the role may not list the bucket.
    """
    resolved, scope = table.resolved, table.scope
    states = (resolved.state.name, scope.states) if resolved.state and scope.states else None
    return files_to_read(athena, catalogue, table.partitions, resolved.day, scope.days, states)
