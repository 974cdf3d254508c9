"""What may be done to the endpoints of a project."""

from __future__ import annotations

from dataclasses import dataclass, replace

from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.lookup import endpoints_of, find_branch, find_endpoint
from neonsync.sandbox.neon.operations import Step
from neonsync.sandbox.neon.project import Project
from neonsync.sandbox.neon.rules import ComputeWish, new_endpoint, refuse_unready
from neonsync.sandbox.neon.state import READ_WRITE, Endpoint, EndpointState, Operation, now

Changed = tuple[Endpoint, list[Operation]]


@dataclass(frozen=True)
class EndpointChange:
    """What a client asks to change; None leaves a thing as it is."""

    disabled: bool | None = None
    min_cu: float | None = None
    max_cu: float | None = None
    suspend_timeout_seconds: int | None = None


class EndpointChanges:
    """Makes, changes and deletes endpoints."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def create(self, branch_id: str, wish: ComputeWish) -> Changed:
        """Begin a compute; a branch has one that writes, and any number that read."""
        project = self._project
        with project.store.edit() as state:
            branch = find_branch(state, branch_id)
            project.operations.refuse_when_busy()
            refuse_unready(branch)
            writing = [each for each in endpoints_of(state, branch_id) if each.type == READ_WRITE]
            if wish.type == READ_WRITE and writing:
                raise ApiError(422, "read-write endpoint already exists on this branch")
            endpoint = new_endpoint(state, branch_id, wish)
            state.endpoints[endpoint.id] = endpoint
            return endpoint, project.operations.schedule(project.start_step(endpoint))

    def update(self, endpoint_id: str, change: EndpointChange) -> Changed:
        """Change an endpoint; disabling suspends it, the rest is done at once."""
        project = self._project
        with project.store.edit() as state:
            endpoint = find_endpoint(state, endpoint_id)
            project.operations.refuse_when_busy()
            wanted = {name: value for name, value in vars(change).items() if value is not None}
            endpoint = replace(endpoint, **wanted, updated_at=now())
            if endpoint.min_cu > endpoint.max_cu:
                raise ApiError(422, "autoscaling_limit_min_cu is greater than the maximum")
            state.endpoints[endpoint_id] = endpoint
            if change.disabled and endpoint.current_state is not EndpointState.IDLE:
                return endpoint, project.operations.schedule(self._suspend_step(endpoint))
            return endpoint, []

    def start(self, endpoint_id: str) -> Changed:
        """Begin to start a compute; nothing is to be done for one that runs."""
        project = self._project
        with project.store.edit() as state:
            endpoint = find_endpoint(state, endpoint_id)
            project.operations.refuse_when_busy()
            if endpoint.disabled:
                raise ApiError(422, "endpoint is disabled")
            refuse_unready(find_branch(state, endpoint.branch_id))
            if endpoint.current_state is EndpointState.ACTIVE:
                return endpoint, []
            return endpoint, project.operations.schedule(project.start_step(endpoint))

    def suspend(self, endpoint_id: str) -> Changed:
        """Begin to suspend a compute; connections drop."""
        project = self._project
        with project.store.edit() as state:
            endpoint = find_endpoint(state, endpoint_id)
            project.operations.refuse_when_busy()
            refuse_unready(find_branch(state, endpoint.branch_id))
            if endpoint.current_state is EndpointState.IDLE:
                return endpoint, []
            return endpoint, project.operations.schedule(self._suspend_step(endpoint))

    def restart(self, endpoint_id: str) -> Changed:
        """Begin to restart a compute that runs; connections drop."""
        project = self._project
        with project.store.edit() as state:
            endpoint = find_endpoint(state, endpoint_id)
            project.operations.refuse_when_busy()
            if endpoint.current_state is not EndpointState.ACTIVE:
                raise ApiError(422, "endpoint is not active")
            steps = (self._suspend_step(endpoint), project.start_step(endpoint))
            return endpoint, project.operations.schedule(*steps)

    def delete(self, endpoint_id: str) -> Changed | None:
        """Begin to delete an endpoint; None when there is none."""
        project = self._project
        with project.store.edit() as state:
            endpoint = state.endpoints.get(endpoint_id)
            if endpoint is None:
                return None
            project.operations.refuse_when_busy()
            if find_branch(state, endpoint.branch_id).protected:
                raise ApiError(422, "cannot delete the endpoint of a protected branch")
            step = Step(
                "suspend_compute", lambda: self._delete(endpoint), endpoint.branch_id, endpoint.id
            )
            return endpoint, project.operations.schedule(step)

    def _delete(self, endpoint: Endpoint) -> None:
        self._project.servers.retire(endpoint.id)
        with self._project.store.edit() as state:
            del state.endpoints[endpoint.id]

    def _suspend_step(self, endpoint: Endpoint) -> Step:
        return Step(
            "suspend_compute",
            lambda: self._project.servers.suspend(endpoint.id),
            endpoint.branch_id,
            endpoint.id,
        )
