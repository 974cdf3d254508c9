"""Glue's JSON shapes: what clients send becomes the catalogue's values, and these its answers.

What the catalogue has no field for is kept as it was sent and comes back.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from neonsync.sandbox.aws.catalogue import Column, Database, Partition, Table
from neonsync.sandbox.aws.errors import ApiError

Json = dict[str, Any]
CATALOG_ID = "000000000000"


def described_database(database: Database) -> Json:
    """A database as Glue describes it."""
    described: Json = {
        "Name": database.name,
        "Description": database.description,
        "Parameters": database.parameters,
        "CreateTime": database.created,
        "CatalogId": CATALOG_ID,
    }
    if database.location:
        described["LocationUri"] = database.location
    return described


def described_table(database: str, table: Table) -> Json:
    """A table as Glue describes it."""
    described = {
        "Description": table.description,
        "Retention": 0,
        **table.sent,
        "Name": table.name,
        "DatabaseName": database.lower(),
        "CreateTime": table.created,
        "UpdateTime": table.updated or table.created,
        "StorageDescriptor": _storage(table, table.location, table.sent),
        "PartitionKeys": [_described_column(key) for key in table.partition_keys],
        "Parameters": table.parameters if table.sent else {"EXTERNAL": "TRUE", **table.parameters},
        "CatalogId": CATALOG_ID,
        "IsRegisteredWithLakeFormation": False,
        "VersionId": str(table.version),
    }
    if table.type:
        described["TableType"] = table.type
    if table.view_text:
        described["ViewOriginalText"] = table.view_text
    return described


def described_partition(database: str, table: Table, partition: Partition) -> Json:
    """A partition as Glue describes it."""
    sent = partition.sent
    storage = _storage(table, partition.location, {})
    if sent:
        # Glue does not add to a partition what its table says.
        given = sent.get("StorageDescriptor") or {}
        storage = {**_STORAGE_DEFAULTS, **given, "Location": partition.location}
    return {
        "Parameters": {},
        **sent,
        "Values": list(partition.values),
        "DatabaseName": database.lower(),
        "TableName": table.name,
        "CreationTime": partition.created or table.created,
        "StorageDescriptor": storage,
        "CatalogId": CATALOG_ID,
    }


def parsed_database(sent: Json) -> Database:
    """A new database from a DatabaseInput."""
    return Database(
        name=str(sent["Name"]).lower(),
        description=sent.get("Description", ""),
        location=sent.get("LocationUri", ""),
        parameters=dict(sent.get("Parameters") or {}),
        created=time.time(),
    )


def parsed_table(sent: Json, old: Table | None = None) -> Table:
    """A table from a TableInput; with its history where it takes the place of an old one."""
    storage = sent.get("StorageDescriptor") or {}
    serde = storage.get("SerdeInfo") or {}
    now = time.time()
    table = Table(
        name=str(sent["Name"]).lower(),
        columns=_columns(storage.get("Columns")),
        partition_keys=_columns(sent.get("PartitionKeys")),
        location=storage.get("Location", ""),
        parameters=dict(sent.get("Parameters") or {}),
        input_format=storage.get("InputFormat", ""),
        output_format=storage.get("OutputFormat", ""),
        serde=serde.get("SerializationLibrary", ""),
        description=sent.get("Description", ""),
        created=now,
        updated=now,
        type=sent.get("TableType", ""),
        view_text=sent.get("ViewOriginalText", ""),
        serde_parameters=dict(serde.get("Parameters") or {}),
        sent=sent,
    )
    if old is None:
        return table
    return replace(
        table,
        partitions=old.partitions,
        created=old.created,
        version=old.version + 1,
        archive=old.archive,
    )


def parsed_partition(table: Table, sent: Json) -> Partition:
    """A partition from a PartitionInput; raises InvalidInputException."""
    values = tuple(str(value) for value in sent.get("Values") or ())
    if len(values) != len(table.partition_keys):
        raise ApiError(
            "InvalidInputException",
            "The number of partition keys do not match the number of partition values",
        )
    location = (sent.get("StorageDescriptor") or {}).get("Location") or ""
    if not location:
        names = (f"{k.name}={v}" for k, v in zip(table.partition_keys, values, strict=True))
        location = f"{table.location.rstrip('/')}/{'/'.join(names)}/"
    return Partition(values, location, time.time(), sent)


_STORAGE_DEFAULTS: Json = {
    "Compressed": False,
    "NumberOfBuckets": -1,
    "BucketColumns": [],
    "SortColumns": [],
    "Parameters": {},
    "StoredAsSubDirectories": False,
}


def _storage(table: Table, location: str, sent: Json) -> Json:
    given = sent.get("StorageDescriptor") or {}
    known = {
        "Columns": [_described_column(column) for column in table.columns],
        "Location": location,
        "InputFormat": table.input_format,
        "OutputFormat": table.output_format,
    }
    serde: Json = dict(given.get("SerdeInfo") or {})
    if table.serde:
        default = {} if sent else {"serialization.format": "1"}
        serde["SerializationLibrary"] = table.serde
        serde["Parameters"] = {**default, **table.serde_parameters}
    present = {name: value for name, value in known.items() if value or name in given}
    return {**_STORAGE_DEFAULTS, **given, "Columns": [], **present, "SerdeInfo": serde}


def _described_column(column: Column) -> Json:
    """A column, in the case of letters in which it was sent."""
    described = {**column.sent, "Name": column.name, "Type": column.type}
    for item in ("Name", "Type"):
        sent = str(column.sent.get(item, ""))
        if sent.lower() == described[item]:
            described[item] = sent
    if column.comment:
        described["Comment"] = column.comment
    return described


def _columns(described: list[Json] | None) -> tuple[Column, ...]:
    return tuple(
        Column(
            str(sent["Name"]).lower(),
            str(sent.get("Type", "")).lower(),
            sent.get("Comment", ""),
            sent,
        )
        for sent in described or []
    )
