"""The flags of a run, as one set; and which of them each command offers that is about a run."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from neonsync.cli.debug import debug_option
from neonsync.errors import ConfigError

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
        help="What is compared with Athena in the mode full: every field of every row, sums by"
        " date, or row counts by date.  [default: exact]",
    ),
    "verify_target": click.option(
        "--verify-target",
        type=click.Choice(VERIFY_TARGET),
        is_flag=False,
        flag_value="all",
        help="Take the digest of the published tables as well: of the dates that a merge has"
        " written into, or of all.  [default: changed; without a value: all]",
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


@dataclass(frozen=True)
class Offer:
    """Which of a run's flags a command offers: those that change something of what it does.

    ``in_vain`` change nothing there, ``only_with`` nothing without the command's own ``switch``.
    ``why`` tells whoever gives one of the first, ``why_without`` one of the others.
    """

    command: str
    in_vain: tuple[str, ...]
    why: str
    switch: str = ""
    only_with: tuple[str, ...] = ()
    why_without: str = ""

    def refuse(self, flags: Mapping[str, Any], *, switched: bool) -> None:
        """Make sure that nobody is in the belief that a flag does something.

        Raises:
            ConfigError: a flag was given that has no effect here.
        """
        for name, value in flags.items():
            if value is None or value == ():
                continue
            if name in self.in_vain:
                raise ConfigError(
                    f"{_flag(name)} has no effect on {self.command}",
                    f"{self.why} Leave the flag out.",
                )
            if name in self.only_with and not switched:
                raise ConfigError(
                    f"{_flag(name)} has no effect on {self.command} without {self.switch}",
                    f"Add {self.switch}, or leave the flag out: {self.why_without}",
                )


_OF_A_RUN_ALONE = ("fresh", "dry_run")
"""Flags that are no settings."""
RUN = Offer("a run", (), "")
PLAN = Offer(
    "plan",
    ("confirm", "jobs", "report_dir", "dry_run"),
    "It shows what a run would do, and writes nothing.",
)
SHOW = Offer("config show", _OF_A_RUN_ALONE, "It shows settings, and this is none.")
CHECK = Offer(
    "config check",
    (
        *("test_data.seed", "test_data.scenario", "allow_delete", "on_error", "report_dir"),
        *_OF_A_RUN_ALONE,
    ),
    "It looks at what a run needs, whatever that says.",
    "--live",
    ("confirm", "jobs"),
    "what is only looked at is not written to.",
)
VALIDATE = Offer(
    "validate",
    (
        *("mode", "test_data.rows", "test_data.seed", "test_data.scenario", "on_error"),
        *_OF_A_RUN_ALONE,
    ),
    "It compares tables of the mode full, writes nothing without --repair, and repairs each table "
    "by a fresh run of its own.",
    "--repair",
    ("publish", "on_missing", "allow_delete", "verify_target", "confirm", "report_dir", "jobs"),
    "a comparison writes nothing.",
)


def options_of(offer: Offer) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command a run's flags; it gets them as ``flags``, and ``config``.

    ``flags`` is what ``load_settings`` takes: dotted names, None where nothing was given. Help
    shows what has an effect, and when; what has none is refused.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        parameters = {name: _parameter(option) for name, option in _FLAGS.items()}
        names = {str(parameter.name): name for name, parameter in parameters.items()}
        switch = offer.switch.lstrip("-")

        @functools.wraps(function)
        def command(*arguments: Any, **given: Any) -> Any:
            flags = {name: given.pop(parameter) for parameter, name in names.items()}
            offer.refuse(flags, switched=bool(given.get(switch)))
            return function(*arguments, flags=flags, **given)

        for option in reversed([config_option, *_FLAGS.values()]):
            command = option(command)
        for parameter in command.__click_params__:  # type: ignore[attr-defined]
            name = names.get(str(parameter.name))
            if name in offer.in_vain:
                parameter.hidden = True
            if name in offer.only_with:
                parameter.help = f"With {offer.switch}: {parameter.help}"
        return command

    return decorate


def _flag(name: str) -> str:
    """The flag of a dotted name, as a user writes it."""
    return str(_parameter(_FLAGS[name]).opts[0])


def _parameter(option: Callable[[Any], Any]) -> click.Parameter:
    """What click makes of an option."""

    def probe() -> None: ...

    (parameter,) = option(probe).__click_params__
    return parameter  # type: ignore[no-any-return]


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
