"""``--via-branch``: the sync goes into a child of the target, to be looked at before it counts."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from neonsync.cli.branch_work import open_project
from neonsync.cli.headless import run_headless
from neonsync.cli.plan import Via, show_plan
from neonsync.engine.plan import make_plan
from neonsync.errors import ExitCode
from neonsync.neon.moments import in_words
from neonsync.services.via_branch import Child, find_child, make_child, settings_to_plan


def run_via_branch(
    flags: Mapping[str, Any],
    config: Path | None,
    life: timedelta | None,
    *,
    as_json: bool = False,
    keep_on_stop: bool = False,
) -> ExitCode:
    """Make a child of the target that expires, sync into it, and say how to look and to promote.

    The target itself is only read; so the default and protected branches need no confirmation.

    Raises:
        NeonsyncError: the settings are wrong, or Neon does not make the child.
    """
    with open_project(config, flags=flags) as work:
        child = find_child(work, life)
        make_child(work, child)
    return run_headless(
        {**flags, "branch": child.name},
        config,
        _next_steps(child),
        as_json=as_json,
        run_id=child.run_id,
        via=work.settings,
        keep_on_stop=keep_on_stop,
    )


def plan_via_branch(
    flags: Mapping[str, Any], config: Path | None, life: timedelta | None, *, as_json: bool = False
) -> ExitCode:
    """Show the plan for the child to be, which has what the target has; nothing is made.

    Raises:
        NeonsyncError: what a run would be refused for; with the same exit code.
    """
    with open_project(config, flags=flags) as work:
        child = find_child(work, life)
        settings = settings_to_plan(work.settings, child.target.name)
        plan = make_plan(settings, work.tell, reads=True)
    show_plan(plan, as_json=as_json, via=Via(child.name, child.target, child.life))
    return ExitCode.OK


def _next_steps(child: Child) -> str:
    name, target = shlex.quote(child.name), shlex.quote(child.target.name)
    look = (
        f"{child.target.name} is as it was. Look at the copy:\n"
        f'  (eval "$(neonsync branches uri {name} --env --show)"; psql)\n'
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
