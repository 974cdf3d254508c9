"""Restores: a branch gets the data of another, or its own of a past moment; its address stays."""

from __future__ import annotations

from dataclasses import dataclass, replace

from neonsync.sandbox.neon import names
from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.history import HEAD, Moment
from neonsync.sandbox.neon.lookup import children_of, endpoints_of, find_branch
from neonsync.sandbox.neon.operations import Step
from neonsync.sandbox.neon.project import Change, Project
from neonsync.sandbox.neon.rules import refuse_duplicate, refuse_unready
from neonsync.sandbox.neon.state import Branch, Database, Role, State, now, timestamp

RESETTING = "resetting"


@dataclass(frozen=True)
class RestoreWish:
    """What a client asks for: whose data, of which moment, and a name for the old ones."""

    source_id: str
    moment: Moment = HEAD
    preserve_under_name: str | None = None


class Restores:
    """Restores the branches of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project

    def restore(self, branch_id: str, wish: RestoreWish) -> Change:
        """Begin a restore; connections drop, and all databases are overwritten."""
        project = self._project
        with project.store.edit() as state:
            branch, source = find_branch(state, branch_id), find_branch(state, wish.source_id)
            project.operations.refuse_when_busy()
            refuse_unready(branch)
            refuse_unready(source)
            _refuse(state, branch, source, wish)
            project.refuse_moment(state, source, wish.moment)
            preserved = _preserved(state, branch, wish.preserve_under_name)
            if preserved:
                state.branches[preserved.id] = preserved
            branch = replace(branch, current_state=RESETTING, updated_at=now())
            state.branches[branch_id] = branch
            endpoints = endpoints_of(state, branch_id)
            steps = [
                Step(
                    "timeline_swap",  # an action that no client has heard of
                    lambda: self._restore(branch_id, wish, preserved),
                    branch_id,
                )
            ]
            steps += [project.start_step(endpoint) for endpoint in endpoints]
            return Change(branch, project.operations.schedule(*steps))

    def _restore(self, branch_id: str, wish: RestoreWish, preserved: Branch | None) -> None:
        project = self._project
        try:
            roles, databases = self._exchange(branch_id, wish, preserved)
            with project.store.edit() as state:
                _note(state, branch_id, wish, preserved)
                branch = state.branches[branch_id]
                state.branches[branch_id] = replace(branch, roles=roles, databases=databases)
        finally:
            moment = now()
            with project.store.edit() as state:
                for each in (branch_id, preserved.id if preserved else branch_id):
                    state.branches[each] = replace(
                        state.branches[each], current_state="ready", state_changed_at=moment
                    )

    def _exchange(
        self, branch_id: str, wish: RestoreWish, preserved: Branch | None
    ) -> tuple[tuple[Role, ...], tuple[Database, ...]]:
        project, new_id = self._project, f"{branch_id}-new"
        with project.store.read() as state:
            source, branch = state.branches[wish.source_id], state.branches[branch_id]
        if wish.moment.is_head:
            project.computes.create_child(new_id, source.id)
            roles, databases = source.roles, source.databases
        else:
            roles, databases = project.create_past(new_id, source, wish.moment)
        with project.store.read() as state:
            endpoints = endpoints_of(state, branch_id)
        for endpoint in endpoints:
            project.servers.suspend(endpoint.id)
        project.computes.exchange(branch_id, new_id, preserved.id if preserved else None)
        # Who could log in goes on with the same password.
        own = {role.name: role.password for role in branch.roles}
        roles = tuple(replace(role, password=own.get(role.name, role.password)) for role in roles)
        return roles, databases


def _refuse(state: State, branch: Branch, source: Branch, wish: RestoreWish) -> None:
    itself = source.id == branch.id
    if itself and wish.moment.is_head:
        raise ApiError(422, "a branch is restored to itself at a past time or LSN only")
    if not itself and branch.parent_id is None:
        raise ApiError(422, "root branch cannot be reset")
    if not itself and branch.protected:
        raise ApiError(422, "protected branch cannot be reset")
    if wish.preserve_under_name is None:
        if itself:
            raise ApiError(422, "preserve_under_name is required to restore a branch to itself")
        if children_of(state, branch.id):
            raise ApiError(422, "preserve_under_name is required for a branch that has children")


def _preserved(state: State, branch: Branch, name: str | None) -> Branch | None:
    """The record of the branch that will hold the old data."""
    if name is None:
        return None
    refuse_duplicate(state, name)
    moment = now()
    return replace(
        branch,
        id=names.branch_id(),
        name=name,
        default=False,
        protected=False,
        expires_at=None,
        current_state="init",
        created_at=moment,
        updated_at=moment,
        annotation={},
    )


def _note(state: State, branch_id: str, wish: RestoreWish, preserved: Branch | None) -> None:
    """Rewrite the family tree after an exchange."""
    moment = now()
    source_id = wish.source_id
    if preserved:
        # The old data have moved, and whoever came from them has another parent now.
        for each in list(state.branches.values()):
            if each.id not in (branch_id, preserved.id):
                parent_id = preserved.id if each.parent_id == branch_id else each.parent_id
                past = preserved.id if each.history_parent == branch_id else each.history_parent
                changed = replace(each, parent_id=parent_id, history_parent=past)
                state.branches[each.id] = changed
        if source_id == branch_id:
            source_id = preserved.id
    branch, head = state.branches[branch_id], wish.moment.is_head
    past_time = wish.moment.timestamp
    state.branches[branch_id] = replace(
        branch,
        parent_id=source_id,
        parent_lsn=wish.moment.lsn,
        parent_timestamp=timestamp(past_time) if past_time else moment,
        history_start=moment,
        history_start_lsn=None,
        history_parent=source_id if head else None,
        last_reset_at=moment,
        updated_at=moment,
    )
