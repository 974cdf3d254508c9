"""``neonsync rollback``: a branch as it was before a run, by Neon's own history of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from neonsync.cli.options import config_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neonsync.history import Entry

_OVERWRITES = ("reset", "restore", "rollback")


@click.command(
    epilog="\b\nExamples:\n  neonsync rollback run_0123456789 --confirm dev\n"
    "  neonsync rollback run_0123456789 --branch dev --confirm dev"
)
@click.argument("run")
@click.option(
    "--branch",
    metavar="NAME",
    default="",
    help="The run's branch, for a run of another machine: the branch's own ledger knows it.",
)
@click.option("--backup", metavar="NAME", help="Name of the branch that keeps the present state.")
@click.option("--confirm", metavar="NAME", help="The branch's name; asked for on a terminal.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def rollback(
    run: str,
    branch: str,
    backup: str | None,
    confirm: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Take a branch back to the moment before a run, with all its databases.

    Whatever was written to the branch since, by anybody, is taken back too; the present state is
    kept as a branch. RUN stands in neonsync history, and in neonsync.runs of the branch.
    """
    import os

    from neonsync.cli.branch_work import open_project
    from neonsync.cli.output import say
    from neonsync.cli.rollback_work import Noted, roll_back
    from neonsync.history import read_history

    found = read_history(os.environ)
    for note in found.notes:
        say(f"warning: {note}", err=True)
    known = any(entry.run_id == run and entry.branch_id for entry in found.entries)
    noted = Noted(*find_run(found.entries, run)) if known or not branch else None
    with open_project(config) as work:
        roll_back(work, run, noted, branch, backup, confirm, as_json=as_json)


def find_run(entries: Sequence[Entry], run: str) -> tuple[Entry, list[Entry]]:
    """The first attempt of a run, and what was done to its branch after the run.

    Raises:
        ConfigError: the history has no such run, or none that could be undone.
        RefusedError: the branch was overwritten since, so that its past is another one.
    """
    from neonsync.errors import ConfigError, RefusedError

    attempts = [entry for entry in entries if run and entry.run_id == run and entry.kind == "run"]
    if not attempts or not attempts[0].branch_id:
        raise ConfigError(
            f"the history knows no run {run!r}",
            "neonsync history lists those of this machine. For a run of another one add "
            "--branch NAME: that branch's own ledger knows it.",
        )
    first, last = attempts[0], attempts[-1]
    later = [
        entry
        for entry in entries
        if entry.branch_id == first.branch_id and entry.moment > last.moment and entry.run_id != run
    ]
    for entry in later:
        if entry.kind in _OVERWRITES and entry.status == "succeeded":
            raise RefusedError(
                f"{first.branch} was overwritten after {run}, by {entry.kind} at {entry.time}: "
                "there is nothing left of that run to take back",
                "neonsync branches restore takes it to any moment of its present history.",
            )
    return first, later
