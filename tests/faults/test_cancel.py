"""Ctrl-C and SIGTERM: the query is stopped, everything is rolled back, the reports are written."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import boto3
import pytest

from neonsync.athena import export as export_module
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import ChunkLoaded, ChunksPlanned, Event
from neonsync.engine.pipeline import run as run_plan
from neonsync.engine.result import RunResult
from tests.conftest import ROWS, Target
from tests.faults.processes import running, wait_until


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["SIGINT", "SIGTERM"]
)
def test_a_signal_while_athena_works_stops_the_query(
    target: Target, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    before = target.exported_files()
    target.world.aws.faults.query_seconds = 60.0
    try:
        with running(target, tmp_path) as run:
            for purpose in ("export", "count"):
                assert run.wait_for_log(f"{purpose} of public.forecast_data: query ")
            run.process.send_signal(number)
            assert run.finish() == code
    finally:
        target.world.aws.faults.query_seconds = None

    queries = dict(re.findall(r"(\w+) of public\.forecast_data: query (\S+) ", run.log))
    assert queries.keys() == {"export", "count"}
    athena = boto3.client(
        "athena", region_name="us-east-1", endpoint_url=target.environment["AWS_ENDPOINT_URL"]
    )
    answer = athena.batch_get_query_execution(QueryExecutionIds=list(queries.values()))
    states = [each["Status"]["State"] for each in answer["QueryExecutions"]]
    assert states == ["CANCELLED", "CANCELLED"]
    report = json.loads((tmp_path / "etl-report.json").read_text())
    assert report["status"] == "cancelled"
    assert report["exitCode"] == code
    assert report["tablesSynced"] == []
    assert json.loads((tmp_path / "etl-validation-report.json").read_text())["checks"] == []
    assert target.sql("SELECT status FROM neonsync.runs") == [("cancelled",)]
    assert target.staging_tables() == []
    assert target.exported_files() == before


def test_a_signal_while_chunks_are_loaded_leaves_the_target_and_no_staging(
    target: Target, tmp_path: Path
) -> None:
    with running(target, tmp_path) as run:
        assert run.wait_for_log("load public.forecast_data begins")
        run.process.send_signal(signal.SIGINT)
        output, _ = run.process.communicate(timeout=60)
    if run.process.returncode == 0:
        pytest.skip("the run was over before the signal came")
    assert run.process.returncode == 130
    assert "every table is as it was" in output
    assert "Traceback" not in output
    athena = boto3.client(
        "athena", region_name="us-east-1", endpoint_url=target.environment["AWS_ENDPOINT_URL"]
    )
    ids = athena.list_query_executions()["QueryExecutionIds"][:10]

    def all_ended() -> bool:
        # A stop is asked for; the query notices it a moment later.
        states = athena.batch_get_query_execution(QueryExecutionIds=ids)["QueryExecutions"]
        return not {state["Status"]["State"] for state in states} & {"QUEUED", "RUNNING"}

    wait_until(all_ended)
    assert target.value("SELECT to_regclass('forecast_data')") is None
    assert target.staging_tables() == []


def test_the_next_run_after_a_cancelled_one_succeeds(target: Target, tmp_path: Path) -> None:
    with running(target, tmp_path) as run:
        assert run.wait_for_log("load public.forecast_data begins")
        run.process.send_signal(signal.SIGINT)
        run.finish()
    with running(target, tmp_path) as run:
        assert run.finish() == 0


async def stopped_after_a_chunk(target: Target, *, keep: bool) -> RunResult:
    cancel = CancelToken()

    def stop(event: Event) -> None:
        if isinstance(event, ChunkLoaded):
            cancel.request(keep=keep)

    return await run_plan(target.plan(jobs=1), stop, cancel)


@pytest.mark.parametrize("keep", [True, False], ids=["keep", "roll back"])
async def test_a_run_that_is_stopped_keeps_what_is_loaded_only_when_it_is_told_to(
    target: Target, monkeypatch: pytest.MonkeyPatch, keep: bool
) -> None:
    monkeypatch.setattr(export_module, "CHUNK_ROWS", 2_000)
    before = target.exported_files()

    stopped = await stopped_after_a_chunk(target, keep=keep)

    assert (stopped.status, stopped.exit_code) == ("cancelled", 130)
    assert target.value("SELECT to_regclass('forecast_data')") is None
    assert bool(target.staging_tables()) is keep
    assert (target.exported_files() != before) is keep
    chunks = target.sql("SELECT chunk, loaded_at FROM neonsync.chunks ORDER BY chunk")
    assert bool(chunks) is keep

    outcome = await target.sync()

    assert outcome.result.error is None
    assert (outcome.result.run_id == stopped.run_id) is keep
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    (planned,) = [event for event in outcome.events if isinstance(event, ChunksPlanned)]
    loaded = sum(isinstance(event, ChunkLoaded) for event in outcome.events)
    assert planned.loaded_chunks == len(chunks)
    assert loaded == planned.chunks - planned.loaded_chunks
    exports = [
        {query.query_id for query in result.queries if query.purpose == "export"}
        for result in (stopped, outcome.result)
    ]
    assert (exports[0] == exports[1]) is keep


def test_a_signal_keeps_what_is_loaded_when_the_flag_says_so(
    target: Target, tmp_path: Path
) -> None:
    with running(target, tmp_path, "--keep-on-stop") as run:
        assert run.wait_for_log("load public.forecast_data begins")
        run.process.send_signal(signal.SIGINT)
        output, _ = run.process.communicate(timeout=60)
    if run.process.returncode == 0:
        pytest.skip("the run was over before the signal came")
    assert run.process.returncode == 130
    assert "what is loaded is kept for the next run" in output
    stopped = json.loads((tmp_path / "etl-report.json").read_text())
    with running(target, tmp_path) as run:
        assert run.finish() == 0
    report = json.loads((tmp_path / "etl-report.json").read_text())
    assert (report["runId"], report["resumed"]) == (stopped["runId"], True)
