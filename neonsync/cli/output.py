"""Writing to stdout and stderr: a reader that has gone away is no reason to end a sync."""

from __future__ import annotations

import contextlib
import os
import sys

import click

from neonsync.errors import NeonsyncError
from neonsync.report.wording import printable
from neonsync.secret import redact


def say(text: str, *, err: bool = False) -> None:
    """Write a line, at once. When nobody can take it, this and all that follows goes nowhere."""
    stream = sys.stderr if err else sys.stdout
    try:
        click.echo(text, err=err)
        stream.flush()
    except OSError:
        give_up(stream.fileno())


def print_error(error: NeonsyncError) -> None:
    """Say what happened and what to do next, on stderr."""
    for line in error_lines(error):
        say(redact(line), err=True)


def error_lines(error: NeonsyncError) -> list[str]:
    """An error in lines; it may quote what a database said, which may not steer a terminal."""
    lines = f"neonsync: {error.message}".splitlines()
    lines += [f"  {line}" for line in error.remedy.splitlines()]
    return [printable(line) for line in lines]


def give_up(descriptor: int) -> None:
    """Let a stream lead nowhere, so that the interpreter does not stumble over it at its end."""
    with contextlib.suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
