"""One process at a time for a folder: an advisory lock that dies with its holder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from neonsync.sandbox.neon.errors import SandboxError


class FolderLock:
    """The file ``.lock`` in a folder, locked by flock; its content is the holder's pid."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take the lock, or raise SandboxError that names the process which has it."""
        path = self._folder / ".lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise SandboxError(
                f"{self._folder} is already served by the process {holder}. "
                "Stop that one, or choose another folder."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back. Safe to call twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
