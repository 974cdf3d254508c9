"""A branch's past: a base copy and the log since then, replayed up to a moment.

A clone shares its parent's log up to the moment of cloning, so that only a branch that was not
cloned from a running server has a base of its own. The log is what each server keeps in its
``pg_wal``: nothing is archived, and cloning costs nothing more.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from neonsync.sandbox.neon.errors import SandboxError
from neonsync.sandbox.neon.launcher import Launcher

KEPT = "4GB"
"""How much of its log each server keeps; what is older is outside the history window."""
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_LSN = re.compile(r"[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}")
_LAST = re.compile(r"Latest checkpoint location:\s+([0-9A-F]+/[0-9A-F]+)")
_REDO = re.compile(r"REDO WAL file:\s+([0-9A-F]{24})")


@dataclass(frozen=True)
class Moment:
    """A point of a branch's past, by time or by log position; neither is the head."""

    timestamp: datetime | None = None
    lsn: str | None = None

    @property
    def is_head(self) -> bool:
        """Whether the branch is meant as it is now."""
        return self.timestamp is None and self.lsn is None

    def settings(self) -> tuple[str, ...]:
        """The server's settings that end the replay here."""
        if self.lsn is not None:
            # What begins at the position is later than the position.
            return f"recovery_target_lsn={self.lsn}", "recovery_target_inclusive=off"
        if self.timestamp is not None:
            return (f"recovery_target_time={self.timestamp.isoformat(sep=' ')}",)
        return ()


HEAD = Moment()
"""A branch as it is now."""


def is_lsn(text: str) -> bool:
    """Whether a text has the form of a log position."""
    return _LSN.fullmatch(text) is not None


def lsn_number(text: str) -> int:
    """A log position as a number, to compare it."""
    high, _, low = text.partition("/")
    return int(high, 16) << 32 | int(low, 16)


def save_base(folder: Path, launcher: Launcher) -> None:
    """Keep a copy of a stopped server's data, from which its history will be replayed."""
    base = folder / "base"
    shutil.rmtree(base, ignore_errors=True)
    copy_stopped(folder / "data", base, launcher)


def copy_stopped(data: Path, target: Path, launcher: Launcher) -> None:
    """Copy a stopped server's data, with no more of its log than it needs to start."""
    first = _first_needed(data, launcher)

    def old(folder: str, names: list[str]) -> list[str]:
        if Path(folder).name != "pg_wal":
            return []
        return [name for name in names if _SEGMENT.fullmatch(name) and name < first]

    shutil.copytree(data, target, symlinks=True, ignore=old)
    launcher.give(target)


def is_complete(chain: Sequence[Path], launcher: Launcher) -> bool:
    """Whether the log is there from the base on; ``chain`` begins with the base's folder."""
    if not (chain[0] / "base").is_dir():
        return False
    first = _first_needed(chain[0] / "base", launcher)
    segments = _segments(chain, first)
    if first not in segments:
        return False
    size = segments[first].stat().st_size
    numbers = sorted(_number(name, size) for name in segments if name[:8] == first[:8])
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def assemble(chain: Sequence[Path], data: Path, launcher: Launcher) -> None:
    """Make a data directory of the base and all the log of the chain, ready to be replayed."""
    base = chain[0] / "base"
    shutil.rmtree(data, ignore_errors=True)
    shutil.copytree(base, data, symlinks=True)
    for name, path in _segments(chain, _first_needed(base, launcher)).items():
        shutil.copyfile(path, data / "pg_wal" / name)
    (data / "recovery.signal").touch(0o600)
    launcher.give(data)


def replay(
    chain: Sequence[Path],
    data: Path,
    moment: Moment,
    launcher: Launcher,
    start: Callable[[Iterable[str]], object],
) -> None:
    """Rebuild a branch as it was; ``start`` starts the server with the given settings."""
    common = ("restore_command=false", "recovery_target_timeline=current", "hot_standby=off")
    assemble(chain, data, launcher)
    try:
        start((*common, *moment.settings(), "recovery_target_action=promote"))
    except SandboxError as error:
        if "before configured recovery target was reached" not in str(error):
            raise
        # Nothing was committed after that moment: the head is what it was then.
        assemble(chain, data, launcher)
        start(common)


def end_of_log(data: Path, launcher: Launcher) -> str | None:
    """The position of a stopped server's last checkpoint."""
    found = _LAST.search(launcher.run("pg_controldata", str(data)))
    return found.group(1) if found else None


def _first_needed(data: Path, launcher: Launcher) -> str:
    report = launcher.run("pg_controldata", str(data))
    found = _REDO.search(report)
    if found is None:
        raise SandboxError(f"{data} holds no data of Postgres.")
    return found.group(1)


def _segments(chain: Sequence[Path], first: str) -> dict[str, Path]:
    """The log's files from the first on; where a clone and its parent differ, the clone's."""
    found: dict[str, Path] = {}
    for folder in chain:
        own = {
            path.name: path
            for path in (folder / "data" / "pg_wal").iterdir()
            if _SEGMENT.fullmatch(path.name) and path.name >= first
        }
        # From its first file on a clone has gone its own way.
        parted = min(own, default=first)
        found = {name: path for name, path in found.items() if name < parted} | own
    return dict(sorted(found.items()))


def _number(name: str, size: int) -> int:
    return int(name[8:16], 16) * (2**32 // size) + int(name[16:24], 16)
