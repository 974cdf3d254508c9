"""Finding branches, endpoints, roles and databases in the state."""

from __future__ import annotations

from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.state import READ_WRITE, Branch, Database, Endpoint, Role, State


def find_branch(state: State, branch_id: str) -> Branch:
    """The branch, or Neon's 404."""
    if branch_id not in state.branches:
        raise ApiError(404, "branch not found")
    return state.branches[branch_id]


def find_endpoint(state: State, endpoint_id: str) -> Endpoint:
    """The endpoint, or Neon's 404."""
    if endpoint_id not in state.endpoints:
        raise ApiError(404, "endpoint not found")
    return state.endpoints[endpoint_id]


def find_role(branch: Branch, name: str) -> Role:
    """The role, or Neon's 404."""
    for role in branch.roles:
        if role.name == name:
            return role
    raise ApiError(404, "role not found")


def find_database(branch: Branch, name: str) -> Database:
    """The database, or Neon's 404."""
    for database in branch.databases:
        if database.name == name:
            return database
    raise ApiError(404, "database not found")


def default_branch(state: State) -> Branch:
    """The branch that is meant when none is named."""
    return next(branch for branch in state.branches.values() if branch.default)


def endpoints_of(state: State, branch_id: str) -> list[Endpoint]:
    """The branch's endpoints, the one that writes first."""
    found = [each for each in state.endpoints.values() if each.branch_id == branch_id]
    return sorted(found, key=lambda each: each.type != READ_WRITE)


def children_of(state: State, branch_id: str) -> list[Branch]:
    """The branches made from this one."""
    return [each for each in state.branches.values() if each.parent_id == branch_id]


def chain_of(state: State, branch_id: str) -> list[str]:
    """The branches whose log leads to this one, the one with the base first."""
    chain = [branch_id]
    while parent := state.branches[chain[0]].history_parent:
        chain.insert(0, parent)
    return chain


def forget_branch(state: State, branch_id: str) -> None:
    """Drop a branch and its endpoints from the state."""
    for endpoint in endpoints_of(state, branch_id):
        del state.endpoints[endpoint.id]
    del state.branches[branch_id]
