"""Commands of neonsync in processes of their own that need not import anything first.

A server imports what a run needs, once, and forks a child for each command: what a test starts,
signals, freezes and kills is a real process, a second sooner than a new interpreter.
"""

from __future__ import annotations

import contextlib
import multiprocessing as mp
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from multiprocessing import forkserver, reduction
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).parent.parent
_context = mp.get_context("forkserver")
_context.set_forkserver_preload(["pytest", "tests.warm"])


class Forked:
    """A command at work, to be used as one of ``subprocess.Popen``."""

    def __init__(self, process: ForkServerProcess, *files: IO[str]) -> None:
        self._process = process
        self._files = files

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(self.pid, number)

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait for the end; what was written to stdout, and to stderr when it is apart."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout)
        written = []
        for file in self._files:
            file.seek(0)
            written.append(file.read())
        return written[0], written[-1] if len(written) > 1 else ""


def start(
    *arguments: str,
    env: Mapping[str, str],
    cwd: Path | None = None,
    apart: bool = False,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Forked:
    """Start ``neonsync``; its streams are kept, ``apart`` or as one, unless others are given."""
    with contextlib.chdir(_ROOT):
        forkserver.ensure_running()
    # Not closed here: who has the process reads them at its end.
    files = [tempfile.TemporaryFile("w+") for _ in range(2 if apart else 1)]  # noqa: SIM115
    streams = _Descriptors(
        files[0].fileno() if stdout is None else stdout,
        files[-1].fileno() if stderr is None else stderr,
    )
    process = _context.Process(
        target=_run,
        name="neonsync",
        args=(arguments, dict(env), str(cwd or Path.cwd()), streams),
    )
    process.start()
    return Forked(process, *files)


def run(
    *arguments: str, env: Mapping[str, str], cwd: Path | None = None, timeout: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Run ``neonsync`` to its end."""
    process = start(*arguments, env=env, cwd=cwd, apart=True)
    try:
        stdout, stderr = process.communicate(timeout)
    finally:
        process.send_signal(signal.SIGKILL)
    assert process.returncode is not None
    return subprocess.CompletedProcess(arguments, process.returncode, stdout, stderr)


class _Descriptors:
    """Files of this process that are open in the other one, under numbers of its own."""

    def __init__(self, *numbers: int) -> None:
        self._numbers = numbers

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _opened, tuple(reduction.DupFd(number) for number in self._numbers)


def _opened(*copies: Any) -> list[int]:
    return [copy.detach() for copy in copies]


def _run(arguments: tuple[str, ...], env: dict[str, str], cwd: str, streams: list[int]) -> None:
    """What the console script does, but for the polls: the sandbox answers in a moment."""
    import neonsync.athena.client
    import neonsync.neon.waiting
    from neonsync.cli.main import main

    neonsync.athena.client.POLL_SECONDS = neonsync.neon.waiting.POLL_SECONDS = 0.05
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, stream in zip((1, 2), streams, strict=True):
        os.dup2(stream, number)
        os.close(stream)
    sys.argv = ["neonsync", *arguments]
    main()
