"""A run without a UI: the engine with listeners for terminal, log and reports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from neonsync.cli.output import print_error, say
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Event
from neonsync.engine.pipeline import run
from neonsync.engine.plan import make_plan
from neonsync.engine.result import RunResult, not_started
from neonsync.errors import ExitCode, NeonsyncError, RunCancelled, SyncError
from neonsync.report.files import ReportFiles
from neonsync.report.plain import PlainReporter
from neonsync.report.summary import summary
from neonsync.secret import Secret, redact
from neonsync.settings import Settings, load_settings

TICK_SECONDS = 1.0
LINGER_SECONDS = 5.0
_SECRET_VARIABLES = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "NEON_CONNECTION_STRING")


class Reporter(Protocol):
    """What shows a run to whoever watches."""

    def __call__(self, event: Event) -> None:
        """Take an event in."""

    def tick(self) -> None:
        """Called each second."""

    def say(self, line: str) -> None:
        """Show a line."""

    def close(self) -> None:
        """Give the terminal back."""


def run_headless(flags: Mapping[str, Any], config: Path | None, next_steps: str = "") -> ExitCode:
    """Load the settings, run, write the reports, print the summary; returns the exit code.

    Raises:
        ConfigError: the settings are wrong; nothing has been contacted or written.
    """
    settings = load_settings(flags=flags, environ=os.environ, config=config)
    secrets = (
        settings.neon.api_key,
        *(Secret(os.environ[name]) for name in _SECRET_VARIABLES if os.environ.get(name)),
    )
    files = ReportFiles(settings.report_dir, secrets)
    reporter = _reporter()
    if files.directory != settings.report_dir:
        reporter.say(
            f"another run writes to {settings.report_dir}; these reports go to {files.directory}"
        )
    try:
        result = asyncio.run(_run(settings, files, reporter))
    finally:
        reporter.close()
    if result.exit_code is ExitCode.OK and next_steps:
        say(next_steps)
    return result.exit_code


def _reporter() -> Reporter:
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from rich.console import Console

        from neonsync.report.live import LiveReporter

        return LiveReporter(Console(stderr=True, highlight=False))
    return PlainReporter(partial(say, err=True))


async def _run(settings: Settings, files: ReportFiles, reporter: Reporter) -> RunResult:
    cancel = CancelToken()
    release = _handle_signals(cancel, reporter)
    ticking = asyncio.create_task(_tick(reporter))

    def emit(event: Event) -> None:
        files(event)
        reporter(event)

    try:
        result = await _plan_and_run(settings, cancel, emit)
    finally:
        ticking.cancel()
        release()
    if result.error is not None and result.error.__cause__ is not None:
        files.log(f"caused by {redact(repr(result.error.__cause__))}")
    try:
        files.write(result)
    except OSError as error:
        # The sync has ended as it has: that is what the exit code tells.
        reporter.say(f"warning: the reports could not be written: {error}")
    reporter.close()
    say(summary(result, str(files.directory)))
    if result.error is not None:
        print_error(result.error)
    if result.status == "cancelled":
        _leave_soon(result.exit_code)
    return result


def _leave_soon(code: ExitCode) -> None:
    """Do not let the process hang after a cancel.

    All is said and written, but a thread may still wait for a server that does not answer, and
    the interpreter would wait for the thread.
    """
    sys.stdout.flush()
    timer = threading.Timer(LINGER_SECONDS, os._exit, (int(code),))
    timer.daemon = True
    timer.start()


async def _plan_and_run(
    settings: Settings, cancel: CancelToken, emit: Callable[[Event], None]
) -> RunResult:
    started_at = datetime.now(UTC)
    planning = asyncio.ensure_future(asyncio.to_thread(make_plan, settings))
    detach = cancel.attach(planning)
    try:
        plan = await planning
    except asyncio.CancelledError:
        return not_started(
            settings, started_at, RunCancelled("stopped before anything was done", cancel.exit_code)
        )
    except NeonsyncError as error:
        return not_started(settings, started_at, error)
    except Exception as error:
        unexpected = SyncError(
            f"unexpected, while planning: {type(error).__name__}: {redact(str(error))}",
            "Nothing was written. If it happens again, report it with the log.",
        )
        unexpected.__cause__ = error
        return not_started(settings, started_at, unexpected)
    finally:
        detach()
    return await run(plan, emit, cancel)


async def _tick(reporter: Reporter) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        reporter.tick()


def _handle_signals(cancel: CancelToken, reporter: Reporter) -> Callable[[], None]:
    """Let Ctrl-C and SIGTERM stop the run; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    codes = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}

    def stop(code: ExitCode) -> None:
        if cancel.requested:
            reporter.close()
            say("quit at once: the next run clears up what this one has left", err=True)
            os._exit(int(code))
        reporter.say("stopping: queries are cancelled, all is rolled back; again to quit now")
        cancel.request(code)

    for number, code in codes.items():
        loop.add_signal_handler(number, stop, code)

    def release() -> None:
        for number in codes:
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(number)

    return release
