"""What a person selects for a run, and the same as flags, as a command, and back.

A selection is told against a ``base``, which is what configuration and environment say by
themselves: only what differs becomes a flag, so that the command stays short and true.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from neonsync.errors import ConfigError

PROGRAM = ("neonsync", "--headless")


@dataclass(frozen=True)
class Selection:
    """One run, as far as flags can say it.

    ``tables`` and ``states`` are empty for all of them. ``days`` is None where ``first`` or
    ``last`` bounds the range, or where there is none. ``rows`` is None where each table says
    itself. ``allow_delete`` is in percent. ``confirm`` names the default or protected branches that
    may be written. ``words`` are those of the old table filter, each a table or a state.
    """

    branch: str = ""
    mode: str = "full"
    tables: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    days: int | None = None
    first: date | None = None
    last: date | None = None
    rows: int | None = None
    seed: int = 1
    scenario: str = "all"
    publish: str = "auto"
    on_missing: str = "keep"
    validation: str = "exact"
    verify_target: str = "changed"
    allow_delete: float = 10.0
    jobs: int = 2
    confirm: tuple[str, ...] = ()
    report_dir: str = "."
    via_branch: bool = False
    on_error: str = "stop"
    fresh: bool = False
    config: Path | None = None
    words: tuple[str, ...] = ()

    def arguments(self, base: Selection) -> tuple[str, ...]:
        """The arguments after ``neonsync --headless`` that select the same over ``base``."""
        made: list[str] = []
        if self.config is not None:
            made += ["--config", str(self.config)]
        for name, flag in _PLAIN.items():
            value, before = getattr(self, name), getattr(base, name)
            if value != before:
                made += [flag, _written(value)]
        if (self.days, self.first, self.last) != (base.days, base.first, base.last):
            made += self._range(base)
        if self.confirm != base.confirm:
            # The flags take the place of what is configured; an empty one takes all away.
            for name in self.confirm or ("",):
                made += ["--confirm", name]
        made += [flag for name, flag in _SWITCHES.items() if getattr(self, name)]
        return tuple(made)

    def command(self, base: Selection) -> str:
        """The whole command, for a shell."""
        return shlex.join([*PROGRAM, *self.arguments(base)])

    def flags(self, base: Selection) -> dict[str, Any]:
        """The flags for ``load_settings``, by their dotted names."""
        given = _parse(self.arguments(base))
        found = {dotted: getattr(given, name) for name, dotted in DOTTED.items()}
        found["confirm"] = tuple(given.confirm)
        found["fresh"] = given.fresh
        return found

    def _range(self, base: Selection) -> list[str]:
        if self.days is not None or (self.first is None and self.last is None):
            return ["--days", str(self.days or 0)]
        made: list[str] = []
        for flag, bound, before in (
            ("--from", self.first, base.first),
            ("--to", self.last, base.last),
        ):
            # An empty one takes away what the configuration has.
            if bound is not None or before is not None:
                made += [flag, bound.isoformat() if bound is not None else ""]
        return made


def from_arguments(arguments: Sequence[str], base: Selection) -> Selection:
    """The selection that ``Selection.arguments`` has made these of.

    Raises:
        ConfigError: they are no such arguments.
    """
    try:
        return _selected(_parse(arguments), base)
    except ValueError as error:
        raise _unreadable(error) from error


def _selected(given: argparse.Namespace, base: Selection) -> Selection:
    changes: dict[str, Any] = {}
    for name in _PLAIN:
        text = getattr(given, name)
        if text is not None:
            changes[name] = _read(name, text)
    if given.days is not None or given.first is not None or given.last is not None:
        bounds = given.days is None
        changes["days"] = None if bounds else int(given.days) or None
        changes["first"] = _day(given.first, base.first) if bounds else None
        changes["last"] = _day(given.last, base.last) if bounds else None
    if given.confirm:
        changes["confirm"] = tuple(dict.fromkeys(name for name in given.confirm if name))
    return replace(
        base,
        **changes,
        via_branch=given.via_branch,
        fresh=given.fresh,
        config=Path(given.config) if given.config else base.config,
    )


# The fields whose flag has the value as its only word, in the order of a command.
_PLAIN = {
    "branch": "--branch",
    "mode": "--mode",
    "words": "--table-filter",
    "tables": "--tables",
    "states": "--states",
    "rows": "--rows",
    "seed": "--seed",
    "scenario": "--scenario",
    "publish": "--publish",
    "on_missing": "--on-missing",
    "allow_delete": "--allow-delete",
    "validation": "--validation",
    "verify_target": "--verify-target",
    "on_error": "--on-error",
    "jobs": "--jobs",
    "report_dir": "--report-dir",
}
_SWITCHES = {"via_branch": "--via-branch", "fresh": "--fresh"}
DOTTED = {
    "branch": "branch",
    "mode": "mode",
    "words": "filters.table_filter",
    "tables": "filters.tables",
    "states": "filters.states",
    "days": "filters.days",
    "first": "filters.from",
    "last": "filters.to",
    "rows": "test_data.rows",
    "seed": "test_data.seed",
    "scenario": "test_data.scenario",
    "publish": "publish",
    "on_missing": "on_missing",
    "allow_delete": "allow_delete",
    "validation": "validation",
    "verify_target": "verify_target",
    "on_error": "on_error",
    "jobs": "jobs",
    "report_dir": "report_dir",
}
"""The setting of each field that is one."""
_NUMBERS = ("rows", "seed", "jobs")
_SHARES = ("allow_delete",)
_LISTS = ("words", "tables", "states")


def _written(value: object) -> str:
    """A value as the flag takes it; a name with a comma or a quote stands in double quotes."""
    if isinstance(value, tuple):
        return ",".join(map(_item, value)) or '""'  # an empty text would be refused
    if isinstance(value, float):
        return f"{value:g}"
    return "" if value is None else str(value)


def _item(name: str) -> str:
    if any(sign in name for sign in ',"') or name != name.strip():
        return '"' + name.replace('"', '""') + '"'
    return name


def _read(name: str, text: str) -> Any:
    from neonsync.settings import values  # which knows of lists with commas

    if name in _LISTS:
        return values.names(text)
    if name in _NUMBERS:
        return int(text) if text else None
    if name in _SHARES:
        return float(text)
    return text


def _day(text: str | None, before: date | None) -> date | None:
    if text is None:
        return before
    return date.fromisoformat(text) if text else None


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would end the process."""

    def error(self, message: str) -> NoReturn:
        raise _unreadable(message)


def _unreadable(reason: object) -> ConfigError:
    return ConfigError(f"the command of the run cannot be read: {reason}", "Select it anew.")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _Parser(add_help=False, allow_abbrev=False)
    for name, flag in _PLAIN.items():
        parser.add_argument(flag, dest=name)
    parser.add_argument("--config")
    parser.add_argument("--days")
    parser.add_argument("--from", dest="first")
    parser.add_argument("--to", dest="last")
    parser.add_argument("--confirm", action="append", default=[])
    for name, flag in _SWITCHES.items():
        parser.add_argument(flag, dest=name, action="store_true")
    # A value may begin with a dash; argparse takes it only when it is joined.
    return parser.parse_args(_joined(arguments))


def _joined(arguments: Sequence[str]) -> list[str]:
    words = iter(arguments)
    return [
        f"{word}={next(words, '')}"
        if word.startswith("--") and word not in _SWITCHES.values()
        else word
        for word in words
    ]
