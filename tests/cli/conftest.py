"""Commands about branches, called as the console script calls them; each test has its history."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from neonsync.cli.main import main
from neonsync.neon.branches import Project
from neonsync.settings import load_settings
from tests.cli.test_cli import BARE
from tests.neon.scripted import KEY, PROJECT, Scripted

Run = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def variables(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return {**environment, "NEONSYNC_HISTORY_FILE": str(tmp_path / "history.jsonl")}


@pytest.fixture
def call(
    variables: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """Run a command as the console script does, in this process: a new one takes a second."""
    sigterm = signal.getsignal(signal.SIGTERM)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str, **more: str) -> Done:
        capsys.readouterr()
        code = 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, "environ", {**BARE, **variables, **more})
            patch.setattr(sys, "argv", ["neonsync", *arguments])
            try:
                main()
            except SystemExit as left:
                code = int(left.code or 0)
        return Done(code, *capsys.readouterr())

    yield run
    signal.signal(signal.SIGTERM, sigterm)


@pytest.fixture
def project(environment: dict[str, str]) -> Project:
    return Project(load_settings(flags={}, environ=environment).neon)


@pytest.fixture
def gone(project: Project) -> Iterator[list[str]]:
    """Names of branches that are deleted at the end, if they are there."""
    names: list[str] = []
    yield names
    for name in names:
        branch = project.find(name)
        if branch is not None:
            project.delete(branch)


def noted(variables: dict[str, str]) -> list[tuple[str, str, str]]:
    path = Path(variables["NEONSYNC_HISTORY_FILE"])
    lines = path.read_text().splitlines() if path.exists() else []
    return [(e["kind"], e["branch"], e["status"]) for e in map(json.loads, lines)]


def reached(server: Scripted) -> dict[str, str]:
    """The variables that lead to a scripted API."""
    return {
        "NEON_API_HOST": server.settings.api_host,
        "NEON_API_KEY": KEY,
        "NEON_PROJECT_ID": PROJECT,
        "NEON_CONNECTION_STRING": "",
    }
