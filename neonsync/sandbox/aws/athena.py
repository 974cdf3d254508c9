"""Athena's API: requests in its JSON protocol, answered from the store and the catalogue."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neonsync.sandbox.aws import results
from neonsync.sandbox.aws.athena_metadata import MetadataApi
from neonsync.sandbox.aws.athena_shapes import column_info, datum, described, runtime_statistics
from neonsync.sandbox.aws.catalogue import Catalogue
from neonsync.sandbox.aws.errors import ApiError, invalid_request
from neonsync.sandbox.aws.executions import Execution, ExecutionStore, State, Submission
from neonsync.sandbox.aws.files import object_path
from neonsync.sandbox.aws.paging import paged, with_token
from neonsync.sandbox.aws.runner import QueryRunner
from neonsync.sandbox.aws.statements import names_a_result_file, statement_type
from neonsync.sandbox.aws.workgroups import PRIMARY, WorkGroupApi, WorkGroups

Json = dict[str, Any]
_MOST_QUERY_BYTES = 262_144
_MOST_ROWS = 1000
_CATALOG = "AwsDataCatalog"
_NO_OUTPUT = (
    "No output location provided. An output location is required either through the Workgroup "
    "result configuration setting or as an API input."
)


class AthenaApi:
    """The operations that clients use to query and to look at the catalogue."""

    def __init__(
        self,
        store: ExecutionStore,
        runner: QueryRunner,
        catalogue: Catalogue,
        groups: WorkGroups,
        s3_root: Path,
    ) -> None:
        self._store = store
        self._runner = runner
        self._groups = groups
        self._s3_root = s3_root
        self._operations: dict[str, Callable[[Json], Json]] = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._get,
            "BatchGetQueryExecution": self._batch_get,
            "StopQueryExecution": self._stop,
            "GetQueryResults": self._results,
            "ListQueryExecutions": self._list,
            "GetQueryRuntimeStatistics": self._runtime_statistics,
            **MetadataApi(catalogue).operations,
            **WorkGroupApi(groups).operations,
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
        group = self._groups.get(str(request.get("WorkGroup") or PRIMARY))
        if group.state != "ENABLED":
            raise invalid_request(f"WorkGroup {group.name} is disabled.")
        if group.output_location and (group.is_enforced or not output):
            output = group.output_location
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
        kind, detail = statement_type(query)
        # The rows of a CREATE TABLE AS lie in a folder of this name.
        folder = "tables/" if detail == "CREATE_TABLE_AS_SELECT" else ""
        suffix = names_a_result_file(query)
        return Execution(
            id=execution_id,
            submission=Submission(
                query=query,
                # awswrangler quotes it for statements of Hive's dialect, and Athena takes that.
                database=(context.get("Database") or "default").strip("`"),
                catalog=context.get("Catalog") or _CATALOG,
                output_location=output,
                workgroup=group.name,
                parameters=tuple(request.get("ExecutionParameters") or ()),
            ),
            output_location=f"{output.rstrip('/')}/{folder}{execution_id}{suffix}",
            statement_type=kind,
            substatement_type=detail,
            submitted=time.time(),
            token=token,
        )

    def _get(self, request: Json) -> Json:
        execution = self._store.get(str(request.get("QueryExecutionId", "")))
        return {"QueryExecution": described(execution)}

    def _batch_get(self, request: Json) -> Json:
        found, unknown = self._store.find(request.get("QueryExecutionIds") or [])
        return {
            "QueryExecutions": [described(execution) for execution in found],
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
                "Rows": [{"Data": [datum(cell) for cell in row]} for row in page.rows],
                "ResultSetMetadata": {"ColumnInfo": [column_info(c) for c in columns]},
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

    def _runtime_statistics(self, request: Json) -> Json:
        execution = self._store.get(str(request.get("QueryExecutionId", "")))
        if not execution.state.is_final:
            raise invalid_request(f"Query has not yet finished. Current state: {execution.state}")
        return {"QueryRuntimeStatistics": runtime_statistics(execution)}

    def _list(self, request: Json) -> Json:
        group = self._groups.get(str(request.get("WorkGroup") or PRIMARY)).name
        ids = [e.id for e in self._store.latest_first() if e.submission.workgroup == group]
        page, token = paged(ids, request, most=50)
        return with_token({"QueryExecutionIds": page}, token)
