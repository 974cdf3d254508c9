"""The ``neonsync`` command: options of the headless run, and the commands beside it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from neonsync import __version__
from neonsync.cli.branches import branches as branches_group
from neonsync.cli.config import config as config_group
from neonsync.cli.history import history as history_group
from neonsync.cli.options import (
    jobs_option,
    refuse_before_command,
    report_dir_option,
    run_options,
)
from neonsync.cli.output import print_error, say
from neonsync.cli.rollback import rollback
from neonsync.cli.tables import tables as tables_group
from neonsync.errors import ConfigError, ExitCode, NeonsyncError, RunCancelled

_EPILOG = """
\b
Examples:
  neonsync demo --headless                          try it, without any account
  neonsync --headless --branch dev                  copy the lake's table into a branch
  neonsync --headless --branch dev --days 30 --states CA,TX
  neonsync --headless --config config.toml --confirm main
  neonsync plan --branch dev                        see what that would do, and its price
  neonsync tables                                   see what the lake offers
  neonsync branches list                            see the branches; and create, reset, ...
\b
Exit codes: 0 ok, 1 sync failed, 2 usage or configuration, 3 cannot reach or
log in to Neon or AWS, 4 validation failed, 5 some tables failed, 6 refused,
130 Ctrl-C, 143 SIGTERM.
"""


_rows = click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=100_000,
    show_default=True,
    help="Rows of a new sample lake.",
)
_json = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print events on stdout, one JSON object a line, the summary last.",
)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="neonsync")
@click.option("--headless", is_flag=True, help="Run the sync here and now, without a UI.")
@run_options
@click.option(
    "--via-branch",
    is_flag=True,
    help="Sync into a new child of the branch, which stays as it is; the child expires in a day.",
)
@_json
@click.pass_context
def cli(
    context: click.Context,
    headless: bool,
    via_branch: bool,
    as_json: bool,
    config: Path | None,
    flags: dict[str, Any],
) -> None:
    """Copy tables of an AWS Athena lake into a Neon Postgres branch: all of it or none of it.

    Settings come from flags, then the environment, then the project's file, then the user's;
    neonsync config show tells each with its origin. Secrets are no flags: they come from
    NEON_API_KEY or NEON_CONNECTION_STRING, a file or the keyring, and AWS's own variables or roles.
    """
    if context.invoked_subcommand is not None:
        refuse_before_command(context)
        return
    # Cron, Actions and pipes have no terminal at either end: there is no UI to be asked for.
    headless = headless or not (sys.stdin.isatty() or sys.stdout.isatty())
    if not headless:
        raise click.UsageError(
            "The terminal UI is not part of this version: add --headless to run a sync, "
            "or try neonsync demo --headless."
        )
    if flags["dry_run"]:
        _plan(flags, config, as_json=as_json)
    if via_branch:
        from neonsync.cli.via_branch import run_via_branch

        sys.exit(run_via_branch(flags, config, as_json=as_json))
    from neonsync.cli.headless import run_headless

    sys.exit(run_headless(flags, config, as_json=as_json))


@cli.command(epilog="\b\nExample:\n  neonsync plan --branch dev --days 30 --states CA,TX")
@run_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(as_json: bool, config: Path | None, flags: dict[str, Any]) -> None:
    """Show what a run would do: SQL, DDL, how each table is published and why, rows, bytes, price.

    Nothing is written anywhere, and Athena is asked for nothing that costs.
    """
    _plan(flags, config, as_json=as_json)


def _plan(flags: dict[str, Any], config: Path | None, *, as_json: bool) -> NoReturn:
    from neonsync.cli.plan import run_plan

    sys.exit(run_plan(flags, config, as_json=as_json))


@cli.command(epilog="\b\nExample:\n  neonsync demo --headless --rows 1000000 --dir ./sandbox")
@click.option("--headless", is_flag=True, help="Without a UI; the only way in this version.")
@_rows
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the sandbox here; a second run merges.  [default: a temporary folder]",
)
@report_dir_option
@jobs_option
@_json
def demo(
    headless: bool,
    rows: int,
    directory: Path | None,
    report_dir: str | None,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Start a sandbox of Athena, S3 and Neon on this machine, and sync its lake into a branch.

    Nothing else is needed: no account, no server, no network.
    """
    from neonsync.cli.demo import run_demo

    if not headless:
        say("The terminal UI is not part of this version; running headless.", err=True)
    flags = {"report_dir": report_dir, "jobs": jobs}
    sys.exit(run_demo(rows, directory, flags, as_json=as_json))


@cli.command(epilog="\b\nExample:\n  neonsync sandbox --dir ./sandbox --env-file ./sandbox.env")
@click.option(
    "--dir",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of the sandbox's state; made when missing.",
)
@_rows
@click.option(
    "--env-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the environment for clients here (dotenv form, mode 0600); deleted at the end.",
)
@click.option("--until-stdin-closes", is_flag=True, hidden=True)
@click.option("--remove-at-end", type=click.Path(path_type=Path), hidden=True)
def sandbox(
    directory: Path,
    rows: int,
    env_file: Path | None,
    until_stdin_closes: bool,
    remove_at_end: Path | None,
) -> None:
    """Serve the sandbox for any client until Ctrl-C or SIGTERM.

    Athena, Glue and S3 for boto3 and pyathena, Neon's API, and a Postgres server for each branch;
    all on 127.0.0.1. The same folder starts again with its state.
    """
    from neonsync.cli.sandbox import serve

    sys.exit(serve(directory, rows, env_file, until_stdin_closes, remove_at_end))


cli.add_command(branches_group)
cli.add_command(config_group)
cli.add_command(history_group)
cli.add_command(rollback)
cli.add_command(tables_group)


def main() -> None:
    """The console script: our own errors become a message and their exit code."""
    # Until a command installs its own: SIGTERM shall end with its exit code, and clean up.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(int(ExitCode.TERMINATED)))
    try:
        cli(prog_name="neonsync", standalone_mode=False)
    except NeonsyncError as error:
        print_error(error)
        _leave(error)
    except click.ClickException as error:
        error.show()
        _leave(ConfigError(error.format_message()))
    except (click.Abort, KeyboardInterrupt):
        message = "stopped before anything was done"
        say(message, err=True)
        _leave(RunCancelled(message))


def _leave(error: NeonsyncError) -> NoReturn:
    """Tell the programs that listen, and end with the error's exit code."""
    as_json = "--json" in sys.argv
    if as_json or "GITHUB_ACTIONS" in os.environ:
        from neonsync.cli.reporters import report_unstarted

        report_unstarted(error, os.environ, as_json=as_json)
    sys.exit(int(error.exit_code))
