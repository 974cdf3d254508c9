"""``--via-branch``: the sync goes into a child of the target, to be looked at before it counts."""

from __future__ import annotations

import os
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from neonsync.cli.branch_work import Work, open_project, recorded
from neonsync.cli.headless import run_headless
from neonsync.cli.plan import Via, show_plan
from neonsync.engine.plan import make_plan
from neonsync.engine.target import check_meant
from neonsync.errors import ExitCode
from neonsync.neon import guards
from neonsync.neon.annotation import annotation
from neonsync.neon.creation import BranchWish
from neonsync.neon.models import Branch
from neonsync.neon.moments import in_words

LIFE = timedelta(days=1)


@dataclass(frozen=True)
class _Child:
    """The branch that is to be made, and what of."""

    name: str
    target: Branch
    life: timedelta


def run_via_branch(
    flags: Mapping[str, Any], config: Path | None, life: timedelta | None, *, as_json: bool = False
) -> ExitCode:
    """Make a child of the target that expires, sync into it, and say how to look and to promote.

    The target itself is only read; so the default and protected branches need no confirmation.

    Raises:
        NeonsyncError: the settings are wrong, or Neon does not make the child.
    """
    run_id = f"run_{secrets.token_hex(5)}"
    with open_project(config, flags=flags) as work:
        child = _child(work, life)
        name, target = child.name, child.target.name
        wish = BranchWish(
            parent=target,
            expires_in=child.life,
            must_be_new=True,
            annotation=annotation(os.environ, run_id),
        )
        with recorded(work, "create", name, detail=f"to sync via, of {target}") as note:
            note.branch = work.project.create(name, wish).branch
        work.tell(f"syncing into {name}, a copy of {target}, which stays as it is")
        work.tell(f"Neon deletes {name} in {in_words(child.life)}")
    return run_headless(
        {**flags, "branch": name}, config, _next_steps(child), as_json=as_json, run_id=run_id
    )


def plan_via_branch(
    flags: Mapping[str, Any], config: Path | None, life: timedelta | None, *, as_json: bool = False
) -> ExitCode:
    """Show the plan for the child to be, which has what the target has; nothing is made.

    Raises:
        NeonsyncError: what a run would be refused for; with the same exit code.
    """
    with open_project(config, flags=flags) as work:
        child = _child(work, life)
        # The plan only reads the target, as the run will.
        confirmed = (*work.settings.confirm, child.target.name)
        settings = replace(work.settings, branch=child.target.name, confirm=confirmed)
        plan = make_plan(settings, work.tell)
    show_plan(plan, settings, as_json=as_json, via=Via(child.name, child.target, child.life))
    return ExitCode.OK


def _child(work: Work, life: timedelta | None) -> _Child:
    """Find the target, and see that it can have the child.

    Raises:
        NeonsyncError: it is not there, is not the one that is meant, or can have no such child.
    """
    target = work.project.branch(work.settings.branch)
    string = work.settings.neon.connection_string
    if not work.settings.branch and string is not None:
        check_meant(work.project, target, string)
    guards.check_parent(target)
    now, life = work.project.now(), life or LIFE
    guards.check_expires_at(now + life, now)
    return _Child(f"{target.name[:200]}-sync-{now:%Y%m%dT%H%M%S}", target, life)


def _next_steps(child: _Child) -> str:
    name, target = shlex.quote(child.name), shlex.quote(child.target.name)
    look = (
        f"{child.target.name} is as it was. Look at the copy:\n"
        f'  psql "$(neonsync branches uri {name} --show)"\n'
    )
    if child.target.protected or child.target.parent_id is None:
        kind = "a protected" if child.target.protected else "a root"
        return (
            f"{look}Neon does not overwrite {kind} branch with another one: "
            "if the copy is good, sync into it,\n"
            f"with the same flags, --confirm {target} in place of --via-branch.\n"
            f"The copy is deleted in {in_words(child.life)}."
        )
    return (
        f"{look}Then make it the branch; whatever was written to {child.target.name} since the "
        "copy was made\nis not in it, and stays in a backup only:\n"
        f"  neonsync branches restore {target} --from {name} --confirm {target}\n"
        f"Or leave it: it is deleted in {in_words(child.life)}."
    )
