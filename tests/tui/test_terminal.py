"""The command in a real terminal under tmux, and where there is none."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from neonsync.cli.ui import plan_arguments
from tests.cli.test_cli import BARE
from tests.conftest import Target
from tests.faults.processes import servers_below, wait_until
from tests.tui.tmux import ENDED, needs_tmux, neonsync_in_tmux

CRUMB = "neonsync"


@pytest.fixture
def shell(target: Target, tmp_path: Path) -> dict[str, str]:
    """What a user's shell has who works with the sandbox."""
    return {
        **BARE,
        **target.environment,
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        "NEONSYNC_CONFIG": os.devnull,
        "NEONSYNC_HISTORY_FILE": str(tmp_path / "history.jsonl"),
    }


@needs_tmux
def test_keys_are_typed_and_the_screen_is_read(shell: dict[str, str], tmp_path: Path) -> None:
    with neonsync_in_tmux(tmp_path, environ=shell) as tmux:
        tmux.wait_for(CRUMB)
        tmux.type("C-p")
        tmux.type("history")
        tmux.wait_for("What was done, to all branches")
        tmux.type("Enter")
        tmux.wait_for("› history", "Nothing was done from this machine yet.")
        tmux.type("?")
        tmux.wait_for("› help", "kept in a local file")
        tmux.type("End")
        tmux.wait_for("Signs", "✓ passed")
        tmux.type("Escape")
        tmux.wait_for("Nothing was done from this machine yet.")
        tmux.type("C-q")
        tmux.wait_for(f"{ENDED} 0")


@needs_tmux
def test_it_follows_a_resize_and_says_when_it_is_too_small(
    shell: dict[str, str], tmp_path: Path
) -> None:
    with neonsync_in_tmux(tmp_path, environ=shell, columns=80, rows=24) as tmux:
        tmux.wait_for(CRUMB)
        tmux.resize(50, 12)
        tmux.wait_for("neonsync needs 60 x 16", "this terminal is 50 x 12")
        tmux.resize(120, 40)
        screen = tmux.wait_for("? Help")
        assert "needs 60" not in screen
        assert len(screen.rstrip("\n").splitlines()) == 40
        tmux.resize(50, 12)
        tmux.wait_for("q quits")
        tmux.type("q")
        tmux.wait_for(f"{ENDED} 0")


@needs_tmux
@pytest.mark.slow
def test_the_demo_opens_the_ui_on_a_sandbox_that_ends_with_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environ = {**BARE, "HOME": str(home), "LANG": "C.UTF-8"}
    kept = tmp_path / "sandbox"
    with neonsync_in_tmux(
        tmp_path, "demo", "--rows", "1000", "--dir", str(kept), environ=environ
    ) as tmux:
        tmux.wait_for("Created the branch demo")
        tmux.wait_for(CRUMB, "? Help")
        assert servers_below(kept)
        tmux.type("C-q")
        tmux.wait_for(f"{ENDED} 0")
    wait_until(lambda: not servers_below(kept))
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["--branch", "dev"], ["demo"]])
@pytest.mark.parametrize("missing", ["stdin", "stdout", "stderr"])
def test_half_a_terminal_is_refused_with_the_command_that_needs_none(
    arguments: list[str], missing: str, tmp_path: Path
) -> None:
    ours, theirs = pty.openpty()
    nowhere = {"stdin": subprocess.DEVNULL}.get(missing, subprocess.PIPE)
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, missing: nowhere}
    done = subprocess.run(
        [sys.executable, "-m", "neonsync", *arguments],
        **streams,  # type: ignore[call-overload]  # three files by their names
        env={**BARE, "TERM": "xterm"},
        cwd=tmp_path,
        timeout=60,
    )
    os.close(theirs)
    said = done.stderr.decode() if missing == "stderr" else os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 2
    assert f"{missing} is no terminal" in said
    command = "neonsync demo --headless" if arguments == ["demo"] else "neonsync --headless"
    assert " ".join([command, *(word for word in arguments if word != "demo")]) in said


def test_a_dumb_terminal_is_refused(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "neonsync"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**BARE, "TERM": "dumb"},
        cwd=tmp_path,
        timeout=60,
    )
    os.close(theirs)
    said = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 2
    assert "TERM is 'dumb'" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("given", "plan"),
    [
        ([], []),
        (["--config", "x.toml"], []),
        (["--config=x.toml", "--days=30"], ["--days", "30"]),
        (["--branch", "dev", "--config", "x.toml"], ["--branch", "dev"]),
    ],
)
def test_the_arguments_of_a_plan(given: list[str], plan: list[str]) -> None:
    assert plan_arguments(given) == plan
