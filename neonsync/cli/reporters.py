"""Who shows a run to people and programs: chosen here, and nowhere else.

stdout is for data (the summary, or with ``--json`` the events), stderr for messages.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from neonsync.cli.output import print_error, say
from neonsync.engine.events import Event
from neonsync.engine.result import RunResult
from neonsync.errors import NeonsyncError, RunCancelled
from neonsync.report.jsonl import JsonLines
from neonsync.report.plain import PlainReporter
from neonsync.report.summary import summary
from neonsync.secret import Secret, redact

_SECRET_VARIABLES = (
    "NEON_API_KEY",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "NEON_CONNECTION_STRING",
)
_DUMB_TERMINALS = ("dumb", "unknown", "")


class Reporter(Protocol):
    """What shows a run to whoever watches."""

    def __call__(self, event: Event) -> None:
        """Take an event in."""

    def tick(self) -> None:
        """Called each second."""

    def say(self, line: str) -> None:
        """Show a line to people."""

    def finish(self, result: RunResult, report_dir: str) -> None:
        """The run has ended, and its reports are written."""

    def abandon(self, result: RunResult) -> None:
        """The process ends at once, amid the run: programs still get a word."""

    def close(self) -> None:
        """Give the terminal back; may be called more than once."""


class Reporters:
    """Several as one."""

    def __init__(self, *members: Reporter) -> None:
        self._members = members

    def __call__(self, event: Event) -> None:
        """Hand an event to each."""
        for member in self._members:
            member(event)

    def tick(self) -> None:
        """Let each have its second."""
        for member in self._members:
            member.tick()

    def say(self, line: str) -> None:
        """Let each show a line."""
        for member in self._members:
            member.say(line)

    def finish(self, result: RunResult, report_dir: str) -> None:
        """Let each tell how it ended."""
        for member in self._members:
            member.finish(result, report_dir)

    def abandon(self, result: RunResult) -> None:
        """Let each tell that nothing more will come."""
        for member in self._members:
            member.abandon(result)

    def close(self) -> None:
        """Close each."""
        for member in self._members:
            member.close()


class Summary:
    """Prints the summary and the error at the end of a run."""

    def __init__(self, write: Callable[[str], None], secrets: tuple[Secret, ...]) -> None:
        self._write = write
        self._secrets = secrets

    def __call__(self, event: Event) -> None:
        """Only the end is of interest."""

    def tick(self) -> None:
        """Only the end is of interest."""

    def say(self, line: str) -> None:
        """Only the end is of interest."""

    def finish(self, result: RunResult, report_dir: str) -> None:
        """Print both."""
        self._write(redact(summary(result, report_dir), *self._secrets))
        if result.error is not None:
            print_error(result.error, *self._secrets)

    def abandon(self, result: RunResult) -> None:
        """Who asked twice has been told."""

    def close(self) -> None:
        """Nothing to give back."""


def choose(secrets: tuple[Secret, ...], environ: Mapping[str, str], *, as_json: bool) -> Reporters:
    """The reporters of a run, in the order in which they are told of things."""
    to_stderr = partial(say, err=True)
    members: list[Reporter] = [
        _progress(environ, as_json=as_json),
        Summary(to_stderr if as_json else say, secrets),
    ]
    if as_json:
        members.append(JsonLines(say, secrets))
    return Reporters(*members)


def _progress(environ: Mapping[str, str], *, as_json: bool) -> Reporter:
    # Lines of JSON in the midst of a live display would spoil both.
    shared = as_json and sys.stdout.isatty()
    if sys.stderr.isatty() and environ.get("TERM", "") not in _DUMB_TERMINALS and not shared:
        from rich.console import Console

        from neonsync.report.live import LiveReporter

        return LiveReporter(Console(stderr=True, highlight=False))
    return PlainReporter(partial(say, err=True))


def known_secrets(environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """The values that must not be shown, as far as the environment tells."""
    found = [environ[name] for name in _SECRET_VARIABLES if environ.get(name)]
    with contextlib.suppress(Exception):  # no address: it is hidden as a whole all the same
        from psycopg.conninfo import conninfo_to_dict

        found.append(str(conninfo_to_dict(environ["NEON_CONNECTION_STRING"])["password"]))
    return tuple(map(Secret, found))


def report_unstarted(error: NeonsyncError, environ: Mapping[str, str]) -> None:
    """Tell programs of a run that came to nothing before it had settings."""
    JsonLines(say, known_secrets(environ)).finish(unstarted(error), "")


def unstarted(error: NeonsyncError) -> RunResult:
    """The result of a run of which nothing is known but why it did not start."""
    now = datetime.now(UTC)
    return RunResult(
        status="cancelled" if isinstance(error, RunCancelled) else "failed",
        exit_code=error.exit_code,
        run_id="",
        attempt_resumed=False,
        branch="",
        branch_id="",
        database="",
        mode="",
        started_at=now,
        finished_at=now,
        tables=(),
        error=error,
    )
