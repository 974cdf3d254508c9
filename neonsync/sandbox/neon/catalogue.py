"""What may be done to the roles and databases of a branch."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import replace

from neonsync.sandbox.neon import names
from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.lookup import (
    endpoints_of,
    find_branch,
    find_database,
    find_role,
)
from neonsync.sandbox.neon.operations import Step
from neonsync.sandbox.neon.project import Project
from neonsync.sandbox.neon.rules import refuse_unready
from neonsync.sandbox.neon.state import Branch, Database, Operation, Role, State, now


class CatalogueChanges:
    """Makes, changes and deletes roles and databases; a sleeping compute is woken for it."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def create_database(
        self, branch_id: str, name: str, owner_name: str
    ) -> tuple[Database, list[Operation]]:
        """Begin a database."""
        with self._project.store.edit() as state:
            branch = self._ready(state, branch_id)
            find_role(branch, owner_name)
            _refuse_database(branch, name)
            database = Database(secrets.randbelow(10**9), name, owner_name, now())
            state.branches[branch_id] = replace(branch, databases=(*branch.databases, database))
            computes = self._project.computes
            return database, self._apply(
                state, branch_id, lambda: computes.create_database(branch_id, database)
            )

    def update_database(
        self, branch_id: str, name: str, new_name: str | None, owner_name: str | None
    ) -> tuple[Database, list[Operation]]:
        """Begin to rename a database, or to give it another owner."""
        with self._project.store.edit() as state:
            branch = self._ready(state, branch_id)
            old = find_database(branch, name)
            if new_name and new_name != name:
                _refuse_database(branch, new_name)
            if owner_name:
                find_role(branch, owner_name)
            database = replace(
                old, name=new_name or old.name, owner_name=owner_name or old.owner_name
            )
            databases = tuple(database if each == old else each for each in branch.databases)
            state.branches[branch_id] = replace(branch, databases=databases)
            computes = self._project.computes
            return database, self._apply(
                state, branch_id, lambda: computes.alter_database(branch_id, old.name, database)
            )

    def delete_database(self, branch_id: str, name: str) -> tuple[Database, list[Operation]]:
        """Begin to delete a database; connections to it drop."""
        with self._project.store.edit() as state:
            branch = self._ready(state, branch_id)
            database = find_database(branch, name)
            databases = tuple(each for each in branch.databases if each != database)
            state.branches[branch_id] = replace(branch, databases=databases)
            computes = self._project.computes
            return database, self._apply(
                state, branch_id, lambda: computes.drop_database(branch_id, name)
            )

    def create_role(self, branch_id: str, name: str) -> tuple[Role, list[Operation]]:
        """Begin a role that can log in."""
        with self._project.store.edit() as state:
            branch = self._ready(state, branch_id)
            if any(role.name == name for role in branch.roles):
                raise ApiError(409, f"role {name} already exists")
            role = Role(name, names.password(), now())
            state.branches[branch_id] = replace(branch, roles=(*branch.roles, role))
            computes = self._project.computes
            return role, self._apply(
                state, branch_id, lambda: computes.create_role(branch_id, role)
            )

    def reset_password(self, branch_id: str, name: str) -> tuple[Role, list[Operation]]:
        """Begin to give a role a new password."""
        with self._project.store.edit() as state:
            branch = self._ready(state, branch_id)
            old = find_role(branch, name)
            role = replace(old, password=names.password())
            roles = tuple(role if each == old else each for each in branch.roles)
            state.branches[branch_id] = replace(branch, roles=roles)
            computes = self._project.computes
            return role, self._apply(
                state, branch_id, lambda: computes.set_password(branch_id, role)
            )

    def delete_role(self, branch_id: str, name: str) -> tuple[Role, list[Operation]]:
        """Begin to delete a role that owns no database."""
        with self._project.store.edit() as state:
            branch = self._ready(state, branch_id)
            role = find_role(branch, name)
            if any(database.owner_name == name for database in branch.databases):
                raise ApiError(422, f"role {name} owns a database")
            roles = tuple(each for each in branch.roles if each != role)
            state.branches[branch_id] = replace(branch, roles=roles)
            databases = [database.name for database in branch.databases]
            computes = self._project.computes
            return role, self._apply(
                state, branch_id, lambda: computes.drop_role(branch_id, name, databases)
            )

    def _ready(self, state: State, branch_id: str) -> Branch:
        branch = find_branch(state, branch_id)
        self._project.operations.refuse_when_busy()
        refuse_unready(branch)
        if not endpoints_of(state, branch_id):
            raise ApiError(422, "the branch has no endpoint to apply this with")
        return branch

    def _apply(self, state: State, branch_id: str, work: Callable[[], None]) -> list[Operation]:
        def awake() -> None:
            self._project.servers.ensure(branch_id)
            work()

        endpoint = endpoints_of(state, branch_id)[0]
        step = Step("apply_config", awake, branch_id, endpoint.id)
        return self._project.operations.schedule(step)


def _refuse_database(branch: Branch, name: str) -> None:
    if any(database.name == name for database in branch.databases):
        raise ApiError(409, f"database {name} already exists")
