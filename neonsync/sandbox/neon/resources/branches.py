"""Branches: list, show, create, change, delete."""

from __future__ import annotations

from operator import attrgetter

from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.history import Moment, is_lsn
from neonsync.sandbox.neon.lookup import find_branch
from neonsync.sandbox.neon.project import Change, Project
from neonsync.sandbox.neon.request import Reply, Request, Section, as_cursor
from neonsync.sandbox.neon.restores import Restores, RestoreWish
from neonsync.sandbox.neon.rules import SCHEMA_ONLY, BranchChange, BranchWish, ComputeWish
from neonsync.sandbox.neon.state import READ_ONLY, READ_WRITE
from neonsync.sandbox.neon.views import (
    JsonObject,
    annotation_view,
    branch_view,
    connection_view,
    database_view,
    endpoint_view,
    operation_view,
    role_view,
)

_SORT_KEYS = ("name", "created_at", "updated_at")
_INIT_SOURCES = ("parent-data", SCHEMA_ONLY)
_MOST = 10_000


class Branches:
    """The resource ``/projects/{project}/branches``."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def list(self, request: Request) -> Reply:
        """A page of branches; ``pagination.next`` is there only while there is more."""
        sort_by = request.query.get("sort_by", "updated_at")
        if sort_by not in _SORT_KEYS:
            raise ApiError(400, f"sort_by must be one of {', '.join(_SORT_KEYS)}")
        order = request.query.get("sort_order", "desc")
        search = request.query.get("search", "")
        limit = request.limit(_MOST, _MOST)
        with self._project.store.read() as state:
            branches = [b for b in state.branches.values() if search in b.name or search in b.id]
        key = attrgetter(sort_by, "id")
        branches.sort(key=key, reverse=order == "desc")
        if after := request.cursor():
            value, _, branch_id = after.rpartition("\n")
            last = (value, branch_id)
            branches = [
                branch
                for branch in branches
                if (key(branch) < last if order == "desc" else key(branch) > last)
            ]
        page = branches[:limit]
        pagination: JsonObject = {"sort_by": sort_by, "sort_order": order}
        if len(branches) > limit:
            pagination["next"] = as_cursor("\n".join(key(page[-1])))
        body = {
            "branches": [branch_view(branch, state.project_id) for branch in page],
            "annotations": {b.id: annotation_view(b) for b in page if b.annotation},
            "pagination": pagination,
        }
        return Reply(body=body)

    def get(self, request: Request) -> Reply:
        """One branch, with its size as it is now."""
        branch_id = request.names["branch"]
        with self._project.store.read() as state:
            find_branch(state, branch_id)
        self._project.computes.measure(branch_id)
        with self._project.store.read() as state:
            branch = find_branch(state, branch_id)
            body = {"branch": branch_view(branch, state.project_id)}
        if branch.annotation:
            body["annotation"] = annotation_view(branch)
        return Reply(body=body)

    def create(self, request: Request) -> Reply:
        """A new branch; without ``endpoints`` it has no compute, so no connection."""
        change = self._project.create_branch(_wish(request.body))
        branch, endpoints = change.branch, change.endpoints
        with self._project.store.read() as state:
            body = self._changed(change)
            body["endpoints"] = [endpoint_view(each, state.project_id) for each in endpoints]
        body["roles"] = [role_view(role, branch) for role in branch.roles]
        body["databases"] = [database_view(database, branch) for database in branch.databases]
        # As in Neon: with several roles or databases the choice is the client's.
        if endpoints and len(branch.roles) == len(branch.databases) == 1:
            connection = connection_view(endpoints[0], branch.roles[0], branch.databases[0])
            body["connection_uris"] = [connection]
        return Reply(201, body)

    def update(self, request: Request) -> Reply:
        """Rename, protect, expire."""
        wanted = request.body.section("branch")
        change = BranchChange(
            name=wanted.text("name"),
            protected=wanted.flag("protected"),
            expires_at=wanted.moment("expires_at"),
            forget_expiry="expires_at" in wanted.values and wanted.values["expires_at"] is None,
        )
        return Reply(
            body=self._changed(self._project.update_branch(request.names["branch"], change))
        )

    def count(self, request: Request) -> Reply:
        """How many branches there are, or match a search."""
        search = request.query.get("search", "")
        with self._project.store.read() as state:
            found = [b for b in state.branches.values() if search in b.name or search in b.id]
        return Reply(body={"count": len(found)})

    def restore(self, request: Request) -> Reply:
        """Another branch's data, or own ones of the past, in place of those that are there."""
        body = request.body
        wish = RestoreWish(
            source_id=body.required_text("source_branch_id"),
            moment=_moment(body, "source"),
            preserve_under_name=body.text("preserve_under_name"),
        )
        change = Restores(self._project).restore(request.names["branch"], wish)
        return Reply(body=self._changed(change))

    def set_default(self, request: Request) -> Reply:
        """Make it the branch that is meant when none is named."""
        return Reply(body=self._changed(self._project.set_default(request.names["branch"])))

    def delete(self, request: Request) -> Reply:
        """Delete; a branch that is gone already is an empty 204."""
        change = self._project.delete_branch(request.names["branch"])
        return Reply(204) if change is None else Reply(body=self._changed(change))

    def _changed(self, change: Change) -> JsonObject:
        with self._project.store.read() as state:
            return {
                "branch": branch_view(change.branch, state.project_id),
                "operations": [operation_view(o, state.project_id) for o in change.operations],
            }


def _wish(body: Section) -> BranchWish:
    branch = body.section("branch")
    init_source = branch.text("init_source") or "parent-data"
    if init_source not in _INIT_SOURCES:
        raise ApiError(400, f"init_source must be one of {', '.join(_INIT_SOURCES)}")
    if init_source == SCHEMA_ONLY and branch.text("parent_lsn"):
        raise ApiError(422, "a schema-only branch cannot start at an LSN")
    endpoints = body.sections("endpoints")
    computes = tuple(compute_wish(endpoint) for endpoint in endpoints)
    if sum(compute.type == READ_WRITE for compute in computes) > 1:
        raise ApiError(422, "a branch has at most one read-write endpoint")
    return BranchWish(
        name=branch.text("name"),
        parent_id=branch.text("parent_id"),
        protected=branch.flag("protected") or False,
        expires_at=branch.moment("expires_at"),
        init_source=init_source,
        moment=_moment(branch, "parent"),
        annotation=body.texts("annotation_value"),
        computes=computes,
    )


def compute_wish(endpoint: Section) -> ComputeWish:
    """What a client asks of a compute."""
    kind = endpoint.required_text("type")
    if kind not in (READ_WRITE, READ_ONLY):
        raise ApiError(400, f"type must be {READ_WRITE} or {READ_ONLY}")
    smallest = endpoint.number("autoscaling_limit_min_cu", 0.25)
    return ComputeWish(
        min_cu=smallest,
        max_cu=endpoint.number("autoscaling_limit_max_cu", max(smallest, 0.25)),
        suspend_timeout_seconds=int(endpoint.number("suspend_timeout_seconds", 0)),
        type=kind,
    )


def _moment(section: Section, whose: str) -> Moment:
    """The time or the log position of a past; ``whose`` begins the names of both fields."""
    moment = Moment(section.moment(f"{whose}_timestamp"), section.text(f"{whose}_lsn", longest=17))
    if moment.timestamp and moment.lsn:
        raise ApiError(400, f"{whose}_timestamp and {whose}_lsn exclude each other")
    if moment.lsn and not is_lsn(moment.lsn):
        raise ApiError(400, f"{whose}_lsn is not a log sequence number")
    return moment
