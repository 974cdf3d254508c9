"""Glue's API: the catalogue's databases, tables and partitions in its JSON protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from neonsync.sandbox.aws.catalogue import Catalogue, Table, not_found
from neonsync.sandbox.aws.errors import ApiError
from neonsync.sandbox.aws.glue_partitions import PartitionApi
from neonsync.sandbox.aws.glue_shapes import (
    Json,
    described_database,
    described_table,
    parsed_database,
    parsed_table,
)
from neonsync.sandbox.aws.paging import paged

__all__ = ["GlueApi", "described_table", "matching"]

_BARE_STAR = re.compile(r"(?<![.)\]\\])\*")


class GlueApi:
    """The operations with which clients read and change the catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._operations: dict[str, Callable[[Json], Json]] = {
            "GetDatabase": self._get_database,
            "GetDatabases": self._get_databases,
            "CreateDatabase": self._create_database,
            "UpdateDatabase": self._update_database,
            "DeleteDatabase": self._delete_database,
            "GetTable": self._get_table,
            "GetTables": self._get_tables,
            "SearchTables": self._search_tables,
            "CreateTable": self._create_table,
            "UpdateTable": self._update_table,
            "DeleteTable": self._delete_table,
            "BatchDeleteTable": self._delete_tables,
            "GetTableVersion": self._get_version,
            "GetTableVersions": self._get_versions,
            "DeleteTableVersion": self._delete_version,
            "BatchDeleteTableVersion": self._delete_versions,
            "GetPartitionIndexes": self._get_indexes,
            **PartitionApi(catalogue).operations,
        }

    def call(self, operation: str, request: Json) -> Json:
        """Answer one request; raises ApiError."""
        try:
            handler = self._operations[operation]
        except KeyError:
            raise ApiError("UnknownOperationException", f"{operation} is not known") from None
        return handler(request)

    def _get_database(self, request: Json) -> Json:
        return {"Database": described_database(self._catalogue.database(request["Name"]))}

    def _get_databases(self, request: Json) -> Json:
        page, token = paged(self._catalogue.databases(), request, most=100)
        return _with_token({"DatabaseList": [described_database(d) for d in page]}, token)

    def _create_database(self, request: Json) -> Json:
        new = parsed_database(request["DatabaseInput"])
        if any(found.name == new.name for found in self._catalogue.databases()):
            raise ApiError("AlreadyExistsException", "Database already exists.")
        self._catalogue.put_database(new)
        return {}

    def _update_database(self, request: Json) -> Json:
        old = self._catalogue.database(request["Name"])
        new = parsed_database({**request["DatabaseInput"], "Name": old.name})
        self._catalogue.put_database(replace(new, tables=old.tables, created=old.created))
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

    def _search_tables(self, request: Json) -> Json:
        text = str(request.get("SearchText") or "").strip().lower()
        found = [
            described_table(database.name, table)
            for database in self._catalogue.databases()
            for table in self._catalogue.tables(database.name)
            if _mentions(table, text)
        ]
        page, token = paged(found, request, most=1000)
        return _with_token({"TableList": page}, token)

    def _create_table(self, request: Json) -> Json:
        database = request["DatabaseName"]
        table = parsed_table(request["TableInput"])
        if self._catalogue.find(database, table.name):
            raise ApiError("AlreadyExistsException", "Table already exists.")
        self._catalogue.put_table(database, table)
        return {}

    def _update_table(self, request: Json) -> Json:
        database = request["DatabaseName"]
        old = self._catalogue.table(database, request["TableInput"]["Name"])
        if not request.get("SkipArchive"):
            old = replace(old, archive=(*old.archive, described_table(database, old)))
        self._catalogue.put_table(database, parsed_table(request["TableInput"], old))
        return {}

    def _delete_table(self, request: Json) -> Json:
        self._catalogue.drop_table(request["DatabaseName"], request["Name"])
        return {}

    def _delete_tables(self, request: Json) -> Json:
        errors = []
        for name in request["TablesToDelete"]:
            try:
                self._catalogue.drop_table(request["DatabaseName"], name)
            except ApiError as error:
                detail = {"ErrorCode": error.code, "ErrorMessage": error.message}
                errors.append({"TableName": name, "ErrorDetail": detail})
        return {"Errors": errors}

    def _get_versions(self, request: Json) -> Json:
        page, token = paged(self._versions(request), request, most=100)
        return _with_token({"TableVersions": page}, token)

    def _get_version(self, request: Json) -> Json:
        versions = self._versions(request)
        wanted = request.get("VersionId", versions[0]["VersionId"])
        for version in versions:
            if version["VersionId"] == wanted:
                return {"TableVersion": version}
        raise not_found("Version not found.")

    def _delete_version(self, request: Json) -> Json:
        errors = self._delete_versions({**request, "VersionIds": [request["VersionId"]]})["Errors"]
        for error in errors:
            raise not_found(error["ErrorDetail"]["ErrorMessage"])
        return {}

    def _delete_versions(self, request: Json) -> Json:
        database = request["DatabaseName"]
        table = self._catalogue.table(database, request["TableName"])
        gone = set(request["VersionIds"])
        left = tuple(old for old in table.archive if old["VersionId"] not in gone)
        self._catalogue.put_table(database, replace(table, archive=left))
        absent = gone - {old["VersionId"] for old in table.archive}
        detail = {"ErrorCode": "EntityNotFoundException", "ErrorMessage": "Version not found."}
        return {
            "Errors": [
                {"TableName": table.name, "VersionId": version, "ErrorDetail": detail}
                for version in sorted(absent)
            ]
        }

    def _versions(self, request: Json) -> list[Json]:
        """A table's versions, the latest first."""
        database = request["DatabaseName"]
        table = self._catalogue.table(database, request["TableName"])
        every = [*table.archive, described_table(database, table)]
        return [{"Table": found, "VersionId": found["VersionId"]} for found in reversed(every)]

    def _get_indexes(self, request: Json) -> Json:
        self._catalogue.table(request["DatabaseName"], request["TableName"])
        return {"PartitionIndexDescriptorList": []}


def matching(tables: Sequence[Table], expression: str | None) -> list[Table]:
    """The tables whose whole name matches a regular expression, all where there is none.

    As in Glue a star with nothing to repeat, or after a letter, stands for any text: ``sales*``.
    """
    if not expression:
        return list(tables)
    try:
        pattern = re.compile(_BARE_STAR.sub(".*", expression))
    except re.error as error:
        raise ApiError("InvalidInputException", f"Invalid expression: {error}") from error
    return [table for table in tables if pattern.fullmatch(table.name)]


def _mentions(table: Table, text: str) -> bool:
    """Whether a table's name, description, columns or parameters hold a text."""
    columns = [
        part for c in (*table.columns, *table.partition_keys) for part in (c.name, c.comment)
    ]
    every: list[Any] = [table.name, table.description, *columns, *table.parameters.values()]
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1] in [str(part).lower() for part in every]
    return any(text in str(part).lower() for part in every)


def _with_token(answer: Json, token: str | None) -> Json:
    return answer if token is None else {**answer, "NextToken": token}
