"""Ctrl-C and SIGTERM: the query is stopped, everything is rolled back, the reports are written."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import boto3
import pytest

from tests.conftest import Target
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
            assert run.wait_for_log("QUEUED") or run.wait_for_log("RUNNING")
            run.process.send_signal(number)
            assert run.finish() == code
    finally:
        target.world.aws.faults.query_seconds = None

    (query_id,) = {
        line.split("query ")[1].split()[0] for line in run.log.splitlines() if " query " in line
    }
    athena = boto3.client(
        "athena", region_name="us-east-1", endpoint_url=target.environment["AWS_ENDPOINT_URL"]
    )
    state = athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]["Status"]
    assert state["State"] == "CANCELLED"
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
