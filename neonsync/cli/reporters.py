"""Who shows a run to people and programs: chosen here, and nowhere else.

stdout is for data (the summary, or with ``--json`` the events), stderr for messages.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import IO, Protocol, TypeAlias, cast

from neonsync.cli.debug import debugging
from neonsync.cli.output import Tolerant, error_text, fitted, hide, known, say, write_line
from neonsync.engine.events import Event, RunStarted, TablePublished
from neonsync.engine.result import RunResult
from neonsync.errors import NeonsyncError, RunCancelled
from neonsync.report.github import GitHubReporter, in_actions, inert
from neonsync.report.jsonl import JsonLines
from neonsync.report.plain import PlainReporter
from neonsync.report.summary import summary
from neonsync.secret import Secret

Write: TypeAlias = Callable[[str], None]
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
        self._started: RunStarted | None = None
        self.published: list[str] = []
        """The tables that are published by now."""

    def __call__(self, event: Event) -> None:
        """Hand an event to each."""
        if isinstance(event, RunStarted):
            self._started = event
        if isinstance(event, TablePublished):
            self.published.append(event.table)
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

    def abandon(self, result: RunResult) -> RunResult:
        """Let each tell that nothing more will come; returns what the events have filled in."""
        if self._started is not None:
            result = replace(
                result,
                run_id=self._started.run_id,
                branch=self._started.branch,
                branch_id=self._started.branch_id,
                tables=self._started.tables,
                attempt_resumed=self._started.attempt > 1,
            )
        for member in self._members:
            member.abandon(result)
        return result

    def close(self) -> None:
        """Close each."""
        for member in self._members:
            member.close()


class Summary:
    """Prints the summary and the error at the end of a run."""

    def __init__(self, write: Write, write_error: Write) -> None:
        self._write = write
        self._write_error = write_error

    def __call__(self, event: Event) -> None:
        """Only the end is of interest."""

    def tick(self) -> None:
        """Only the end is of interest."""

    def say(self, line: str) -> None:
        """Only the end is of interest."""

    def finish(self, result: RunResult, report_dir: str) -> None:
        """Print both."""
        self._write(summary(result, report_dir))
        if result.error is not None:
            self._write_error(error_text(result.error))

    def abandon(self, result: RunResult) -> None:
        """Who asked twice has been told."""

    def close(self) -> None:
        """Nothing to give back."""


def choose(
    secrets: tuple[Secret, ...],
    environ: Mapping[str, str],
    *,
    as_json: bool,
    stdout_is_taken: bool = False,
) -> Reporters:
    """The reporters of a run, in the order in which they are told of things.

    ``stdout_is_taken`` by whoever makes the run a part of something else.
    """
    actions = in_actions(environ)
    hide(*secrets)

    def show(text: str, *, err: bool) -> None:
        text = fitted(text, err=err)
        write_line(inert(text) if actions else text, err=err)

    at_the_end = partial(show, err=as_json or stdout_is_taken)
    members: list[Reporter] = [Summary(at_the_end, partial(show, err=True))]
    if actions:
        members.append(GitHubReporter(partial(write_line, err=True), environ, known()))
    elif _is_live(environ, as_json=as_json):
        from rich.console import Console

        from neonsync.report.live import LiveReporter

        terminal = cast("IO[str]", Tolerant(sys.stderr))
        members.append(LiveReporter(Console(file=terminal, highlight=False), known()))
    else:
        members.append(PlainReporter(partial(say, err=True)))
    if as_json:
        members.append(JsonLines(write_line, known()))
    return Reporters(*members)


def _is_live(environ: Mapping[str, str], *, as_json: bool) -> bool:
    # Lines of JSON, or of --debug, in the midst of a live display would spoil both.
    shared = (as_json and sys.stdout.isatty()) or debugging()
    return sys.stderr.isatty() and environ.get("TERM", "") not in _DUMB_TERMINALS and not shared


def report_unstarted(error: NeonsyncError, environ: Mapping[str, str], *, as_json: bool) -> None:
    """Tell programs of a run that came to nothing before it had settings."""
    result, secrets = unstarted(error), known()
    if in_actions(environ):
        GitHubReporter(partial(write_line, err=True), environ, secrets).finish(result, "")
    if as_json:
        JsonLines(write_line, secrets).finish(result, "")


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
