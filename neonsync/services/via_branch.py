"""Via a branch: the sync goes into a child of the target, to be looked at before it counts."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta

from neonsync.engine.planning.target import check_meant
from neonsync.neon import guards
from neonsync.neon.annotation import annotation
from neonsync.neon.creation import BranchWish
from neonsync.neon.models import Branch
from neonsync.neon.moments import in_words
from neonsync.services.work import Work, recorded
from neonsync.settings import Settings

LIFE = timedelta(days=1)


@dataclass(frozen=True)
class Child:
    """The branch that is to be made, and what of; ``run_id`` names the run that it is for."""

    name: str
    target: Branch
    life: timedelta
    run_id: str


def find_child(work: Work, life: timedelta | None = None) -> Child:
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
    name = f"{target.name[:200]}-sync-{now:%Y%m%dT%H%M%S}"
    return Child(name, target, life, f"run_{secrets.token_hex(5)}")


def make_child(work: Work, child: Child) -> None:
    """Make it, and wait until it is ready. The target itself is only read.

    Raises:
        NeonsyncError: Neon does not make it.
    """
    name, target = child.name, child.target.name
    wish = BranchWish(
        parent=target,
        expires_in=child.life,
        must_be_new=True,
        annotation=annotation(work.environ, child.run_id),
    )
    with recorded(work, "create", name, detail=f"to sync via, of {target}") as note:
        note.branch = work.project.create(name, wish).branch
    work.tell(f"syncing into {name}, a copy of {target}, which stays as it is")
    work.tell(f"Neon deletes {name} in {in_words(child.life)}")


def settings_to_plan(settings: Settings, target: str) -> Settings:
    """Settings for the plan before there is a child: it only reads the target, as the run will."""
    return replace(settings, branch=target, confirm=(*settings.confirm, target))
