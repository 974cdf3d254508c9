"""Glue's API: the catalogue's databases, tables and partitions in its JSON protocol."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any

from neonsync.sandbox.aws import partition_filter
from neonsync.sandbox.aws.catalogue import (
    PARQUET_INPUT,
    PARQUET_OUTPUT,
    PARQUET_SERDE,
    Catalogue,
    Column,
    Database,
    Partition,
    Table,
    not_found,
)
from neonsync.sandbox.aws.errors import ApiError
from neonsync.sandbox.aws.paging import paged

Json = dict[str, Any]


class GlueApi:
    """The operations with which clients read and change the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._operations: dict[str, Callable[[Json], Json]] = {
            "GetDatabase": self._get_database,
            "GetDatabases": self._get_databases,
            "CreateDatabase": self._create_database,
            "DeleteDatabase": self._delete_database,
            "GetTable": self._get_table,
            "GetTables": self._get_tables,
            "CreateTable": self._create_table,
            "UpdateTable": self._update_table,
            "DeleteTable": self._delete_table,
            "GetPartition": self._get_partition,
            "GetPartitions": self._get_partitions,
            "BatchCreatePartition": self._create_partitions,
        }

    def call(self, operation: str, request: Json) -> Json:
        """Answer one request; raises ApiError."""
        try:
            handler = self._operations[operation]
        except KeyError:
            raise ApiError("UnknownOperationException", f"{operation} is not known") from None
        return handler(request)

    def _get_database(self, request: Json) -> Json:
        return {"Database": _described_database(self._catalogue.database(request["Name"]))}

    def _get_databases(self, request: Json) -> Json:
        page, token = paged(self._catalogue.databases(), request, most=100)
        return _with_token({"DatabaseList": [_described_database(d) for d in page]}, token)

    def _create_database(self, request: Json) -> Json:
        wanted = request["DatabaseInput"]
        name = str(wanted["Name"]).lower()
        if any(found.name == name for found in self._catalogue.databases()):
            raise ApiError("AlreadyExistsException", "Database already exists.")
        self._catalogue.put_database(Database(name, description=wanted.get("Description", "")))
        return {}

    def _delete_database(self, request: Json) -> Json:
        self._catalogue.drop_database(request["Name"])
        return {}

    def _get_table(self, request: Json) -> Json:
        database = request["DatabaseName"]
        found = self._catalogue.table(database, request["Name"])
        return {"Table": described_table(database, found)}

    def _get_tables(self, request: Json) -> Json:
        database = request["DatabaseName"]
        tables = matching(self._catalogue.tables(database), request.get("Expression"))
        page, token = paged(tables, request, most=100)
        return _with_token({"TableList": [described_table(database, t) for t in page]}, token)

    def _create_table(self, request: Json) -> Json:
        database = request["DatabaseName"]
        table = _table(request["TableInput"])
        if self._catalogue.find(database, table.name):
            raise ApiError("AlreadyExistsException", "Table already exists.")
        self._catalogue.put_table(database, table)
        return {}

    def _update_table(self, request: Json) -> Json:
        database = request["DatabaseName"]
        old = self._catalogue.table(database, request["TableInput"]["Name"])
        self._catalogue.put_table(database, _table(request["TableInput"], old))
        return {}

    def _delete_table(self, request: Json) -> Json:
        self._catalogue.drop_table(request["DatabaseName"], request["Name"])
        return {}

    def _get_partition(self, request: Json) -> Json:
        database = request["DatabaseName"]
        table = self._catalogue.table(database, request["TableName"])
        wanted = tuple(request["PartitionValues"])
        for partition in table.partitions:
            if partition.values == wanted:
                return {"Partition": _described_partition(database, table, partition)}
        raise not_found("Cannot find partition.")

    def _get_partitions(self, request: Json) -> Json:
        database = request["DatabaseName"]
        table = self._catalogue.table(database, request["TableName"])
        expression = str(request.get("Expression") or "")
        found = partition_filter.select(expression, table.partition_keys, table.partitions)
        page, token = paged(found, request, most=1000)
        described = [_described_partition(database, table, p) for p in page]
        return _with_token({"Partitions": described}, token)

    def _create_partitions(self, request: Json) -> Json:
        new = [
            Partition(tuple(item["Values"]), item["StorageDescriptor"]["Location"])
            for item in request["PartitionInputList"]
        ]
        old = self._catalogue.add_partitions(request["DatabaseName"], request["TableName"], new)
        detail = {
            "ErrorCode": "AlreadyExistsException",
            "ErrorMessage": "Partition already exists.",
        }
        return {"Errors": [{"PartitionValues": list(p.values), "ErrorDetail": detail} for p in old]}


def matching(tables: Sequence[Table], expression: str | None) -> list[Table]:
    """The tables whose whole name matches a regular expression, all where there is none."""
    if not expression:
        return list(tables)
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise ApiError("InvalidInputException", f"Invalid expression: {error}") from error
    return [table for table in tables if pattern.fullmatch(table.name)]


def described_table(database: str, table: Table) -> Json:
    """A table as Glue describes it."""
    return {
        "Name": table.name,
        "DatabaseName": database.lower(),
        "Description": table.description,
        "CreateTime": table.created,
        "UpdateTime": table.created,
        "Retention": 0,
        "StorageDescriptor": _storage(table, table.location),
        "PartitionKeys": [_described_column(key) for key in table.partition_keys],
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"EXTERNAL": "TRUE", **table.parameters},
        "CatalogId": "000000000000",
        "IsRegisteredWithLakeFormation": False,
    }


def _described_database(database: Database) -> Json:
    return {
        "Name": database.name,
        "Description": database.description,
        "CreateTime": 0,
        "CatalogId": "000000000000",
    }


def _described_partition(database: str, table: Table, partition: Partition) -> Json:
    return {
        "Values": list(partition.values),
        "DatabaseName": database.lower(),
        "TableName": table.name,
        "CreationTime": table.created,
        "StorageDescriptor": _storage(table, partition.location),
        "Parameters": {},
        "CatalogId": "000000000000",
    }


def _storage(table: Table, location: str) -> Json:
    return {
        "Columns": [_described_column(column) for column in table.columns],
        "Location": location,
        "InputFormat": table.input_format,
        "OutputFormat": table.output_format,
        "Compressed": False,
        "NumberOfBuckets": -1,
        "SerdeInfo": {
            "SerializationLibrary": table.serde,
            "Parameters": {"serialization.format": "1"},
        },
        "BucketColumns": [],
        "SortColumns": [],
        "Parameters": {},
        "StoredAsSubDirectories": False,
    }


def _described_column(column: Column) -> Json:
    comment = {"Comment": column.comment} if column.comment else {}
    return {"Name": column.name, "Type": column.type, **comment}


def _table(wanted: Json, old: Table | None = None) -> Table:
    storage = wanted.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    return Table(
        name=str(wanted["Name"]).lower(),
        columns=_columns(storage.get("Columns")),
        partition_keys=_columns(wanted.get("PartitionKeys")),
        location=storage.get("Location", ""),
        partitions=old.partitions if old else (),
        parameters=dict(wanted.get("Parameters") or {}),
        input_format=storage.get("InputFormat") or PARQUET_INPUT,
        output_format=storage.get("OutputFormat") or PARQUET_OUTPUT,
        serde=serde.get("SerializationLibrary") or PARQUET_SERDE,
        description=wanted.get("Description", ""),
        created=old.created if old else time.time(),
    )


def _columns(described: list[Json] | None) -> tuple[Column, ...]:
    return tuple(
        Column(str(c["Name"]).lower(), str(c["Type"]).lower(), c.get("Comment", ""))
        for c in described or []
    )


def _with_token(answer: Json, token: str | None) -> Json:
    return answer if token is None else {**answer, "NextToken": token}
