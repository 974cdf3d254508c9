"""The catalogue: which columns a table of the lake has, and of which types."""

from __future__ import annotations

from dataclasses import dataclass

from botocore.exceptions import ClientError

from neonsync.athena.client import Athena, translated_errors
from neonsync.athena.sql import SourceTable
from neonsync.columns import SqlType, parse_athena
from neonsync.errors import SourceError, UnknownTableError


@dataclass(frozen=True)
class CatalogueColumn:
    """A column of the lake; ``partition`` tells whether it is a partition key."""

    name: str
    type: SqlType
    partition: bool


@dataclass(frozen=True)
class CatalogueTable:
    """A table of the lake as the catalogue describes it."""

    table: SourceTable
    columns: tuple[CatalogueColumn, ...]

    def column(self, name: str) -> CatalogueColumn:
        """The column of that name.

        Raises:
            SourceError: there is none; the message lists what there is.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise SourceError(
            f'the Athena table {self.table} has no column "{name}"',
            f"It has: {', '.join(column.name for column in self.columns)}.",
        )


def read_table(athena: Athena, table: SourceTable) -> CatalogueTable:
    """Look a table up. Costs nothing and scans nothing.

    Raises:
        UnknownTableError: there is no such table or database.
        SourceError: the table has no columns.
        AthenaAccessError: the keys or the network.
    """
    with translated_errors(f"reading the catalogue entry of {table}"):
        try:
            answer = athena.client.get_table_metadata(
                CatalogName=table.catalog, DatabaseName=table.database, TableName=table.name
            )
        except ClientError as error:
            # Athena wraps Glue's EntityNotFoundException as a MetadataException.
            if "EntityNotFoundException" not in str(error):
                raise
            raise UnknownTableError(
                f"Athena has no table {table}",
                "Check ATHENA_DB_NAME and the region; the catalogue says: "
                + error.response["Error"].get("Message", ""),
            ) from error
    metadata = answer["TableMetadata"]
    columns = tuple(
        CatalogueColumn(entry["Name"].lower(), parse_athena(entry.get("Type", "")), partition)
        for part, partition in (("Columns", False), ("PartitionKeys", True))
        for entry in metadata.get(part, [])
    )
    if not columns:
        raise SourceError(f"the Athena table {table} has no columns")
    return CatalogueTable(table, columns)
