"""The lake's catalogue: tables, columns and their types. Costs nothing and scans nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from neonsync.athena.client import CATALOG, Athena
from neonsync.athena.failures import translated_errors
from neonsync.athena.sql import SourceTable
from neonsync.columns import SqlType, parse_athena
from neonsync.errors import SourceError, UnknownTableError

NAMES_SHOWN = 20


@dataclass(frozen=True)
class CatalogueColumn:
    """A column of the lake; ``partition`` tells whether it is a partition key."""

    name: str
    type: SqlType
    partition: bool = False
    comment: str = ""


@dataclass(frozen=True)
class CatalogueTable:
    """A table of the lake as the catalogue describes it.

    ``location`` is empty for a view. ``parameters`` are Hive's table properties.
    """

    table: SourceTable
    columns: tuple[CatalogueColumn, ...]
    comment: str = ""
    kind: str = ""
    location: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def partition_keys(self) -> tuple[CatalogueColumn, ...]:
        """The columns that are folders, not part of the files."""
        return tuple(column for column in self.columns if column.partition)

    @property
    def is_view(self) -> bool:
        """Whether it is a view: a SELECT under a name."""
        return "VIEW" in self.kind.upper()

    def column(self, name: str) -> CatalogueColumn | None:
        """The column of that name, or None."""
        return next((column for column in self.columns if column.name == name), None)


def read_table(athena: Athena, table: SourceTable) -> CatalogueTable:
    """Look a table up.

    Raises:
        UnknownTableError: there is no such table or database; the remedy names what there is.
        SourceError: it is a view, or has no columns.
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
                f"Athena has no table {table}", _what_there_is(athena, table)
            ) from error
    found = _parse(table, answer["TableMetadata"])
    if found.is_view:
        raise SourceError(
            f"{table} is a view: it has neither files nor partitions to look at",
            'Name a query instead of source: query = "SELECT * FROM the view"; add a target.',
        )
    if not found.columns:
        raise SourceError(
            f"the Athena table {table} has no columns",
            "Mend its entry in the catalogue, as by running its crawler again.",
        )
    return found


def list_tables(athena: Athena, database: str) -> Iterator[CatalogueTable]:
    """All tables and views of a database, a page at a time.

    Raises:
        UnknownTableError: there is no such database.
    """
    with translated_errors(f"listing the tables of {database}"):
        try:
            pages = athena.client.get_paginator("list_table_metadata").paginate(
                CatalogName=CATALOG, DatabaseName=database
            )
            for page in pages:
                for metadata in page["TableMetadataList"]:
                    yield _parse(SourceTable(CATALOG, database, metadata["Name"]), metadata)
        except ClientError as error:
            if "EntityNotFoundException" not in str(error):
                raise
            raise UnknownTableError(
                f"Athena has no database {database!r}",
                "Check ATHENA_DB_NAME (athena.database) and the region.",
            ) from error


def _parse(table: SourceTable, metadata: Mapping[str, Any]) -> CatalogueTable:
    parameters = metadata.get("Parameters") or {}
    iceberg = parameters.get("table_type", "").upper() == "ICEBERG"
    return CatalogueTable(
        table,
        tuple(
            CatalogueColumn(
                entry["Name"].lower(),
                parse_athena(_iceberg_type(entry["Type"]) if iceberg else entry.get("Type", "")),
                partition,
                entry.get("Comment", ""),
            )
            for part, partition in (("Columns", False), ("PartitionKeys", True))
            for entry in metadata.get(part, [])
        ),
        comment=parameters.get("comment", ""),
        kind=metadata.get("TableType", ""),
        location=parameters.get("location", ""),
        parameters=parameters,
    )


def _iceberg_type(text: str) -> str:
    """Iceberg's times have microseconds, and its names for them do not say so (Athena's docs)."""
    names = {
        "timestamp": "timestamp(6)",
        "timestamptz": "timestamp(6) with time zone",
        "timestamp with time zone": "timestamp(6) with time zone",
    }
    return names.get(text.lower(), text)


def _what_there_is(athena: Athena, table: SourceTable) -> str:
    """The remedy for a table that is not there: the nearest names, or the database's tables."""
    try:
        names = sorted(found.table.name for found in list_tables(athena, table.database))
    except UnknownTableError as error:
        return f"{error}. {error.remedy}"
    near = difflib.get_close_matches(table.name, names, n=3)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    listed = ", ".join(names[:NAMES_SHOWN]) or "no tables"
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return f"Check ATHENA_DB_NAME and the region. {table.database} has: {listed}{more}."
