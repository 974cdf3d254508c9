"""Writing to stdout and stderr, the one way there: no secret goes through it.

Known are those of the environment, and of the settings once ``hide`` has been told. A reader that
has gone away is no reason to end a sync.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import sys
from typing import Any, TextIO

import click

from neonsync.cli.tabular import terminal_width, wrapped
from neonsync.errors import NeonsyncError
from neonsync.report.wording import printable
from neonsync.secret import Secret, redact, redacted

_of_settings: dict[Secret, None] = {}


def hide(*secrets: Secret) -> None:
    """Let nothing show these from now on."""
    _of_settings.update(dict.fromkeys(secrets))


def forget() -> None:
    """A new command: what the settings of the last one held is no secret of its."""
    _of_settings.clear()


def known() -> tuple[Secret, ...]:
    """All that must not be shown."""
    from neonsync.services.context import known_secrets

    return (*known_secrets(os.environ), *_of_settings)


def say(text: str, *, err: bool = False) -> None:
    """Write a line without secrets."""
    write_line(redact(text, *known()), err=err)


def say_json(document: Any, *, indent: int | None = None) -> None:
    """Write a JSON document without secrets, on stdout."""
    # Taken out of the finished text, they could break it, or be missed where JSON escapes them.
    write_line(json.dumps(redacted(document, *known()), indent=indent))


def write_line(text: str, *, err: bool = False) -> None:
    """Write what has lost its secrets already, or was asked for with them; at once.

    When nobody can take it, this and all that follows goes nowhere.
    """
    stream = sys.stderr if err else sys.stdout
    try:
        click.echo(text, err=err)
        stream.flush()
    except OSError:
        give_up(stream.fileno())


def fitted(text: str, *, err: bool = False) -> str:
    """Lines without secrets, which break between words where their terminal is too narrow.

    In this order: of a secret that is broken in two, neither half is found.
    """
    width = terminal_width(sys.stderr if err else sys.stdout)
    return "\n".join(wrapped(redact(text, *known()).splitlines(), width))


def print_error(error: NeonsyncError) -> None:
    """Say what happened and what to do next, on stderr."""
    write_line(fitted(error_text(error), err=True), err=True)


def print_usage_error(error: click.ClickException) -> None:
    """Say what click does not take, which quotes what was given, whatever that is."""
    told = io.StringIO()
    error.show(told)
    say("\n".join(map(printable, told.getvalue().splitlines())), err=True)


def error_text(error: NeonsyncError) -> str:
    """An error in lines; it may quote what a database said, which may not steer a terminal."""
    lines = f"neonsync: {error.message}".splitlines()
    lines += [f"  {line}" for line in error.remedy.splitlines()]
    return "\n".join(map(printable, lines))


class LastResort(logging.Handler):
    """Says what libraries warn of and nobody listens to, as asyncio does of a lost exception."""

    def emit(self, record: logging.LogRecord) -> None:
        """Say a record."""
        say("\n".join(map(printable, self.format(record).splitlines())), err=True)


class Tolerant(io.TextIOBase):
    """A stream for those who do not expect a terminal to go away, as Rich does not."""

    encoding = "utf-8"

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.encoding = stream.encoding

    def write(self, text: str, /) -> int:
        """Write a text, or nothing any more."""
        try:
            return self._stream.write(text)
        except OSError:
            give_up(self._stream.fileno())
            return len(text)

    def flush(self) -> None:
        """Let it be seen, if anybody is there."""
        try:
            self._stream.flush()
        except OSError:
            give_up(self._stream.fileno())

    def isatty(self) -> bool:
        """What the stream says."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """The stream's own."""
        return self._stream.fileno()


def give_up(descriptor: int) -> None:
    """Let a stream lead nowhere, so that the interpreter does not stumble over it at its end."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
