"""``neonsync config check --live``: the live check as a person sees it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

from neonsync.cli.output import print_error, say
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Event, Notice, StepFinished
from neonsync.engine.live import PREFIX, LiveResult, TypeResult, check_live
from neonsync.errors import ExitCode, NeonsyncError
from neonsync.report.wording import describe_event, money, printable, size
from neonsync.settings import Settings
from neonsync.validation.result import Status

DIFFERENCES_SHOWN = 3
_LONGEST = 60


async def run_live(settings: Settings) -> ExitCode:
    """Send values of every type through the whole way; a line for each type."""

    def emit(event: Event) -> None:
        if isinstance(event, Notice):
            say(f"! note    {printable(event.message)}")
        elif isinstance(event, StepFinished):
            say(f"  {printable(describe_event(event) or '')}", err=True)

    try:
        with _signals() as cancel:
            result = await check_live(settings, emit, cancel)
    except NeonsyncError as error:
        return _failed(error)
    return _told(result)


def _told(result: LiveResult) -> ExitCode:
    code = ExitCode.OK
    for type_ in result.types:
        say("\n".join(map(printable, _lines(type_))))
    for check in result.run.checks:
        if check.status is Status.FAILED:
            code = ExitCode.VALIDATION
            say(f"✗ failed  {check.check} of {check.table}: {printable(check.message)}")
    run = result.run
    cost = f"{size(run.scanned_bytes)} scanned, {money(run.price)}"
    say(f"✓ ok      Athena: {cost} for {len(run.queries)} queries that the run made")
    if result.left is None:
        kept = f", the run {run.run_id} stays in neonsync.runs" if run.run_id else ""
        say(f"✓ ok      cleared: the schema {result.schema} and exported files{kept}")
    else:
        code = _failed(result.left)
    if run.error is not None:
        return _failed(run.error)
    values = sum(type_.values for type_ in result.types)
    if not result.equal:
        wrong = sum(len(type_.differing) for type_ in result.types)
        say(f"✗ failed  live: {wrong} of {values} values are not what Athena was given")
        return ExitCode.VALIDATION
    say(f"✓ ok      live: {values} values of {len(result.types)} types arrived as they are")
    return code


def _lines(result: TypeResult) -> Iterator[str]:
    sign = "✗ differs" if result.differing else "✓ equal  "
    yield f"{sign} {result.type}: {result.equal} of {result.values} values"
    for each in result.differing[:DIFFERENCES_SHOWN]:
        yield (
            f"          row {each.row}, {_cut(each.literal)}: "
            f"must be {_shown(each.expected)}, is {_shown(each.found)}"
        )
    more = len(result.differing) - DIFFERENCES_SHOWN
    if more > 0:
        yield f"          and {more} more"


def _shown(value: Any) -> str:
    if value is None:
        return "NULL"
    return _cut(repr(value) if isinstance(value, str | bytes) else str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _failed(error: NeonsyncError) -> ExitCode:
    say("✗ failed  live")
    print_error(error)
    return error.exit_code


@contextlib.contextmanager
def _signals() -> Iterator[CancelToken]:
    """Ctrl-C and SIGTERM stop the check, which then clears up; a second one ends the process."""
    cancel = CancelToken()
    loop = asyncio.get_running_loop()
    codes = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}

    def stop(code: ExitCode) -> None:
        if cancel.requested:
            say(f"quit at once: a schema {PREFIX}… may be left in the branch", err=True)
            os._exit(int(code))
        say("stopping: queries are cancelled, the schema is dropped; again to quit now", err=True)
        cancel.request(code)

    for number, code in codes.items():
        loop.add_signal_handler(number, stop, code)
    try:
        yield cancel
    finally:
        for number in codes:
            loop.remove_signal_handler(number)
