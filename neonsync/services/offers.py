"""What a database of the lake offers: each table with columns, partitions, size, newest."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from neonsync.athena.catalogue import CatalogueTable, list_tables
from neonsync.athena.client import Athena
from neonsync.athena.filters import ALL_DATES
from neonsync.athena.partitions import files_to_read, list_partitions, newest_partition
from neonsync.errors import NeonsyncError

THREADS = 8


@dataclass(frozen=True)
class Offer:
    """A table of the lake; ``bytes`` is None where files could not be listed."""

    name: str
    kind: str
    columns: list[dict[str, Any]]
    partitions: int
    files: int
    bytes: int | None
    newest: str
    comment: str


def offers(athena: Athena, database: str, *, sizes: bool) -> Iterator[Offer]:
    """One after the other, in the catalogue's order, several looked at side by side.

    Raises:
        UnknownTableError: there is no such database.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="tables") as pool:
        yield from pool.map(
            lambda table: _offer(athena, table, sizes=sizes), list_tables(athena, database)
        )


def _offer(athena: Athena, table: CatalogueTable, *, sizes: bool) -> Offer:
    size: int | None = None
    files = partitions = 0
    newest = ""
    if not table.is_view and table.location:
        try:
            registered = list_partitions(athena, table)
            partitions = len(registered)
            newest = newest_partition(table, registered)
            if sizes:
                read = files_to_read(athena, table, registered, None, ALL_DATES, None)
                size, files = read.bytes, len(read.objects)
                partitions, newest = read.all_partitions, read.newest
        except NeonsyncError:
            size = None  # the role may read the catalogue and not the bucket
    return Offer(
        table.table.name,
        "view" if table.is_view else "table",
        [
            {"name": column.name, "type": str(column.type), "partition": column.partition}
            for column in table.columns
        ],
        partitions,
        files,
        size,
        newest,
        table.comment,
    )
