"""The live display on a real pseudo-terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import termios
import threading
from dataclasses import dataclass

from tests import forked
from tests.cli.test_cli import BARE
from tests.cli.test_json import lines
from tests.conftest import ROWS, Target

COLUMNS = 80
_COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m")


@dataclass(frozen=True)
class Seen:
    """What came out of a run whose stderr is a terminal."""

    code: int | None
    stdout: str
    screen: str


def on_terminal(target: Target, *arguments: str, hang_up: bool = False, **environment: str) -> Seen:
    """Run with a terminal of 80 × 24 as stderr, which may go away at its first word."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    process = forked.start(
        *("--headless", "--branch", target.name, "--report-dir", str(target.report_dir)),
        *arguments,
        env={**BARE, **target.environment, "TERM": "xterm-256color", **environment},
        stderr=theirs,
    )
    os.close(theirs)
    chunks: list[bytes] = []

    def read() -> None:
        try:
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
                if hang_up:
                    break
        except OSError:  # how Linux tells that the other end is closed
            pass
        os.close(ours)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        out, _ = process.communicate(timeout=60)
    finally:
        process.send_signal(signal.SIGKILL)
        reader.join()
    return Seen(process.returncode, out, b"".join(chunks).decode())


def test_a_terminal_sees_what_goes_on_and_gets_its_cursor_back(target: Target) -> None:
    target.world.aws.faults.fail_next_query("out of luck")
    seen = on_terminal(target)

    assert seen.code == 0
    assert "\x1b" not in seen.stdout
    assert f"{ROWS:,} rows swapped in" in seen.stdout
    assert "forecast_data extract" in seen.screen
    assert _COLOUR.search(seen.screen)
    assert seen.screen.rindex("\x1b[?25h") > seen.screen.rindex("\x1b[?25l")


def test_no_color_means_none_and_events_on_stdout_are_not_drawn_into_the_display(
    target: Target,
) -> None:
    target.world.aws.faults.fail_next_query("out of luck")
    seen = on_terminal(target, "--json", NO_COLOR="1")

    assert seen.code == 0
    assert "out of luck" in seen.screen
    assert "\x1b[?25l" in seen.screen
    assert not _COLOUR.search(seen.screen)
    assert lines(seen.stdout)[-1]["event"] == "summary"
    assert '"event"' not in seen.screen


def test_a_dumb_terminal_gets_plain_lines(target: Target) -> None:
    seen = on_terminal(target, TERM="dumb")

    assert seen.code == 0
    assert "\x1b" not in seen.screen
    assert re.search(r"^\d\d:\d\d:\d\d load public.forecast_data", seen.screen, re.MULTILINE)


def test_a_terminal_that_goes_away_does_not_spoil_the_run(target: Target) -> None:
    seen = on_terminal(target, hang_up=True)

    assert seen.code == 0
    assert f"{ROWS:,} rows swapped in" in seen.stdout
