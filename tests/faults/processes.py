"""Runs of neonsync in processes of their own, to be watched and killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests import forked
from tests.conftest import Target

DEADLINE = 60.0


@dataclass(frozen=True)
class Running:
    """A headless run in a child process."""

    process: forked.Forked
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

    def finish(self) -> int | None:
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
    process = forked.start(
        *("--headless", "--branch", target.name, "--report-dir", str(report_dir), *arguments),
        env={**os.environ, **target.environment},
    )
    try:
        yield Running(process, report_dir)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=DEADLINE)


def servers_below(folder: Path) -> list[str]:
    """The Postgres servers whose data lies below a folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if "-D" in command and command[command.index("-D") + 1].startswith(str(folder)):
            found.append(" ".join(command))
    return found


def wait_until(
    condition: Callable[[], bool], deadline: float = DEADLINE, pause: float = 0.005
) -> bool:
    """Poll a condition; fails the test when it does not come true in time."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, "the condition did not come true"
        time.sleep(pause)
    return True
