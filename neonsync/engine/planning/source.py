"""Source: what the lake says of a table of the configuration, before a run filters it."""

from __future__ import annotations

from dataclasses import dataclass

from neonsync.athena import sql
from neonsync.athena.catalogue import CatalogueColumn, CatalogueTable, read_table
from neonsync.athena.client import Athena
from neonsync.athena.partitions import Partition, form_of_values, list_partitions
from neonsync.engine.planning.query_source import read_query
from neonsync.engine.planning.resolve import Resolved, resolve
from neonsync.tables import DayForm, Mode, TableConfig


@dataclass(frozen=True)
class Source:
    """``relation`` is what stands after FROM.

    ``catalogue`` is None, and ``partitions`` are empty, for a query.
    """

    resolved: Resolved
    relation: str
    catalogue: CatalogueTable | None = None
    partitions: tuple[Partition, ...] = ()


def look_up(athena: Athena, config: TableConfig, mode: Mode) -> Source:
    """Look a table up in the catalogue, or ask Athena for a query's columns. Scans nothing.

    Raises:
        ConfigError: the table or a column is not there, or not as the configuration has it.
        AthenaAccessError: the keys or the network.
    """
    if config.query:
        columns = read_query(athena, config.query, config.target_name)
        return Source(resolve(config, mode, columns), sql.subquery(config.query))
    catalogue = read_table(athena, athena.table(config.source))
    partitions = tuple(list_partitions(athena, catalogue))

    def form_of(column: CatalogueColumn) -> DayForm | None:
        if column not in catalogue.partition_keys:
            return None
        position = catalogue.partition_keys.index(column)
        values = [partition.values[position] for partition in partitions]
        return form_of_values(catalogue, position, values)

    resolved = resolve(config, mode, catalogue.columns, comment=catalogue.comment, form_of=form_of)
    return Source(resolved, catalogue.table.quoted, catalogue, partitions)
