"""A process on a pseudo-terminal of its own, whose keys are pressed and whose output is read."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.faults.processes import wait_until

ROOT = Path(__file__).parents[2]


class OnTerminal:
    """What came out is in ``output``; the terminal is the process's controlling one."""

    def __init__(
        self, arguments: Sequence[str], environ: Mapping[str, str], columns: int, rows: int
    ) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(columns, rows, tell=False)
        self.process = subprocess.Popen(
            [sys.executable, "-m", *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=ROOT,
            env={**os.environ, "TERM": "xterm-256color", **environ},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(theirs)
        self._chunks: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    @property
    def output(self) -> str:
        return b"".join(self._chunks).decode(errors="replace")

    def wait_for(self, text: str) -> None:
        """Wait until it has written something; fails with what it wrote when it ends without."""
        wait_until(lambda: text in self.output or self.process.poll() is not None)
        assert text in self.output, self.output

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, rows: int, *, tell: bool = True) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if tell:
            self.process.send_signal(signal.SIGWINCH)

    def hang_up(self) -> None:
        """The terminal goes away, as when a window is closed or a connection is lost."""
        os.close(self._ours)
        self._ours = -1

    def finish(self) -> int:
        """Wait for the end; the exit code."""
        code = self.process.wait(60)
        if self._ours >= 0:
            self._reader.join()
        return code

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        if self._ours >= 0:
            self.hang_up()

    def _read(self) -> None:
        # An error is how Linux tells that the other end is closed.
        with contextlib.suppress(OSError):
            while chunk := os.read(self._ours, 65536):
                self._chunks.append(chunk)


@contextlib.contextmanager
def on_terminal(
    *arguments: str, environ: Mapping[str, str] | None = None, columns: int = 80, rows: int = 24
) -> Iterator[OnTerminal]:
    """Run ``python -m …``; it is gone at the end, however it goes."""
    made = OnTerminal(arguments, environ or {}, columns, rows)
    try:
        yield made
    finally:
        made.close()
