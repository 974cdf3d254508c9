"""A real terminal: a tmux server of its own, whose keys are typed and whose screen is read."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.faults.processes import wait_until
from tests.tui.terminal import ROOT

needs_tmux = pytest.mark.skipif(
    shutil.which("tmux") is None, reason="tmux is not installed: apt-get install tmux"
)
ENDED = "ended with"


class Tmux:
    """One window with one program. The server listens on a socket in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._socket = str(folder / "tmux")

    def start(
        self, command: Sequence[str], environ: Mapping[str, str], columns: int, rows: int
    ) -> None:
        """Run a program; when it has ended, the screen says ``ended with`` and its exit code."""
        variables = [f"{name}={value}" for name, value in environ.items()]
        # env starts from nothing: what tmux and the tests have around them is not the user's.
        run = shlex.join(["env", "-i", "TERM=tmux-256color", *variables, *command])
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows)),
            *("-c", str(ROOT), f"{run}; echo {ENDED} $?; read line"),
        )

    def type(self, *keys: str) -> None:
        """Type keys by tmux's names: ``Enter``, ``C-q``, ``x``."""
        self._tmux("send-keys", *keys)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-x", str(columns), "-y", str(rows))

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p")

    def wait_for(self, *texts: str) -> str:
        """Wait until all of these are to be read; returns the screen."""
        seen = ""

        def is_there() -> bool:
            nonlocal seen
            seen = self.screen
            return all(text in seen for text in texts)

        try:
            wait_until(is_there, pause=0.03)  # each look is a process
        except AssertionError:
            pytest.fail(f"{texts} never came; the screen shows:\n{seen}")
        return seen

    def end(self) -> None:
        """End the server and with it what runs in it."""
        with contextlib.suppress(subprocess.CalledProcessError):
            self._tmux("kill-server")

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.stdout


@contextlib.contextmanager
def neonsync_in_tmux(
    folder: Path,
    *arguments: str,
    environ: Mapping[str, str],
    columns: int = 100,
    rows: int = 30,
) -> Iterator[Tmux]:
    """``neonsync`` in a window; both are gone at the end."""
    tmux = Tmux(folder)
    tmux.start([sys.executable, "-m", "neonsync", *arguments], environ, columns, rows)
    try:
        yield tmux
    finally:
        tmux.end()
