"""What becomes of ``neonsync validate --repair`` when runs do not end well; all is made up."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import neonsync.cli.validate as command
from neonsync.cli import headless
from neonsync.engine.compared import Comparison, Comparisons, DateDifference
from neonsync.errors import ExitCode
from neonsync.tables import Validation

DIFFERS = Comparisons(
    tuple(
        Comparison(name, "", Validation.EXACT, differing=(DateDifference("2026-01-01", 1, 1),))
        for name in ("public.a", "public.b")
    ),
    0,
    0.0,
)


@pytest.fixture
def comparisons(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done: each comparison, and each run by its table."""
    done: list[str] = []

    async def compared(*_: object) -> Comparisons:
        done.append("comparison")
        return DIFFERS

    plan = SimpleNamespace(
        branch=SimpleNamespace(name="b", id="br"), address=SimpleNamespace(database="d")
    )
    monkeypatch.setenv("ATHENA_DATABASE", "d")
    monkeypatch.setenv("NEON_CONNECTION_STRING", "postgresql://u:p@h/d")
    monkeypatch.setattr(command, "make_plan", lambda *_, **__: plan)
    monkeypatch.setattr(command, "validate", compared)
    monkeypatch.setattr(
        command,
        "repairs",
        lambda *_: [SimpleNamespace(settings=table.table) for table in DIFFERS.tables],
    )
    return done


def repair(
    monkeypatch: pytest.MonkeyPatch, done: list[str], tmp_path: Path, *ends: tuple[str, ExitCode]
) -> ExitCode:
    monkeypatch.chdir(tmp_path)
    left = list(ends)

    def carried_out(settings: Any, *_: object, **__: object) -> SimpleNamespace:
        done.append(settings)
        status, code = left.pop(0)
        return SimpleNamespace(run_id=f"run-{settings}", status=status, exit_code=code)

    monkeypatch.setattr(command, "carry_out", carried_out)
    return command.run_validate({"branch": "b"}, None, repair=True, as_json=True)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("cancelled", ExitCode.INTERRUPTED),
        ("cancelled", ExitCode.TERMINATED),
        ("failed", ExitCode.ACCESS),
        ("failed", ExitCode.REFUSED),
    ],
)
def test_a_repair_that_cannot_go_on_ends_with_the_code_of_its_run_and_asks_nothing_more(
    comparisons: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    status: str,
    code: ExitCode,
) -> None:
    assert repair(monkeypatch, comparisons, tmp_path, (status, code)) is code
    assert comparisons == ["comparison", "public.a"]
    assert json.loads(capsys.readouterr().out)["repaired_by"] == []


def test_a_run_that_fails_is_no_repair_and_the_next_table_has_its_own(
    comparisons: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ends = (("failed", ExitCode.SYNC_FAILED), ("invalid", ExitCode.VALIDATION))
    assert repair(monkeypatch, comparisons, tmp_path, *ends) is ExitCode.VALIDATION
    assert comparisons == ["comparison", "public.a", "public.b", "comparison"]
    assert json.loads(capsys.readouterr().out)["repaired_by"] == ["run-public.b"]


async def test_signals_are_the_programs_own_again_after_a_run() -> None:
    def own(*_: object) -> None:
        raise AssertionError("no signal is sent")

    before = signal.signal(signal.SIGTERM, own)
    try:
        release = headless._handle_signals(Any, Any, Any, False)  # type: ignore[arg-type]
        assert signal.getsignal(signal.SIGTERM) is not own
        release()
        assert signal.getsignal(signal.SIGTERM) is own
    finally:
        signal.signal(signal.SIGTERM, before)
