"""Athena's view of the catalogue: catalogs, databases and tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from neonsync.sandbox.aws import glue
from neonsync.sandbox.aws.catalogue import Catalogue, Table
from neonsync.sandbox.aws.errors import ApiError, invalid_request
from neonsync.sandbox.aws.paging import paged, with_token

Json = dict[str, Any]
T = TypeVar("T")
_CATALOG = "AwsDataCatalog"


class MetadataApi:
    """The operations that look at the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.operations: dict[str, Callable[[Json], Json]] = {
            "GetDatabase": self._database,
            "ListDatabases": self._databases,
            "GetTableMetadata": self._table,
            "ListTableMetadata": self._tables,
            "GetDataCatalog": self._data_catalog,
            "ListDataCatalogs": self._data_catalogs,
        }

    def _database(self, request: Json) -> Json:
        found = self._described_by_catalogue(
            lambda: self._catalogue.database(str(request.get("DatabaseName", "")))
        )
        return {"Database": {"Name": found.name, "Description": found.description}}

    def _databases(self, request: Json) -> Json:
        page, token = paged(self._catalogue.databases(), request, most=50)
        return with_token(
            {"DatabaseList": [{"Name": d.name, "Description": d.description} for d in page]}, token
        )

    def _table(self, request: Json) -> Json:
        database, name = str(request.get("DatabaseName", "")), str(request.get("TableName", ""))
        table = self._described_by_catalogue(lambda: self._catalogue.table(database, name))
        return {"TableMetadata": _table_metadata(table)}

    def _tables(self, request: Json) -> Json:
        database = str(request.get("DatabaseName", ""))
        tables = self._described_by_catalogue(lambda: self._catalogue.tables(database))
        tables = glue.matching(tables, request.get("Expression"))
        page, token = paged(tables, request, most=50)
        return with_token({"TableMetadataList": [_table_metadata(t) for t in page]}, token)

    def _described_by_catalogue(self, read: Callable[[], T]) -> T:
        """Athena wraps what Glue says about missing things."""
        try:
            return read()
        except ApiError as error:
            raise ApiError("MetadataException", f"{error.code}: {error.message}") from error

    def _data_catalog(self, request: Json) -> Json:
        name = str(request.get("Name", ""))
        if name.lower() != _CATALOG.lower():
            raise invalid_request(f"Data catalog {name} was not found")
        return {"DataCatalog": {"Name": _CATALOG, "Type": "GLUE"}}

    def _data_catalogs(self, _: Json) -> Json:
        return {"DataCatalogsSummary": [{"CatalogName": _CATALOG, "Type": "GLUE"}]}


def _table_metadata(table: Table) -> Json:
    described = glue.described_table("", table)
    return {
        "Name": table.name,
        "CreateTime": table.created,
        "TableType": table.type or "EXTERNAL_TABLE",
        "Columns": described["StorageDescriptor"]["Columns"],
        "PartitionKeys": described["PartitionKeys"],
        "Parameters": {
            **table.parameters,
            "location": table.location,
            "inputformat": table.input_format,
            "outputformat": table.output_format,
            "serde.serialization.lib": table.serde,
        },
    }
