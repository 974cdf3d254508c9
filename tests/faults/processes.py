"""Runs of neonsync in processes of their own, to be watched and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.conftest import Target

DEADLINE = 60.0
# As the console script, but for the polls: the sandbox answers in a moment.
_RUN = """
import neonsync.athena.client, neonsync.neon.waiting
from neonsync.cli.main import main
neonsync.athena.client.POLL_SECONDS = neonsync.neon.waiting.POLL_SECONDS = 0.05
main()
"""


@dataclass(frozen=True)
class Running:
    """A headless run in a child process."""

    process: subprocess.Popen[str]
    report_dir: Path

    @property
    def log(self) -> str:
        path = self.report_dir / "etl-manual.log"
        return path.read_text() if path.exists() else ""

    def wait_for_log(self, text: str) -> bool:
        """Wait until the log says something; False when the run ended without it."""
        return wait_until(lambda: text in self.log or self.process.poll() is not None) and (
            text in self.log
        )

    def finish(self) -> int:
        """Wait for the end; the exit code."""
        self.process.communicate(timeout=DEADLINE)
        return self.process.returncode

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate(timeout=DEADLINE)


@contextmanager
def running(target: Target, report_dir: Path, *arguments: str) -> Iterator[Running]:
    """Start ``neonsync --headless`` on a branch; it is gone at the end, however it goes."""
    report_dir.mkdir(parents=True, exist_ok=True)
    (report_dir / "etl-manual.log").unlink(missing_ok=True)
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", _RUN, "--headless", "--branch", target.name),
            *("--report-dir", str(report_dir), *arguments),
        ],
        env={**os.environ, **target.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Running(process, report_dir)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def servers_below(folder: Path) -> list[str]:
    """The Postgres servers whose data lies below a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "-D" in command and command[command.index("-D") + 1].startswith(str(folder)):
            found.append(" ".join(command))
    return found


def wait_until(condition: Callable[[], bool], deadline: float = DEADLINE) -> bool:
    """Poll a condition; fails the test when it does not come true in time."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(0.005)
    return True
