"""The UI as a program: a terminal to run in, the signals, and what the process ends with."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from neonsync.errors import ConfigError, ExitCode

if TYPE_CHECKING:
    from neonsync.secret import Secret
    from neonsync.tui.app import NeonsyncApp

_DUMB_TERMINALS = ("dumb", "unknown", "")
_LINGER_SECONDS = 5.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def require_terminal(headless: str, environ: Mapping[str, str]) -> None:
    """Make sure that there is a terminal that can be drawn on and typed at.

    Raises:
        ConfigError: there is none; the remedy is the command ``headless``, which does the same.
    """
    streams = (("stdin", sys.__stdin__), ("stdout", sys.__stdout__), ("stderr", sys.__stderr__))
    missing = [name for name, stream in streams if stream is None or not stream.isatty()]
    reason = ""
    if missing:
        reason = f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} no terminal"
    elif (kind := environ.get("TERM", "")) in _DUMB_TERMINALS:
        reason = f"TERM is {kind!r}, a terminal that nothing can be drawn on"
    if reason:
        raise ConfigError(
            f"the terminal UI cannot run here: {reason}", f"Without it, the same is: {headless}"
        )


def open_ui(
    config: Path | None,
    arguments: Sequence[str],
    headless: str,
    changes: Mapping[str, str] | None = None,
) -> int:
    """Run the UI on the real services until it is left; what the process shall end with.

    ``config`` is the file that a flag named, ``arguments`` are those of a plan to open first.
    ``changes`` are what the services shall see otherwise in the environment.

    Raises:
        ConfigError: there is no terminal; ``headless`` is the command to use instead.
    """
    require_terminal(headless, os.environ)
    from neonsync.services.factory import real
    from neonsync.tui.app import NeonsyncApp
    from neonsync.tui.ports import Services
    from neonsync.tui.preferences import load_preferences

    preferences, notices = load_preferences(os.environ)
    found = real(config, {**os.environ, **(changes or {})})
    app = NeonsyncApp(
        Services(found.branches, found.lake, found.sync, found.history, found.setup),
        preferences,
        secrets=_secrets,
        first_plan=arguments,
        notices=notices,
    )
    return run_app(app)


def run_app(app: NeonsyncApp) -> int:
    """Run it; afterwards no run is at work any more, and nothing is on the terminal that was not.

    A fault of the program's own gives 1, with a traceback that has no values of variables.
    """
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    hook, threading.excepthook = threading.excepthook, app.faults.in_a_thread
    app.takes_signals = True
    try:
        with _seldom_collected():
            value = app.run(mouse=app.preferences.mouse)
        code = app.return_code or value or 0
    except Exception:
        print(app.hide(traceback.format_exc()), file=sys.__stderr__)
        code = ExitCode.SYNC_FAILED
    finally:
        threading.excepthook = hook
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for text in app.faults.texts:
        print(text, file=sys.__stderr__)
    run = app.run_controller
    if run is not None and run.active and not run.given_up:  # after a crash of the UI
        from neonsync.tui.lifecycle import roll_back

        print("neonsync: stopping the run; it rolls back …", file=sys.__stderr__)
        roll_back(app)
    return int(code)


@contextlib.contextmanager
def _seldom_collected() -> Iterator[None]:
    """Let Python look for cycles seldom, and not in what is there from the start.

    Each look at all objects holds the keys up, and a screen makes and drops many thousands.
    """
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def leave_soon(code: int) -> None:
    """Do not let the process hang for a thread that still waits for a server without an answer."""
    timer = threading.Timer(_LINGER_SECONDS, os._exit, (code,))
    timer.daemon = True
    timer.start()


def _secrets() -> Sequence[Secret]:
    from neonsync.services.context import known_secrets

    return known_secrets(os.environ)
