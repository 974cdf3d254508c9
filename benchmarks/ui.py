"""How the UI feels: its first frame, what it costs when idle, and how late its loop gets in a run.

Each is a process of its own on a pseudo-terminal of 120 × 40, as a user has it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import selectors
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.figures import Figure, Found, Goal, Options

REPEATS = 5
IDLE_SECONDS = 10.0
SETTLE_SECONDS = 2.0
GIVE_UP_SECONDS = 120.0
FRAME_GOAL, IDLE_GOAL, LATE_GOAL = Goal(700.0), Goal(5.0), Goal(100.0)
"""Milliseconds, percent of a core, milliseconds: the issue's."""
_SCREEN = b"\x1b[?1049h"
_CRUMB = b"neonsync"


def measure(options: Options) -> list[Found]:
    """All of it; rows and rounds are the UI's own."""
    frames = list(_first_frames())
    late = _lateness()
    return [
        Figure("python -c pass", _median(["-c", "pass"]), "ms"),
        Figure("import textual", _median(["-c", "import textual.app, textual.widgets"]), "ms"),
        Figure(
            "first frame",
            statistics.median(wall for wall, _ in frames),
            "ms",
            FRAME_GOAL,
            samples=[wall for wall, _ in frames],
            # On a machine that others use as well, its own time tells more than the clock.
            parts={"of it on the processor": statistics.median(cpu for _, cpu in frames)},
        ),
        Figure("idle on the branches", _idle(), "% of a core", IDLE_GOAL),
        Figure(
            "loop late in a run, max",
            late["max"],
            "ms",
            LATE_GOAL,
            parts={key: late[key] for key in ("p50", "p99", "events a second", "samples")},
        ),
    ]


def _median(arguments: list[str]) -> float:
    """Milliseconds of a whole process."""

    def once() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True)
        return (time.perf_counter() - began) * 1000

    once()  # the files are read from the disk
    return statistics.median(once() for _ in range(REPEATS))


def _first_frames() -> Iterator[tuple[float, float]]:
    """From the spawn of the command until its first screen has come, in milliseconds.

    By the clock, and what of it the process had on the processor.

    Neon's API is where nothing listens: what is asked of it must not keep the frame waiting.
    """
    environ = {
        "NEON_API_KEY": "napi_benchmark_000000000000",
        "NEON_PROJECT_ID": "benchmark",
        "NEON_API_HOST": "http://127.0.0.1:1/api/v2",
        "AWS_REGION": "us-east-1",
        "NEONSYNC_CONFIG": os.devnull,
    }
    for number in range(REPEATS + 1):
        began = time.perf_counter()
        with _on_terminal(["-m", "neonsync"], environ) as program:
            program.wait_for_frame()
            wall = time.perf_counter() - began
            used = psutil.Process(program.pid).cpu_times()
            if number:  # the first one reads the files from the disk
                yield wall * 1000, (used.user + used.system) * 1000


def _idle() -> float:
    """Percent of a core over some seconds on the home screen, with nobody at the keys."""
    with _on_terminal(["-m", "benchmarks.ui_program", "idle"]) as program:
        program.wait_for_frame()
        program.read(SETTLE_SECONDS)
        process = psutil.Process(program.pid)
        before = process.cpu_times()
        began = time.perf_counter()
        program.read(IDLE_SECONDS)
        after, seconds = process.cpu_times(), time.perf_counter() - began
    used = after.user + after.system - before.user - before.system
    return used / seconds * 100


def _lateness() -> dict[str, float]:
    """How late the UI's loop came to its heartbeats while a run was in front, in milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "late.json"
        with _on_terminal(["-m", "benchmarks.ui_program", "run", str(file)]) as program:
            while program.is_alive():
                program.read(0.2)
        found: dict[str, float] = json.loads(file.read_text())
    return found


@dataclass
class _Program:
    """A process on a terminal; somebody must read what it writes, or it would wait."""

    process: subprocess.Popen[bytes]
    terminal: int
    output: bytes = b""

    @property
    def pid(self) -> int:
        return self.process.pid

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def read(self, seconds: float) -> None:
        """Take what it writes for so long."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0 and self._take(left):
            pass

    def wait_for_frame(self) -> None:
        """Until its first screen has the breadcrumb."""
        until = time.perf_counter() + GIVE_UP_SECONDS
        while _CRUMB not in self.output.partition(_SCREEN)[2]:
            if time.perf_counter() > until or not self._take(1.0):
                raise RuntimeError(f"no screen came: {self.output[-2000:]!r}")

    def _take(self, seconds: float) -> bool:
        with selectors.DefaultSelector() as selector:
            selector.register(self.terminal, selectors.EVENT_READ)
            if selector.select(seconds):
                try:
                    chunk = os.read(self.terminal, 65536)
                except OSError:  # how Linux tells that the other end is closed
                    return False
                self.output = (self.output + chunk)[-200_000:]
        return True


@contextlib.contextmanager
def _on_terminal(
    arguments: list[str], environ: Mapping[str, str] | None = None
) -> Iterator[_Program]:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={
                "PATH": os.environ["PATH"],
                "HOME": home,
                "TERM": "xterm-256color",
                "COLORTERM": "truecolor",
                **(environ or {}),
            },
        )
        os.close(theirs)
        program = _Program(process, ours)
        try:
            yield program
        finally:
            if program.is_alive():
                process.send_signal(signal.SIGTERM)
            # It may have more to write than the terminal holds.
            until = time.perf_counter() + 10
            while program.is_alive() and time.perf_counter() < until:
                program.read(0.05)
            process.kill()
            process.wait()
            os.close(ours)
