"""``neonsync history``: what was done from this machine, across branches."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from neonsync.cli.options import refuse_before_command

if TYPE_CHECKING:
    from neonsync.cli.tabular import Row
    from neonsync.history import Entry

_json_array = click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")


@click.group(
    invoke_without_command=True,
    epilog="\b\nExamples:\n  neonsync history --branch dev\n"
    "  neonsync history --metrics forecast_data\n  neonsync history show run_0123456789",
)
@click.option("--branch", metavar="NAME", help="Only what was done to this branch, by name or id.")
@click.option(
    "--limit",
    metavar="N",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="The last N.",
)
@click.option(
    "--metrics",
    "table",
    metavar="TABLE",
    help="How the quality of this table of a branch has changed from run to run.",
)
@click.option(
    "--ledger",
    metavar="NAME",
    help="With --metrics: by the ledger in this branch, which knows runs of other machines too.",
)
@_json_array
@click.pass_context
def history(
    context: click.Context,
    branch: str | None,
    limit: int,
    table: str | None,
    ledger: str | None,
    as_json: bool,
) -> None:
    """List runs and branch operations that were done from this machine, the last one last.

    They stand in $XDG_STATE_HOME/neonsync/history.jsonl, or ~/.local/state/neonsync/history.jsonl;
    NEONSYNC_HISTORY_FILE names another file.
    """
    if context.invoked_subcommand is not None:
        refuse_before_command(context)
        return
    from neonsync.cli.output import known, say, say_json
    from neonsync.cli.tabular import Row, as_table, terminal_width

    entries = [
        entry for entry in _entries() if branch is None or branch in (entry.branch, entry.branch_id)
    ]
    if table is not None:
        from neonsync.cli.history_metrics import of_a_branch, of_this_machine, show_metrics

        if ledger is None:
            runs = of_this_machine(entries, table, os.environ)
        else:
            runs = of_a_branch(table, ledger)
        whose = "this machine" if ledger is None else f"the branch {ledger}"
        show_metrics(runs[-limit:], whose=whose, as_json=as_json)
        return
    if ledger is not None:
        raise click.UsageError("--ledger is for --metrics TABLE; add that, or leave it out.")
    entries = entries[-limit:]
    if as_json:
        say_json([asdict(entry) for entry in entries])
        return
    if not entries:
        say("the history has nothing on that" if branch else "the history is empty", err=True)
        return
    header = Row(
        ("TIME (UTC)", "WHAT", "BRANCH", "STATUS", "ROWS"), ("BY", "RUN OR DETAIL"), "RUN OR DETAIL"
    )
    for line in as_table(header, [*map(_row, entries)], terminal_width(), names=2, secrets=known()):
        say(line)


@history.command(epilog="\b\nExample:\n  neonsync history show run_0123456789 --json")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(run: str, as_json: bool) -> None:
    """Show all that the history knows of a run, its attempts one after the other."""
    from neonsync.cli.output import say, say_json
    from neonsync.errors import ConfigError
    from neonsync.report.wording import printable
    from neonsync.selection import PROGRAM

    found = [entry for entry in _entries() if run and entry.run_id == run]
    if not found:
        raise ConfigError(
            f"the history knows no run {run!r}",
            "neonsync history lists those that were done from this machine.",
        )
    if as_json:
        attempts = [asdict(entry) for entry in found]
        say_json({**attempts[-1], "attempts": attempts})
        return
    for entry in found:
        for name, value in asdict(entry).items():
            text = ", ".join(value) if isinstance(value, tuple) else str(value)
            if name == "command" and value:
                text = shlex.join([*PROGRAM, *value])
            if text and text != "0.0":
                say(printable(f"{name.replace('_', ' '):<11}{text}"))


def _entries() -> tuple[Entry, ...]:
    from neonsync.cli.output import say
    from neonsync.history import read_history

    found = read_history(os.environ)
    for note in found.notes:
        say(f"warning: {note}", err=True)
    return found.entries


def _row(entry: Entry) -> Row:
    from neonsync.cli.tabular import Row
    from neonsync.secret import redact

    about = redact(" ".join(part for part in (entry.run_id, entry.detail) if part))
    return Row(
        (
            f"{entry.moment:%Y-%m-%d %H:%M:%S}",
            f"{entry.kind} {entry.mode}".strip(),
            entry.branch or "-",
            entry.status if not entry.exit_code else f"{entry.status} ({entry.exit_code})",
            f"{entry.rows:,}" if entry.kind == "run" else "-",
        ),
        (entry.user or "-", about if len(about) <= 80 else f"{about[:79]}…"),
        about,
    )
