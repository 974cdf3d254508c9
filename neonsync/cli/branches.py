"""``neonsync branches``: the commands and their options; the work is in ``branch_changes``."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from neonsync.cli.options import config_option
from neonsync.cli.parameters import CU, LSN, MOMENT, SPAN

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_confirm = click.option(
    "--confirm",
    metavar="NAME",
    help="The branch's present name once more; asked for on a terminal.",
)
_backup = click.option(
    "--backup", metavar="NAME", help="Keep the present state as a branch of this name."
)


def _example(*lines: str) -> str:
    return "\n".join(("\b", "Examples:" if len(lines) > 1 else "Example:", *lines))


@click.group(
    epilog=_example(
        "  neonsync branches list",
        "  neonsync branches create dev --expires 7d",
        "  neonsync branches reset dev --confirm dev",
    )
)
def branches() -> None:
    """List, create, change and delete branches of the Neon project.

    The project is NEON_PROJECT_ID's, the key NEON_API_KEY. Branches are named exactly.
    """


@branches.command("list", epilog=_example("  neonsync branches list --json"))
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_branches(config: Path | None, as_json: bool) -> None:
    """Show all branches: state, size, age, expiry, and when this machine last synced into each."""
    from neonsync.cli.branch_views import show_all
    from neonsync.cli.branch_work import open_project

    with open_project(config) as work:
        show_all(work, as_json=as_json)


@branches.command(
    epilog=_example(
        "  neonsync branches create dev",
        "  neonsync branches create pr-42 --from-parent staging --expires 7d --cu 0.25 --json",
        "  neonsync branches create yesterday --at 2026-01-31T09:30:00Z",
    )
)
@click.argument("name")
@click.option(
    "--from-parent", "parent", metavar="NAME", default="", help="Parent.  [default: the default]"
)
@click.option("--at", metavar="TIME", callback=MOMENT, help="As the parent was at this time.")
@click.option("--lsn", metavar="LSN", callback=LSN, help="As the parent was at this LSN.")
@click.option("--schema-only", is_flag=True, help="Without rows; such a branch has no parent.")
@click.option(
    "--expires", metavar="SPAN", callback=SPAN, help="Neon deletes it then: 12h, 7d; 30d at most."
)
@click.option("--cu", metavar="SIZE", callback=CU, help="Size of its compute: 0.25, or 0.25-2.")
@click.option("--must-be-new", is_flag=True, help="Fail when there is a branch of that name.")
@config_option
@_json
def create(
    name: str,
    parent: str,
    at: datetime | None,
    lsn: str | None,
    schema_only: bool,
    expires: timedelta | None,
    cu: tuple[float, float] | None,
    must_be_new: bool,
    config: Path | None,
    as_json: bool,
) -> None:
    """Make a branch with a compute, and wait until it is ready.

    A branch that has the name already is taken as it is: the answer says created: false.
    """
    from neonsync.cli.branch_changes import create_branch
    from neonsync.cli.branch_work import open_project
    from neonsync.neon.creation import BranchWish

    low, high = cu or (None, None)
    wish = BranchWish(
        parent=parent,
        at=at,
        lsn=lsn or "",
        schema_only=schema_only,
        min_cu=low,
        max_cu=high,
        must_be_new=must_be_new,
    )
    with open_project(config) as work:
        create_branch(work, name, wish, expires, as_json=as_json)


@branches.command(epilog=_example("  neonsync branches delete pr-42 --confirm pr-42"))
@click.argument("name")
@_confirm
@config_option
@_json
def delete(name: str, confirm: str | None, config: Path | None, as_json: bool) -> None:
    """Delete a branch, with all its databases. One that has children is refused."""
    from neonsync.cli.branch_changes import delete_branch
    from neonsync.cli.branch_work import open_project

    with open_project(config) as work:
        delete_branch(work, name, confirm, as_json=as_json)


@branches.command(epilog=_example("  neonsync branches reset dev --confirm dev"))
@click.argument("name")
@_backup
@_confirm
@config_option
@_json
def reset(
    name: str, backup: str | None, confirm: str | None, config: Path | None, as_json: bool
) -> None:
    """Overwrite a branch with its parent's present state; its address stays.

    All databases of the branch are overwritten, and connections drop.
    """
    from neonsync.cli.branch_changes import reset_branch
    from neonsync.cli.branch_work import open_project

    with open_project(config) as work:
        reset_branch(work, name, backup, confirm, as_json=as_json)


@branches.command(
    epilog=_example(
        "  neonsync branches restore dev --at 2026-01-31T09:30:00Z --confirm dev",
        "  neonsync branches restore dev --from staging --backup dev_before --confirm dev",
    )
)
@click.argument("name")
@click.option("--at", metavar="TIME", callback=MOMENT, help="To its state at this time.")
@click.option("--lsn", metavar="LSN", callback=LSN, help="To its state at this LSN.")
@click.option("--from", "source", metavar="NAME", default="", help="To that of another branch.")
@_backup
@_confirm
@config_option
@_json
def restore(
    name: str,
    at: datetime | None,
    lsn: str | None,
    source: str,
    backup: str | None,
    confirm: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Overwrite a branch with its own state at an earlier moment, or with another branch.

    All databases of the branch are overwritten, and connections drop; its address stays. Its
    present state is kept as a branch, whose name --backup may tell.
    """
    from neonsync.cli.branch_changes import restore_branch
    from neonsync.cli.branch_work import open_project

    if at is not None and lsn:
        raise click.UsageError("--at and --lsn exclude each other.")
    if at is None and not lsn and not source:
        raise click.UsageError("Say to what: --at TIME, --lsn LSN, or --from NAME.")
    with open_project(config) as work:
        restore_branch(work, name, source, at, lsn or "", backup, confirm, as_json=as_json)


@branches.command(epilog=_example("  neonsync branches rename dev development"))
@click.argument("name")
@click.argument("new_name")
@_confirm
@config_option
@_json
def rename(
    name: str, new_name: str, confirm: str | None, config: Path | None, as_json: bool
) -> None:
    """Give a branch another name; its address stays.

    The default branch and protected ones want --confirm with their present name.
    """
    from neonsync.cli.branch_changes import rename_branch
    from neonsync.cli.branch_work import open_project

    with open_project(config) as work:
        rename_branch(work, name, new_name, confirm, as_json=as_json)


@branches.command(
    epilog=_example(
        "  neonsync branches expire dev --in 7d --confirm dev",
        "  neonsync branches expire dev --never",
    )
)
@click.argument("name")
@click.option("--in", "span", metavar="SPAN", callback=SPAN, help="From now: 12h, 7d; 30d at most.")
@click.option("--at", metavar="TIME", callback=MOMENT, help="At this time.")
@click.option("--never", is_flag=True, help="Keep it.")
@_confirm
@config_option
@_json
def expire(
    name: str,
    span: timedelta | None,
    at: datetime | None,
    never: bool,
    confirm: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Let Neon delete a branch at a time, or never.

    A time that comes sooner than the present one wants the branch's name once more.
    """
    from neonsync.cli.branch_changes import expire_branch
    from neonsync.cli.branch_work import open_project

    if (span is not None) + (at is not None) + never != 1:
        raise click.UsageError("Say one of --in SPAN, --at TIME and --never.")
    with open_project(config) as work:
        expire_branch(work, name, span, at, confirm, as_json=as_json)


@branches.command(
    epilog=_example(
        "  neonsync branches prune --older-than 14d", "  neonsync branches prune --expired --yes"
    )
)
@click.option("--older-than", metavar="SPAN", callback=SPAN, help="Made so long ago: 14d.")
@click.option("--expired", is_flag=True, help="Whose expiry is past.")
@click.option("--yes", is_flag=True, help="Delete them; without it they are only listed.")
@config_option
@_json
def prune(
    older_than: timedelta | None, expired: bool, yes: bool, config: Path | None, as_json: bool
) -> None:
    """List forgotten branches that neonsync made, and with --yes delete them.

    Never the default branch, a protected one, one with children, or one made by somebody else.
    """
    from neonsync.cli.branch_prune import prune_branches
    from neonsync.cli.branch_work import open_project
    from neonsync.neon.guards import PruneRule

    rule = PruneRule(older_than, expired)
    if yes and rule.open:
        raise click.UsageError("With --yes, say which: --older-than SPAN, --expired, or both.")
    with open_project(config) as work:
        prune_branches(work, rule, yes=yes, as_json=as_json)


@branches.command(
    epilog=_example(
        "  neonsync branches uri dev",
        '  (eval "$(neonsync branches uri dev --env --show)"; psql)',
    )
)
@click.argument("name")
@click.option("--show", is_flag=True, help="With the password, which is masked otherwise.")
@click.option(
    "--env", "as_env", is_flag=True, help="As PGHOST and others, for a shell; ps shows none of it."
)
@click.option("--database", metavar="NAME", help="Another database than the configured one.")
@click.option("--role", metavar="NAME", help="Another role than the configured one.")
@config_option
@_json
def uri(
    name: str,
    show: bool,
    as_env: bool,
    database: str | None,
    role: str | None,
    config: Path | None,
    as_json: bool,
) -> None:
    """Print the direct address of a branch, checked to be that branch's own."""
    from neonsync.cli.branch_views import show_address
    from neonsync.cli.branch_work import open_project

    if as_env and as_json:
        raise click.UsageError("--env and --json exclude each other.")
    with open_project(config, database=database, role=role) as work:
        show_address(work, name, show=show, as_env=as_env, as_json=as_json)
