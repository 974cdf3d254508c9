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
from neonsync.cli.main import main
from neonsync.engine.proof.compared import Comparison, Comparisons, DateDifference
from neonsync.errors import ConfigError, DatabaseAccessError, ExitCode, RunCancelled
from neonsync.tables import Validation
from tests.cli.test_json import lines

DOCS = Path(__file__).parents[2] / "docs"
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
        lambda *_: [
            SimpleNamespace(settings=table.table, table=table.table) for table in DIFFERS.tables
        ],
    )
    return done


def repair(
    monkeypatch: pytest.MonkeyPatch,
    done: list[str],
    tmp_path: Path,
    *ends: tuple[str, ExitCode],
    as_json: bool = True,
) -> ExitCode:
    monkeypatch.chdir(tmp_path)
    left = list(ends)

    def carried_out(settings: Any, *_: object, **__: object) -> SimpleNamespace:
        done.append(settings)
        status, code = left.pop(0)
        return SimpleNamespace(run_id=f"run-{settings}", status=status, exit_code=code, checks=())

    monkeypatch.setattr(command, "carry_out", carried_out)
    return command.run_validate({}, None, repair=True, as_json=as_json)


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


@pytest.mark.parametrize(
    ("stop", "code"),
    [(KeyboardInterrupt(), ExitCode.INTERRUPTED), (SystemExit(143), ExitCode.TERMINATED)],
)
def test_who_stops_the_second_comparison_is_told_what_was_repaired(
    comparisons: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    stop: BaseException,
    code: ExitCode,
) -> None:
    async def stopped_then(*_: object) -> Comparisons:
        if comparisons:
            raise stop
        comparisons.append("comparison")
        return DIFFERS

    monkeypatch.setattr(command, "validate", stopped_then)
    ends = (("succeeded", ExitCode.OK), ("failed", ExitCode.SYNC_FAILED))
    assert repair(monkeypatch, comparisons, tmp_path, *ends) is code
    said = capsys.readouterr()
    assert "stopped; repaired and published before: public.a by run-public.a." in said.err
    assert json.loads(said.out)["repaired_by"] == ["run-public.a"]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_second_comparison_that_cannot_be_made_still_tells_what_was_repaired(
    comparisons: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    as_json: bool,
) -> None:
    async def refused_then(*_: object) -> Comparisons:
        if comparisons:
            raise DatabaseAccessError("the server of u:geheimnis@h is gone", "Wait for it.")
        comparisons.append("comparison")
        return DIFFERS

    monkeypatch.setenv("NEON_CONNECTION_STRING", "postgresql://u:geheimnis@h/d")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setattr(command, "validate", refused_then)
    ends = (("succeeded", ExitCode.OK), ("failed", ExitCode.SYNC_FAILED))
    code = repair(monkeypatch, comparisons, tmp_path, *ends, as_json=as_json)
    assert code is ExitCode.ACCESS
    said = capsys.readouterr()
    assert "neonsync: the server of u:********@h is gone\n  Wait for it.\n" in said.err
    assert "repaired and published before: public.a by run-public.a." in said.err
    assert "::error title=neonsync%3A run failed::the server of u:********@h" in said.err
    assert "geheimnis" not in said.out + said.err
    if as_json:
        told = json.loads(said.out)
        assert (told["event"], told["equal"]) == ("validation", False)
        assert told["repaired_by"] == ["run-public.a"]
    else:
        assert said.out.count("against Athena, as both are now") == 1


def test_a_run_that_cannot_be_made_still_tells_of_those_before_it(
    comparisons: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def carried_out(settings: Any, *_: object, **__: object) -> SimpleNamespace:
        if settings == "public.b":
            raise ConfigError("the reports cannot be written", "Name another folder.")
        return SimpleNamespace(run_id="run-a", status="succeeded", exit_code=ExitCode.OK, checks=())

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "carry_out", carried_out)
    code = command.run_validate({}, None, repair=True, as_json=True)
    assert code is ExitCode.USAGE
    assert comparisons == ["comparison"]
    said = capsys.readouterr()
    assert json.loads(said.out)["repaired_by"] == ["run-a"]
    assert "neonsync: the reports cannot be written\n" in said.err


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (KeyboardInterrupt(), "cancelled", 130),
        (SystemExit(143), "cancelled", 143),
        (DatabaseAccessError("u:geheimnis@h does not answer"), "failed", 3),
    ],
)
def test_a_first_comparison_that_comes_to_nothing_ends_with_the_documented_summary(
    comparisons: list[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    status: str,
    code: int,
) -> None:
    async def fails(*_: object) -> Comparisons:
        raise raised

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEON_CONNECTION_STRING", "postgresql://u:geheimnis@h/d")
    monkeypatch.setattr(command, "validate", fails)
    monkeypatch.setattr("sys.argv", ["neonsync", "validate", "--branch", "b", "--json"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == code
    said = capsys.readouterr()
    assert "geheimnis" not in said.out + said.err
    (summary,) = lines(said.out)
    assert summary["event"] == "summary"
    assert (summary["status"], summary["exit_code"]) == (status, code)
    events = " ".join((DOCS / "events.md").read_text().split())
    assert "A comparison that comes to nothing prints the `summary` in its place" in events


def test_who_stops_the_first_comparison_is_told_that_nothing_was_written(
    comparisons: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def stopped(*_: object) -> Comparisons:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "validate", stopped)
    with pytest.raises(RunCancelled, match="stopped comparing; nothing was written"):
        repair(monkeypatch, comparisons, tmp_path)


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
