"""``neonsync config init``: questions on a terminal, flags elsewhere, and a TOML file."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from neonsync.cli.output import say
from neonsync.errors import ConfigError
from neonsync.secret import redact
from neonsync.services.setup_file import make, parse, render
from neonsync.settings import BY_NAME

_DEFAULT_FILE = Path("neonsync.toml")


@dataclass(frozen=True)
class _Question:
    """One thing to know: its parameter, what to ask, and where it goes.

    ``setting`` is the dotted name of a setting, whose default is the question's too; without one
    it is ``key`` of the table's entry. ``needed`` tells that flags must give it when neither a
    terminal nor the environment does.
    """

    parameter: str
    ask: str
    setting: str = ""
    key: str = ""
    needed: bool = False

    @property
    def flag(self) -> str:
        return "--" + self.parameter.replace("_", "-")


_QUESTIONS = (
    _Question(
        "project_id",
        "Neon project id (in the console's address bar)",
        "neon.project_id",
        needed=True,
    ),
    _Question(
        "branch",
        "Branch to write to (empty for the default branch, which wants --confirm)",
        "branch",
        needed=True,
    ),
    _Question("database", "Database of the lake", "athena.database"),
    _Question("region", "Region of Athena", "athena.region"),
    _Question(
        "output_location",
        "Where Athena writes exports, s3://… (empty when the workgroup has its own)",
        "athena.output_location",
        needed=True,
    ),
)
_SOURCE = _Question(
    "source",
    "Table of the lake (empty: forecast into forecast_data, as the old script)",
    key="source",
)
_TABLE = (
    _Question("target", "Its name in the branch", key="target"),
    _Question(
        "key", "Its key: the columns that tell rows apart, with commas", key="key", needed=True
    ),
    _Question("date_column", "Its column of dates (empty: none)", key="date_column"),
    _Question("state_column", "Its column of states (empty: none)", key="state_column"),
)


def run_init(path: Path, given: Mapping[str, str | None], environ: Mapping[str, str]) -> None:
    """Ask or take what is needed, and write the file.

    Raises:
        ConfigError: the file is there already, something is missing or wrong, or it holds a secret.
    """
    if path.exists() or path.is_symlink():
        raise ConfigError(
            f"{path} is there already", "Edit it, or write another one with --file NAME."
        )
    asking = sys.stdin.isatty() and sys.stderr.isatty()
    answers = _ask_all(given, environ) if asking else _take_all(given, environ)
    settings = {each.setting: answers[each.parameter] for each in _QUESTIONS}
    table = {each.key: answers.get(each.parameter) for each in (_SOURCE, *_TABLE)}
    make(path, render(settings, table if answers["source"] else {}))
    say(f"Wrote {path}.")
    _say_next(path, environ)


def _take_all(given: Mapping[str, str | None], environ: Mapping[str, str]) -> dict[str, Any]:
    """The answers without a terminal: flags, then the environment, then defaults."""
    questions = [*_QUESTIONS, _SOURCE]
    with_table = bool((given.get("source") or "").strip())
    if with_table:
        questions += _TABLE
    elif extra := [q.flag for q in _TABLE if given.get(q.parameter)]:
        raise ConfigError(
            f"{extra[0]} tells of a table, but --source names none", "Add --source TABLE."
        )
    missing = [
        question.flag
        for question in questions
        if _needed(question, environ)
        and given.get(question.parameter) is None
        and _default(question, environ) is None
    ]
    if missing:
        raise ConfigError(
            f"there is no terminal to ask at, and {_and(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing",
            "Give each a value; an empty one counts where the help says so.",
        )
    answers: dict[str, Any] = {}
    for question in questions:
        raw = given.get(question.parameter)
        raw = raw if raw is not None else _default(question, environ) or ""
        answers[question.parameter] = _parse(question, raw, question.flag)
    return answers


def _ask_all(given: Mapping[str, str | None], environ: Mapping[str, str]) -> dict[str, Any]:
    say("Enter takes what stands in brackets; Ctrl-C leaves without writing.", err=True)
    answers: dict[str, Any] = {}

    def ask(question: _Question, default: str) -> None:
        raw = given.get(question.parameter)
        if raw is not None:
            answers[question.parameter] = _parse(question, raw, question.flag)
            return
        while question.parameter not in answers:
            raw = click.prompt(question.ask, default=default, show_default=bool(default), err=True)
            try:
                answers[question.parameter] = _parse(question, str(raw), "your answer")
            except ConfigError as error:
                say(f"  {error.message}", err=True)

    for question in (*_QUESTIONS, _SOURCE):
        ask(question, _default(question, environ) or _fallback(question))
    if answers["source"]:
        for question in _TABLE:
            ask(question, answers["source"].rpartition(".")[2] if question.key == "target" else "")
    return answers


def _needed(question: _Question, environ: Mapping[str, str]) -> bool:
    # An address of its own leads to the branch: no project is needed to find it.
    by_address = question.setting == "neon.project_id" and environ.get("NEON_CONNECTION_STRING")
    return question.needed and not by_address


def _default(question: _Question, environ: Mapping[str, str]) -> str | None:
    """What the environment says; None when it says nothing."""
    if not question.setting:
        return None
    for variable in BY_NAME[question.setting].variables:
        value = environ.get(variable, "").strip()
        if value and redact(value) == value:  # a secret is neither shown nor written
            return value
    return None if question.needed else _fallback(question)


def _fallback(question: _Question) -> str:
    return str(BY_NAME[question.setting].default) if question.setting else ""


def _parse(question: _Question, raw: str, origin: str) -> Any:
    return parse(question.setting or question.key, raw, origin)


def _say_next(path: Path, environ: Mapping[str, str]) -> None:
    if not any(environ.get(name) for name in ("NEON_API_KEY", "NEON_CONNECTION_STRING")):
        say("Next, the key from the Neon console (Account settings, API keys), then the check:")
        say("  export NEON_API_KEY=…")
    else:
        say("Next, the check:")
    named = "" if path == _DEFAULT_FILE else f" --config {shlex.quote(str(path))}"
    say(f"  neonsync config check{named}")


def _and(flags: list[str]) -> str:
    return " and ".join([", ".join(flags[:-1]), flags[-1]] if flags[1:] else flags)
