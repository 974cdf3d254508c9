"""``neonsync history --metrics TABLE``: how a table's quality has changed from run to run."""

from __future__ import annotations

import asyncio
import difflib
import sys
from collections.abc import Mapping, Sequence

from neonsync.cli.branch_work import open_project
from neonsync.cli.output import known, say, say_json
from neonsync.cli.tabular import Row, as_table, terminal_width
from neonsync.engine.publishing.quality import kept_metrics
from neonsync.errors import ConfigError
from neonsync.history import Entry
from neonsync.postgres.connect import Database
from neonsync.report.metrics_trend import (
    MeasuredRun,
    measured_runs,
    runs_of_branch,
    trend_lines,
)
from neonsync.report.wording import DASH, printable

_HEADER = Row(
    ("TIME (UTC)", "BRANCH", "ROWS", "ATHENA", "DATES", "QUALITY"), ("FOUND",), "WHAT WAS FOUND"
)


def of_this_machine(
    entries: Sequence[Entry], table: str, environ: Mapping[str, str]
) -> list[MeasuredRun]:
    """The runs of this machine that have measured a table.

    Raises:
        ConfigError: none has, but other tables have been measured.
    """
    runs, there = measured_runs(entries, table, environ)
    if not runs and there:
        near = difflib.get_close_matches(table, there, n=1)
        raise ConfigError(
            f"no run of this machine has measured {table!r}",
            f"Did you mean {near[0]!r}?" if near else f"Measured were: {', '.join(there)}.",
        )
    return runs


def of_a_branch(table: str, branch: str) -> list[MeasuredRun]:
    """The runs of any machine that a branch's own ledger knows.

    Raises:
        ConfigError: the branch is not there.
        AccessError: Neon or the branch's database cannot be reached.
    """
    with open_project(None) as work:
        address = work.project.address(work.project.branch(branch))
        if address.suspended:
            work.tell(f"waking the compute of {branch} to look into its ledger")
        kept = asyncio.run(kept_metrics(Database(address.uri), table))
        return runs_of_branch(kept, work.settings.quality)


def show_metrics(runs: Sequence[MeasuredRun], *, whose: str, as_json: bool) -> None:
    """Print the trend; ``whose`` the runs are.

    Raises:
        ConfigError: they are of several tables that are called alike.
    """
    if len(names := sorted({run.metrics.table for run in runs})) > 1:
        raise ConfigError(
            f"several tables are called {names[0].rpartition('.')[2]!r}",
            f"Name one with its schema: {', '.join(names)}.",
        )
    if as_json:
        say_json([run.as_json() for run in runs])
        return
    if not runs:
        say(f"no run of {whose} has measured the table; runs of the mode full do", err=True)
        return
    count = f"{len(runs)} run{'' if len(runs) == 1 else 's'}"
    plain = not (sys.stdout.encoding or "").lower().startswith("utf")
    lines = [
        f"{runs[-1].metrics.table}: {count} of {whose}, the last one last",
        "",
        *trend_lines(runs, ascii_only=plain),
        "",
        *as_table(_HEADER, [*map(_row, runs)], terminal_width(), names=1, secrets=known()),
    ]
    for line in lines:
        say(printable(line))


def _row(run: MeasuredRun) -> Row:
    metrics = run.metrics
    scope = f"of {metrics.scope}" if metrics.scope else ""
    said = "; ".join(filter(None, (run.said if run.status == "warning" else "", scope)))
    return Row(
        (
            f"{run.entry.moment:%Y-%m-%d %H:%M:%S}",
            run.entry.branch or DASH,
            f"{metrics.rows:,}",
            f"{metrics.source_rows:,}",
            f"{metrics.dates:,}" if metrics.dates else DASH,
            run.status or DASH,
        ),
        (said or DASH,),
        said,
    )
