"""Branches in all their states, as the home screen's tests show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from neonsync.tui.app import NeonsyncApp
from neonsync.tui.ports import BranchRow
from neonsync.tui.screens import branches
from tests.tui.conftest import text_of
from tests.tui.fakes import DEV, MAIN, NOW, branch


class Clock:
    """Time that goes on only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def freeze(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the clock of the home screen."""
    clock = Clock()
    monkeypatch.setattr(branches, "monotonic", clock)
    return clock


def shown(app: NeonsyncApp, *words: str) -> Callable[[], bool]:
    """Whether all of these can be read on the screen."""
    return lambda: all(word in text_of(app) for word in words)


def many() -> list[BranchRow]:
    """Out of order, so that the screen has to sort them."""
    return [
        branch("staging", size=11_900_000_000, children=("schema-probe",), last_run="run_0099"),
        branch("ci-pr-412", size=400_000_000, expires_at=NOW + timedelta(hours=5)),
        branch("ci-pr-398", state="archived", expires_at=NOW - timedelta(days=1)),
        branch("schema-probe", parent="staging", state="init", size=None, compute_state="idle"),
        replace(
            DEV,
            parent_moment=NOW - timedelta(days=3),
            ours=True,
            last_run="run_0123456789",
            last_status="succeeded",
        ),
        replace(MAIN, children=("ci-pr-398", "ci-pr-412", "dev-kate", "staging")),
    ]
