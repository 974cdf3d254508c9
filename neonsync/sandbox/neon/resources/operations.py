"""Operations: what the project is doing and has done."""

from __future__ import annotations

from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.project import Project
from neonsync.sandbox.neon.request import Reply, Request, as_cursor
from neonsync.sandbox.neon.views import JsonObject, operation_view

_MOST = 1000


class OperationLog:
    """The resource ``/projects/{project}/operations``."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def list(self, request: Request) -> Reply:
        """A page of operations, newest first; a page that is not empty has a cursor."""
        limit = request.limit(_MOST, _MOST)
        with self._project.store.read() as state:
            operations = list(reversed(state.operations.values()))
        if after := request.cursor():
            ids = [operation.id for operation in operations]
            if after not in ids:
                raise ApiError(400, "cursor is not valid")
            operations = operations[ids.index(after) + 1 :]
        page = operations[:limit]
        body: JsonObject = {"operations": [operation_view(o, state.project_id) for o in page]}
        if page:
            body["pagination"] = {"cursor": as_cursor(page[-1].id)}
        return Reply(body=body)

    def get(self, request: Request) -> Reply:
        """One operation."""
        with self._project.store.read() as state:
            operation = state.operations.get(request.names["operation"])
            if operation is None:
                raise ApiError(404, "operation not found")
            return Reply(body={"operation": operation_view(operation, state.project_id)})
