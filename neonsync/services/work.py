"""A project to work on, and operations that the history notes however they end."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from neonsync.errors import (
    ConfigError,
    ExitCode,
    NeonsyncError,
    RefusedError,
    RunCancelled,
)
from neonsync.history import Entry, append, now, origin
from neonsync.neon.branches import Project
from neonsync.neon.models import Branch
from neonsync.neon.waiting import Patience
from neonsync.report.wording import printable
from neonsync.secret import Secret, redact
from neonsync.services.context import hidden
from neonsync.settings import Settings


@dataclass(frozen=True)
class Work:
    """A project, in one thread. ``secrets`` are kept out of whatever is said."""

    project: Project
    settings: Settings
    environ: Mapping[str, str]
    secrets: tuple[Secret, ...]
    say: Callable[[str], None]

    def tell(self, text: str) -> None:
        """Say a line to people."""
        self.say(printable(redact(text, *self.secrets)))


@contextlib.contextmanager
def opened(
    settings: Settings,
    environ: Mapping[str, str],
    say: Callable[[str], None],
    cancel: threading.Event | None = None,
) -> Iterator[Work]:
    """The project of the settings; errors from within lose their secrets.

    ``say`` gets lines for people, and whoever sets ``cancel`` waits no longer.

    Raises:
        ConfigError: the settings hold no API key.
        RunCancelled: it was stopped.
    """
    secrets = settings.secrets

    def tell(text: str) -> None:
        say(printable(redact(text, *secrets)))

    project = Project(settings.neon, Patience(say=tell, cancel=cancel))
    try:
        with hidden(secrets):
            yield Work(project, settings, environ, secrets, say)
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
                    **origin(work.environ),
                ),
                work.environ,
                work.secrets,
            )
            if warning:
                work.tell(f"warning: {warning}")
