"""What the commands of ``neonsync branches`` change: guarded, confirmed, noted in the history."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime, timedelta

from neonsync.cli.branch_views import said, show_change
from neonsync.cli.branch_work import confirm_by_name
from neonsync.errors import RefusedError
from neonsync.neon import guards
from neonsync.neon.annotation import annotation
from neonsync.neon.creation import BranchWish
from neonsync.neon.models import Branch
from neonsync.neon.moments import write_moment
from neonsync.services.work import Work, recorded


def create_branch(
    work: Work, name: str, wish: BranchWish, expires: timedelta | None, *, as_json: bool
) -> None:
    """Make a branch, or find it."""
    wish = replace(wish, expires_in=expires, annotation=annotation(os.environ))
    with recorded(work, "create", name) as note:
        made = work.project.create(name, wish)
        note.branch = made.branch
        note.keep = made.created
    text = f"created {said(made.branch)}" if made.created else f"{said(made.branch)} was there"
    show_change(work, made.branch, text, as_json=as_json, created=made.created)
    if not made.created:
        work.tell("It was taken as it is; with --must-be-new that is an error.")


def delete_branch(work: Work, name: str, confirm: str | None, *, as_json: bool) -> None:
    """Delete a branch."""
    branch, branches = _chosen(work, name)
    guards.check_delete(branch, branches)
    confirm_by_name(
        work, branch, confirm, "deleted", f"This deletes {all_databases(work, branch)}."
    )
    with recorded(work, "delete", name, branch):
        there = work.project.delete(branch)
    text = f"deleted {said(branch)}" if there else f"{said(branch)} was gone already"
    show_change(work, branch, text, as_json=as_json, deleted=there)


def reset_branch(
    work: Work, name: str, backup: str | None, confirm: str | None, *, as_json: bool
) -> None:
    """Overwrite a branch with its parent."""
    branch, branches = _chosen(work, name)
    guards.check_reset(branch, branches, backup)
    parent = next((b.name for b in branches if b.id == branch.parent_id), branch.parent_id)
    confirm_by_name(
        work,
        branch,
        confirm,
        f"overwritten with {parent}",
        f"This overwrites {all_databases(work, branch)} with the present state of {parent}; "
        "connections drop.",
    )
    with recorded(work, "reset", name, branch, f"to {parent}{kept(backup)}"):
        done = work.project.reset(branch, backup=backup)
    text = f"reset {said(done)} to {parent}{kept(backup)}"
    show_change(work, done, text, as_json=as_json, backup=backup)


def restore_branch(
    work: Work,
    name: str,
    source: str,
    at: datetime | None,
    lsn: str,
    backup: str | None,
    confirm: str | None,
    *,
    as_json: bool,
) -> None:
    """Overwrite a branch with an earlier state, or with another branch."""
    branch, branches = _chosen(work, name)
    origin_branch = work.project.branch(source) if source else branch
    # Neon wants the present state of a branch kept that is taken back in time.
    backup = backup or f"{branch.name[:200]}_before_{work.project.now():%Y%m%dT%H%M%S}"
    guards.check_restore(branch, branches, backup)
    if origin_branch.id == branch.id and at is None and not lsn:
        raise RefusedError(
            f"{branch.name} has its own present state already",
            "Say to which one it shall go back: --at TIME or --lsn LSN; or --from another branch.",
        )
    if at is not None:
        work.project.check_history(at)
    state = f" at {write_moment(at)}" if at is not None else f" at {lsn}" if lsn else " now"
    what = f"{origin_branch.name if source else 'its own state'}{state}"
    confirm_by_name(
        work,
        branch,
        confirm,
        f"overwritten with {what}",
        f"This overwrites {all_databases(work, branch)} with {what}; connections drop. "
        f"The present state is kept as the branch {backup}.",
    )
    with recorded(work, "restore", name, branch, f"to {what}{kept(backup)}"):
        done = work.project.restore(branch, origin_branch.id, at=at, lsn=lsn, backup=backup)
    text = f"restored {said(done)} to {what}{kept(backup)}"
    show_change(work, done, text, as_json=as_json, backup=backup)


def rename_branch(
    work: Work, name: str, new_name: str, confirm: str | None, *, as_json: bool
) -> None:
    """Give a branch another name."""
    branch = work.project.branch(name)
    guards.check_name(new_name)
    guards.check_rename(branch, confirm)
    with recorded(work, "rename", new_name, branch, f"was {name}"):
        done = work.project.rename(branch, new_name)
    show_change(work, done, f"renamed {name} to {said(done)}", as_json=as_json)


def expire_branch(
    work: Work,
    name: str,
    span: timedelta | None,
    at: datetime | None,
    confirm: str | None,
    *,
    as_json: bool,
) -> None:
    """Set or take away a branch's expiry."""
    branch, branches = _chosen(work, name)
    moment = work.project.now() + span if span is not None else at
    if moment is not None:
        guards.check_expiry(branch, branches)
        guards.check_expires_at(moment, work.project.now())
    when = f"at {write_moment(moment)}" if moment is not None else "never"
    # It is a deletion that comes later. Whoever lets a branch live longer need not say it twice.
    if moment is not None and guards.ends_sooner(branch, moment):
        warning = f"Neon then deletes {all_databases(work, branch)}: {when}."
        confirm_by_name(work, branch, confirm, f"deleted {when}", warning)
    with recorded(work, "expire", name, branch, when):
        done = work.project.set_expiry(branch, moment)
    show_change(work, done, f"{said(done)} expires {when}", as_json=as_json)


def _chosen(work: Work, name: str) -> tuple[Branch, list[Branch]]:
    """The branch of exactly that name, and all that there are."""
    return work.project.branch(name), work.project.branches()


def all_databases(work: Work, branch: Branch) -> str:
    """What is overwritten or deleted with a branch, in words."""
    names = ", ".join(work.project.databases(branch)) or "none that Neon names"
    return f"all databases of {said(branch)} ({names})"


def kept(backup: str | None) -> str:
    """Where the state before stays, in words."""
    return f", the state before kept as {backup}" if backup else ""
