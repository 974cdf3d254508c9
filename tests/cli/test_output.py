"""What goes to a terminal: as wide as that one is, and without a secret, however narrow it is."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TextIO

import pytest

from neonsync.cli import history, output, reporters, tabular
from neonsync.errors import NeonsyncError
from neonsync.history import Entry
from neonsync.secret import Secret

QUOTED = "the server said: connection with password='correct horse battery staple' failed"
PHRASE = Secret("a phrase of several words that nobody guesses")
SPOKEN = f"it was logged in with {PHRASE.reveal()} and refused"
WORDS = ("horse", "battery", "staple", "several", "nobody", "guesses")
WIDTHS = range(20, 100, 7)


@contextmanager
def terminal(columns: int) -> Iterator[TextIO]:
    """A stream that leads to a terminal of so many columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        with os.fdopen(theirs, "w") as stream:
            yield stream
    finally:
        os.close(ours)


def narrow(monkeypatch: pytest.MonkeyPatch, *, out: int = 0, err: int = 0) -> None:
    """Terminals of so many columns at both ends; 0 is none."""
    widths = {"stdout": out, "stderr": err}

    def width(stream: TextIO | None = None) -> int:
        return widths["stderr" if stream is sys.stderr else "stdout"]

    monkeypatch.setattr("neonsync.cli.output.terminal_width", width)


@pytest.mark.parametrize("width", WIDTHS)
def test_an_error_that_quotes_a_secret_shows_no_word_of_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    narrow(monkeypatch, err=width)
    output.hide(PHRASE)
    output.print_error(NeonsyncError(f"{QUOTED}; {SPOKEN}", f"{SPOKEN}; {QUOTED}"))
    said = capsys.readouterr().err
    assert said.count("password=********") == 2
    assert not [word for word in WORDS if word in said], said
    assert len(said.splitlines()) > 2


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("width", WIDTHS)
def test_the_end_of_a_run_shows_no_word_of_a_secret(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    width: int,
    as_json: bool,
) -> None:
    narrow(monkeypatch, out=width, err=width)
    error = NeonsyncError(f"{QUOTED}; {SPOKEN}", f"{SPOKEN}; {QUOTED}")
    result = replace(reporters.unstarted(error), branch=SPOKEN, branch_id=QUOTED)
    reporters.choose((PHRASE,), {}, as_json=as_json).finish(result, f"/reports/{PHRASE.reveal()}")
    said = "".join(capsys.readouterr())
    assert said.count("password=********") >= 3
    assert not [word for word in WORDS if word in said], said


@pytest.mark.parametrize("width", [0, *WIDTHS])
def test_a_table_shows_no_word_of_a_secret(width: int) -> None:
    entry = Entry("2026-11-26T01:56:07.356+00:00", "run", QUOTED, detail=f"{'x' * 24} {QUOTED}")
    header = tabular.Row(("TIME", "WHAT", "BRANCH", "STATUS", "ROWS"), ("BY", "RUN"), "RUN")
    rows = [history._row(entry), tabular.Row(("", "", SPOKEN, "", ""), ("", SPOKEN), SPOKEN)]
    said = "\n".join(tabular.as_table(header, rows, width, names=2, secrets=(PHRASE,)))
    assert said.count("********") >= 3
    assert not [word for word in WORDS if word in said], said


def test_lines_are_as_wide_as_the_terminal_that_they_go_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    with terminal(43) as narrow, terminal(187) as wide:
        assert (tabular.terminal_width(narrow), tabular.terminal_width(wide)) == (43, 187)
        monkeypatch.setattr(sys, "stdout", wide)
        assert tabular.terminal_width() == 187
        monkeypatch.setenv("COLUMNS", "61")
        assert (tabular.terminal_width(narrow), tabular.terminal_width(wide)) == (61, 61)
        for nothing in ("", "0", "-3", "wide"):
            monkeypatch.setenv("COLUMNS", nothing)
            assert tabular.terminal_width(narrow) == 43
    with terminal(0) as unknown:  # as a serial line, or a terminal that nobody has told
        assert tabular.terminal_width(unknown) == 80


def test_a_pipe_has_no_width_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "61")
    with Path(os.devnull).open("w") as stream:
        assert tabular.terminal_width(stream) == 0


@pytest.mark.parametrize(
    ("as_json", "taken"), [(False, False), (True, False), (False, True), (True, True)]
)
def test_a_summary_is_as_wide_as_the_stream_that_it_goes_to(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
    taken: bool,
) -> None:
    narrow(monkeypatch, out=30, err=50)
    result = reporters.unstarted(NeonsyncError("no"))
    result = replace(result, branch="a branch", branch_id="with an id of several words")
    chosen = reporters.choose((), {}, as_json=as_json, stdout_is_taken=taken)
    chosen.finish(result, "/reports")
    said = capsys.readouterr()
    to_stderr = as_json or taken
    summary = (said.err if to_stderr else said.out).partition("  page:")[0].splitlines()
    assert len(summary) > 1
    assert len(summary[0]) in (range(31, 51) if to_stderr else range(10, 31))
