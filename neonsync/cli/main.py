"""The ``neonsync`` command: options of the headless run, and the commands beside it."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import click

from neonsync import __version__
from neonsync.cli.branches import branches as branches_group
from neonsync.cli.config import config as config_group
from neonsync.cli.history import history as history_group
from neonsync.cli.options import (
    PLAN,
    RUN,
    VALIDATE,
    jobs_option,
    options_of,
    refuse_before_command,
    report_dir_option,
)
from neonsync.cli.output import LastResort, forget, print_error, print_usage_error, say
from neonsync.cli.parameters import SPAN
from neonsync.cli.rollback import rollback
from neonsync.cli.tables import tables as tables_group
from neonsync.errors import ConfigError, ExitCode, NeonsyncError, RunCancelled

_EPILOG = """
\b
Examples:
  neonsync demo                                     try it, without any account
  neonsync demo --headless                          the same without the UI, at once
  neonsync                                          the UI
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


def _via(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option(
        "--expires", metavar="SPAN", callback=SPAN, help="The child's, 30d at most.  [default: 1d]"
    )(command)
    return click.option(
        "--via-branch",
        is_flag=True,
        help="Sync into a new child of the branch, which stays as it is; the child expires.",
    )(command)


@click.group(
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, prog_name="neonsync")
@click.option("--headless", is_flag=True, help="Run the sync here and now, without the UI.")
@options_of(RUN)
@_via
@click.option(
    "--keep-on-stop",
    is_flag=True,
    help="Ctrl-C and SIGTERM leave what is loaded in staging, for the next run to go on from.",
)
@_json
@click.pass_context
def cli(
    context: click.Context,
    headless: bool,
    via_branch: bool,
    expires: timedelta | None,
    keep_on_stop: bool,
    as_json: bool,
    config: Path | None,
    flags: dict[str, Any],
) -> None:
    """Copy tables of an AWS Athena lake into a Neon Postgres branch: all of it or none of it.

    In a terminal it opens the UI; flags fill in the plan that it begins with. With --headless, or
    where there is no terminal, it runs the sync at once.

    Settings come from flags, then the environment, then the project's file, then the user's;
    neonsync config show tells each with its origin. Secrets are no flags: they come from
    NEON_API_KEY or NEON_CONNECTION_STRING, a file or the keyring, and AWS's own variables or roles.
    """
    if context.invoked_subcommand is not None:
        refuse_before_command(context)
        return
    if flags["dry_run"]:
        _plan(flags, config, via_branch, expires, as_json=as_json)
    if not (headless or _is_unattended()):
        _refuse_json(as_json)
        from neonsync.cli.ui import run_ui

        sys.exit(run_ui(sys.argv[1:], config))
    if via_branch:
        from neonsync.cli.via_branch import run_via_branch

        sys.exit(run_via_branch(flags, config, expires, as_json=as_json, keep_on_stop=keep_on_stop))
    _refuse_expires(expires)
    from neonsync.cli.headless import run_headless

    sys.exit(run_headless(flags, config, as_json=as_json, keep_on_stop=keep_on_stop))


def _is_unattended() -> bool:
    """Cron, Actions and pipes have no terminal at either end: there is no UI to be asked for."""
    return not (sys.stdin.isatty() or sys.stdout.isatty())


def _refuse_json(as_json: bool) -> None:
    if as_json:
        raise click.UsageError("--json prints the events of a run: add --headless.")


@cli.command(epilog="\b\nExample:\n  neonsync plan --branch dev --days 30 --states CA,TX")
@options_of(PLAN)
@_via
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(
    via_branch: bool,
    expires: timedelta | None,
    as_json: bool,
    config: Path | None,
    flags: dict[str, Any],
) -> None:
    """Show what a run would do: SQL, DDL, how each table is published and why, rows, bytes, price.

    Nothing is written anywhere, and Athena is asked for nothing that costs.
    """
    _plan(flags, config, via_branch, expires, as_json=as_json)


def _plan(
    flags: dict[str, Any],
    config: Path | None,
    via_branch: bool,
    expires: timedelta | None,
    *,
    as_json: bool,
) -> NoReturn:
    if via_branch:
        from neonsync.cli.via_branch import plan_via_branch

        sys.exit(plan_via_branch(flags, config, expires, as_json=as_json))
    _refuse_expires(expires)
    from neonsync.cli.plan import run_plan

    sys.exit(run_plan(flags, config, as_json=as_json))


def _refuse_expires(expires: timedelta | None) -> None:
    if expires is not None:
        raise click.UsageError(
            "--expires is the child's that --via-branch makes; neonsync branches expire sets that "
            "of a branch that is there."
        )


@cli.command(epilog="\b\nExample:\n  neonsync validate --branch dev --days 30 --repair")
@options_of(VALIDATE)
@click.option(
    "--repair",
    is_flag=True,
    help="Sync the dates that differ, and those alone; then compare them again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def validate(repair: bool, as_json: bool, config: Path | None, flags: dict[str, Any]) -> None:
    """Compare the tables of a branch with Athena, as both are now: every field of every row.

    Less is compared with --validation aggregate or counts, also where the configuration says so.
    Nothing is written without --repair. What differs is named by dates, keys and columns, and the
    exit code is 4 then.
    """
    from neonsync.cli.validate import run_validate

    sys.exit(run_validate(flags, config, repair=repair, as_json=as_json))


@cli.command(epilog="\b\nExample:\n  neonsync demo --headless --rows 1000000 --dir ./sandbox")
@click.option("--headless", is_flag=True, help="Run a sync here and now, without the UI.")
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
    """Start a sandbox of Athena, S3 and Neon on this machine, and open the UI on it.

    With --headless, or without a terminal, its lake is synced into a branch at once. Nothing else
    is needed: no account, no server, no network.
    """
    flags = {"report_dir": report_dir, "jobs": jobs}
    if headless or _is_unattended():
        from neonsync.cli.demo import run_demo

        sys.exit(run_demo(rows, directory, flags, as_json=as_json))
    _refuse_json(as_json)
    from neonsync.cli.demo import open_demo

    sys.exit(open_demo(rows, directory, flags))


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
    logging.lastResort = LastResort(logging.WARNING)
    forget()
    try:
        cli(prog_name="neonsync", standalone_mode=False)
    except NeonsyncError as error:
        print_error(error)
        _leave(error)
    except click.ClickException as error:
        print_usage_error(error)
        _leave(ConfigError(error.format_message()))
    except (click.Abort, KeyboardInterrupt):
        message = "stopped before anything was done"
        say(message, err=True)
        _leave(RunCancelled(message))
    except Exception as error:
        _leave(_unexpected(error))


def _unexpected(error: Exception) -> NeonsyncError:
    """A mistake of ours, without the traceback that only --debug shows, and never a secret."""
    import traceback

    if "--debug" in sys.argv:
        say("".join(traceback.format_exception(error)), err=True)
    wrapped = NeonsyncError(
        f"unexpected: {type(error).__name__}: {error}",
        "Run again; if it happens again, add --debug and report what that shows.",
    )
    print_error(wrapped)
    return wrapped


def _leave(error: NeonsyncError) -> NoReturn:
    """Tell the programs that listen, and end with the error's exit code."""
    as_json = "--json" in sys.argv
    if as_json or "GITHUB_ACTIONS" in os.environ:
        from neonsync.cli.reporters import report_unstarted

        report_unstarted(error, os.environ, as_json=as_json)
    sys.exit(int(error.exit_code))
