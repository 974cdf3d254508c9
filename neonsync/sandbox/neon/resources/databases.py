"""The databases and the roles of a branch."""

from __future__ import annotations

from neonsync.sandbox.neon.catalogue import CatalogueChanges
from neonsync.sandbox.neon.lookup import find_branch, find_database, find_role
from neonsync.sandbox.neon.project import Project
from neonsync.sandbox.neon.request import Reply, Request
from neonsync.sandbox.neon.state import Branch, Operation
from neonsync.sandbox.neon.views import JsonObject, database_view, operation_view, role_view

_LONGEST_NAME = 63


class Databases:
    """The resource ``/projects/{project}/branches/{branch}/databases``."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._changes = CatalogueChanges(project)

    def list(self, request: Request) -> Reply:
        """The databases that the API knows of."""
        branch = _branch(self._project, request)
        views = [database_view(database, branch) for database in branch.databases]
        return Reply(body={"databases": views})

    def get(self, request: Request) -> Reply:
        """One database, by name."""
        branch = _branch(self._project, request)
        database = find_database(branch, request.names["database"])
        return Reply(body={"database": database_view(database, branch)})

    def create(self, request: Request) -> Reply:
        """A new database, owned by one of the branch's roles."""
        wanted = request.body.section("database")
        branch = _branch(self._project, request)
        database, operations = self._changes.create_database(
            branch.id,
            wanted.required_text("name", longest=_LONGEST_NAME),
            wanted.required_text("owner_name", longest=_LONGEST_NAME),
        )
        body = {"database": database_view(database, branch)}
        return Reply(201, body | _operations(self._project, operations))

    def update(self, request: Request) -> Reply:
        """Another name, another owner."""
        wanted = request.body.section("database")
        branch = _branch(self._project, request)
        database, operations = self._changes.update_database(
            branch.id,
            request.names["database"],
            wanted.text("name", longest=_LONGEST_NAME),
            wanted.text("owner_name", longest=_LONGEST_NAME),
        )
        body = {"database": database_view(database, branch)}
        return Reply(body=body | _operations(self._project, operations))

    def delete(self, request: Request) -> Reply:
        """Delete it with all that is in it."""
        branch = _branch(self._project, request)
        database, operations = self._changes.delete_database(branch.id, request.names["database"])
        body = {"database": database_view(database, branch)}
        return Reply(body=body | _operations(self._project, operations))


class Roles:
    """The resource ``/projects/{project}/branches/{branch}/roles``."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._changes = CatalogueChanges(project)

    def list(self, request: Request) -> Reply:
        """The roles, without passwords."""
        branch = _branch(self._project, request)
        return Reply(body={"roles": [role_view(role, branch) for role in branch.roles]})

    def get(self, request: Request) -> Reply:
        """One role, by name."""
        branch = _branch(self._project, request)
        return Reply(body={"role": role_view(find_role(branch, request.names["role"]), branch)})

    def reveal_password(self, request: Request) -> Reply:
        """The password of a role."""
        branch = _branch(self._project, request)
        return Reply(body={"password": find_role(branch, request.names["role"]).password})

    def create(self, request: Request) -> Reply:
        """A new role; only this reply and a reset show its password."""
        wanted = request.body.section("role")
        branch = _branch(self._project, request)
        name = wanted.required_text("name", longest=_LONGEST_NAME)
        role, operations = self._changes.create_role(branch.id, name)
        body = {"role": role_view(role, branch) | {"password": role.password}}
        return Reply(201, body | _operations(self._project, operations))

    def reset_password(self, request: Request) -> Reply:
        """A new password, shown in the reply."""
        branch = _branch(self._project, request)
        role, operations = self._changes.reset_password(branch.id, request.names["role"])
        body = {"role": role_view(role, branch) | {"password": role.password}}
        return Reply(body=body | _operations(self._project, operations))

    def delete(self, request: Request) -> Reply:
        """Delete a role that owns no database."""
        branch = _branch(self._project, request)
        role, operations = self._changes.delete_role(branch.id, request.names["role"])
        body = {"role": role_view(role, branch)}
        return Reply(body=body | _operations(self._project, operations))


def _branch(project: Project, request: Request) -> Branch:
    with project.store.read() as state:
        return find_branch(state, request.names["branch"])


def _operations(project: Project, operations: list[Operation]) -> JsonObject:
    with project.store.read() as state:
        return {"operations": [operation_view(each, state.project_id) for each in operations]}
