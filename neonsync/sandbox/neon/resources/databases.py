"""The databases and the roles of a branch."""

from __future__ import annotations

from neonsync.sandbox.neon.lookup import find_branch, find_database, find_role
from neonsync.sandbox.neon.project import Project
from neonsync.sandbox.neon.request import Reply, Request
from neonsync.sandbox.neon.state import Branch
from neonsync.sandbox.neon.views import database_view, operation_view, role_view

_LONGEST_NAME = 63


class Databases:
    """The resource ``/projects/{project}/branches/{branch}/databases``."""

    def __init__(self, project: Project) -> None:
        self._project = project

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
        database, operations = self._project.create_database(
            branch.id,
            wanted.required_text("name", longest=_LONGEST_NAME),
            wanted.required_text("owner_name", longest=_LONGEST_NAME),
        )
        with self._project.store.read() as state:
            views = [operation_view(operation, state.project_id) for operation in operations]
        return Reply(201, {"database": database_view(database, branch), "operations": views})


class Roles:
    """The resource ``/projects/{project}/branches/{branch}/roles``."""

    def __init__(self, project: Project) -> None:
        self._project = project

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


def _branch(project: Project, request: Request) -> Branch:
    with project.store.read() as state:
        return find_branch(state, request.names["branch"])
