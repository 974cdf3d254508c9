"""Flags before environment before project file before user file before default."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any

from neonsync.errors import ConfigError
from neonsync.history import HISTORY_VARIABLE
from neonsync.secret import redact
from neonsync.settings.files import (
    CONFIG_VARIABLE,
    FLAGS_ONLY,
    ConfigFile,
    Places,
    find_files,
    read_file,
)
from neonsync.settings.options import API_KEY, CONNECTION_STRING, OPTIONS, nearest
from neonsync.tables import DeclaredCheck, TableConfig, parse_checks, parse_tables, preset


class Rank(IntEnum):
    """Where a value may stand; the lowest that has one is taken."""

    FLAG = 0
    ENVIRONMENT = 1
    PROJECT = 2
    USER = 3
    DEFAULT = 4


@dataclass(frozen=True)
class Found:
    """A setting as it was given: not yet parsed."""

    raw: Any
    rank: Rank
    origin: str


@dataclass
class Resolution:
    """Every value that is there, and every mistake: what ``Settings`` are made from.

    ``values`` lacks those that are wrong; ``found`` has them as they were given.
    """

    places: Places = field(default_factory=Places)
    project: ConfigFile | None = None
    user: ConfigFile | None = None
    found: dict[str, Found] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    tables: tuple[TableConfig, ...] = ()
    checks: tuple[DeclaredCheck, ...] = ()
    problems: list[ConfigError] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def attempt(self, step: Callable[[], None]) -> None:
        """Do a step; a mistake is kept for later, as others may follow it."""
        try:
            step()
        except ConfigError as error:
            self.problems.append(error)


def resolve(
    flags: Mapping[str, Any], environ: Mapping[str, str], config: Path | None, directory: Path
) -> Resolution:
    """Find each value in the highest layer that has it. Never raises for what users write."""
    result = Resolution(places=find_files(config, environ, directory))
    result.notices += result.places.notices
    for variable in environ:
        result.attempt(lambda variable=variable: _check_variable(variable))  # type: ignore[misc]
    result.attempt(lambda: _read_files(result))
    for option in OPTIONS:
        found = _find(option.name, option.flag, option.variables, flags, environ, result)
        found = found or Found(option.default, Rank.DEFAULT, "the default")
        result.found[option.name] = found
        result.origins[option.name] = found.origin
        try:
            result.values[option.name] = option.parse(found.raw)
        except ValueError as error:
            result.problems.append(
                ConfigError(
                    f"{option.name} is {redact(repr(found.raw))} ({found.origin}): it {error}",
                    "See config.toml.example for each setting and its meaning.",
                )
            )
    result.attempt(lambda: _choose_days(result))
    result.attempt(lambda: _check_mode(result))
    result.attempt(lambda: _take_tables(result))
    if result.tables:
        result.attempt(lambda: _take_checks(result))
    return result


def _check_variable(variable: str) -> None:
    known = [option.variables[0] for option in OPTIONS] + [CONFIG_VARIABLE, HISTORY_VARIABLE]
    if not variable.startswith("NEONSYNC_") or variable in known:
        return
    remedy = nearest(variable, known)
    for secret in (API_KEY, CONNECTION_STRING):
        if variable.removeprefix("NEONSYNC_").removeprefix("NEON_") == secret.removeprefix("NEON_"):
            remedy = f"Export it as {secret}."
    if flag := FLAGS_ONLY.get(variable.removeprefix("NEONSYNC_").lower()):
        remedy = f"It is a flag only: {flag}."
    raise ConfigError(f"{variable} is set, but there is no such setting", remedy)


def _read_files(result: Resolution) -> None:
    # The one that cannot be read must not hide the other.
    def project() -> None:
        if result.places.project is not None:
            result.project = read_file(result.places.project)

    def user() -> None:
        if result.places.user is not None:
            result.user = read_file(result.places.user)

    result.attempt(project)
    result.attempt(user)


def _find(
    name: str,
    flag: str,
    variables: tuple[str, ...],
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    result: Resolution,
) -> Found | None:
    given = flags.get(name)
    if given is not None and given != ():
        return Found(given, Rank.FLAG, f"from {flag}" if flag else "from a flag")
    for variable in variables:
        if environ.get(variable, "").strip():
            return Found(environ[variable], Rank.ENVIRONMENT, f"from {variable}")
    for file, rank in ((result.project, Rank.PROJECT), (result.user, Rank.USER)):
        if file is not None and name in file.values:
            return Found(file.values[name], rank, f"from {file.path}")
    return None


def _choose_days(result: Resolution) -> None:
    """The days may be told by their number or by bounds: the higher layer's way is taken.

    Raises:
        ConfigError: both stand in one layer, or the bounds are the wrong way round.
    """
    days, first, last = (result.found[f"filters.{name}"] for name in ("days", "from", "to"))
    values = result.values
    for bound in (first, last):
        both = values.get("filters.days") is not None and bound.raw not in (None, "")
        if both and bound.rank == days.rank:
            raise ConfigError(
                f"filters.days is {days.raw!r} ({days.origin}), and beside it stands a bound: "
                f"{bound.raw} ({bound.origin})",
                "Give the number of days, or the first and the last one.",
            )
    nearest_bound = min(first.rank, last.rank)
    # On a tie that is no conflict, days is 0, or the bounds are empty: one asks for nothing.
    tie = nearest_bound == days.rank and values.get("filters.days") is None
    if nearest_bound < days.rank or tie:
        if days.rank < Rank.DEFAULT and nearest_bound < Rank.DEFAULT:
            values["filters.days"] = None
            winner = first if first.rank <= last.rank else last
            result.origins["filters.days"] = f"set aside by the bound {winner.origin}"
    else:
        for name, bound in (("filters.from", first), ("filters.to", last)):
            if bound.rank < Rank.DEFAULT:
                values[name] = None
                result.origins[name] = f"set aside by filters.days {days.origin}"
    start, end = values.get("filters.from"), values.get("filters.to")
    if start is not None and end is not None and start > end:
        raise ConfigError(
            f"filters.from is {start} ({first.origin}), after filters.to, {end} ({last.origin})",
            "Name the first day, then the last one; both are included.",
        )


_OF_A_MODE = {
    "test_data.rows": "test-data",
    "test_data.seed": "test-data",
    "test_data.scenario": "test-data",
    "publish": "full",
    "on_missing": "full",
    "allow_delete": "full",
    "validation": "full",
    "verify_target": "full",
}
_HARMLESS = ("auto", "keep", "changed", "exact")
"""What those flags may say in every mode: it is as if they were not there."""


def _check_mode(result: Resolution) -> None:
    """Refuse a flag that asks for what its mode does not do; a file may serve several modes.

    Raises:
        ConfigError: there is one.
    """
    mode = result.values.get("mode")
    for name, wanted in _OF_A_MODE.items():
        found = result.found[name]
        if found.rank is not Rank.FLAG or found.raw in _HARMLESS:
            continue
        if mode is not None and mode != wanted:
            raise ConfigError(
                f"{found.origin.removeprefix('from ')} is for the mode {wanted}, "
                f"but mode is {mode} ({result.origins['mode']})",
                f"Add --mode {wanted}, or leave it out.",
            )


def _take_tables(result: Resolution) -> None:
    for file in (result.project, result.user):
        if file is not None and file.tables is not None:
            result.origins["tables"] = f"from {file.path}"
            result.tables = parse_tables(file.tables, str(file.path))
            return
    result.origins["tables"] = "the preset"
    result.tables = preset()


def _take_checks(result: Resolution) -> None:
    """The checks stand beside the tables that they are of; a user's go with the user's tables."""
    for file in (result.project, result.user):
        if file is None:
            continue
        if file.checks is not None:
            result.checks = parse_checks(file.checks, str(file.path), result.tables)
        if file.checks is not None or file.tables is not None:
            return
