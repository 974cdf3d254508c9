"""``neonsync tables``: what the lake offers, and its entry in the configuration."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neonsync.cli.options import config_option

if TYPE_CHECKING:
    from neonsync.services.offers import Offer


@click.group(
    invoke_without_command=True,
    epilog="\b\nExamples:\n  neonsync tables\n  neonsync tables add orders --key id",
)
@config_option
@click.option("--database", metavar="NAME", help="Another database than the configured one.")
@click.option(
    "--sizes/--no-sizes",
    default=True,
    help="List the files of each table; without it a large lake answers sooner.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
@click.pass_context
def tables(
    context: click.Context, config: Path | None, database: str | None, sizes: bool, as_json: bool
) -> None:
    """List the tables of the lake: columns, partitions, size, newest partition."""
    if context.invoked_subcommand is not None:
        context.obj = (config, database)
        return
    from neonsync.athena.client import Athena
    from neonsync.cli.output import say, say_json
    from neonsync.services.offers import offers
    from neonsync.settings import load_lake

    lake = load_lake(environ=os.environ, config=config).athena
    athena = Athena(lake)
    found = offers(athena, database or lake.database, sizes=sizes)
    if as_json:
        say_json([asdict(offer) for offer in found])
        return
    empty = True
    for offer in found:
        empty = False
        for line in _as_lines(offer):
            say(line)
    if empty:
        say(f"the database {database or lake.database} has no tables", err=True)


@tables.command(epilog="\b\nExample:\n  neonsync tables add sales.orders --key id --target orders")
@click.argument("name")
@click.option("--key", metavar="COLUMNS", help="What identifies a row: id or a,b.")
@click.option("--target", metavar="NAME", help="Table or schema.table in the branch.")
@click.option("--date-column", metavar="NAME", help="What --days, --from and --to go by.")
@click.option("--state-column", metavar="NAME", help="What --states goes by.")
@config_option
@click.pass_context
def add(
    context: click.Context,
    name: str,
    key: str | None,
    target: str | None,
    date_column: str | None,
    state_column: str | None,
    config: Path | None,
) -> None:
    """Write the entry of a table to the project's file; everything else in it stays."""
    from neonsync.athena.catalogue import read_table
    from neonsync.athena.client import Athena
    from neonsync.cli.output import say
    from neonsync.engine.planning.resolve import resolve
    from neonsync.errors import ConfigError
    from neonsync.services.config_file import add_table, tables_in
    from neonsync.settings import load_lake
    from neonsync.settings.files import PROJECT_FILE
    from neonsync.tables import Mode, parse_tables, preset

    before, database = context.obj
    config = config or before
    # A file that is not there yet is made.
    there = config if config is None or config.exists() else Path(os.devnull)
    lake = load_lake(environ=os.environ, config=there)
    path = config or lake.project or Path(PROJECT_FILE)
    before_it = tables_in(path)
    athena = Athena(lake.athena)
    if database:
        name = f"{database}.{name}"
    found = read_table(athena, athena.table(name))
    columns = [column.name for column in found.columns]
    if not key and sys.stdin.isatty():
        say(f"{name} has the columns {', '.join(columns)}")
        key = click.prompt("Which columns identify a row? (a,b)", err=True)
    if not key:
        raise ConfigError(
            f"the key of {name} is not known: the catalogue tells of none",
            f"Add --key with the columns that identify a row; it has: {', '.join(columns)}.",
        )
    entry: dict[str, Any] = {
        "source": name,
        "key": [part.strip() for part in key.split(",") if part.strip()],
    }
    for setting, value in (
        ("target", target),
        ("date_column", date_column),
        ("state_column", state_column),
    ):
        if value:
            entry[setting] = value
    (parsed,) = parse_tables([entry], "the entry")
    resolve(parsed, Mode.FULL, found.columns, form_of=lambda _: None)
    add_table(path, entry)
    if not before_it:
        names = ", ".join(table.source for table in preset() if table.source != name)
        say(f"note: with tables of its own, {path} no longer syncs the preset: {names}", err=True)
    say(f"{name} was added to {path}. Next: neonsync plan --config {path} --tables {name}")


def _as_lines(offer: Offer) -> list[str]:
    """Two lines: the facts, then the columns with their types, partition keys marked."""
    from neonsync.report.wording import printable
    from neonsync.report.wording import size as readable

    facts = [f"{len(offer.columns)} columns"]
    if offer.kind == "view":
        facts.append("a view")
    if offer.partitions:
        facts.append(f"{offer.partitions} partitions, newest {offer.newest}")
    if offer.bytes is not None:
        plural = "" if offer.files == 1 else "s"
        facts.append(f"{offer.files} file{plural}, {readable(offer.bytes)}")
    columns = ", ".join(
        f"{column['name']} {column['type']}{' (partition)' if column['partition'] else ''}"
        for column in offer.columns
    )
    return [printable(f"{offer.name}: {'; '.join(facts)}"), printable(f"  {columns}")]
