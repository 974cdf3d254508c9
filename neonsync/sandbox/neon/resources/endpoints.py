"""Endpoints: the computes of branches, and the addresses they are reached by."""

from __future__ import annotations

from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.lookup import (
    default_branch,
    endpoints_of,
    find_branch,
    find_database,
    find_role,
)
from neonsync.sandbox.neon.project import Project
from neonsync.sandbox.neon.request import Reply, Request
from neonsync.sandbox.neon.resources.branches import compute_wish
from neonsync.sandbox.neon.views import address, endpoint_view, operation_view


class Endpoints:
    """The resource ``/projects/{project}/endpoints``, and ``connection_uri``."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def list(self, request: Request) -> Reply:
        """All endpoints of the project."""
        with self._project.store.read() as state:
            endpoints = list(state.endpoints.values())
            views = [endpoint_view(endpoint, state.project_id) for endpoint in endpoints]
        return Reply(body={"endpoints": views})

    def list_of_branch(self, request: Request) -> Reply:
        """The endpoints of one branch."""
        with self._project.store.read() as state:
            branch = find_branch(state, request.names["branch"])
            endpoints = endpoints_of(state, branch.id)
            views = [endpoint_view(endpoint, state.project_id) for endpoint in endpoints]
        return Reply(body={"endpoints": views})

    def get(self, request: Request) -> Reply:
        """One endpoint."""
        with self._project.store.read() as state:
            endpoint = state.endpoints.get(request.names["endpoint"])
            if endpoint is None:
                raise ApiError(404, "endpoint not found")
            return Reply(body={"endpoint": endpoint_view(endpoint, state.project_id)})

    def create(self, request: Request) -> Reply:
        """A compute for a branch that was made without one."""
        wanted = request.body.section("endpoint")
        endpoint, operations = self._project.create_endpoint(
            wanted.required_text("branch_id"), compute_wish(wanted)
        )
        with self._project.store.read() as state:
            body = {
                "endpoint": endpoint_view(endpoint, state.project_id),
                "operations": [operation_view(o, state.project_id) for o in operations],
            }
        return Reply(201, body)

    def connection_uri(self, request: Request) -> Reply:
        """An address. As in Neon, without ``branch_id`` it is the *default* branch's."""
        query = request.query
        for name in ("database_name", "role_name"):
            if not query.get(name):
                raise ApiError(400, f"{name} is required")
        with self._project.store.read() as state:
            branch_id = query.get("branch_id")
            branch = find_branch(state, branch_id) if branch_id else default_branch(state)
            endpoints = endpoints_of(state, branch.id)
            if wanted := query.get("endpoint_id"):
                endpoints = [endpoint for endpoint in endpoints if endpoint.id == wanted]
            if not endpoints:
                raise ApiError(404, "endpoint not found")
            role = find_role(branch, query["role_name"])
            database = find_database(branch, query["database_name"])
        pooled = query.get("pooled", "").lower() in ("true", "1")
        return Reply(body={"uri": address(endpoints[0], role, database, pooled=pooled)})
