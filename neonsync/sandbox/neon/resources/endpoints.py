"""Endpoints: the computes of branches, and the addresses they are reached by."""

from __future__ import annotations

from neonsync.sandbox.neon.endpoints import Changed, EndpointChange, EndpointChanges
from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.lookup import (
    default_branch,
    endpoints_of,
    find_branch,
    find_database,
    find_endpoint,
    find_role,
)
from neonsync.sandbox.neon.project import Project
from neonsync.sandbox.neon.request import Reply, Request, Section
from neonsync.sandbox.neon.resources.branches import compute_wish
from neonsync.sandbox.neon.views import address, endpoint_view, operation_view


class Endpoints:
    """The resource ``/projects/{project}/endpoints``, and ``connection_uri``."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._changes = EndpointChanges(project)

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
            endpoint = find_endpoint(state, request.names["endpoint"])
            return Reply(body={"endpoint": endpoint_view(endpoint, state.project_id)})

    def create(self, request: Request) -> Reply:
        """A compute for a branch that was made without one."""
        wanted = request.body.section("endpoint")
        changed = self._changes.create(wanted.required_text("branch_id"), compute_wish(wanted))
        return self._changed(changed, 201)

    def update(self, request: Request) -> Reply:
        """Disable or enable it, change its size and its idle time."""
        wanted = request.body.section("endpoint")
        idle = _number(wanted, "suspend_timeout_seconds")
        change = EndpointChange(
            disabled=wanted.flag("disabled"),
            min_cu=_number(wanted, "autoscaling_limit_min_cu"),
            max_cu=_number(wanted, "autoscaling_limit_max_cu"),
            suspend_timeout_seconds=None if idle is None else int(idle),
        )
        return self._changed(self._changes.update(request.names["endpoint"], change))

    def delete(self, request: Request) -> Reply:
        """Delete; one that is gone already is an empty 204."""
        changed = self._changes.delete(request.names["endpoint"])
        return Reply(204) if changed is None else self._changed(changed)

    def start(self, request: Request) -> Reply:
        """Start a suspended compute."""
        return self._changed(self._changes.start(request.names["endpoint"]))

    def suspend(self, request: Request) -> Reply:
        """Suspend a compute; who connects wakes it."""
        return self._changed(self._changes.suspend(request.names["endpoint"]))

    def restart(self, request: Request) -> Reply:
        """Restart a compute that runs."""
        return self._changed(self._changes.restart(request.names["endpoint"]))

    def _changed(self, changed: Changed, status: int = 200) -> Reply:
        endpoint, operations = changed
        with self._project.store.read() as state:
            body = {
                "endpoint": endpoint_view(endpoint, state.project_id),
                "operations": [operation_view(o, state.project_id) for o in operations],
            }
        return Reply(status, body)

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


def _number(section: Section, name: str) -> float | None:
    return section.number(name, 0) if name in section.values else None
