"""What may be done to a branch: guarded, confirmed by its name, noted in the history."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from neonsync.errors import RefusedError
from neonsync.neon import guards
from neonsync.neon.annotation import annotation
from neonsync.neon.creation import BranchWish
from neonsync.neon.models import Branch
from neonsync.neon.moments import write_moment
from neonsync.services.showing import said
from neonsync.services.work import Work, recorded


@dataclass(frozen=True)
class Done:
    """What a change came to: the branch as it is now, the same in words, and more for programs."""

    branch: Branch
    text: str
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A change that is possible, and waits for its confirmation; nothing is changed so far.

    ``doing`` completes the sentence "the branch would be …"; ``warning`` says what would be lost.
    ``at`` is the moment that the branch is taken back to, and ``backup`` the branch that keeps the
    present state, where there are such.
    """

    branch: Branch
    doing: str
    warning: str
    do: Callable[[], Done]
    must_confirm: bool = True
    at: datetime | None = None
    backup: str = ""

    def carry_out(self, confirmed: str | None) -> Done:
        """Do it, if ``confirmed`` is the branch's name.

        Raises:
            RefusedError: it is not.
        """
        if self.must_confirm:
            guards.check_confirmed(self.branch, confirmed or None, self.doing)
        return self.do()


def create(work: Work, name: str, wish: BranchWish, expires: timedelta | None) -> Done:
    """Make a branch, or find it.

    Raises:
        ConfigError: name or wish cannot be, or the branch is there and must be new.
        NeonAccessError: Neon did not answer, or refused.
    """
    guards.check_name(name)
    wish = replace(wish, expires_in=expires, annotation=annotation(work.environ))
    with recorded(work, "create", name) as note:
        made = work.project.create(name, wish)
        note.branch = made.branch
        note.keep = made.created
    text = f"created {said(made.branch)}" if made.created else f"{said(made.branch)} was there"
    return Done(made.branch, text, {"created": made.created})


def delete(work: Work, branch: Branch, branches: Sequence[Branch]) -> Change:
    """Delete a branch.

    Raises:
        RefusedError: Neon would not delete it.
    """
    guards.check_delete(branch, branches)

    def do() -> Done:
        with recorded(work, "delete", branch.name, branch):
            there = work.project.delete(branch)
        text = f"deleted {said(branch)}" if there else f"{said(branch)} was gone already"
        return Done(branch, text, {"deleted": there})

    return Change(branch, "deleted", f"This deletes {all_databases(work, branch)}.", do)


def reset(work: Work, branch: Branch, branches: Sequence[Branch], backup: str | None) -> Change:
    """Overwrite a branch with its parent.

    Raises:
        RefusedError: Neon would not reset it.
    """
    guards.check_reset(branch, branches, backup)
    parent = next((b.name for b in branches if b.id == branch.parent_id), branch.parent_id)

    def do() -> Done:
        with recorded(work, "reset", branch.name, branch, f"to {parent}{kept(backup)}"):
            done = work.project.reset(branch, backup=backup)
        return Done(done, f"reset {said(done)} to {parent}{kept(backup)}", {"backup": backup})

    return Change(
        branch,
        f"overwritten with {parent}",
        f"This overwrites {all_databases(work, branch)} with the present state of {parent}; "
        "connections drop.",
        do,
        backup=backup or "",
    )


def restore(
    work: Work,
    branch: Branch,
    branches: Sequence[Branch],
    source: str,
    *,
    at: datetime | None,
    lsn: str,
    backup: str | None,
) -> Change:
    """Overwrite a branch with an earlier state, or with the branch called ``source``.

    Raises:
        ConfigError: there is no such branch or moment.
        RefusedError: Neon would not restore it, or it would be as it is.
    """
    other = work.project.branch(source) if source else branch
    # Neon wants the present state of a branch kept that is taken back in time.
    name = backup or f"{branch.name[:200]}_before_{work.project.now():%Y%m%dT%H%M%S}"
    guards.check_restore(branch, branches, name)
    if other.id == branch.id and at is None and not lsn:
        raise RefusedError(
            f"{branch.name} has its own present state already",
            "Say to which one it shall go back: --at TIME or --lsn LSN; or --from another branch.",
        )
    if at is not None:
        work.project.check_history(at)
    state = f" at {write_moment(at)}" if at is not None else f" at {lsn}" if lsn else " now"
    what = f"{other.name if source else 'its own state'}{state}"

    def do() -> Done:
        with recorded(work, "restore", branch.name, branch, f"to {what}{kept(name)}"):
            done = work.project.restore(branch, other.id, at=at, lsn=lsn, backup=name)
        return Done(done, f"restored {said(done)} to {what}{kept(name)}", {"backup": name})

    return Change(
        branch,
        f"overwritten with {what}",
        f"This overwrites {all_databases(work, branch)} with {what}; connections drop. "
        f"The present state is kept as the branch {name}.",
        do,
        at=at,
        backup=name,
    )


def rename(work: Work, branch: Branch, new_name: str, confirmed: str | None) -> Done:
    """Give a branch another name.

    Raises:
        ConfigError: the name cannot be, or is another branch's.
        RefusedError: it is a guarded branch, and its name was not said once more.
    """
    guards.check_name(new_name)
    guards.check_rename(branch, confirmed)
    with recorded(work, "rename", new_name, branch, f"was {branch.name}"):
        done = work.project.rename(branch, new_name)
    return Done(done, f"renamed {branch.name} to {said(done)}")


def expire(
    work: Work, branch: Branch, branches: Sequence[Branch], moment: datetime | None
) -> Change:
    """Set or take away a branch's expiry; ``moment`` is by Neon's clock, None for never.

    Raises:
        ConfigError: the moment is past, or too far away.
        RefusedError: Neon lets such a branch not expire.
    """
    if moment is not None:
        guards.check_expiry(branch, branches)
        guards.check_expires_at(moment, work.project.now())
    when = f"at {write_moment(moment)}" if moment is not None else "never"
    # It is a deletion that comes later. Whoever lets a branch live longer need not say it twice.
    sooner = moment is not None and guards.ends_sooner(branch, moment)

    def do() -> Done:
        with recorded(work, "expire", branch.name, branch, when):
            done = work.project.set_expiry(branch, moment)
        return Done(done, f"{said(done)} expires {when}")

    warning = f"Neon then deletes {all_databases(work, branch)}: {when}." if sooner else ""
    return Change(branch, f"deleted {when}", warning, do, must_confirm=sooner)


def all_databases(work: Work, branch: Branch) -> str:
    """What is overwritten or deleted with a branch, in words."""
    names = ", ".join(work.project.databases(branch)) or "none that Neon names"
    return f"all databases of {said(branch)} ({names})"


def kept(backup: str | None) -> str:
    """Where the state before stays, in words."""
    return f", the state before kept as {backup}" if backup else ""
