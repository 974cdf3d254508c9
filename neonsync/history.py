"""The local history: a line of JSON for each run and branch operation, across branches.

It is the record that a reset, a rollback or the deletion of a branch cannot erase. It is only ever
appended to, and holds no secrets. A history that cannot be written is no reason to fail.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neonsync import who
from neonsync.secret import Secret, redacted

HISTORY_VARIABLE = "NEONSYNC_HISTORY_FILE"
RUN = "run"
"""The kind of an entry that tells of a run; the others are named as their commands are."""
LOCK_SECONDS = 5.0
_LOCK_PAUSE = 0.02
_SYNCED = ("succeeded", "invalid", "partial")


@dataclass(frozen=True)
class Entry:
    """One line. ``kind`` is run, rollback, create, delete, reset, restore, rename or expire.

    ``time`` is when it ended, in ISO 8601 and UTC. ``status`` of a branch operation is succeeded
    or failed. ``rows`` were written, ``price`` is in dollars. ``detail`` says more in words.
    ``command`` are the arguments that select a run again, without what was confirmed for it alone.
    """

    time: str
    kind: str
    branch: str
    branch_id: str = ""
    project: str = ""
    run_id: str = ""
    status: str = "succeeded"
    exit_code: int = 0
    mode: str = ""
    tables: tuple[str, ...] = ()
    rows: int = 0
    seconds: float = 0.0
    price: float = 0.0
    user: str = ""
    host: str = ""
    repository: str = ""
    commit: str = ""
    detail: str = ""
    command: tuple[str, ...] = ()

    @property
    def moment(self) -> datetime:
        """When it ended."""
        return datetime.fromisoformat(self.time)


@dataclass(frozen=True)
class History:
    """What a history file holds, oldest first; ``notes`` tells of lines that are none."""

    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = field(default=())


def now() -> str:
    """The present moment as an entry has it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def origin(environ: Mapping[str, str]) -> dict[str, Any]:
    """The fields of an entry that tell who did it, and from where."""
    return {
        "user": who.user(environ),
        "host": who.host(),
        "repository": who.from_actions(environ, "GITHUB_REPOSITORY"),
        "commit": who.from_actions(environ, "GITHUB_SHA"),
    }


def history_path(environ: Mapping[str, str]) -> Path | None:
    """Where the history is; None where there is no home for it."""
    if named := environ.get(HISTORY_VARIABLE, "").strip():
        return Path(named)
    folder = state_directory(environ)
    return folder / "history.jsonl" if folder is not None else None


def state_directory(environ: Mapping[str, str]) -> Path | None:
    """Where this user's state is kept; None where there is no home for it. Makes nothing."""
    base = Path(environ.get("XDG_STATE_HOME", ""))
    if not base.is_absolute():  # its specification: what is no absolute path does not count
        home = Path(environ.get("HOME", ""))
        # A container's user may be given a home that is not there: it is not ours to make.
        if not home.is_absolute() or not home.is_dir():
            return None
        base = home / ".local" / "state"
    return base / "neonsync"


def append(entry: Entry, environ: Mapping[str, str], secrets: Iterable[Secret] = ()) -> str:
    """Add an entry; returns a warning where that did not work, and nothing where it did."""
    path = history_path(environ)
    if path is None:
        return (
            "this run is not in the history: there is no home for it. "
            f"Set {HISTORY_VARIABLE} to a file, or to /dev/null for none."
        )
    line = json.dumps(redacted(asdict(entry), *secrets), ensure_ascii=False)
    try:
        _append_line(path, line)
    except OSError as error:
        reason = error.strerror or str(error)
        return (
            f"the history {path} could not be written: {reason}. "
            f"Mend that, or set {HISTORY_VARIABLE} to another file."
        )
    return ""


def read_history(environ: Mapping[str, str]) -> History:
    """All entries. A history that is not there is empty; one that cannot be read is said."""
    path = history_path(environ)
    if path is None:
        return History()
    entries: list[Entry] = []
    broken: list[int] = []
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                entry = _parse(line)
                if entry is None:
                    broken.append(number)
                else:
                    entries.append(entry)
    except FileNotFoundError:
        return History()
    except OSError as error:
        return History(notes=(f"the history {path} cannot be read: {error.strerror}",))
    notes: tuple[str, ...] = ()
    if broken:
        which = ", ".join(map(str, broken[:5])) + (" …" if len(broken) > 5 else "")
        notes = (f"{path}: lines that are no entries were skipped: {which}",)
    return History(tuple(entries), notes)


def last_syncs(entries: Iterable[Entry]) -> dict[str, Entry]:
    """The newest run that wrote to each branch, by the branch's id."""
    return {
        entry.branch_id: entry
        for entry in sorted(entries, key=lambda each: each.moment)
        if entry.kind == RUN and entry.status in _SYNCED and entry.branch_id
    }


def _append_line(path: Path, line: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Not blocking, for the case that somebody put a FIFO there that nobody reads.
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    try:
        content = f"{line}\n".encode()
        # /dev/null is a way to want none, and everybody's.
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            _lock(descriptor)
        if not _ends_a_line(descriptor):
            content = b"\n" + content  # what a full disk or a crash has cut stays by itself
        if os.write(descriptor, content) != len(content):
            raise OSError(errno.ENOSPC, "only a part could be written")
    finally:
        os.close(descriptor)  # which gives the lock back


def _lock(
    descriptor: int,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Take the lock, or go on without: O_APPEND alone keeps whole lines apart on a local disk."""
    deadline = clock() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if clock() > deadline:
                return  # its holder is frozen
            sleep(_LOCK_PAUSE)
        except OSError:
            return  # a network file system that has no locks


def _ends_a_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _parse(line: bytes) -> Entry | None:
    """An entry, also of a later version with more fields; None for a line that is none."""
    try:
        values = json.loads(line)
        known: dict[str, Any] = {
            each.name: values[each.name] for each in fields(Entry) if each.name in values
        }
        for name in ("tables", "command"):
            known[name] = tuple(map(str, known.get(name) or ()))
        for name in ("rows", "exit_code"):
            known[name] = int(known.get(name) or 0)
        for name in ("seconds", "price"):
            known[name] = float(known.get(name) or 0)
        for name in known.keys() - {"tables", "command", "rows", "exit_code", "seconds", "price"}:
            known[name] = str(known[name])
        entry = Entry(**known)
        # Moments are compared with each other: one without a zone could not be.
        return entry if entry.moment.tzinfo is not None else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
