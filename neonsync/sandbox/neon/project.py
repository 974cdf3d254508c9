"""The project: what may be done to its branches, and the operations that do it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from neonsync.sandbox.neon.cluster import free_port
from neonsync.sandbox.neon.computes import Computes
from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.lookup import (
    children_of,
    endpoints_of,
    find_branch,
    find_role,
    forget_branch,
)
from neonsync.sandbox.neon.operations import Operations, Step
from neonsync.sandbox.neon.rules import (
    SCHEMA_ONLY,
    BranchChange,
    BranchWish,
    ComputeWish,
    choose_parent,
    expiry,
    new_child,
    new_endpoint,
    refuse_duplicate,
    refuse_to_delete,
    refuse_unready,
)
from neonsync.sandbox.neon.state import Branch, Database, Endpoint, Operation, Store, now

DELETING = "storage_deleted"


@dataclass(frozen=True)
class Change:
    """The result of a request: the branch, its endpoint when it gets one, what is under way."""

    branch: Branch
    operations: list[Operation]
    endpoint: Endpoint | None = None


class Project:
    """The one project of the sandbox."""

    def __init__(self, store: Store, computes: Computes, operations: Operations) -> None:
        self.store = store
        self.computes = computes
        self._operations = operations

    def create_branch(self, wish: BranchWish) -> Change:
        """Begin a new branch; it is usable when its operations are finished."""
        with self.store.edit() as state:
            self._operations.refuse_when_busy()
            parent = choose_parent(state, wish)
            branch = new_child(state, parent, wish, self.computes.wal_position(parent.id))
            endpoint = new_endpoint(state, branch.id, wish.compute) if wish.compute else None
            state.branches[branch.id] = branch
            if endpoint:
                state.endpoints[endpoint.id] = endpoint
            steps = [Step("create_branch", lambda: self._create(branch, parent.id), branch.id)]
            if endpoint:
                steps.append(self._start_step(endpoint))
            return Change(branch, self._operations.schedule(*steps), endpoint)

    def delete_branch(self, branch_id: str) -> Change | None:
        """Begin to delete a branch; None when there is none."""
        with self.store.edit() as state:
            branch = state.branches.get(branch_id)
            if branch is None:
                return None
            refuse_to_delete(state, branch)
            self._operations.refuse_when_busy()
            branch = replace(branch, pending_state=DELETING, updated_at=now())
            state.branches[branch_id] = branch
            steps = [
                Step("suspend_compute", lambda: self.computes.stop(branch_id), branch_id, each.id)
                for each in endpoints_of(state, branch_id)
            ]
            steps.append(Step("delete_timeline", lambda: self._delete(branch_id), branch_id))
            return Change(branch, self._operations.schedule(*steps))

    def update_branch(self, branch_id: str, change: BranchChange) -> Change:
        """Rename, protect or expire a branch; done at once."""
        with self.store.edit() as state:
            branch = find_branch(state, branch_id)
            if change.name is not None and change.name != branch.name:
                refuse_duplicate(state, change.name)
                branch = replace(branch, name=change.name)
            if change.protected is not None:
                branch = replace(branch, protected=change.protected)
            if change.forget_expiry:
                branch = replace(branch, expires_at=None)
            if change.expires_at is not None:
                if children_of(state, branch_id):
                    raise ApiError(422, "a branch with children cannot have an expiration time")
                branch = replace(branch, expires_at=expiry(change.expires_at))
            if branch.expires_at and (branch.default or branch.protected):
                raise ApiError(422, "a default or protected branch cannot have an expiration time")
            state.branches[branch_id] = branch = replace(branch, updated_at=now())
            return Change(branch, [])

    def create_endpoint(
        self, branch_id: str, wish: ComputeWish
    ) -> tuple[Endpoint, list[Operation]]:
        """Begin a compute for a branch that has none."""
        with self.store.edit() as state:
            branch = find_branch(state, branch_id)
            self._operations.refuse_when_busy()
            refuse_unready(branch)
            if endpoints_of(state, branch_id):
                raise ApiError(422, "read-write endpoint already exists on this branch")
            endpoint = new_endpoint(state, branch_id, wish)
            state.endpoints[endpoint.id] = endpoint
            return endpoint, self._operations.schedule(self._start_step(endpoint))

    def create_database(
        self, branch_id: str, name: str, owner_name: str
    ) -> tuple[Database, list[Operation]]:
        """Begin a database on a branch that has a compute."""
        with self.store.edit() as state:
            branch = find_branch(state, branch_id)
            self._operations.refuse_when_busy()
            find_role(branch, owner_name)
            if any(database.name == name for database in branch.databases):
                raise ApiError(409, f"database {name} already exists")
            endpoints = endpoints_of(state, branch_id)
            if not endpoints:
                raise ApiError(422, "the branch has no endpoint to create a database on")
            database = Database(secrets.randbelow(10**9), name, owner_name, now())
            state.branches[branch_id] = replace(branch, databases=(*branch.databases, database))
            step = Step(
                "apply_config",
                lambda: self.computes.create_database(branch_id, database),
                branch_id,
                endpoints[0].id,
            )
            return database, self._operations.schedule(step)

    def delete_expired(self) -> None:
        """Begin to delete a branch whose time is over, when the project is not busy."""
        moment = now()
        with self.store.read() as state:
            due = [b.id for b in state.branches.values() if b.expires_at and b.expires_at < moment]
        for branch_id in due[:1]:
            try:
                self.delete_branch(branch_id)
            except ApiError:
                return  # busy: the next request tries again

    def _start_step(self, endpoint: Endpoint) -> Step:
        return Step(
            "start_compute",
            lambda: self.computes.start(endpoint.id),
            endpoint.branch_id,
            endpoint.id,
        )

    def _create(self, branch: Branch, source_id: str) -> None:
        if branch.init_source == SCHEMA_ONLY:
            self.computes.create_schema_only(branch, source_id, free_port())
        else:
            self.computes.create_child(branch, source_id)
        moment = now()
        with self.store.edit() as state:
            state.branches[branch.id] = replace(
                state.branches[branch.id],
                current_state="ready",
                state_changed_at=moment,
                updated_at=moment,
            )

    def _delete(self, branch_id: str) -> None:
        self.computes.remove(branch_id)
        with self.store.edit() as state:
            forget_branch(state, branch_id)
