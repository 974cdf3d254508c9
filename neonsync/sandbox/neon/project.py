"""The project: what may be done to its branches, and the operations that do it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from neonsync.sandbox.neon.cluster import free_port
from neonsync.sandbox.neon.computes import Computes
from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.history import Moment
from neonsync.sandbox.neon.lookup import (
    chain_of,
    children_of,
    endpoints_of,
    find_branch,
    forget_branch,
)
from neonsync.sandbox.neon.operations import Operations, Step
from neonsync.sandbox.neon.rules import (
    SCHEMA_ONLY,
    BranchChange,
    BranchWish,
    choose_parent,
    expiry,
    new_child,
    new_endpoint,
    new_records,
    refuse_duplicate,
    refuse_moment,
    refuse_to_delete,
)
from neonsync.sandbox.neon.servers import Servers
from neonsync.sandbox.neon.state import (
    Branch,
    Database,
    Endpoint,
    Operation,
    Role,
    State,
    Store,
    now,
    timestamp,
)

DELETING = "storage_deleted"


@dataclass(frozen=True)
class Change:
    """The result of a request: the branch, the endpoints that it gets, what is under way."""

    branch: Branch
    operations: list[Operation]
    endpoints: tuple[Endpoint, ...] = ()


@dataclass(frozen=True)
class Limits:
    """The clock of the project, how far back its history goes, and how large a branch may be.

    ``size`` is in bytes, 0 for no limit; nothing here enforces it.
    """

    history_seconds: float
    clock: Callable[[], timedelta]
    size: Callable[[], int] = lambda: 0

    def now(self) -> datetime:
        """The present moment by that clock."""
        return datetime.now(UTC) + self.clock()


class Project:
    """The one project of the sandbox."""

    def __init__(
        self,
        store: Store,
        computes: Computes,
        servers: Servers,
        operations: Operations,
        limits: Limits,
    ) -> None:
        self.store = store
        self.computes = computes
        self.servers = servers
        self.operations = operations
        self.limits = limits

    def create_branch(self, wish: BranchWish) -> Change:
        """Begin a new branch; it is usable when its operations are finished."""
        with self.store.edit() as state:
            self.operations.refuse_when_busy()
            parent = choose_parent(state, wish)
            self.refuse_moment(state, parent, wish.moment)
            branch = new_child(state, parent, wish, self.computes.wal_position(parent.id))
            state.branches[branch.id] = branch
            endpoints = []
            for compute in wish.computes:
                endpoint = new_endpoint(state, branch.id, compute)
                state.endpoints[endpoint.id] = endpoint
                endpoints.append(endpoint)
            steps = [
                Step("create_branch", lambda: self._create(branch, parent, wish.moment), branch.id)
            ]
            steps += [self.start_step(endpoint) for endpoint in endpoints]
            return Change(branch, self.operations.schedule(*steps), tuple(endpoints))

    def delete_branch(self, branch_id: str) -> Change | None:
        """Begin to delete a branch; None when there is none."""
        with self.store.edit() as state:
            branch = state.branches.get(branch_id)
            if branch is None:
                return None
            refuse_to_delete(state, branch)
            self.operations.refuse_when_busy()
            branch = replace(branch, pending_state=DELETING, updated_at=now())
            state.branches[branch_id] = branch
            steps = [
                Step("suspend_compute", partial(self.servers.retire, each.id), branch_id, each.id)
                for each in endpoints_of(state, branch_id)
            ]
            steps.append(Step("delete_timeline", lambda: self._delete(branch_id), branch_id))
            return Change(branch, self.operations.schedule(*steps))

    def set_default(self, branch_id: str) -> Change:
        """Make a branch the default one; done at once."""
        with self.store.edit() as state:
            branch = find_branch(state, branch_id)
            if branch.expires_at:
                raise ApiError(422, "a branch with an expiration time cannot be the default")
            for each in list(state.branches.values()):
                state.branches[each.id] = replace(each, default=each.id == branch_id)
            return Change(state.branches[branch_id], [])

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

    def delete_expired(self) -> None:
        """Begin to delete a branch whose time is over, when the project is not busy."""
        moment = timestamp(self.limits.now())
        with self.store.read() as state:
            due = [b.id for b in state.branches.values() if b.expires_at and b.expires_at < moment]
        for branch_id in due[:1]:
            try:
                self.delete_branch(branch_id)
            except ApiError:
                return  # busy: the next request tries again

    def start_step(self, endpoint: Endpoint) -> Step:
        """The operation that starts a compute."""
        return Step(
            "start_compute",
            lambda: self.servers.start(endpoint.id),
            endpoint.branch_id,
            endpoint.id,
        )

    def refuse_moment(self, state: State, source: Branch, moment: Moment) -> None:
        """Refuse a moment that cannot be gone back to."""
        if moment.is_head:
            return
        position = self.computes.wal_position(source.id)
        present = self.limits.now()
        oldest = present - timedelta(seconds=self.limits.history_seconds)
        refuse_moment(source, moment, position, oldest, present)
        if not self.computes.has_history(chain_of(state, source.id)):
            raise ApiError(422, "the branch's history does not reach back to that moment")

    def create_past(
        self, branch_id: str, source: Branch, moment: Moment
    ) -> tuple[tuple[Role, ...], tuple[Database, ...]]:
        """Rebuild a branch as it was; returns the roles and databases that it had."""
        with self.store.read() as state:
            chain = chain_of(state, source.id)
        return new_records(source, *self.computes.create_past(branch_id, chain, moment))

    def _create(self, branch: Branch, source: Branch, past: Moment) -> None:
        roles, databases = branch.roles, branch.databases
        if not past.is_head:
            roles, databases = self.create_past(branch.id, source, past)
            given = {role.name: role for role in branch.roles}
            roles = tuple(given.get(role.name, role) for role in roles)
        else:
            self.computes.create_child(branch.id, source.id)
        if branch.init_source == SCHEMA_ONLY:
            self.computes.empty(branch.id, free_port())
        moment = now()
        with self.store.edit() as state:
            state.branches[branch.id] = replace(
                state.branches[branch.id],
                roles=roles,
                databases=databases,
                current_state="ready",
                state_changed_at=moment,
                updated_at=moment,
            )

    def _delete(self, branch_id: str) -> None:
        self.computes.remove(branch_id)
        with self.store.edit() as state:
            forget_branch(state, branch_id)
