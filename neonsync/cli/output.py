"""Writing to stdout and stderr: a reader that has gone away is no reason to end a sync."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TextIO

import click

from neonsync.cli.tabular import terminal_width, wrapped
from neonsync.errors import NeonsyncError
from neonsync.report.wording import printable
from neonsync.secret import Secret, redact


def say(text: str, *, err: bool = False) -> None:
    """Write a line, at once. When nobody can take it, this and all that follows goes nowhere."""
    stream = sys.stderr if err else sys.stdout
    try:
        click.echo(text, err=err)
        stream.flush()
    except OSError:
        give_up(stream.fileno())


def fitted(text: str, *secrets: Secret, err: bool = False) -> str:
    """Lines without secrets, which break between words where their terminal is too narrow.

    In this order: of a secret that is broken in two, neither half is found.
    """
    width = terminal_width(sys.stderr if err else sys.stdout)
    return "\n".join(wrapped(redact(text, *secrets).splitlines(), width))


def print_error(error: NeonsyncError, *secrets: Secret) -> None:
    """Say what happened and what to do next, on stderr."""
    say(fitted(error_text(error), *secrets, err=True), err=True)


def error_text(error: NeonsyncError) -> str:
    """An error in lines; it may quote what a database said, which may not steer a terminal."""
    lines = f"neonsync: {error.message}".splitlines()
    lines += [f"  {line}" for line in error.remedy.splitlines()]
    return "\n".join(map(printable, lines))


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
