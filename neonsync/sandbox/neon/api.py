"""The part of Neon's API v2 that is here: its routes, and who answers them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from urllib.parse import unquote

from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.project import Project
from neonsync.sandbox.neon.request import Reply, Request
from neonsync.sandbox.neon.resources.branches import Branches
from neonsync.sandbox.neon.resources.databases import Databases, Roles
from neonsync.sandbox.neon.resources.endpoints import Endpoints
from neonsync.sandbox.neon.resources.operations import OperationLog
from neonsync.sandbox.neon.resources.projects import Projects, current_user

Answer = Callable[[Request], Reply]


class Api:
    """Answers requests for a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._routes = _routes(project)

    def answer(self, request: Request) -> Reply:
        """Find the resource and let it answer; 404 for an unknown path or project."""
        self._project.delete_expired()
        found = [(route, match) for route in self._routes if (match := route.matches(request))]
        if not found:
            raise ApiError(404, "this route does not exist")
        for route, match in found:
            if route.method == request.method:
                names = {name: unquote(value) for name, value in match.groupdict().items()}
                self._refuse_other_projects(names)
                return route.answer(replace(request, names=names))
        raise ApiError(405, "method not allowed")

    def _refuse_other_projects(self, names: dict[str, str]) -> None:
        with self._project.store.read() as state:
            if names.get("project", state.project_id) != state.project_id:
                raise ApiError(404, "project not found")


@dataclass(frozen=True)
class _Route:
    method: str
    pattern: re.Pattern[str]
    answer: Answer

    def matches(self, request: Request) -> re.Match[str] | None:
        return self.pattern.fullmatch(request.path)


def _routes(project: Project) -> list[_Route]:
    projects, branches, endpoints = Projects(project), Branches(project), Endpoints(project)
    databases, roles, operations = Databases(project), Roles(project), OperationLog(project)
    the_project = "/projects/{project}"
    the_branch = the_project + "/branches/{branch}"
    the_endpoint = the_project + "/endpoints/{endpoint}"
    return [
        _route("GET", "/users/me", current_user),
        _route("GET", "/projects", projects.list),
        _route("GET", the_project, projects.get),
        _route("GET", the_project + "/connection_uri", endpoints.connection_uri),
        _route("GET", the_project + "/branches", branches.list),
        _route("POST", the_project + "/branches", branches.create),
        _route("GET", the_project + "/branches/count", branches.count),
        _route("GET", the_branch, branches.get),
        _route("PATCH", the_branch, branches.update),
        _route("DELETE", the_branch, branches.delete),
        _route("POST", the_branch + "/restore", branches.restore),
        _route("POST", the_branch + "/set_as_default", branches.set_default),
        _route("GET", the_branch + "/endpoints", endpoints.list_of_branch),
        _route("GET", the_branch + "/databases", databases.list),
        _route("POST", the_branch + "/databases", databases.create),
        _route("GET", the_branch + "/databases/{database}", databases.get),
        _route("PATCH", the_branch + "/databases/{database}", databases.update),
        _route("DELETE", the_branch + "/databases/{database}", databases.delete),
        _route("POST", the_branch + "/roles", roles.create),
        _route("DELETE", the_branch + "/roles/{role}", roles.delete),
        _route("POST", the_branch + "/roles/{role}/reset_password", roles.reset_password),
        _route("GET", the_branch + "/roles", roles.list),
        _route("GET", the_branch + "/roles/{role}", roles.get),
        _route("GET", the_branch + "/roles/{role}/reveal_password", roles.reveal_password),
        _route("GET", the_project + "/endpoints", endpoints.list),
        _route("POST", the_project + "/endpoints", endpoints.create),
        _route("GET", the_endpoint, endpoints.get),
        _route("PATCH", the_endpoint, endpoints.update),
        _route("DELETE", the_endpoint, endpoints.delete),
        _route("POST", the_endpoint + "/start", endpoints.start),
        _route("POST", the_endpoint + "/suspend", endpoints.suspend),
        _route("POST", the_endpoint + "/restart", endpoints.restart),
        _route("GET", the_project + "/operations", operations.list),
        _route("GET", the_project + "/operations/{operation}", operations.get),
    ]


def _route(method: str, path: str, answer: Answer) -> _Route:
    return _Route(method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), answer)
