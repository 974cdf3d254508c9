"""What the commands of ``neonsync branches`` change: guarded, confirmed, noted in the history."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from neonsync.cli.branch_views import said, show_change
from neonsync.cli.output import say
from neonsync.errors import (
    ConfigError,
    NeonsyncError,
    RefusedError,
    RunCancelled,
    UnknownBranchError,
)
from neonsync.history import Entry, append, now, origin
from neonsync.neon import guards
from neonsync.neon.annotation import annotation
from neonsync.neon.branches import Project
from neonsync.neon.creation import BranchWish
from neonsync.neon.models import Branch
from neonsync.neon.moments import write_moment
from neonsync.neon.waiting import Patience
from neonsync.report.wording import printable
from neonsync.secret import Secret, redact
from neonsync.settings import Settings, load_settings


@dataclass(frozen=True)
class Work:
    """A project to work on. ``secrets`` are kept out of whatever is said."""

    project: Project
    settings: Settings
    secrets: tuple[Secret, ...]

    def tell(self, text: str) -> None:
        """Say a line to people, on stderr."""
        say(printable(redact(text, *self.secrets)), err=True)


@contextlib.contextmanager
def open_project(
    config: Path | None,
    *,
    flags: Mapping[str, Any] | None = None,
    database: str | None = None,
    role: str | None = None,
) -> Iterator[Work]:
    """The project of the settings; errors from within lose their secrets.

    Raises:
        ConfigError: the settings are wrong, or hold no API key.
    """
    settings = load_settings(flags=flags or {}, environ=os.environ, config=config)
    neon = settings.neon
    neon = replace(neon, database=database or neon.database, role=role or neon.role)
    secrets = settings.secrets

    def tell(text: str) -> None:
        say(printable(redact(text, *secrets)), err=True)

    work = Work(Project(neon, Patience(say=tell)), replace(settings, neon=neon), secrets)
    try:
        yield work
    except NeonsyncError as error:
        error.message = redact(error.message, *secrets)
        raise
    except KeyboardInterrupt:
        raise RunCancelled(
            "stopped; Neon goes on with what it has begun. neonsync branches list shows what is"
        ) from None


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
    _confirm(work, branch, confirm, "deleted", f"This deletes {said(branch)}, all its databases.")
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
    _confirm(
        work,
        branch,
        confirm,
        f"overwritten with {parent}",
        f"This overwrites all databases of {said(branch)} with the present state of {parent}; "
        "connections drop.",
    )
    with recorded(work, "reset", name, branch, f"to {parent}{_kept(backup)}"):
        done = work.project.reset(branch, backup=backup)
    text = f"reset {said(done)} to {parent}{_kept(backup)}"
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
    state = f" at {write_moment(at)}" if at is not None else f" at {lsn}" if lsn else " now"
    what = f"{origin_branch.name if source else 'its own state'}{state}"
    _confirm(
        work,
        branch,
        confirm,
        f"overwritten with {what}",
        f"This overwrites all databases of {said(branch)} with {what}; connections drop. "
        f"The present state is kept as the branch {backup}.",
    )
    with recorded(work, "restore", name, branch, f"to {what}{_kept(backup)}"):
        done = work.project.restore(branch, origin_branch.id, at=at, lsn=lsn, backup=backup)
    text = f"restored {said(done)} to {what}{_kept(backup)}"
    show_change(work, done, text, as_json=as_json, backup=backup)


def roll_back(
    work: Work,
    run: Entry,
    later: Sequence[Entry],
    backup: str | None,
    confirm: str | None,
    *,
    as_json: bool,
) -> None:
    """Take the branch of a run back to the moment before it began."""
    branches = work.project.branches()
    branch = next((each for each in branches if each.id == run.branch_id), None)
    if branch is None:
        raise UnknownBranchError(
            f"the project {work.project.id} has no branch {run.branch} ({run.branch_id}) any more",
            "What is deleted cannot be taken back.",
        )
    # By this machine's clock it began then: long before it wrote, as it planned first.
    skew = work.project.now() - datetime.now(UTC)
    at = run.moment - timedelta(seconds=run.seconds) + skew
    backup = backup or f"{branch.name[:200]}_before_rollback_{work.project.now():%Y%m%dT%H%M%S}"
    guards.check_restore(branch, branches, backup)
    work.project.check_history(at)
    others = [entry.run_id for entry in later if entry.run_id]
    runs = f" The runs {', '.join(others)} are taken back too." if others else ""
    _confirm(
        work,
        branch,
        confirm,
        f"taken back to {write_moment(at)}",
        f"This takes all databases of {said(branch)} back to {write_moment(at)}, before "
        f"{run.run_id}, with whatever anybody wrote since; connections drop.{runs} "
        f"The present state is kept as the branch {backup}.",
    )
    with recorded(work, "rollback", branch.name, branch, f"of {run.run_id}{_kept(backup)}"):
        done = work.project.restore(branch, branch.id, at=at, backup=backup)
    text = f"took {said(done)} back to before {run.run_id}{_kept(backup)}"
    show_change(
        work, done, text, as_json=as_json, backup=backup, run_id=run.run_id, at=write_moment(at)
    )


def rename_branch(work: Work, name: str, new_name: str, *, as_json: bool) -> None:
    """Give a branch another name."""
    branch = work.project.branch(name)
    with recorded(work, "rename", new_name, branch, f"was {name}"):
        done = work.project.rename(branch, new_name)
    show_change(work, done, f"renamed {name} to {said(done)}", as_json=as_json)


def expire_branch(
    work: Work, name: str, span: timedelta | None, at: datetime | None, *, as_json: bool
) -> None:
    """Set or take away a branch's expiry."""
    branch, branches = _chosen(work, name)
    moment = work.project.now() + span if span is not None else at
    if moment is not None:
        guards.check_expiry(branch, branches)
    when = f"at {write_moment(moment)}" if moment is not None else "never"
    with recorded(work, "expire", name, branch, when):
        done = work.project.set_expiry(branch, moment)
    show_change(work, done, f"{said(done)} expires {when}", as_json=as_json)


@dataclass
class Note:
    """What is known of an operation while it is under way; without ``keep`` it is not noted."""

    branch: Branch | None = None
    keep: bool = True


@contextlib.contextmanager
def recorded(
    work: Work, kind: str, name: str, branch: Branch | None = None, detail: str = ""
) -> Iterator[Note]:
    """Note an operation in the history, however it ends."""
    note = Note(branch)
    began = time.monotonic()
    error: NeonsyncError | None = None
    done = False
    try:
        yield note
        done = True
    except (ConfigError, RefusedError):
        note.keep = False  # nothing was asked of Neon
        raise
    except NeonsyncError as raised:
        error = raised
        raise
    finally:
        if note.keep:
            warning = append(
                Entry(
                    time=now(),
                    kind=kind,
                    branch=name,
                    branch_id=note.branch.id if note.branch is not None else "",
                    project=work.project.id,
                    status="succeeded" if done else "failed",
                    exit_code=int(error.exit_code) if error is not None else 0,
                    seconds=round(time.monotonic() - began, 3),
                    detail=error.message if error is not None else detail,
                    **origin(os.environ),
                ),
                os.environ,
                work.secrets,
            )
            if warning:
                work.tell(f"warning: {warning}")


def _chosen(work: Work, name: str) -> tuple[Branch, list[Branch]]:
    """The branch of exactly that name, and all that there are."""
    return work.project.branch(name), work.project.branches()


def _confirm(work: Work, branch: Branch, confirm: str | None, doing: str, warning: str) -> None:
    """Have the name said once more: by the flag, or by whoever sits at the terminal.

    Raises:
        RefusedError: it was not.
    """
    if confirm is None and sys.stdin.isatty() and sys.stderr.isatty():
        work.tell(warning)
        confirm = click.prompt("Type its name to go on", default="", show_default=False, err=True)
    guards.check_confirmed(branch, confirm or None, doing)


def _kept(backup: str | None) -> str:
    return f", the state before kept as {backup}" if backup else ""
