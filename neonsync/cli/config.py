"""``neonsync config``: show what is set and from where, make a file, check both sides."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neonsync.cli.options import CHECK, SHOW, options_of
from neonsync.cli.output import hide, print_error, say, say_json
from neonsync.errors import ExitCode

if TYPE_CHECKING:
    from neonsync.settings import Overview
    from neonsync.tables import TableConfig


@click.group()
def config() -> None:
    """Show, make or check the configuration."""


@config.command(
    epilog="\b\nExamples:\n  neonsync config show\n  neonsync config show --branch dev --json"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@options_of(SHOW)
def show(as_json: bool, config: Path | None, flags: dict[str, Any]) -> None:
    """Show each setting with its value and its origin; secrets are masked.

    Takes the flags of a run, to show what they would change. What is missing is no mistake here;
    what is wrong is told at the end, with exit code 2.
    """
    from neonsync.settings import overview

    seen = overview(flags=flags, environ=os.environ, config=config)
    hide(*seen.secrets)
    if as_json:
        say_json(_document(seen), indent=2)
    else:
        say("\n".join(_lines(seen)))
        for notice in seen.notices:
            say(f"warning: {notice}", err=True)
        for problem in (*seen.problems, *([seen.missing] if seen.missing else [])):
            print_error(problem)
    sys.exit(int(ExitCode.USAGE if seen.problems else ExitCode.OK))


def _lines(seen: Overview) -> list[str]:
    files = [
        f"{path} ({whose})"
        for path, whose in ((seen.project, "the project's"), (seen.user, "the user's"))
        if path is not None
    ]
    names = max(len(item.name) for item in seen.settings)
    # One long list of names shall not push every origin off the screen.
    texts = min(40, max(len(item.text) for item in seen.settings))
    lines = [f"files: {', '.join(files) or 'none'}", ""]
    for item in seen.settings:
        origin = item.origin if item.valid else f"{item.origin}, not valid"
        lines.append(f"{item.name:<{names}}  {item.text:<{texts}}  {origin}".rstrip())
    lines += ["", f"tables ({seen.tables_origin})"]
    lines += [f"  {_summary(table)}" for table in seen.tables] or ["  none that is valid"]
    if seen.checks:
        lines += ["", "checks"]
        lines += [f"  {each.table}: {each.name}, {each.severity}" for each in seen.checks]
    return lines


def _summary(table: TableConfig) -> str:
    parts = [f"{table.name} → {table.schema}.{table.target_name}", f"key {', '.join(table.key)}"]
    for what, names in (("dates", table.date_column), ("states", (table.state_column,))):
        if any(names):
            parts.append(f"{what} by {', '.join(names)}")
    if table.columns:
        parts.append(f"{len(table.columns)} columns")
    if table.exclude:
        parts.append(f"without {', '.join(table.exclude)}")
    return "; ".join(parts)


def _document(seen: Overview) -> dict[str, Any]:
    problems = [{"message": p.message, "remedy": p.remedy} for p in seen.problems]
    return {
        "files": {
            "project": str(seen.project) if seen.project else None,
            "user": str(seen.user) if seen.user else None,
        },
        "settings": {
            item.name: {"value": item.value, "origin": item.origin or None, "valid": item.valid}
            for item in seen.settings
        },
        "tables": {
            "origin": seen.tables_origin,
            "entries": [
                {
                    "source": table.source or None,
                    "query": bool(table.query),
                    "target": f"{table.schema}.{table.target_name}",
                    "key": list(table.key),
                    "date_column": list(table.date_column),
                    "state_column": table.state_column or None,
                }
                for table in seen.tables
            ],
        },
        "checks": [
            {
                "table": each.table,
                "name": each.name,
                "kind": each.kind.value,
                "severity": each.severity.value,
                "modes": list(each.modes),
            }
            for each in seen.checks
        ],
        "notices": list(seen.notices),
        "problems": problems,
        "missing": {"message": seen.missing.message, "remedy": seen.missing.remedy}
        if seen.missing
        else None,
    }


@config.command(
    epilog="\b\nExamples:\n  neonsync config check\n"
    "  neonsync config check --config prod.toml --branch dev\n"
    "  neonsync config check --branch dev --live"
)
@click.option(
    "--live",
    is_flag=True,
    help="Then send 20 rows of every type through the whole way and compare them: Athena makes "
    "them of VALUES, and they go into a schema of their own, which is dropped.",
)
@options_of(CHECK)
def check(live: bool, config: Path | None, flags: dict[str, Any]) -> None:
    """Check settings, Neon, Athena, each table, the database and [[checks]]; writes nothing.

    Declared checks are planned by Postgres, and not run.

    With --live also what a look cannot tell: that every value of every type arrives as it is. That
    writes, into a schema of its own and the ledger. Exit codes are those of a run that would fail
    for the same reason; 4 when a value differs.
    """
    from neonsync.cli.config_check import run_check

    sys.exit(int(run_check(flags, config, live=live)))


@config.command(
    epilog="\b\nExamples:\n  neonsync config init\n"
    "  neonsync config init --project-id quiet-moon-12345678 --branch dev \\\n"
    "      --output-location s3://my-bucket/athena-results/ --source orders --key order_id"
)
@click.option(
    "--file",
    "path",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("neonsync.toml"),
    show_default=True,
    help="The file to write; it must not be there yet.",
)
@click.option("--project-id", metavar="ID", help="The Neon project, as in the console's address.")
@click.option("--branch", metavar="NAME", help="Target branch; empty for the default branch.")
@click.option("--database", metavar="NAME", help="The lake's database in Athena.")
@click.option("--region", metavar="NAME", help="The region of Athena.")
@click.option(
    "--output-location",
    metavar="S3",
    help="Where Athena writes exports; empty when the workgroup has its own.",
)
@click.option(
    "--source", metavar="TABLE", help="A table of the lake; empty for forecast as it was."
)
@click.option("--target", metavar="TABLE", help="What the table is called in the branch.")
@click.option("--key", metavar="LIST", help="The columns that tell its rows apart: id,day.")
@click.option("--date-column", metavar="NAME", help="The column that --days goes by; may be empty.")
@click.option(
    "--state-column", metavar="NAME", help="The column that --states goes by; may be empty."
)
def init(path: Path, **given: str | None) -> None:
    """Write a configuration file: asks on a terminal, takes flags elsewhere.

    Never writes over a file, and never writes a secret. Defaults come from the environment, under
    the names that a run reads as well.
    """
    from neonsync.cli.config_init import run_init

    run_init(path, given, os.environ)
