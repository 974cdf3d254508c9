"""The flags of a run, as one set: for the run itself and for whatever looks at it beforehand."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import click

from neonsync.cli.debug import debug_option

# Written out, as the modules that know them take a while to import, and --help shall not.
MODES = ("full", "schema-only", "test-data")
ON_ERROR = ("stop", "continue")
ON_MISSING = ("keep", "delete")
VERIFY_TARGET = ("changed", "all")
VALIDATION = ("exact", "aggregate", "counts")
PUBLISH = ("auto", "merge", "replace")
SCENARIOS = ("all", "baseline", "high-demand", "low-demand", "seasonal-peak")

_config = click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Project file, TOML or the old etl-config.json; see config.toml.example."
    "  [default: ./neonsync.toml or ./etl-config.json, if there]",
)


def config_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that reaches out its configuration, and ``--debug``."""
    return _config(debug_option(command))


report_dir_option = click.option(
    "--report-dir", metavar="DIR", help="Where log and reports go.  [default: .]"
)
jobs_option = click.option(
    "--jobs", metavar="N", type=int, help="Connections that load.  [default: 2]"
)


class _OrEmpty(click.types.IntParamType):
    """A number; an empty one takes away what the configuration has."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read what was given."""
        return "" if value == "" else super().convert(value, param, ctx)


_ROWS = _OrEmpty()
_FLAGS: dict[str, Callable[[Any], Any]] = {
    "branch": click.option(
        "--branch", metavar="NAME", help="Target branch; empty for the default branch."
    ),
    "mode": click.option(
        "--mode",
        type=click.Choice(MODES),
        help="Copy rows, make the empty tables, or fill them with made rows.  [default: full]",
    ),
    "filters.table_filter": click.option(
        "--table-filter",
        metavar="LIST",
        help="Only these, each a table or a state, with commas: forecast,CA,TX.",
    ),
    "filters.tables": click.option(
        "--tables", metavar="LIST", help="Only these tables of the lake: forecast,orders."
    ),
    "filters.states": click.option(
        "--states", metavar="LIST", help="Only rows of these states: CA,TX."
    ),
    "filters.days": click.option(
        "--days", metavar="N", help="Only the last N days; 0 for all, and not with --from or --to."
    ),
    "filters.from": click.option(
        "--from", "first", metavar="DATE", help="Only from this day on: 2026-01-01."
    ),
    "filters.to": click.option(
        "--to", "last", metavar="DATE", help="Only up to this day, and with it: 2026-01-31."
    ),
    "test_data.rows": click.option(
        "--rows",
        metavar="N",
        type=_ROWS,
        help="Rows to make for each table; with --mode test-data.",
    ),
    "test_data.seed": click.option(
        "--seed", metavar="N", type=int, help="The same seed makes the same rows.  [default: 1]"
    ),
    "test_data.scenario": click.option(
        "--scenario", type=click.Choice(SCENARIOS), help="What the made rows tell.  [default: all]"
    ),
    "publish": click.option(
        "--publish",
        type=click.Choice(PUBLISH),
        help="How rows get in: as it fits, by a merge, or as a full refresh whose ids may change."
        "  [default: auto]",
    ),
    "on_missing": click.option(
        "--on-missing",
        type=click.Choice(ON_MISSING),
        help="What becomes of rows that the source no longer has, within the filters."
        "  [default: keep]",
    ),
    "allow_delete": click.option(
        "--allow-delete",
        metavar="PERCENT",
        type=float,
        help="Let so many of a table's rows be missing and deleted.  [default: 10]",
    ),
    "validation": click.option(
        "--validation",
        type=click.Choice(VALIDATION),
        help="What is compared with Athena: every field of every row, sums by"
        " date, or row counts by date.  [default: exact]",
    ),
    "verify_target": click.option(
        "--verify-target",
        type=click.Choice(VERIFY_TARGET),
        is_flag=False,
        flag_value="all",
        help="Take the digest of the published tables as well: of the dates that a merge has"
        " written into, or of all.  [default: changed; all without a word]",
    ),
    "on_error": click.option(
        "--on-error",
        type=click.Choice(ON_ERROR),
        help="When a table fails: publish none, or publish each by itself and go on."
        "  [default: stop]",
    ),
    "fresh": click.option(
        "--fresh",
        is_flag=True,
        default=None,
        help="Go on from nothing: clear what an interrupted run left, and export anew.",
    ),
    "dry_run": click.option(
        "--dry-run",
        is_flag=True,
        default=None,
        help="Show the plan, with its price, and write nothing anywhere.",
    ),
    "confirm": click.option(
        "--confirm",
        metavar="NAME",
        multiple=True,
        help="Allow writing to this default or protected branch. May be repeated.",
    ),
    "report_dir": report_dir_option,
    "jobs": jobs_option,
}


IN_VAIN_FOR_VALIDATE = (
    "mode",
    "test_data.rows",
    "test_data.seed",
    "test_data.scenario",
    "on_error",
    "fresh",
    "dry_run",
)
"""Flags that change nothing of a comparison, nor of the runs that repair what it has found."""
OF_REPAIR = (
    "publish",
    "on_missing",
    "allow_delete",
    "verify_target",
    "confirm",
    "report_dir",
    "jobs",
)
"""Flags that change nothing of a comparison, but these runs."""


def validate_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """As ``run_options``, for a comparison: help shows what has an effect, and when."""
    command = run_options(function)
    in_vain, of_repair = _parameters(IN_VAIN_FOR_VALIDATE), _parameters(OF_REPAIR)
    for parameter in command.__click_params__:  # type: ignore[attr-defined]
        if parameter.name in in_vain:
            parameter.hidden = True
        if parameter.name in of_repair:
            parameter.help = f"With --repair: {parameter.help}"
    return command


def flag_of(name: str) -> str:
    """The flag of a dotted name, as a user writes it."""

    def probe() -> None: ...

    (parameter,) = _FLAGS[name](probe).__click_params__
    return str(parameter.opts[0])


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command every flag of a run; it gets them as ``flags``, and ``config``.

    ``flags`` is what ``load_settings`` takes: dotted names, None where nothing was given.
    """
    names = {_parameter(option): name for name, option in _FLAGS.items()}

    @functools.wraps(function)
    def command(*arguments: Any, **given: Any) -> Any:
        flags = {name: given.pop(parameter) for parameter, name in names.items()}
        return function(*arguments, flags=flags, **given)

    for option in reversed([config_option, *_FLAGS.values()]):
        command = option(command)
    return command


def _parameters(names: Collection[str]) -> set[str]:
    return {_parameter(_FLAGS[name]) for name in names}


def _parameter(option: Callable[[Any], Any]) -> str:
    """What click calls the value of an option."""

    def probe() -> None: ...

    (parameter,) = option(probe).__click_params__
    return str(parameter.name)


def refuse_before_command(context: click.Context) -> None:
    """Refuse flags that stand before a command: they would be passed over in silence.

    Raises:
        click.UsageError: there is one; the message names it.
    """
    for parameter in context.command.params:
        if not parameter.expose_value:
            continue  # has done what it does, as --debug
        source = context.get_parameter_source(str(parameter.name))
        if source is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"{parameter.opts[0]} stands before the command {context.invoked_subcommand}; "
                "put it after the command, or leave the command out."
            )
