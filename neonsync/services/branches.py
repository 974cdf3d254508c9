"""Branches for the UI: the list with all that is known, and what may be done to one of them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from neonsync.errors import ConfigError, NeonsyncError, RefusedError, RunCancelled
from neonsync.history import Entry, last_syncs, read_history
from neonsync.secret import redact
from neonsync.services.context import Context
from neonsync.services.values import (
    Address,
    BranchList,
    BranchRow,
    NewBranch,
    ProjectInfo,
    RollbackOffer,
    Talk,
)

if TYPE_CHECKING:
    from neonsync.neon.models import Branch, Endpoint
    from neonsync.services.changes import Change
    from neonsync.services.work import Work

_CONSOLE = "https://console.neon.tech/app/projects"
_BACKUP = "a backup"


class Branches:
    """Each call opens a project of its own, as each may come from another thread."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def load(self) -> BranchList:
        """All branches, with what this machine's history knows of them; wakes no compute."""
        with self._work() as work:
            branches = sorted(work.project.branches(), key=lambda b: (not b.default, b.name))
            notes: list[str] = []
            endpoints = {e.branch_id: e for e in _endpoints(work, notes)}
            history = read_history(self._context.environ)
            syncs = last_syncs(history.entries)
            rows = tuple(
                _row(branch, branches, endpoints.get(branch.id), syncs.get(branch.id))
                for branch in branches
            )
            return BranchList(
                _project(work, notes), rows, work.project.now(), (*notes, *history.notes)
            )

    def name_problem(self, name: str, taken: Sequence[str]) -> str:
        """What is wrong with a new name, empty for nothing."""
        from neonsync.neon.guards import check_name

        try:
            check_name(name)
        except ConfigError as error:
            return error.message
        return f"the project has a branch named {name!r} already" if name in taken else ""

    def obstacle(self, action: str, branch: BranchRow) -> str:
        """Why ``delete``, ``reset`` or ``rollback`` cannot be done to a branch; empty for nothing.

        Children are none to a reset or a rollback: a backup takes them over.
        """
        from neonsync.neon import guards

        known, children = _as_branches(branch)
        try:
            if action == "delete":
                guards.check_delete(known, children)
            elif action == "reset":
                guards.check_reset(known, children, _BACKUP)
            else:
                guards.check_restore(known, children, _BACKUP)
        except RefusedError as error:
            return error.message
        if action == "rollback" and not branch.last_run:
            return f"the history of this machine knows no run into {branch.name}"
        return ""

    def create(self, wish: NewBranch, talk: Talk) -> str:
        """Make a branch and wait until it is ready; says what was done."""
        from neonsync.neon.creation import BranchWish
        from neonsync.services import changes

        asked = BranchWish(
            parent=wish.parent, at=wish.at, schema_only=wish.schema_only, must_be_new=True
        )
        with self._work(talk) as work:
            return changes.create(work, wish.name, asked, wish.expires).text

    def delete(self, branch: BranchRow, confirmed: str, talk: Talk) -> str:
        """Delete a branch; says what was done."""
        from neonsync.services import changes

        with self._work(talk) as work:
            return changes.delete(work, *_found(work, branch)).carry_out(confirmed).text

    def reset(self, branch: BranchRow, confirmed: str, backup: str, talk: Talk) -> str:
        """Overwrite a branch with its parent's present state; says what was done."""
        from neonsync.services import changes

        with self._work(talk) as work:
            change = changes.reset(work, *_found(work, branch), backup or None)
            return change.carry_out(confirmed).text

    def rollback_offer(self, branch: BranchRow) -> RollbackOffer:
        """What a rollback of the last run into this branch would do; changes nothing.

        Raises:
            ConfigError: the history knows no run into it.
            RefusedError: the branch was overwritten since.
        """
        with self._work() as work:
            run = last_syncs(read_history(self._context.environ).entries).get(branch.id)
            if run is None:
                raise ConfigError(
                    f"the history of this machine knows no run into {branch.name}",
                    "neonsync rollback RUN --branch NAME takes one of another machine back.",
                )
            change = self._rollback(work, run.run_id, None)
            if change.at is None:
                raise AssertionError("a rollback goes to a moment")
            return RollbackOffer(
                run.run_id, change.branch.name, change.at, change.backup, change.warning
            )

    def rollback(self, offer: RollbackOffer, confirmed: str, talk: Talk) -> str:
        """Take the branch back to before the run; says what was done.

        Raises:
            RefusedError: it would be another moment or branch than was offered.
        """
        with self._work(talk) as work:
            change = self._rollback(work, offer.run_id, offer.backup)
            if (change.branch.name, change.at) != (offer.branch, offer.at):
                raise RefusedError(
                    f"{offer.branch} has changed since the rollback was offered",
                    "Look at it again, then decide.",
                )
            return change.carry_out(confirmed).text

    def address(self, branch: BranchRow) -> Address:
        """How to connect to a branch."""
        from neonsync.services.showing import masked

        with self._work() as work:
            found, _ = _found(work, branch)
            address = work.project.address(found)
            return Address(masked(address.uri), address.uri, address.notes)

    def console_url(self, branch: BranchRow) -> str:
        """The branch's page in Neon's console."""
        project = self._context.settings().neon.project_id
        return f"{_CONSOLE}/{quote(project, safe='')}/branches/{quote(branch.id, safe='')}"

    def _rollback(self, work: Work, run_id: str, backup: str | None) -> Change:
        from neonsync.services.rollback import Noted, find_run, roll_back

        noted = Noted(*find_run(read_history(self._context.environ).entries, run_id))
        return roll_back(work, run_id, noted, "", backup)

    @contextlib.contextmanager
    def _work(self, talk: Talk | None = None) -> Iterator[Work]:
        from neonsync.services.work import opened

        talk = talk or Talk()
        settings = self._context.settings()
        with opened(settings, self._context.environ, talk.say, talk.cancel) as work:
            yield work


def _endpoints(work: Work, notes: list[str]) -> list[Endpoint]:
    """Those that can be written through come last, so that they are the branch's."""
    try:
        found = work.project.endpoints()
    except RunCancelled:
        raise
    except NeonsyncError as error:  # the branches themselves are worth showing
        notes.append(redact(f"the computes could not be listed: {error}", *work.secrets))
        return []
    return sorted(found, key=lambda endpoint: endpoint.type == "read_write")


def _project(work: Work, notes: list[str]) -> ProjectInfo:
    try:
        facts = work.project.facts()
    except RunCancelled:
        raise
    except NeonsyncError as error:  # a key may be for branches alone
        notes.append(redact(f"the project could not be looked at: {error}", *work.secrets))
        return ProjectInfo(work.project.id)
    return ProjectInfo(work.project.id, facts.name, facts.region, facts.postgres)


def _row(
    branch: Branch, branches: Sequence[Branch], endpoint: Endpoint | None, sync: Entry | None
) -> BranchRow:
    names = {each.id: each.name for each in branches}
    return BranchRow(
        id=branch.id,
        name=branch.name,
        parent=names.get(branch.parent_id or "", branch.parent_id or ""),
        state=branch.state,
        size=branch.logical_size,
        default=branch.default,
        protected=branch.protected,
        ours=branch.ours,
        created_at=branch.created_at,
        expires_at=branch.expires_at,
        parent_moment=branch.parent_timestamp,
        schema_only=branch.init_source == "schema-only",
        children=tuple(sorted(each.name for each in branches if each.parent_id == branch.id)),
        endpoint_id=endpoint.id if endpoint is not None else "",
        host=endpoint.host if endpoint is not None else "",
        compute=_size(endpoint) if endpoint is not None else "",
        compute_state=_state(endpoint) if endpoint is not None else "",
        last_sync=sync.moment if sync is not None else None,
        last_run=sync.run_id if sync is not None else "",
        last_status=sync.status if sync is not None else "",
    )


def _size(endpoint: Endpoint) -> str:
    low, high = endpoint.min_cu, endpoint.max_cu
    if low is None or high is None:
        return ""
    return f"{low:g} CU" if low == high else f"{low:g}-{high:g} CU"


def _state(endpoint: Endpoint) -> str:
    return "disabled" if endpoint.disabled else endpoint.state


def _as_branches(row: BranchRow) -> tuple[Branch, list[Branch]]:
    """A row and its children, as far as the guards look at them."""
    from neonsync.neon.models import Branch

    def branch(branch_id: str, name: str, parent: str | None) -> Branch:
        return Branch(branch_id, name, parent, row.state, row.default, row.protected, row.size)

    return branch(row.id, row.name, row.parent or None), [
        branch(name, name, row.id) for name in row.children
    ]


def _found(work: Work, row: BranchRow) -> tuple[Branch, list[Branch]]:
    """The branch of a row as it is now, by its id, and all that there are.

    Raises:
        RefusedError: it is gone, or has another name: not what was seen.
    """
    branches = work.project.branches()
    branch = next((each for each in branches if each.id == row.id), None)
    if branch is None:
        raise RefusedError(f"{row.name} ({row.id}) is gone", "Load the branches again.")
    if branch.name != row.name:
        raise RefusedError(f"{row.name} is called {branch.name} now", "Load the branches again.")
    return branch, branches
