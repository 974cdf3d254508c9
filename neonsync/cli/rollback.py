"""``neonsync rollback``: a branch as it was before a run, by Neon's own history of it."""

from __future__ import annotations

from pathlib import Path

import click

from neonsync.cli.options import config_option


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

    from neonsync.cli.branch_views import show_change
    from neonsync.cli.branch_work import confirmed_by_name, open_project
    from neonsync.cli.output import say
    from neonsync.history import read_history
    from neonsync.services.rollback import Noted, find_run, roll_back

    found = read_history(os.environ)
    for note in found.notes:
        say(f"warning: {note}", err=True)
    known = any(entry.run_id == run and entry.branch_id for entry in found.entries)
    noted = Noted(*find_run(found.entries, run)) if known or not branch else None
    with open_project(config) as work:
        change = roll_back(work, run, noted, branch, backup)
        show_change(work, confirmed_by_name(work, change, confirm), as_json=as_json)
