"""A comparison on a bad day: Athena fails, is too slow, or nobody waits for it any more."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from neonsync.athena.client import Athena
from neonsync.engine import queries
from neonsync.engine.plan import Plan, make_plan
from neonsync.engine.validate import Bill, _told, validate
from neonsync.sandbox.aws.runner import QueryRunner
from tests import forked
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import entry, frame, synced
from tests.faults.processes import wait_until
from tests.faults.test_athena import SYSTEM, USER, state_of


async def planned(target: Target, lake: Lake, **flags: Any) -> Plan:
    target.configure(entry(lake.write("lake", frame(name=["a", "b"]))))
    await synced(target)
    return make_plan(target.settings(**flags), compares=True)


def scanned(lake: Lake, query_id: str) -> int:
    """What Athena says that a query has scanned so far."""
    answer = lake.client("athena").get_query_execution(QueryExecutionId=query_id)
    return int(answer["QueryExecution"]["Statistics"].get("DataScannedInBytes", 0))


def stopping_late(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let queries that are stopped have scanned something by then; gives their ids."""
    stopped: list[str] = []
    real = Athena.stop

    def stop(self: Athena, query_id: str) -> None:
        wait_until(lambda: scanned(lake, query_id) > 0)
        stopped.append(query_id)
        real(self, query_id)

    monkeypatch.setattr(Athena, "stop", stop)
    monkeypatch.setattr(queries, "STOP_SECONDS", 60.0)
    return stopped


async def test_a_query_that_fails_for_a_moment_is_asked_again(target: Target, lake: Lake) -> None:
    plan = await planned(target, lake)
    target.world.aws.faults.fail_next_query("no luck", category=SYSTEM)
    told: list[str] = []
    assert (await validate(plan, told.append)).equal
    assert any("no luck" in line and line.endswith("asking again") for line in told)


async def test_a_query_that_takes_too_long_is_stopped_and_told_of_its_table(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await planned(target, lake, **{"athena.timeout_minutes": 0.005})
    monkeypatch.setattr(target.world.aws.faults, "query_seconds", 10.0)
    stopped = stopping_late(lake, monkeypatch)
    found = await validate(plan)
    (table,) = found.tables
    assert "was not done in 0.005 minutes" in table.error
    assert found.scanned_bytes == scanned(lake, stopped[0]) > 0
    assert found.price > 0


async def test_a_comparison_that_is_cancelled_stops_its_query(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await planned(target, lake)
    monkeypatch.setattr(target.world.aws.faults, "query_seconds", 10.0)
    loop, asked = asyncio.get_running_loop(), asyncio.Queue[str]()
    real = Athena.ask

    def noted(self: Athena, *arguments: Any, **more: Any) -> Any:
        pending = real(self, *arguments, **more)
        loop.call_soon_threadsafe(asked.put_nowait, pending.query_id)
        return pending

    monkeypatch.setattr(Athena, "ask", noted)
    stopped, bill = stopping_late(lake, monkeypatch), Bill()
    task = asyncio.create_task(validate(plan, bill=bill))
    query_id = await asked.get()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert state_of(lake, query_id) == "CANCELLED"
    assert stopped == [query_id]
    assert bill.scanned == {query_id: scanned(lake, query_id)}
    assert bill.price(5.0) > 0


async def test_the_dates_that_differ_are_told_though_their_rows_cannot_be(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = await planned(target, lake)
    target.sql("UPDATE t SET name = 'z' WHERE id = 1")
    real = Athena.ask

    def failing(self: Athena, statement: str, *rest: Any, **more: Any) -> Any:
        if "c0" in statement:
            target.world.aws.faults.fail_next_query("no luck", category=USER, retryable=False)
        return real(self, statement, *rest, **more)

    monkeypatch.setattr(Athena, "ask", failing)
    (table,) = (await validate(plan)).tables
    assert [each.date for each in table.differing] == [None]
    assert "could not be found out" in table.rows_differ
    assert "no luck" in table.rows_differ


def test_a_message_of_postgres_that_shows_a_value_is_not_passed_on() -> None:
    error = psycopg.errors.InvalidDatetimeFormat('invalid input syntax for type date: "secret"')
    told = _told("public.t", ["due"], error)
    assert "secret" not in f"{told} {told.remedy}"
    assert str(told) == (
        "a value in public.t cannot be read as the plan's types have it, which are other ones for "
        "due (InvalidDatetimeFormat, SQLSTATE 22007)"
    )


def test_ctrl_c_in_a_comparison_tells_what_it_has_cost(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.configure(entry(lake.write("lake", frame(name=["a", "b"]))))
    target.sql("CREATE TABLE t (id bigint PRIMARY KEY, name text)")
    monkeypatch.setattr(target.world.aws.faults, "query_seconds", 10.0)
    athena = lake.client("athena")
    before = set(athena.list_query_executions()["QueryExecutionIds"])

    def at_work() -> bool:
        ids = set(athena.list_query_executions()["QueryExecutionIds"]) - before
        return any(scanned(lake, query_id) > 0 for query_id in ids)

    process = forked.start(
        *("validate", "--config", str(target.config), "--branch", target.name, "--json"),
        env={**os.environ, **target.environment},
        apart=True,
    )
    try:
        wait_until(at_work)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
    assert process.returncode == 130, errors
    told = "stopped comparing; nothing was written. By then Athena had scanned "
    assert f"neonsync: {told}" in errors
    assert json.loads(output)["error"]["message"].startswith(told)


def test_ctrl_c_in_a_repair_ends_the_command(
    target: Target, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.configure(entry(lake.write("lake", frame(name=["a", "b"]))))
    target.sql("CREATE TABLE t (id bigint PRIMARY KEY, name text)")
    exporting = threading.Event()
    real = QueryRunner._execute

    def slow(self: QueryRunner, execution: Any, job: Any) -> Any:
        if execution.submission.query.startswith("UNLOAD"):
            exporting.set()
            job.cancelled.wait(60)
            job.check()
        return real(self, execution, job)

    monkeypatch.setattr(QueryRunner, "_execute", slow)
    arguments = ("--branch", target.name, "--report-dir", str(tmp_path), "--repair")
    process = forked.start(
        *("validate", "--config", str(target.config), *arguments),
        env={**os.environ, **target.environment},
    )
    try:
        assert exporting.wait(60), process.communicate(timeout=60)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)
    assert process.returncode == 130, output
    assert output.count("comparing public.t") == 1
