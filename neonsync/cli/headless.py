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

from neonsync.cli.loaded import loaded
from neonsync.cli.output import say
from neonsync.cli.reporters import Reporters, choose
from neonsync.engine.cancel import CancelToken
from neonsync.engine.result import RunResult, not_started
from neonsync.errors import ExitCode, RunCancelled
from neonsync.services.context import Context, command_of, selection_of
from neonsync.services.run import Run
from neonsync.settings import Settings

TICK_SECONDS = 1.0
LINGER_SECONDS = 1.0
"""For what still ends by itself after a run that was stopped; all is said and written by then."""


def run_headless(
    flags: Mapping[str, Any],
    config: Path | None,
    next_steps: str = "",
    *,
    as_json: bool = False,
    run_id: str = "",
    via: Settings | None = None,
    keep_on_stop: bool = False,
) -> ExitCode:
    """Load the settings, run, write the reports, print the summary; returns the exit code.

    ``as_json`` prints the events on stdout instead of the summary. ``run_id`` is the name of a run
    that was named beforehand. ``via`` are the settings of who asked for a run via a branch.
    ``keep_on_stop`` leaves what is loaded for the next run when this one is asked to stop.

    Raises:
        ConfigError: the settings are wrong; nothing has been contacted or written.
    """
    settings = loaded(flags, config)
    result = carry_out(
        settings, config, as_json=as_json, run_id=run_id, via=via, keep_on_stop=keep_on_stop
    )
    if result.exit_code is ExitCode.OK and next_steps:
        say(next_steps, err=as_json)
    return result.exit_code


def carry_out(
    settings: Settings,
    config: Path | None,
    *,
    as_json: bool = False,
    run_id: str = "",
    via: Settings | None = None,
    keep_on_stop: bool = False,
    stdout_is_taken: bool = False,
) -> RunResult:
    """Run with these settings, as ``run_headless`` does.

    Raises:
        ConfigError: the reports cannot be written.
    """
    asked = replace(selection_of(via or settings, config), via_branch=via is not None)
    command = command_of(Context(os.environ, config), asked)
    run = Run(settings, os.environ, command=command, run_id=run_id)
    reporters = choose(run.secrets, os.environ, as_json=as_json, stdout_is_taken=stdout_is_taken)
    if run.diverted:
        reporters.say(run.diverted)
    try:
        result = asyncio.run(_run(run, reporters, keep_on_stop))
    finally:
        reporters.close()
    return result


async def _run(run: Run, reporters: Reporters, keep_on_stop: bool) -> RunResult:
    cancel = CancelToken()
    release = _handle_signals(cancel, run, reporters, keep_on_stop)
    ticking = asyncio.create_task(_tick(reporters))
    try:
        ended = await run.carry_out(reporters, cancel, reporters.say)
    finally:
        ticking.cancel()
        release()
    reporters.close()
    for warning in ended.warnings:
        reporters.say(f"warning: {warning}")
    reporters.finish(ended.result, str(run.directory))
    if cancel.requested and ended.result.error is not None:
        _leave_soon(ended.result.exit_code)
    return ended.result


def _leave_soon(code: ExitCode) -> None:
    """Do not let the process hang after it was asked to stop.

    All is said and written, but a thread may still wait for a server that does not answer, and
    the interpreter would wait for the thread.
    """

    def leave() -> None:
        with contextlib.suppress(Exception):  # it may be closed, or nobody reads it any more
            sys.stdout.flush()
        os._exit(int(code))

    timer = threading.Timer(LINGER_SECONDS, leave)
    timer.daemon = True
    timer.start()


async def _tick(reporters: Reporters) -> None:
    while True:
        await asyncio.sleep(TICK_SECONDS)
        reporters.tick()


def _handle_signals(
    cancel: CancelToken, run: Run, reporters: Reporters, keep: bool
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
            left = not_started(run.settings, started_at, RunCancelled(message, code))
            run.record(reporters.abandon(left))
            os._exit(int(code))
        what = "what is loaded is kept for the next run" if keep else "all is rolled back"
        if reporters.published:
            what = f"what is published stays ({', '.join(reporters.published)})"
        reporters.say(f"stopping: queries are cancelled, {what}; again to quit now")
        cancel.request(code, keep=keep)

    before = {number: signal.getsignal(number) for number in codes}
    for number, code in codes.items():
        loop.add_signal_handler(number, stop, code)

    def release() -> None:
        for number in codes:
            with contextlib.suppress(ValueError):
                loop.remove_signal_handler(number)
                # Whose it was: the program may have more to do, and asyncio leaves the default.
                signal.signal(number, before[number])

    return release
