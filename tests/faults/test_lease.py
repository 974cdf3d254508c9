"""Two runs on one branch: the second is refused or takes over, and a zombie never writes."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import psycopg
import pytest

from neonsync.engine.runs import lease as leases
from neonsync.engine.runs.lease import Lease
from neonsync.errors import LeaseHeldError, LeaseLostError
from neonsync.neon.branches import Project
from neonsync.postgres.connect import Database, connected
from neonsync.secret import Secret
from tests.conftest import ROWS, Target, delete_branch
from tests.engine.test_main_job import lake_rows, target_rows
from tests.faults.processes import running, wait_until


async def test_a_second_run_is_refused_and_told_who_is_at_work(
    target: Target, tmp_path: Path
) -> None:
    target.world.aws.faults.query_seconds = 60.0
    try:
        with running(target, tmp_path / "first") as first:
            assert first.wait_for_log("QUEUED")
            outcome = await target.sync()
            run_id = target.value("SELECT run_id FROM neonsync.runs WHERE status = 'running'")
            first.process.send_signal(signal.SIGINT)
            assert first.finish() == 130
    finally:
        target.world.aws.faults.query_seconds = None

    assert isinstance(outcome.result.error, LeaseHeldError)
    assert outcome.result.exit_code == 6
    assert run_id in str(outcome.result.error)
    assert f"process {first.process.pid}" in str(outcome.result.error)


async def test_a_frozen_run_is_taken_over_and_writes_no_more(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.5)
    target.world.aws.faults.query_seconds = 60.0
    with running(target, tmp_path / "frozen") as frozen:
        assert frozen.wait_for_log("QUEUED")
        frozen.process.send_signal(signal.SIGSTOP)
        try:
            target.world.aws.faults.query_seconds = None
            wait_until(
                lambda: target.value(
                    "SELECT clock_timestamp() - heartbeat_at > interval '1 s' FROM neonsync.runs"
                )
            )
            # The plan is the same, so the run itself is continued, under a higher epoch.
            settings = target.settings()
            query_id = target.value("SELECT query_id FROM neonsync.exports")
            target.world.aws.faults.query_seconds = None
            _stop_query(target, query_id)
            outcome = await target.sync()
            assert settings.branch == target.name
        finally:
            frozen.process.send_signal(signal.SIGCONT)
        assert frozen.finish() != 0
    assert outcome.result.error is None, outcome.result.error
    assert target_rows(target) == lake_rows(target.world)
    assert target.value("SELECT count(*) FROM neonsync.runs WHERE status = 'succeeded'") == 1


def _stop_query(target: Target, query_id: str) -> None:
    import boto3

    client = boto3.client(
        "athena", region_name="us-east-1", endpoint_url=target.environment["AWS_ENDPOINT_URL"]
    )
    client.stop_query_execution(QueryExecutionId=query_id)


async def test_a_moved_epoch_refuses_whoever_held_the_old_one(target: Target) -> None:
    await target.sync()
    database = Database(Secret(target.uri))
    async with connected(database) as connection:
        target.sql("UPDATE neonsync.runs SET status = 'running', epoch = 7")
        run_id = target.value("SELECT run_id FROM neonsync.runs")
        await Lease(run_id, 7).guard(connection)
        with pytest.raises(LeaseLostError):
            await Lease(run_id, 6).guard(connection)
        with pytest.raises(LeaseLostError):
            await leases.heartbeat(connection, Lease(run_id, 6))


async def test_a_heartbeat_passes_a_guard_and_a_takeover_waits_for_it(target: Target) -> None:
    await target.sync()
    target.sql("UPDATE neonsync.runs SET status = 'running'")
    run_id = target.value("SELECT run_id FROM neonsync.runs")
    lease = Lease(run_id, 1)
    database = Database(Secret(target.uri))
    async with connected(database) as worker, connected(database) as keeper:
        async with worker.transaction():
            await lease.guard(worker)
            await keeper.execute("SET lock_timeout = '200ms'")
            await leases.heartbeat(keeper, lease)
            with pytest.raises(psycopg.errors.LockNotAvailable):
                await keeper.execute("UPDATE neonsync.runs SET epoch = epoch + 1")
        await keeper.execute("UPDATE neonsync.runs SET epoch = epoch + 1")


async def test_a_run_inherited_by_a_child_branch_is_cleared_and_its_files_are_left(
    target: Target, tmp_path: Path
) -> None:
    target.world.aws.faults.query_seconds = 60.0
    settings = target.settings()
    try:
        with running(target, tmp_path / "parent") as parent:
            assert parent.wait_for_log("QUEUED")
            wait_until(
                lambda: bool(
                    target.sql("SELECT query_id FROM neonsync.exports WHERE query_id > ''")
                )
            )
            project = Project(settings.neon)
            branch = project.branch(target.name)
            answer = project._api.post(
                f"projects/{settings.neon.project_id}/branches",
                {
                    "branch": {"name": f"{target.name}-child", "parent_id": branch.id},
                    "endpoints": [{"type": "read_write"}],
                },
            )
            child_id = answer["branch"]["id"]
            child = Target(
                target.world, target.environment, f"{target.name}-child", tmp_path / "child"
            )
            target.world.aws.faults.query_seconds = None
            await asyncio.to_thread(wait_until, lambda: project.branch(child.name).state == "ready")
            outcome = await child.sync()
            assert outcome.result.error is None, outcome.result.error
            assert child.value("SELECT count(*) FROM forecast_data") == ROWS
            # The parent's own run is still at work, and its query was not stopped.
            assert parent.process.poll() is None
            assert target.value("SELECT status FROM neonsync.runs") == "running"
            statuses = set(child.sql("SELECT status FROM neonsync.runs"))
            assert statuses == {("abandoned",), ("succeeded",)}
            parent.process.send_signal(signal.SIGINT)
            assert parent.finish() == 130
    finally:
        target.world.aws.faults.query_seconds = None
    delete_branch(project, settings, child_id)
