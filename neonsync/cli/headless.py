"""A run without a UI: the engine with listeners for terminal, log and reports."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from neonsync.cli.output import say
from neonsync.cli.reporters import Reporters, choose
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Event
from neonsync.engine.pipeline import run
from neonsync.engine.plan import make_plan
from neonsync.engine.result import RunResult, not_started
from neonsync.errors import ExitCode, NeonsyncError, RunCancelled, SyncError
from neonsync.report.files import ReportFiles
from neonsync.report.history import record_run
from neonsync.secret import redact
from neonsync.services.context import known_secrets
from neonsync.settings import Settings, load_settings

TICK_SECONDS = 1.0
LINGER_SECONDS = 5.0


def run_headless(
    flags: Mapping[str, Any],
    config: Path | None,
    next_steps: str = "",
    *,
    as_json: bool = False,
    run_id: str = "",
) -> ExitCode:
    """Load the settings, run, write the reports, print the summary; returns the exit code.

    ``as_json`` prints the events on stdout instead of the summary. ``run_id`` is the name of a run
    that was named beforehand.

    Raises:
        ConfigError: the settings are wrong; nothing has been contacted or written.
    """
    settings = load_settings(flags=flags, environ=os.environ, config=config)
    secrets = (*settings.secrets, *known_secrets(os.environ))
    files = ReportFiles(settings.report_dir, secrets)
    reporters = choose(secrets, os.environ, as_json=as_json)
    if files.directory != settings.report_dir:
        reporters.say(
            f"another run writes to {settings.report_dir}; these reports go to {files.directory}"
        )
    try:
        result = asyncio.run(_run(settings, files, reporters, run_id))
    finally:
        reporters.close()
    if result.exit_code is ExitCode.OK and next_steps:
        say(next_steps, err=as_json)
    return result.exit_code


async def _run(
    settings: Settings, files: ReportFiles, reporters: Reporters, run_id: str
) -> RunResult:
    cancel = CancelToken()
    release = _handle_signals(cancel, settings, reporters)
    ticking = asyncio.create_task(_tick(reporters))

    def emit(event: Event) -> None:
        files(event)
        reporters(event)

    try:
        result = await _plan_and_run(settings, cancel, emit, reporters.say, run_id)
    finally:
        ticking.cancel()
        release()
    if result.error is not None and result.error.__cause__ is not None:
        files.log(f"caused by {redact(repr(result.error.__cause__))}")
    try:
        files.write(result)
    except OSError as error:
        # The sync has ended as it has: that is what the exit code tells.
        reporters.say(f"warning: the reports could not be written: {error}")
    reporters.close()
    if warning := record_run(result, settings, os.environ):
        reporters.say(f"warning: {warning}")
    reporters.finish(result, str(files.directory))
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
    settings: Settings,
    cancel: CancelToken,
    emit: Callable[[Event], None],
    say: Callable[[str], None],
    run_id: str,
) -> RunResult:
    started_at = datetime.now(UTC)
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is gone, and who watched with it
            loop.call_soon_threadsafe(say, text)

    planning = asyncio.ensure_future(asyncio.to_thread(make_plan, settings, tell))
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
    return await run(replace(plan, run_id=run_id), emit, cancel)


async def _tick(reporters: Reporters) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        reporters.tick()


def _handle_signals(
    cancel: CancelToken, settings: Settings, reporters: Reporters
) -> Callable[[], None]:
    """Let Ctrl-C and SIGTERM stop the run; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    started_at = datetime.now(UTC)
    codes = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}

    def stop(code: ExitCode) -> None:
        if cancel.requested:
            reporters.close()
            message = "quit at once: the next run goes on from here, or clears up what is left"
            say(message, err=True)
            reporters.abandon(not_started(settings, started_at, RunCancelled(message, code)))
            os._exit(int(code))
        reporters.say("stopping: queries are cancelled, all is rolled back; again to quit now")
        cancel.request(code)

    for number, code in codes.items():
        loop.add_signal_handler(number, stop, code)

    def release() -> None:
        for number in codes:
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(number)

    return release
