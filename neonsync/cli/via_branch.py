"""``--via-branch``: the sync goes into a child of the target, to be looked at before it counts."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from neonsync.cli.branch_work import open_project, recorded
from neonsync.cli.headless import run_headless
from neonsync.engine.target import check_meant
from neonsync.errors import ExitCode
from neonsync.neon.annotation import annotation
from neonsync.neon.creation import BranchWish

LIFE = timedelta(days=1)


def run_via_branch(
    flags: Mapping[str, Any], config: Path | None, *, as_json: bool = False
) -> ExitCode:
    """Make a child of the target that expires, sync into it, and say how to look and to promote.

    The target itself is only read; so the default and protected branches need no confirmation.

    Raises:
        NeonsyncError: the settings are wrong, or Neon does not make the child.
    """
    with open_project(config, flags=flags) as work:
        target = work.project.branch(work.settings.branch)
        string = work.settings.neon.connection_string
        if not work.settings.branch and string is not None:
            check_meant(work.project, target, string)
        name = f"{target.name[:200]}-sync-{work.project.now():%Y%m%dT%H%M%S}"
        wish = BranchWish(
            parent=target.name,
            expires_in=LIFE,
            must_be_new=True,
            annotation=annotation(os.environ),
        )
        with recorded(work, "create", name, detail=f"to sync via, of {target.name}") as note:
            note.branch = work.project.create(name, wish).branch
        work.tell(f"syncing into {name}, a copy of {target.name}, which stays as it is")
        work.tell(f"Neon deletes {name} in {LIFE.days} day")
    child, whole = shlex.quote(name), shlex.quote(target.name)
    steps = (
        f"{target.name} is as it was. Look at the copy, then make it the branch:\n"
        f'  psql "$(neonsync branches uri {child} --show)"\n'
        f"  neonsync branches restore {whole} --from {child} --confirm {whole}\n"
        "or leave it to expire."
    )
    return run_headless({**flags, "branch": name}, config, steps, as_json=as_json)
