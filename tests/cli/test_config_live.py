"""``neonsync config check --live``: every type through the whole way, and nothing left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from neonsync.athena import export as export_module
from neonsync.cli.config_check import run_check
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Event, Notice, Step, StepFinished
from neonsync.engine.live import LiveResult, check_live
from neonsync.engine.pipeline import run
from neonsync.errors import ExitCode, ExportError, RefusedError, RunCancelled
from neonsync.postgres.arrow import cast_exactly
from neonsync.validation.live import TABLES
from tests.conftest import Target


@pytest.fixture(autouse=True)
def no_project_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def numbers_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """One table of the four, for what does not depend on the types."""
    monkeypatch.setattr("neonsync.engine.live.TABLES", {"numbers": TABLES["numbers"]})


@pytest.fixture
def none_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files as small as these would be kept from the reading of their footers."""
    monkeypatch.setattr(export_module, "KEPT_BYTES", 0)


def live_schemas(target: Target) -> list[Any]:
    return target.sql("SELECT nspname FROM pg_namespace WHERE nspname ~ '^neonsync_live_'")


def check(target: Target, when: Callable[[Event], None]) -> LiveResult:
    """The live check below the command line; ``when`` gets each event at its moment."""
    cancel = CancelToken()
    return asyncio.run(check_live(target.settings(), when, cancel))


def test_every_type_arrives_and_nothing_is_left_but_the_run_in_the_ledger(
    target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    before = target.exported_files()
    assert run_check({"branch": target.name}, None, live=True) is ExitCode.OK
    said = capsys.readouterr().out
    types = [column.name for columns in TABLES.values() for column in columns]
    equal = [line for line in said.splitlines() if line.startswith("✓ equal")]
    assert equal == [f"✓ equal   {name}: 20 of 20 values" for name in types]
    assert "made the schema neonsync_live_" in said
    assert "0 B scanned, $0" in said
    assert "stays in neonsync.runs" in said
    assert live_schemas(target) == []
    assert target.exported_files() == before
    assert target.staging_tables() == []
    assert target.sql("SELECT status FROM neonsync.runs") == [("succeeded",)]
    assert target.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'") == []


@pytest.mark.usefixtures("numbers_only")
@pytest.mark.parametrize("validation", ["exact", "counts"])
def test_a_value_that_the_loader_changes_is_named_and_ends_with_4(
    target: Target,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    validation: str,
) -> None:
    def careless(array: Any, wanted: pa.DataType) -> Any:
        # Counts stay as they are: only the values themselves can tell.
        if wanted == pa.int16() and 42 in array.to_pylist():
            array = pa.array([43 if each == 42 else each for each in array.to_pylist()])
        return cast_exactly(array, wanted)

    monkeypatch.setattr("neonsync.postgres.fitting.cast_exactly", careless)
    flags = {"branch": target.name, "validation": validation}
    assert run_check(flags, None, live=True) is ExitCode.VALIDATION
    said, errors = capsys.readouterr()
    assert live_schemas(target) == []
    if validation == "exact":  # the proof comes before the look at the values
        assert "✗ failed  live" in said
        assert "Athena's digest is not that of the values in its own files" in errors
        return
    assert "✗ differs tinyint: 18 of 20 values" in said
    assert "row 10, '42': must be 42, is 43" in said
    assert "✓ equal   smallint: 20 of 20 values" in said
    assert "2 of 180 values are not what Athena was given" in said


@pytest.mark.usefixtures("numbers_only")
def test_a_query_that_fails_leaves_no_schema(target: Target) -> None:
    def fail(event: Event) -> None:
        if isinstance(event, Notice) and "made the schema" in event.message:
            assert len(live_schemas(target)) == 1
            target.world.aws.faults.fail_next_query("bad luck", category=2, retryable=False)

    result = check(target, fail)
    assert isinstance(result.run.error, ExportError)
    assert (result.types, result.equal, result.left) == ((), False, None)
    assert live_schemas(target) == []


@pytest.mark.usefixtures("numbers_only")
def test_a_stop_half_way_leaves_no_schema_and_no_files(target: Target) -> None:
    before = target.exported_files()
    cancel = CancelToken()

    def stop(event: Event) -> None:
        if isinstance(event, StepFinished) and event.step is Step.LOAD:
            cancel.request()

    result = asyncio.run(check_live(target.settings(), stop, cancel))
    assert isinstance(result.run.error, RunCancelled)
    assert result.left is None
    assert live_schemas(target) == []
    assert target.exported_files() == before


@pytest.mark.usefixtures("numbers_only")
def test_a_stop_while_the_values_are_compared_leaves_no_schema(target: Target) -> None:
    cancel = CancelToken()

    def stop(event: Event) -> None:
        if isinstance(event, StepFinished) and event.step is Step.CLEAN_UP:
            cancel.request(ExitCode.TERMINATED)

    try:
        result = asyncio.run(check_live(target.settings(), stop, cancel))
        error = result.run.error
    except RunCancelled as caught:
        error = caught
    assert error is not None
    assert error.exit_code is ExitCode.TERMINATED
    assert live_schemas(target) == []


def test_the_default_branch_is_refused_like_for_any_sync(
    target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_check({}, None, live=True) is ExitCode.REFUSED
    captured = capsys.readouterr()
    assert "made the schema" not in captured.out
    assert "--confirm main" in captured.err


@pytest.mark.usefixtures("numbers_only", "none_kept")
def test_an_interrupted_run_is_not_cleared_away_but_finished_first(target: Target) -> None:
    faults = target.world.aws.faults

    def expire(event: Event) -> None:
        if isinstance(event, StepFinished) and event.step is Step.EXTRACT:
            faults.expire_keys()

    try:
        broken = asyncio.run(run(target.plan(), expire, CancelToken()))
    finally:
        faults.expire_keys(False)
    assert broken.error is not None
    assert broken.error.resumable
    with pytest.raises(RefusedError, match=broken.run_id):
        check(target, lambda _: None)
    assert live_schemas(target) == []
    assert asyncio.run(target.sync()).result.attempt_resumed


@pytest.mark.usefixtures("numbers_only", "none_kept")
def test_keys_that_expire_half_way_leave_no_schema_and_tell_what_is_left(target: Target) -> None:
    faults = target.world.aws.faults

    def expire(event: Event) -> None:
        if isinstance(event, StepFinished) and event.step is Step.EXTRACT:
            faults.expire_keys()

    try:
        result = check(target, expire)
    finally:
        faults.expire_keys(False)
    assert result.run.exit_code is ExitCode.ACCESS
    assert result.left is not None
    assert "exported files" in result.left.message
    assert live_schemas(target) == []
    # Of a live check's own remains nothing can be continued: the next one clears them.
    assert check(target, lambda _: None).equal
    assert target.exported_files() == []
