"""Athena's API: requests in its JSON protocol, answered from the store and the catalogue."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from neonsync.sandbox.aws import glue, results
from neonsync.sandbox.aws.catalogue import Catalogue, Table
from neonsync.sandbox.aws.errors import ApiError, invalid_request
from neonsync.sandbox.aws.executions import Execution, ExecutionStore, State, Submission
from neonsync.sandbox.aws.files import object_path
from neonsync.sandbox.aws.paging import paged
from neonsync.sandbox.aws.runner import QueryRunner
from neonsync.sandbox.aws.statements import first_word, statement_type
from neonsync.sandbox.aws.types import ResultColumn

Json = dict[str, Any]
T = TypeVar("T")
_MOST_QUERY_BYTES = 262_144
_MOST_ROWS = 1000
_CATALOG = "AwsDataCatalog"
_WORKGROUP = "primary"
_NO_OUTPUT = (
    "No output location provided. An output location is required either through the Workgroup "
    "result configuration setting or as an API input."
)


class AthenaApi:
    """The operations that clients use to query and to look at the catalogue."""

    def __init__(
        self, store: ExecutionStore, runner: QueryRunner, catalogue: Catalogue, s3_root: Path
    ) -> None:
        self._store = store
        self._runner = runner
        self._catalogue = catalogue
        self._s3_root = s3_root
        self._operations: dict[str, Callable[[Json], Json]] = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._get,
            "BatchGetQueryExecution": self._batch_get,
            "StopQueryExecution": self._stop,
            "GetQueryResults": self._results,
            "ListQueryExecutions": self._list,
            "GetWorkGroup": self._workgroup,
            "ListWorkGroups": self._workgroups,
            "GetDatabase": self._database,
            "ListDatabases": self._databases,
            "GetTableMetadata": self._table,
            "ListTableMetadata": self._tables,
            "GetDataCatalog": self._data_catalog,
            "ListDataCatalogs": self._data_catalogs,
        }

    def call(self, operation: str, request: Json) -> Json:
        """Answer one request; raises ApiError."""
        try:
            handler = self._operations[operation]
        except KeyError:
            raise ApiError("UnknownOperationException", f"{operation} is not known") from None
        return handler(request)

    def _start(self, request: Json) -> Json:
        query = str(request.get("QueryString", ""))
        token = str(request.get("ClientRequestToken") or "")
        if not query.strip():
            raise invalid_request("QueryString must not be empty")
        if len(query.encode()) > _MOST_QUERY_BYTES:
            raise invalid_request(
                "1 validation error detected: Value at 'queryString' failed to satisfy constraint: "
                f"Member must have length less than or equal to {_MOST_QUERY_BYTES}"
            )
        if token and not 32 <= len(token) <= 128:
            raise invalid_request(
                f"1 validation error detected: Value '{token}' at 'clientRequestToken' failed to "
                "satisfy constraint: Member must have length between 32 and 128"
            )
        execution, is_new = self._store.add(self._execution(query, token, request))
        if is_new:
            self._runner.start(execution)
        return {"QueryExecutionId": execution.id}

    def _execution(self, query: str, token: str, request: Json) -> Execution:
        context = request.get("QueryExecutionContext") or {}
        output = (request.get("ResultConfiguration") or {}).get("OutputLocation") or ""
        workgroup = request.get("WorkGroup") or _WORKGROUP
        if workgroup != _WORKGROUP:
            raise invalid_request(f"WorkGroup {workgroup} is not found.")
        if not output:
            raise invalid_request(_NO_OUTPUT)
        if not output.startswith("s3://"):
            raise invalid_request(f"outputLocation is not a valid S3 path: {output}")
        bucket = output.removeprefix("s3://").partition("/")[0]
        if not bucket or not (self._s3_root / bucket).is_dir() or ".." in output.split("/"):
            raise invalid_request(
                f"Unable to verify/create output bucket {bucket}. Please check the bucket's name "
                "and permissions."
            )
        execution_id = str(uuid.uuid4())
        kind = statement_type(query)
        word = first_word(query)
        suffix = {"UTILITY": ".txt", "DDL": ".txt"}.get(kind, "" if word == "UNLOAD" else ".csv")
        return Execution(
            id=execution_id,
            submission=Submission(
                query=query,
                database=context.get("Database") or "default",
                catalog=context.get("Catalog") or _CATALOG,
                output_location=output,
                workgroup=workgroup,
                parameters=tuple(request.get("ExecutionParameters") or ()),
            ),
            output_location=f"{output.rstrip('/')}/{execution_id}{suffix}",
            statement_type=kind,
            substatement_type={"WITH": "SELECT", "VALUES": "SELECT"}.get(word, word),
            submitted=time.time(),
            token=token,
        )

    def _get(self, request: Json) -> Json:
        execution = self._store.get(str(request.get("QueryExecutionId", "")))
        return {"QueryExecution": _described(execution)}

    def _batch_get(self, request: Json) -> Json:
        found, unknown = self._store.find(request.get("QueryExecutionIds") or [])
        return {
            "QueryExecutions": [_described(execution) for execution in found],
            "UnprocessedQueryExecutionIds": [
                {
                    "QueryExecutionId": execution_id,
                    "ErrorCode": "INVALID_INPUT",
                    "ErrorMessage": f"QueryExecution {execution_id} was not found",
                }
                for execution_id in unknown
            ],
        }

    def _stop(self, request: Json) -> Json:
        execution = self._store.get(str(request.get("QueryExecutionId", "")))
        self._runner.stop(execution.id)
        return {}

    def _results(self, request: Json) -> Json:
        execution = self._store.get(str(request.get("QueryExecutionId", "")))
        if execution.state in (State.FAILED, State.CANCELLED):
            raise invalid_request(
                f"Query did not finish successfully. Final query state: {execution.state}"
            )
        if execution.state is not State.SUCCEEDED:
            raise invalid_request(f"Query has not yet finished. Current state: {execution.state}")
        most = int(request.get("MaxResults") or _MOST_ROWS)
        if not 1 <= most <= _MOST_ROWS:
            raise invalid_request("MaxResults is more than maximum allowed length 1000.")
        page = self._page(execution, request.get("NextToken"), most)
        columns = execution.outcome.columns
        answer: Json = {
            "UpdateCount": 0,
            "ResultSet": {
                "Rows": [{"Data": [_datum(cell) for cell in row]} for row in page.rows],
                "ResultSetMetadata": {"ColumnInfo": [_column_info(c) for c in columns]},
            },
        }
        if page.next_offset is not None:
            answer["NextToken"] = f"{execution.id}:{page.next_offset}"
        return answer

    def _page(self, execution: Execution, token: str | None, most: int) -> results.Page:
        if not execution.outcome.result:
            return results.Page([], None)
        offset = 0
        if token:
            owner, _, position = str(token).partition(":")
            if owner != execution.id or not position.isdigit():
                raise invalid_request("Invalid NextToken")
            offset = int(position)
        path = object_path(self._s3_root, execution.output_location)
        read = results.read_csv_page if execution.outcome.has_header else results.read_text_page
        try:
            return read(path, offset, most)
        except FileNotFoundError:
            raise invalid_request("Could not find results") from None

    def _list(self, request: Json) -> Json:
        ids = [execution.id for execution in self._store.latest_first()]
        page, token = paged(ids, request, most=50)
        return _with_token({"QueryExecutionIds": page}, token)

    def _workgroup(self, request: Json) -> Json:
        name = str(request.get("WorkGroup", ""))
        if name != _WORKGROUP:
            raise invalid_request(f"WorkGroup {name} is not found.")
        return {
            "WorkGroup": {
                "Name": _WORKGROUP,
                "State": "ENABLED",
                "Configuration": {
                    "ResultConfiguration": {},
                    "EnforceWorkGroupConfiguration": False,
                    "PublishCloudWatchMetricsEnabled": False,
                    "RequesterPaysEnabled": False,
                    "EngineVersion": _ENGINE,
                },
                "Description": "",
            }
        }

    def _workgroups(self, _: Json) -> Json:
        summary = {"Name": _WORKGROUP, "State": "ENABLED", "EngineVersion": _ENGINE}
        return {"WorkGroups": [summary]}

    def _database(self, request: Json) -> Json:
        found = self._described_by_catalogue(
            lambda: self._catalogue.database(str(request.get("DatabaseName", "")))
        )
        return {"Database": {"Name": found.name, "Description": found.description}}

    def _databases(self, request: Json) -> Json:
        page, token = paged(self._catalogue.databases(), request, most=50)
        return _with_token(
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
        return _with_token({"TableMetadataList": [_table_metadata(t) for t in page]}, token)

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


_ENGINE = {
    "SelectedEngineVersion": "AUTO",
    "EffectiveEngineVersion": "Athena engine version 3",
}


def _described(execution: Execution) -> Json:
    submission = execution.submission
    status: Json = {"State": execution.state, "SubmissionDateTime": execution.submitted}
    if execution.completed:
        status["CompletionDateTime"] = execution.completed
    if execution.reason:
        status["StateChangeReason"] = execution.reason
    if execution.error:
        status["AthenaError"] = {
            "ErrorCategory": execution.error.category,
            "ErrorType": execution.error.error_type,
            "Retryable": execution.error.retryable,
            "ErrorMessage": execution.error.message,
        }
    described: Json = {
        "QueryExecutionId": execution.id,
        "Query": submission.query,
        "StatementType": execution.statement_type,
        "SubstatementType": execution.substatement_type,
        "ResultConfiguration": {"OutputLocation": execution.output_location},
        "QueryExecutionContext": {
            "Database": submission.database,
            "Catalog": submission.catalog.lower(),
        },
        "Status": status,
        "Statistics": _statistics(execution),
        "WorkGroup": submission.workgroup,
        "EngineVersion": _ENGINE,
    }
    if submission.parameters:
        described["ExecutionParameters"] = list(submission.parameters)
    return described


def _statistics(execution: Execution) -> Json:
    end = execution.completed or time.time()
    started = execution.started or end
    statistics: Json = {
        "EngineExecutionTimeInMillis": int((end - started) * 1000),
        "DataScannedInBytes": execution.scanned_bytes,
        "TotalExecutionTimeInMillis": int((end - execution.submitted) * 1000),
        "QueryQueueTimeInMillis": int((started - execution.submitted) * 1000),
        "ServiceProcessingTimeInMillis": 0,
        "ResultReuseInformation": {"ReusedPreviousResult": False},
    }
    if execution.outcome.manifest_location:
        statistics["DataManifestLocation"] = execution.outcome.manifest_location
    return statistics


def _datum(cell: str | None) -> Json:
    return {} if cell is None else {"VarCharValue": cell}


def _column_info(column: ResultColumn) -> Json:
    return {
        "CatalogName": "hive",
        "SchemaName": "",
        "TableName": "",
        "Name": column.name,
        "Label": column.name,
        "Type": column.type,
        "Precision": column.precision,
        "Scale": column.scale,
        "Nullable": "UNKNOWN",
        "CaseSensitive": column.type in {"varchar", "string", "char"},
    }


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


def _with_token(answer: Json, token: str | None) -> Json:
    return answer if token is None else {**answer, "NextToken": token}
