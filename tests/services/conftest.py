"""The real services, on the sandbox."""

from __future__ import annotations

from pathlib import Path

import pytest

from neonsync.history import HISTORY_VARIABLE
from neonsync.services.context import Context
from tests.conftest import Target


@pytest.fixture
def context(target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A user with a history, and a project's file that names the branch of the test."""
    return _context(target, tmp_path, monkeypatch)


@pytest.fixture
def looking(planner: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """The same, for who only looks."""
    return _context(planner, tmp_path, monkeypatch)


def _context(target: Target, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    (folder / "home").mkdir()
    monkeypatch.chdir(folder)
    if not target.config.exists():
        target.configure(f'# mine\nbranch = "{target.name}"\nreport_dir = "reports"\n')
    own = {
        "HOME": str(folder / "home"),
        HISTORY_VARIABLE: str(folder / "home" / "history.jsonl"),
    }
    return Context({**target.environment, **own}, target.config)
