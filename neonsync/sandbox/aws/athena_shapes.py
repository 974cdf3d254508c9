"""Athena's JSON shapes: queries, their statistics and their results."""

from __future__ import annotations

import time
from typing import Any

from neonsync.sandbox.aws.executions import Execution
from neonsync.sandbox.aws.types import ResultColumn
from neonsync.sandbox.aws.workgroups import ENGINE

Json = dict[str, Any]


def described(execution: Execution) -> Json:
    """A query as GetQueryExecution describes it."""
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
        "EngineVersion": ENGINE,
    }
    if submission.parameters:
        described["ExecutionParameters"] = list(submission.parameters)
    return described


def runtime_statistics(execution: Execution) -> Json:
    """What GetQueryRuntimeStatistics says of a query that has ended."""
    statistics = _statistics(execution)
    return {
        "Timeline": {
            "QueryQueueTimeInMillis": statistics["QueryQueueTimeInMillis"],
            "ServicePreProcessingTimeInMillis": 0,
            "QueryPlanningTimeInMillis": 0,
            "EngineExecutionTimeInMillis": statistics["EngineExecutionTimeInMillis"],
            "ServiceProcessingTimeInMillis": 0,
            "TotalExecutionTimeInMillis": statistics["TotalExecutionTimeInMillis"],
        },
        "Rows": {
            "InputRows": execution.outcome.input_rows,
            "InputBytes": execution.scanned_bytes,
            "OutputBytes": execution.outcome.output_bytes,
            "OutputRows": execution.outcome.row_count,
        },
    }


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


def datum(cell: str | None) -> Json:
    """A cell of a result."""
    return {} if cell is None else {"VarCharValue": cell}


def column_info(column: ResultColumn) -> Json:
    """A column of a result."""
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
