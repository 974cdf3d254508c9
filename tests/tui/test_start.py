"""The UI as a process: crashes, signals, the terminal that goes away. Each on a pseudo-terminal."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pytest

from neonsync.errors import ConfigError
from neonsync.tui.start import require_terminal
from tests.faults.processes import wait_until
from tests.tui.programs import AT_WORK
from tests.tui.terminal import OnTerminal, on_terminal

SHOWN = "acme-claims"
SECRETS = ("hunter2", "npg_h")


def began(terminal: OnTerminal, note: Path | None = None) -> None:
    """The first screen is there, and the run that leaves a note is at work."""
    terminal.wait_for("neonsync")
    terminal.wait_for("\x1b[?2004h")
    if note is not None:
        wait_until(lambda: note.exists() and note.read_text() == AT_WORK)


@pytest.mark.parametrize("where", ["handler", "worker"])
def test_a_crash_ends_with_1_and_shows_no_secret(where: str) -> None:
    with on_terminal("tests.tui.programs", where) as terminal:
        began(terminal)
        terminal.press("7")
        assert terminal.finish() == 1
    assert "no connection to postgresql://u:********@h/db" in terminal.output
    assert "in fail" in terminal.output  # where it was
    for secret in SECRETS:
        assert secret not in terminal.output
    assert_given_back(terminal)


@pytest.mark.parametrize("where", ["thread", "task"])
def test_a_fault_that_nobody_awaits_is_told_at_the_end_without_secrets(where: str) -> None:
    with on_terminal("tests.tui.programs", where) as terminal:
        began(terminal)
        terminal.press("7")
        assert terminal.finish() == 0
    after = terminal.output.rpartition("\x1b[?1049l")[2]
    assert "RuntimeError: no connection to postgresql://u:********@h/db" in after
    for secret in SECRETS:
        assert secret not in terminal.output


def test_a_fault_of_a_service_shows_no_secret() -> None:
    with on_terminal("tests.tui.programs", "service") as terminal:
        began(terminal)
        terminal.press("\x11")
        assert terminal.finish() in (0, 1)
    for secret in SECRETS:
        assert secret not in terminal.output


def test_a_run_is_rolled_back_after_a_crash(tmp_path: Path) -> None:
    note = tmp_path / "note"
    with on_terminal(
        "tests.tui.programs", "crashing-run", environ={"ROLLED_BACK": str(note)}
    ) as terminal:
        began(terminal, note)
        terminal.press("7")
        assert terminal.finish() == 1
    assert note.read_text() == "rolled back, 130"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 143)]
)
def test_a_signal_ends_it_with_the_run_rolled_back(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    note = tmp_path / "note"
    with on_terminal(
        "tests.tui.programs", "running", environ={"ROLLED_BACK": str(note)}
    ) as terminal:
        began(terminal, note)
        terminal.process.send_signal(number)
        assert terminal.finish() == code, terminal.output
    assert note.read_text() == f"rolled back, {code}"
    if number != signal.SIGHUP:
        assert_given_back(terminal)
    assert "Traceback" not in terminal.output


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_before_anything_is_drawn_gives_the_terminal_back(
    number: signal.Signals, code: int
) -> None:
    with on_terminal(
        "tests.tui.programs", "early", environ={"SIGNAL": str(int(number))}
    ) as terminal:
        assert terminal.finish() == code
    assert_given_back(terminal)
    assert "Traceback" not in terminal.output


def test_a_terminal_that_goes_away_ends_it_with_the_run_rolled_back(tmp_path: Path) -> None:
    note = tmp_path / "note"
    with on_terminal(
        "tests.tui.programs", "running", environ={"ROLLED_BACK": str(note)}
    ) as terminal:
        began(terminal, note)
        terminal.hang_up()
        assert terminal.finish() == 143
    assert note.read_text() == "rolled back, 143"


def test_ctrl_q_ends_it_with_0_and_gives_the_terminal_back() -> None:
    with on_terminal("tests.tui.programs", "plain") as terminal:
        began(terminal)
        terminal.press("\x11")
        assert terminal.finish() == 0
    assert_given_back(terminal)


def test_no_color_is_honoured_and_mouse_is_off_when_it_is_not_wanted(tmp_path: Path) -> None:
    (tmp_path / "neonsync").mkdir()
    (tmp_path / "neonsync" / "ui.toml").write_text("mouse = false\n")
    environ = {"NO_COLOR": "1", "COLORTERM": "truecolor", "XDG_CONFIG_HOME": str(tmp_path)}
    with on_terminal("tests.tui.programs", "plain", environ=environ) as terminal:
        began(terminal)
        terminal.press("\x11")
        terminal.finish()
    assert "\x1b[?1000h" not in terminal.output
    colours = re.findall(r"[34]8;2;(\d+);(\d+);(\d+)", terminal.output)
    assert colours
    assert all(len(set(colour)) == 1 for colour in colours)  # greys


def test_no_terminal_is_refused_with_the_command_that_needs_none() -> None:
    with pytest.raises(ConfigError) as caught:
        require_terminal("neonsync --headless --branch dev", {"TERM": "xterm"})
    assert "no terminal" in caught.value.message
    assert "neonsync --headless --branch dev" in caught.value.remedy


def assert_given_back(terminal: OnTerminal) -> None:
    """The normal screen, its cursor, and no reports of the mouse any more."""
    for mode in ("1049", "25", "1000"):
        on, off = f"\x1b[?{mode}h", f"\x1b[?{mode}l"
        first, last = (off, on) if mode == "25" else (on, off)
        assert terminal.output.rindex(last) > terminal.output.rindex(first)
