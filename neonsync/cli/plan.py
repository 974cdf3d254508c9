"""``neonsync plan`` and ``--dry-run``: what a run would do, at what price; nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from neonsync.cli.loaded import loaded
from neonsync.cli.output import say, say_json
from neonsync.engine.plan import Plan, make_plan
from neonsync.engine.preview import preview
from neonsync.errors import ExitCode
from neonsync.neon.models import Branch
from neonsync.neon.moments import in_words
from neonsync.report.preview import as_json as preview_as_json
from neonsync.report.preview import as_text
from neonsync.report.wording import printable


@dataclass(frozen=True)
class Via:
    """The branch that a run would make to sync into, a copy of ``target``."""

    name: str
    target: Branch
    life: timedelta


def run_plan(flags: Mapping[str, Any], config: Path | None, *, as_json: bool = False) -> ExitCode:
    """Print the plan on stdout, as text or as one JSON object.

    Raises:
        NeonsyncError: what a run would be refused for; with the same exit code.
    """
    settings = loaded(flags, config)

    def tell(text: str) -> None:
        say(printable(text), err=True)

    show_plan(make_plan(settings, tell, reads=True), as_json=as_json)
    return ExitCode.OK


def show_plan(plan: Plan, *, as_json: bool, via: Via | None = None) -> None:
    """Look at what the plan meets, and print it; ``via`` names the branch that it is for.

    Raises:
        NeonsyncError: what a run would be refused for.
    """
    found = asyncio.run(preview(plan))
    if via is not None:
        to_be = replace(via.target, name=via.name, id="not made yet")
        found = replace(found, plan=replace(plan, branch=to_be))
    if as_json:
        shown = preview_as_json(found)
        if via is not None:
            shown["branch_id"] = ""
            shown["via_branch"] = {
                "parent": via.target.name,
                "parent_id": via.target.id,
                "expires_in_seconds": int(via.life.total_seconds()),
            }
        say_json(shown)
        return
    text = as_text(found)
    if via is not None:
        text = (
            f"Via a branch: the run makes {printable(via.name)}, a copy of "
            f"{printable(via.target.name)} that Neon deletes in {in_words(via.life)},\n"
            f"and syncs into that. What follows is looked up in {printable(via.target.name)}, "
            f"which stays as it is.\n\n{text}"
        )
    say(text)
