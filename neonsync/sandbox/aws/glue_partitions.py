"""Glue's operations on partitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from neonsync.sandbox.aws import partition_filter
from neonsync.sandbox.aws.catalogue import Catalogue, Partition, Table, not_found
from neonsync.sandbox.aws.errors import ApiError
from neonsync.sandbox.aws.glue_shapes import Json, described_partition, parsed_partition
from neonsync.sandbox.aws.paging import paged

_MOST_CREATED = 100
_MOST_DELETED = 25
_MOST_READ = 1000
_EXISTS = ("AlreadyExistsException", "Partition already exists.")
_ABSENT = ("EntityNotFoundException", "Cannot find partition.")


class PartitionApi:
    """The operations with which clients read and change a table's partitions."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    @property
    def operations(self) -> dict[str, Callable[[Json], Json]]:
        """The operations by name."""
        return {
            "GetPartition": self._get,
            "GetPartitions": self._list,
            "BatchGetPartition": self._get_some,
            "CreatePartition": self._create,
            "BatchCreatePartition": self._create_some,
            "UpdatePartition": self._update,
            "BatchUpdatePartition": self._update_some,
            "DeletePartition": self._delete,
            "BatchDeletePartition": self._delete_some,
        }

    def _get(self, request: Json) -> Json:
        database, table = self._table(request)
        found = self._catalogue.partition(database, table.name, _key(request["PartitionValues"]))
        return {"Partition": described_partition(database, table, found)}

    def _list(self, request: Json) -> Json:
        database, table = self._table(request)
        expression = str(request.get("Expression") or "")
        found = partition_filter.select(expression, table.partition_keys, table.partitions)
        page, token = paged(_segment(found, request), request, most=_MOST_READ)
        described = [described_partition(database, table, partition) for partition in page]
        if request.get("ExcludeColumnSchema"):
            for partition in described:
                partition["StorageDescriptor"].pop("Columns", None)
        answer: Json = {"Partitions": described}
        return answer if token is None else {**answer, "NextToken": token}

    def _get_some(self, request: Json) -> Json:
        database, table = self._table(request)
        known = {partition.values: partition for partition in table.partitions}
        wanted = _at_most(request["PartitionsToGet"], _MOST_READ, "partitionsToGet")
        found = [known[_key(item["Values"])] for item in wanted if _key(item["Values"]) in known]
        return {
            "Partitions": [described_partition(database, table, item) for item in found],
            "UnprocessedKeys": [],
        }

    def _create(self, request: Json) -> Json:
        database, table = self._table(request)
        new = parsed_partition(table, request["PartitionInput"])
        if self._catalogue.add_partitions(database, table.name, [new]):
            raise ApiError(*_EXISTS)
        return {}

    def _create_some(self, request: Json) -> Json:
        database, table = self._table(request)
        wanted = _at_most(request["PartitionInputList"], _MOST_CREATED, "partitionInputList")
        new = [parsed_partition(table, item) for item in wanted]
        old = self._catalogue.add_partitions(database, table.name, new)
        return {"Errors": [_error(partition.values, *_EXISTS) for partition in old]}

    def _update(self, request: Json) -> Json:
        database, table = self._table(request)
        self._replace(database, table, request["PartitionValueList"], request["PartitionInput"])
        return {}

    def _update_some(self, request: Json) -> Json:
        database, table = self._table(request)
        errors = []
        for entry in _at_most(request["Entries"], _MOST_CREATED, "entries"):
            values = entry["PartitionValueList"]
            try:
                self._replace(database, table, values, entry["PartitionInput"])
            except ApiError as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({"PartitionValueList": values, "ErrorDetail": detail})
        return {"Errors": errors}

    def _delete(self, request: Json) -> Json:
        database, table = self._table(request)
        values = _key(request["PartitionValues"])
        if self._catalogue.drop_partitions(database, table.name, [values]):
            raise not_found(_ABSENT[1])
        return {}

    def _delete_some(self, request: Json) -> Json:
        database, table = self._table(request)
        wanted = _at_most(request["PartitionsToDelete"], _MOST_DELETED, "partitionsToDelete")
        values = [_key(item["Values"]) for item in wanted]
        absent = self._catalogue.drop_partitions(database, table.name, values)
        return {"Errors": [_error(item, *_ABSENT) for item in absent]}

    def _table(self, request: Json) -> tuple[str, Table]:
        database = str(request["DatabaseName"])
        return database, self._catalogue.table(database, str(request["TableName"]))

    def _replace(self, database: str, table: Table, values: list[Any], sent: Json) -> None:
        new = parsed_partition(table, {"Values": values, **sent})
        self._catalogue.replace_partition(database, table.name, _key(values), new)


def _segment(found: Sequence[Partition], request: Json) -> Sequence[Partition]:
    """The share of a reader who is one of several: every n-th partition."""
    segment = request.get("Segment") or {}
    total, number = int(segment.get("TotalSegments", 1)), int(segment.get("SegmentNumber", 0))
    if not 0 <= number < total:
        raise ApiError("InvalidInputException", "SegmentNumber must be less than TotalSegments")
    return found[number::total]


def _at_most(items: list[Any], most: int, name: str) -> list[Any]:
    if len(items) > most:
        raise ApiError(
            "ValidationException",
            f"1 validation error detected: Value at '{name}' failed to satisfy constraint: Member "
            f"must have length less than or equal to {most}",
        )
    return items


def _error(values: tuple[str, ...], code: str, message: str) -> Json:
    detail = {"ErrorCode": code, "ErrorMessage": message}
    return {"PartitionValues": list(values), "ErrorDetail": detail}


def _key(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(str(value) for value in values)
