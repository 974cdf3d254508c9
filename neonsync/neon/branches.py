"""What may be changed about a project's branches; each method waits until Neon has done it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from neonsync.errors import ConfigError, NeonAccessError
from neonsync.neon import guards
from neonsync.neon.creation import (
    LOOKUPS,
    BranchWish,
    Created,
    body_of,
    look_for,
    may_have_acted,
)
from neonsync.neon.errors import NeonRequestError, OperationError
from neonsync.neon.models import Branch, Operation, as_object, objects, operations_of
from neonsync.neon.moments import read_moment, write_moment
from neonsync.neon.project import ProjectView
from neonsync.neon.waiting import POLL_SECONDS

__all__ = ["BranchWish", "Created", "Project"]

_UNSEEN_LOOKS = 3
"""A branch that was just made may answer 404 for a moment: it is looked for so often again."""
_MOST_OPERATIONS = 100
_BUSY = ("scheduling", "running", "cancelling")


class Project(ProjectView):
    """One Neon project. Methods block; call them in a thread, one instance for each thread."""

    def create(self, name: str, wish: BranchWish | None = None) -> Created:
        """Make a branch with a compute, and wait until it is ready; or find it there already.

        A request is never sent twice: when its answer is lost, the branch is looked for.

        Raises:
            ConfigError: name or wish cannot be, or the branch is there and must be new.
            OperationError: Neon could not make it, or it was deleted meanwhile.
        """
        wish = wish or BranchWish()
        guards.check_name(name)
        if (there := self.find(name)) is not None:
            return self._existing(there, wish)
        # Neon's clock is known by now: its answer has told it.
        if wish.expires_in is not None:
            wish = replace(wish, expires_at=self.now() + wish.expires_in)
        if wish.expires_at is not None:
            guards.check_expires_at(wish.expires_at, self.now())
        parent = self.branch(wish.parent) if wish.parent else None
        if parent is not None:
            guards.check_parent(parent)
        body = body_of(name, wish, parent.id if parent is not None else None)
        if wish.at is not None:
            self.check_history(wish.at)
        try:
            answer = self._api.post(f"{self._path}/branches", body)
        except NeonAccessError as error:
            if not may_have_acted(error):
                raise
            made = look_for(self.find, name, wish, self._patience, error)
            if not made.created:
                return self._existing(made.branch, wish)
            return Created(self._settled(made.branch), created=True)
        except NeonRequestError as error:
            there = self.find(name) if error.status == 409 else None
            if there is None:
                raise
            return self._existing(there, wish)  # somebody else was quicker
        self.wait_for(operations_of(answer))
        said = as_object(answer.get("branch"))
        noted = {"value": wish.annotation}
        branch = Branch.parse(said, noted) if said.get("id") else self.branch(name)
        return Created(self._again(branch), created=True)

    def delete(self, branch: Branch) -> bool:
        """Delete a branch and wait until it is gone; False when it was gone already."""
        try:
            answer = self._api.delete(self._branch_path(branch))
        except NeonAccessError as error:
            if not may_have_acted(error):
                raise
            self._wait_for_branch(branch)
            if not self._comes_true(lambda: self._look(branch) is None):
                raise
            return True
        except NeonRequestError as error:
            if error.status != 404:
                raise
            return False
        self.wait_for(operations_of(answer))
        return bool(answer)

    def restore(
        self,
        branch: Branch,
        source_id: str,
        *,
        at: datetime | None = None,
        lsn: str = "",
        backup: str | None = None,
    ) -> Branch:
        """Overwrite a branch, all databases of it, with another or its own earlier state.

        The address stays; connections drop. ``backup`` is the name of a new branch that keeps the
        present state, with the children of the branch. The request is never sent twice: when its
        answer is lost, the branch and its backup tell what came of it.

        Raises:
            ConfigError: the moment is not in the history, or a branch has the backup's name.
            OperationError: Neon could not do it, or the branch was deleted meanwhile.
        """
        if at is not None:
            self.check_history(at)
        body: dict[str, Any] = {"source_branch_id": source_id}
        if at is not None:
            body["source_timestamp"] = write_moment(at)
        if lsn:
            body["source_lsn"] = lsn
        if backup:
            guards.check_name(backup)
            self._refuse_taken(backup)
            body["preserve_under_name"] = backup
        before = self._again(branch).last_reset_at
        try:
            answer = self._api.post(f"{self._branch_path(branch)}/restore", body)
        except NeonAccessError as error:
            if not may_have_acted(error):
                raise
            self._settle_restore(branch, before, backup, error)
        else:
            self.wait_for(operations_of(answer))
        return self._again(branch)

    def _settle_restore(
        self, branch: Branch, before: datetime | None, backup: str | None, cause: NeonAccessError
    ) -> None:
        """Find out whether a restore was done whose answer was lost, and wait for its end.

        Raises:
            NeonAccessError: ``cause``, with what is known.
        """
        self._patience.say(f"no answer from Neon; looking whether {branch.name} was overwritten")

        def seen() -> bool:
            if backup:  # nobody had that name before
                return self.find(backup) is not None
            now = self._look(branch)
            return now is not None and now.last_reset_at not in (None, before)

        try:
            if self._comes_true(seen):
                self._wait_for_branch(branch)
                return
            self._wait_for_branch(branch)  # a restore that is under way is told of at its end
            if seen():
                return
        except NeonAccessError:
            cause.message += f". Whether {branch.name} was overwritten is not known"
            cause.remedy = "Look at its operations in the Neon console before you go on."
            raise cause from None
        sign = f"there is no branch {backup}" if backup else "Neon notes no reset of it"
        cause.message += f". {branch.name} was not overwritten so far: {sign}"
        cause.remedy = f"neonsync branches list shows {backup or branch.name}; then try again."
        raise cause

    def _comes_true(self, seen: Callable[[], bool]) -> bool:
        """Look until something is so; what a lost request has begun may take a moment to show."""
        for _ in range(LOOKUPS):
            if seen():
                return True
            self._patience.pause(POLL_SECONDS)
        return False

    def _refuse_taken(self, name: str) -> None:
        if self.find(name) is not None:
            raise ConfigError(
                f"the project has a branch named {name!r} already", "Choose another name."
            )

    def reset(self, branch: Branch, *, backup: str | None = None) -> Branch:
        """Overwrite a branch with its parent's present state; see ``restore``."""
        if branch.parent_id is None:
            raise AssertionError("check_reset refuses a branch without a parent")
        return self.restore(branch, branch.parent_id, backup=backup)

    def rename(self, branch: Branch, name: str) -> Branch:
        """Give a branch another name; the address stays.

        Raises:
            ConfigError: the name cannot be, or is another branch's.
        """
        guards.check_name(name)
        self._refuse_taken(name)
        try:
            return self._change(branch, {"name": name}, lambda now: now.name == name)
        except NeonRequestError as error:
            if error.status == 409:
                self._refuse_taken(name)
            raise

    def set_expiry(self, branch: Branch, moment: datetime | None) -> Branch:
        """Let Neon delete a branch at a moment, or never."""
        if moment is not None:
            guards.check_expires_at(moment, self.now())
        text = write_moment(moment) if moment is not None else None
        return self._change(
            branch, {"expires_at": text}, lambda now: now.expires_at == read_moment(text)
        )

    def _existing(self, branch: Branch, wish: BranchWish) -> Created:
        if wish.must_be_new:
            raise ConfigError(
                f"the project has a branch named {branch.name!r} already ({branch.id})",
                "Choose another name, or leave out --must-be-new to take that one.",
            )
        return Created(self._settled(branch), created=False)

    def _settled(self, branch: Branch) -> Branch:
        """A branch that somebody is at work on, when that has ended."""
        self._wait_for_branch(branch)
        return self._again(branch)

    def _wait_for_branch(self, branch: Branch) -> None:
        answer = self._api.get(f"{self._path}/operations", limit=_MOST_OPERATIONS)
        operations = [Operation.parse(body) for body in objects(answer, "operations")]
        self.wait_for([o for o in operations if o.branch_id == branch.id and o.status in _BUSY])

    def _look(self, branch: Branch) -> Branch | None:
        """The branch as it is now, by its id; None when it is gone."""
        try:
            answer = self._api.get(self._branch_path(branch))
        except NeonRequestError as error:
            if error.status != 404:
                raise
            return None
        now = Branch.parse(answer.get("branch"), answer.get("annotation"))
        # The answer for one branch may leave out what the list had.
        return now if now.annotation else replace(now, annotation=branch.annotation)

    def _again(self, branch: Branch) -> Branch:
        """The branch as it is after Neon has changed it.

        Raises:
            OperationError: it is gone.
        """
        for _ in range(_UNSEEN_LOOKS):
            if (now := self._look(branch)) is not None:
                return now
            self._patience.pause(POLL_SECONDS)
        raise OperationError(
            f"the branch {branch.name} ({branch.id}) is gone: somebody has deleted it meanwhile",
            "neonsync branches list shows what there is.",
        )

    def _change(
        self, branch: Branch, change: dict[str, Any], is_done: Callable[[Branch], bool]
    ) -> Branch:
        """Change what stands in a branch's record; ``is_done`` tells when the answer was lost."""
        try:
            answer = self._api.patch(self._branch_path(branch), {"branch": change})
        except NeonAccessError as error:

            def seen() -> bool:
                now = self._look(branch)
                return now is not None and is_done(now)

            if not may_have_acted(error) or not self._comes_true(seen):
                raise
            return self._again(branch)
        self.wait_for(operations_of(answer))
        return self._again(branch)
