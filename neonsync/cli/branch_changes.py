"""What the commands of ``neonsync branches`` change: asked for and said; services do the work."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta

from neonsync.cli.branch_views import show_change
from neonsync.cli.branch_work import confirmed_by_name
from neonsync.neon.creation import BranchWish
from neonsync.neon.models import Branch
from neonsync.neon.moments import write_moment
from neonsync.services import changes
from neonsync.services.work import Work


def create_branch(
    work: Work, name: str, wish: BranchWish, expires: timedelta | None, *, as_json: bool
) -> None:
    """Make a branch, or find it; of one that is there, what was asked for and not done is told."""
    done = changes.create(work, name, wish, expires)
    show_change(work, done, as_json=as_json)
    if done.more["created"]:
        return
    work.tell("It was taken as it is; with --must-be-new that is an error.")
    asked = {
        "--from-parent": wish.parent,
        "--at": wish.at,
        "--lsn": wish.lsn,
        "--schema-only": wish.schema_only,
        "--cu": wish.min_cu,
    }
    if ignored := [flag for flag, value in asked.items() if value]:
        work.tell(f"warning: nothing was done for {', '.join(ignored)}")
    if expires is not None:
        at = done.branch.expires_at
        stays = f"it expires {write_moment(at)}" if at is not None else "it never expires"
        work.tell(
            f"warning: nothing was done for --expires: {stays}. To change that: "
            f"neonsync branches expire {shlex.quote(name)} --in SPAN"
        )


def delete_branch(work: Work, name: str, confirm: str | None, *, as_json: bool) -> None:
    """Delete a branch."""
    change = changes.delete(work, *_chosen(work, name))
    show_change(work, confirmed_by_name(work, change, confirm), as_json=as_json)


def reset_branch(
    work: Work, name: str, backup: str | None, confirm: str | None, *, as_json: bool
) -> None:
    """Overwrite a branch with its parent."""
    change = changes.reset(work, *_chosen(work, name), backup)
    show_change(work, confirmed_by_name(work, change, confirm), as_json=as_json)


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
    change = changes.restore(work, *_chosen(work, name), source, at=at, lsn=lsn, backup=backup)
    show_change(work, confirmed_by_name(work, change, confirm), as_json=as_json)


def rename_branch(
    work: Work, name: str, new_name: str, confirm: str | None, *, as_json: bool
) -> None:
    """Give a branch another name."""
    done = changes.rename(work, work.project.branch(name), new_name, confirm)
    show_change(work, done, as_json=as_json)


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
    chosen = _chosen(work, name)
    moment = work.project.now() + span if span is not None else at
    change = changes.expire(work, *chosen, moment)
    show_change(work, confirmed_by_name(work, change, confirm), as_json=as_json)


def _chosen(work: Work, name: str) -> tuple[Branch, list[Branch]]:
    """The branch of exactly that name, and all that there are."""
    return work.project.branch(name), work.project.branches()
