"""What all commands about branches stand on: the project, the confirmation, the history."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from neonsync.cli.output import say
from neonsync.errors import (
    ConfigError,
    ExitCode,
    NeonsyncError,
    RefusedError,
    RunCancelled,
)
from neonsync.history import Entry, append, now, origin
from neonsync.neon import guards
from neonsync.neon.branches import Project
from neonsync.neon.models import Branch
from neonsync.neon.waiting import Patience
from neonsync.report.wording import printable
from neonsync.secret import Secret, redact
from neonsync.settings import Settings, load_settings


@dataclass(frozen=True)
class Work:
    """A project to work on. ``secrets`` are kept out of whatever is said."""

    project: Project
    settings: Settings
    secrets: tuple[Secret, ...]

    def tell(self, text: str) -> None:
        """Say a line to people, on stderr."""
        say(printable(redact(text, *self.secrets)), err=True)


@contextlib.contextmanager
def open_project(
    config: Path | None,
    *,
    flags: Mapping[str, Any] | None = None,
    database: str | None = None,
    role: str | None = None,
) -> Iterator[Work]:
    """The project of the settings; errors from within lose their secrets.

    Raises:
        ConfigError: the settings are wrong, or hold no API key.
    """
    settings = load_settings(flags=flags or {}, environ=os.environ, config=config)
    neon = settings.neon
    neon = replace(neon, database=database or neon.database, role=role or neon.role)
    secrets = settings.secrets

    def tell(text: str) -> None:
        say(printable(redact(text, *secrets)), err=True)

    work = Work(Project(neon, Patience(say=tell)), replace(settings, neon=neon), secrets)
    try:
        yield work
    except NeonsyncError as error:
        error.message = redact(error.message, *secrets)
        raise
    except (KeyboardInterrupt, SystemExit) as left:
        stopped = _stopped(left)
        if stopped is None:
            raise
        raise stopped from None


def _stopped(left: BaseException) -> RunCancelled | None:
    """Ctrl-C, or the exit that SIGTERM makes of itself, as an error."""
    text = "stopped; Neon goes on with what it has begun. neonsync branches list shows what is"
    if isinstance(left, KeyboardInterrupt):
        return RunCancelled(text)
    if isinstance(left, SystemExit) and left.code == ExitCode.TERMINATED:
        return RunCancelled(text, ExitCode.TERMINATED)
    return None


@dataclass
class Note:
    """What is known of an operation while it is under way; without ``keep`` it is not noted."""

    branch: Branch | None = None
    keep: bool = True


@contextlib.contextmanager
def recorded(
    work: Work, kind: str, name: str, branch: Branch | None = None, detail: str = ""
) -> Iterator[Note]:
    """Note an operation in the history, however it ends."""
    note = Note(branch)
    began = time.monotonic()
    error: NeonsyncError | None = None
    done = False
    try:
        yield note
        done = True
    except (ConfigError, RefusedError):
        note.keep = False  # nothing was asked of Neon
        raise
    except NeonsyncError as raised:
        error = raised
        raise
    except BaseException as left:
        error = _stopped(left)
        raise
    finally:
        if note.keep:
            warning = append(
                Entry(
                    time=now(),
                    kind=kind,
                    branch=name,
                    branch_id=note.branch.id if note.branch is not None else "",
                    project=work.project.id,
                    status="succeeded" if done else "failed",
                    exit_code=int(error.exit_code) if error is not None else 0,
                    seconds=round(time.monotonic() - began, 3),
                    detail=error.message if error is not None else detail,
                    **origin(os.environ),
                ),
                os.environ,
                work.secrets,
            )
            if warning:
                work.tell(f"warning: {warning}")


def confirm_by_name(
    work: Work, branch: Branch, confirm: str | None, doing: str, warning: str
) -> None:
    """Say what would be lost, and have the name said once more: by the flag, or at the terminal.

    Raises:
        RefusedError: it was not.
    """
    work.tell(warning)
    if confirm is None and sys.stdin.isatty() and sys.stderr.isatty():
        confirm = click.prompt("Type its name to go on", default="", show_default=False, err=True)
    guards.check_confirmed(branch, confirm or None, doing)
