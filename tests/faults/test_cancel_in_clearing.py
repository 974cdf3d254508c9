"""A stop that comes when a run has ended, and clears up, changes nothing about how it ended.

The clearing itself gets no more time than that of a stopped run, and is waited for.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from neonsync.athena.export import delete_export
from neonsync.engine import pipeline
from neonsync.engine.cancel import CancelToken
from neonsync.engine.ending import Patience
from neonsync.engine.plan import Plan
from neonsync.engine.result import RunResult
from neonsync.engine.runs import lease as leases
from neonsync.engine.runs import ledger, leftovers
from neonsync.engine.runs.session import held_session
from neonsync.errors import DatabaseAccessError, ExitCode, LeaseLostError, LoadError
from neonsync.postgres import connect as connect_module
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import entry
from tests.faults.proxy import through_proxy

HOUR = 3600.0
AS_WELL = "the run was asked to stop as well, when it was ending already"


@pytest.fixture(autouse=True)
def _only_the_stop_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", HOUR)
    monkeypatch.setattr(connect_module, "LETTING_GO_SECONDS", 0.2)
    monkeypatch.setattr(leases, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(pipeline, "FAILED", Patience(HOUR, HOUR))
    monkeypatch.setattr(pipeline, "STOPPED", Patience(60.0, 60.0))


@pytest.fixture
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "STOPPED", Patience(0.5, 0.5))


def of_rows(target: Target, lake: Lake, ids: list[int]) -> None:
    """Configure a table; a run with an id that stands twice fails."""
    rows = pd.DataFrame({"id": ids, "v": [f"v{number}" for number, _ in enumerate(ids)]})
    target.configure(entry(lake.write("people", rows)))


async def ended(plan: Plan, cancel: CancelToken) -> RunResult:
    """A run that ends at all: how long it may take is not what is asked here."""
    return await asyncio.wait_for(pipeline.run(plan, lambda _: None, cancel), 60)


def before(monkeypatch: pytest.MonkeyPatch, name: str, happens: Callable[[], None]) -> None:
    """Have something happen, once, when the pipeline comes to a step of its end."""
    real = getattr(pipeline, name)
    left = [happens]

    async def step(*arguments: Any, **more: Any) -> None:
        if left:
            left.pop()()
            for _ in range(5):  # whoever was told has heard of it
                await asyncio.sleep(0)
        await real(*arguments, **more)

    monkeypatch.setattr(pipeline, name, step)


def hang_in_s3(monkeypatch: pytest.MonkeyPatch, cancel: CancelToken) -> threading.Event:
    """Stop the run when it deletes its files, which waits until the event is set."""
    answered = threading.Event()

    def hang(*arguments: Any) -> None:
        cancel.request()
        answered.wait()
        delete_export(*arguments)

    monkeypatch.setattr(leftovers, "delete_export", hang)
    return answered


def nothing_is_left(target: Target, status: str) -> None:
    assert target.sql("SELECT status FROM neonsync.runs") == [(status,)]
    assert target.staging_tables() == []
    assert target.exported_files() == []
    assert target.sql("SELECT * FROM neonsync.exports") == []


def has_failed(result: RunResult) -> None:
    assert isinstance(result.error, LoadError), result.error
    assert (result.status, result.exit_code) == ("failed", ExitCode.SYNC_FAILED)
    assert "stands more than once" in str(result.error)
    assert result.error.remedy
    assert "every table is as it was" in str(result.error)


@pytest.mark.parametrize("step", ["end_run", "delete_files"])
async def test_a_failure_is_told_though_the_run_is_stopped_while_it_clears_up(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    of_rows(target, lake, [1, 1])
    cancel = CancelToken()
    before(monkeypatch, step, lambda: cancel.request(ExitCode.TERMINATED))

    result = await ended(target.plan(), cancel)

    has_failed(result)
    assert result.notices[-1] == AS_WELL
    nothing_is_left(target, "failed")
    assert "stands more than once" in target.value("SELECT error FROM neonsync.runs")


@pytest.mark.parametrize("ids", [[1, 1], [1, 2]], ids=["failed", "succeeded"])
async def test_how_a_run_ended_stays_though_its_lease_is_lost_while_it_clears_up(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, ids: list[int]
) -> None:
    of_rows(target, lake, ids)
    told: list[Callable[[Exception], None]] = []

    def held(*arguments: Any) -> Any:
        told.append(arguments[-1])
        return held_session(*arguments)

    monkeypatch.setattr(pipeline, "held_session", held)
    before(monkeypatch, "delete_files", lambda: told[0](LeaseLostError("another run")))

    result = await ended(target.plan(), CancelToken())

    if ids == [1, 1]:
        has_failed(result)
    else:
        assert (result.status, result.error) == ("succeeded", None)
    nothing_is_left(target, result.status)


@pytest.mark.usefixtures("in_a_hurry")
async def test_a_failed_run_that_is_stopped_does_not_wait_for_a_silent_branch(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_rows(target, lake, [1, 1])
    cancel = CancelToken()
    with through_proxy(target.plan()) as (plan, proxy):

        def stop() -> None:
            proxy.fall_silent()
            asyncio.get_running_loop().call_later(0.1, cancel.request)

        before(monkeypatch, "end_run", stop)
        result = await ended(plan, cancel)

    has_failed(result)
    assert "the branch's database did not answer within 0.5 s" in result.notices[-2]
    assert result.notices[-1] == AS_WELL
    of_rows(target, lake, [1, 2])
    assert (await target.sync()).result.error is None
    assert target.staging_tables() == []


@pytest.mark.usefixtures("in_a_hurry")
@pytest.mark.parametrize("ids", [[1, 1], [1, 2]], ids=["failed", "succeeded"])
async def test_a_run_that_is_stopped_while_it_deletes_its_files_does_not_wait_for_s3(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, ids: list[int]
) -> None:
    of_rows(target, lake, ids)
    cancel = CancelToken()
    with monkeypatch.context() as patched:
        answered = hang_in_s3(patched, cancel)
        try:
            result = await ended(target.plan(), cancel)
        finally:
            answered.set()

    if ids == [1, 1]:
        has_failed(result)
    else:
        assert (result.status, result.exit_code, result.error) == ("succeeded", ExitCode.OK, None)
    assert "are left, the next run deletes them: Athena and S3 did not answer" in result.notices[-2]
    assert result.notices[-1] == AS_WELL
    assert target.value("SELECT count(*) FROM neonsync.exports") == 1
    of_rows(target, lake, [1, 2])
    assert (await target.sync()).result.error is None
    assert target.exported_files() == []


@pytest.mark.parametrize("step", ["end_run", "delete_files"])
async def test_a_run_that_has_done_all_succeeds_though_it_is_stopped(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    of_rows(target, lake, [1, 2])
    cancel = CancelToken()
    before(monkeypatch, step, cancel.request)

    result = await ended(target.plan(), cancel)

    assert (result.status, result.exit_code, result.error) == ("succeeded", ExitCode.OK, None)
    assert result.notices[-1] == AS_WELL
    nothing_is_left(target, "succeeded")


async def test_a_run_that_has_done_all_succeeds_though_its_files_cannot_be_forgotten(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_rows(target, lake, [1, 2])

    async def lost(*_: object) -> None:
        raise DatabaseAccessError("the branch is away")

    with monkeypatch.context() as patched:
        patched.setattr(ledger, "forget_export", lost)
        result = await ended(target.plan(), CancelToken())

    assert (result.status, result.exit_code, result.error) == ("succeeded", ExitCode.OK, None)
    assert "the next run will do it: the branch is away" in result.notices[-1]
    assert target.value("SELECT status FROM neonsync.runs") == "succeeded"
