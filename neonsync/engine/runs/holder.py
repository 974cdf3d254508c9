"""Who holds a lease, and whether that process is still there."""

from __future__ import annotations

import getpass
import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Holder:
    """Who holds a lease: ``text`` for people, ``key`` to find the process on the same machine."""

    text: str
    key: str


def this_process() -> Holder:
    """This process as a holder."""
    pid = os.getpid()
    return Holder(f"{_user()}@{platform.node() or 'unknown'}, process {pid}", _process_key(pid))


def is_dead(holder_key: str) -> bool:
    """Whether a holder is surely gone: a process of this very machine that is not there."""
    machine, _, pid = holder_key.rpartition(":")
    if not machine or holder_key != _process_key(int(pid)):
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # somebody else's, and alive
    return False


def _user() -> str:
    """The person or robot that runs this, for the message to whoever is refused."""
    actor = os.environ.get("GITHUB_ACTOR")
    if actor:
        return actor
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _process_key(pid: int) -> str:
    """What names a process beyond doubt, empty where the system does not tell: the machine's
    boot, the namespace of process ids, the id."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        namespace = Path("/proc/self/ns/pid").readlink()
    except OSError:
        return ""
    return f"{boot}/{namespace}:{pid}"
