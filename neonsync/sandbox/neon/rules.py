"""Neon's rules for branches: what may be asked, what a new record looks like, what is refused."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from neonsync.sandbox.neon import names
from neonsync.sandbox.neon.cluster import free_port
from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.history import HEAD, Moment, lsn_number
from neonsync.sandbox.neon.lookup import children_of, default_branch, find_branch
from neonsync.sandbox.neon.state import (
    READ_WRITE,
    Branch,
    Database,
    Endpoint,
    Role,
    State,
    now,
    timestamp,
)

SCHEMA_ONLY = "schema-only"
_LONGEST_LIFE = timedelta(days=30)


@dataclass(frozen=True)
class BranchWish:
    """What a client asks of a new branch; ``computes`` are the endpoints it wants."""

    name: str | None = None
    parent_id: str | None = None
    protected: bool = False
    expires_at: datetime | None = None
    init_source: str = "parent-data"
    annotation: Mapping[str, str] | None = None
    computes: tuple[ComputeWish, ...] = ()
    moment: Moment = HEAD


@dataclass(frozen=True)
class ComputeWish:
    """The size of a compute, in Neon's units of 1 CPU and 4 GB."""

    min_cu: float = 0.25
    max_cu: float = 0.25
    suspend_timeout_seconds: int = 0
    type: str = READ_WRITE


@dataclass(frozen=True)
class Limits:
    """The clock of the project, how far back its history goes, how many root branches it takes.

    ``size`` is how large a branch may be, in bytes, 0 for no limit; nothing here enforces it.
    """

    history_seconds: float
    root_branches: int
    clock: Callable[[], timedelta]
    size: Callable[[], int] = lambda: 0

    def now(self) -> datetime:
        """The present moment by that clock."""
        return datetime.now(UTC) + self.clock()


@dataclass(frozen=True)
class BranchChange:
    """What a client asks to change; None leaves a thing as it is."""

    name: str | None = None
    protected: bool | None = None
    expires_at: datetime | None = None
    forget_expiry: bool = False


def root_branch() -> Branch:
    """The default branch of a new project."""
    moment = now()
    role = Role("neondb_owner", names.password(), moment)
    database = Database(secrets.randbelow(10**9), "neondb", role.name, moment)
    return Branch(
        id=names.branch_id(),
        name="main",
        created_at=moment,
        updated_at=moment,
        state_changed_at=moment,
        roles=(role,),
        databases=(database,),
        default=True,
        history_start=moment,
    )


def choose_parent(state: State, wish: BranchWish) -> Branch:
    """The branch to copy: the named one or the default; refused when it may have no children."""
    parent = find_branch(state, wish.parent_id) if wish.parent_id else default_branch(state)
    refuse_unready(parent)
    if parent.expires_at:
        raise ApiError(422, "a branch with an expiration time cannot have children")
    return parent


def new_child(
    state: State, parent: Branch, wish: BranchWish, position: str | None, limits: Limits
) -> Branch:
    """The record of a new branch."""
    moment = now()
    branch_id = names.branch_id()
    name = wish.name or branch_id
    refuse_duplicate(state, name)
    if wish.expires_at and wish.protected:
        raise ApiError(422, "a protected branch cannot have an expiration time")
    roles = parent.roles
    if parent.protected:
        roles = tuple(replace(role, password=names.password()) for role in roles)
    root = wish.init_source == SCHEMA_ONLY
    if root:
        _refuse_another_root(state, limits.root_branches)
    # Only a clone of the head shares its parent's log.
    cloned = not root and wish.moment.is_head
    past = timestamp(wish.moment.timestamp) if wish.moment.timestamp else None
    return Branch(
        id=branch_id,
        name=name,
        created_at=moment,
        updated_at=moment,
        state_changed_at=moment,
        roles=roles,
        databases=parent.databases,
        parent_id=None if root else parent.id,
        parent_lsn=None if root else wish.moment.lsn or position,
        parent_timestamp=None if root else past or moment,
        history_start=moment,
        history_start_lsn=position if cloned else None,
        history_parent=parent.id if cloned else None,
        protected=wish.protected,
        expires_at=expiry(wish.expires_at, limits.now()) if wish.expires_at else None,
        init_source=wish.init_source,
        annotation=dict(wish.annotation or {}),
    )


def new_endpoint(state: State, branch_id: str, wish: ComputeWish) -> Endpoint:
    """The record of a new compute."""
    moment = now()
    return Endpoint(
        id=names.endpoint_id(),
        branch_id=branch_id,
        port=free_port({other.port for other in state.endpoints.values()}),
        created_at=moment,
        updated_at=moment,
        min_cu=wish.min_cu,
        max_cu=wish.max_cu,
        suspend_timeout_seconds=wish.suspend_timeout_seconds,
        type=wish.type,
    )


def expiry(moment: datetime, present: datetime) -> str:
    """The moment as Neon writes it; refused when past or too far away."""
    if not present < moment <= present + _LONGEST_LIFE:
        raise ApiError(422, "expires_at must be in the future and at most 30 days from now")
    return timestamp(moment)


def refuse_moment(
    branch: Branch, moment: Moment, position: str | None, oldest: datetime, newest: datetime
) -> None:
    """A moment must lie in the branch's own past, and not before the history window."""
    if moment.timestamp is not None:
        begun = datetime.fromisoformat(branch.history_start or branch.created_at)
        if not max(oldest, begun) <= moment.timestamp <= newest:
            raise ApiError(
                422,
                f"the timestamp {timestamp(moment.timestamp)} is outside of the branch's history, "
                f"which is from {timestamp(max(oldest, begun))} to {timestamp(newest)}",
            )
    elif moment.lsn is not None:
        first = lsn_number(branch.history_start_lsn or "0/0")
        if position is None or not first <= lsn_number(moment.lsn) <= lsn_number(position):
            raise ApiError(422, f"the LSN {moment.lsn} is outside of the branch's history")


def refuse_duplicate(state: State, name: str) -> None:
    """Names are unique in a project."""
    if any(branch.name == name for branch in state.branches.values()):
        raise ApiError(409, "branch with the provided name already exists")


def _refuse_another_root(state: State, most: int) -> None:
    if sum(branch.parent_id is None for branch in state.branches.values()) >= most:
        raise ApiError(422, f"root branches limit exceeded: {most}", "ROOT_BRANCHES_LIMIT_EXCEEDED")


def refuse_unready(branch: Branch) -> None:
    """A branch that is being made or deleted can do nothing."""
    if branch.current_state != "ready" or branch.pending_state:
        raise ApiError(422, "branch not ready yet")


def refuse_to_delete(state: State, branch: Branch) -> None:
    """Some branches must stay."""
    if branch.default:
        raise ApiError(422, "cannot delete the default branch of the project")
    if branch.protected:
        raise ApiError(422, "cannot delete a protected branch")
    if children_of(state, branch.id):
        raise ApiError(422, "cannot delete branch that has children")


def new_records(
    known: Branch, roles: list[str], databases: list[tuple[str, str]]
) -> tuple[tuple[Role, ...], tuple[Database, ...]]:
    """Records of the roles and databases that a past moment had."""
    moment = now()
    old_roles = {role.name: role for role in known.roles}
    old_databases = {database.name: database for database in known.databases}
    return (
        tuple(old_roles.get(name) or Role(name, names.password(), moment) for name in roles),
        tuple(
            replace(old_databases[name], owner_name=owner)
            if name in old_databases
            else Database(secrets.randbelow(10**9), name, owner, moment)
            for name, owner in databases
        ),
    )
