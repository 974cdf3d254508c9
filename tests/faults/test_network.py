"""The line to the branch is cut, or falls silent while both ends think that it is well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from neonsync.athena import export as export_module
from neonsync.engine import context as context_module
from neonsync.engine import retry
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Event, IndexBuilt, Notice, RowsCopied, Step, StepStarted
from neonsync.engine.pipeline import run
from neonsync.engine.runs import lease as leases
from neonsync.errors import DatabaseAccessError
from neonsync.postgres import connect as connect_module
from neonsync.postgres.connect import Connection
from neonsync.retry import Backoff
from tests.conftest import Target
from tests.faults.proxy import Proxy, through_proxy

DAYS = {"filters.days": 10}
ROWS = 1_000


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_module, "CHUNK_ROWS", 400)
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(leases, "BEAT_SECONDS", 1.0)
    monkeypatch.setattr(leases, "QUIET_SECONDS", 0.5)
    monkeypatch.setattr(connect_module, "CONNECT_TIMEOUT", 2)  # the least that libpq takes
    monkeypatch.setattr(connect_module, "CONNECTING", Backoff(1, 0.1))
    for name in ("CHUNK", "WORK"):
        monkeypatch.setattr(retry, name, Backoff(4, 0.1))


@pytest.mark.parametrize(
    "break_it", [Proxy.cut, Proxy.fall_silent_for_those_who_are_here], ids=["cut", "half-open"]
)
async def test_a_broken_line_in_the_midst_of_a_copy_is_replaced(
    target: Target, monkeypatch: pytest.MonkeyPatch, break_it: Callable[[Proxy], None]
) -> None:
    monkeypatch.setattr(connect_module, "CONNECTING", Backoff(3, 0.1))
    notices: list[str] = []
    broken: list[Event] = []
    with through_proxy(target.plan(**DAYS)) as (plan, proxy):

        def listen(event: Event) -> None:
            if isinstance(event, RowsCopied) and not broken:
                broken.append(event)
                break_it(proxy)
            if isinstance(event, Notice):
                notices.append(event.message)

        result = await asyncio.wait_for(run(plan, listen, CancelToken()), 60)

    assert result.error is None, result.error
    assert any("the connection was lost" in notice for notice in notices)
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert target.staging_tables() == []


async def test_a_line_that_is_cut_anew_before_the_chunk_is_begun_again_is_replaced(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect_module, "CONNECTING", Backoff(3, 0.1))
    broken: list[Event] = []
    ended: list[int] = []

    async def end_session(connection: Connection, pid: int) -> None:
        if not ended:
            await connection.close()
        ended.append(pid)
        await leases.end_session(connection, pid)

    monkeypatch.setattr(context_module, "end_session", end_session)
    with through_proxy(target.plan(**DAYS)) as (plan, proxy):

        def listen(event: Event) -> None:
            if isinstance(event, RowsCopied) and not broken:
                broken.append(event)
                proxy.cut()

        result = await asyncio.wait_for(run(plan, listen, CancelToken()), 60)

    assert result.error is None, result.error
    assert ended[0] in ended[1:], "who could not end the old session leaves it to the next"
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


@pytest.mark.parametrize(
    "follows",
    [
        lambda event: isinstance(event, StepStarted) and event.step is Step.INDEX,
        lambda event: isinstance(event, IndexBuilt) and event.done == event.total,
        lambda event: isinstance(event, StepStarted) and event.step is Step.PUBLISH,
        lambda event: isinstance(event, StepStarted) and event.step is Step.CLEAN_UP,
    ],
    ids=["index", "constraint", "publish", "end"],
)
async def test_what_is_committed_is_not_done_twice_when_the_answer_is_lost(
    target: Target, follows: Callable[[Event], bool]
) -> None:
    cut: list[Event] = []
    with through_proxy(target.plan(**DAYS)) as (plan, proxy):

        def listen(event: Event) -> None:
            if follows(event) and not cut:
                cut.append(event)
                proxy.cut_when(lambda said: b"COMMIT" in said, passed_on=True)

        result = await asyncio.wait_for(run(plan, listen, CancelToken()), 60)

    assert cut
    assert result.error is None, result.error
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert target.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'forecast_data'") == 8
    assert target.value("SELECT status FROM neonsync.runs") == "succeeded"
    assert target.staging_tables() == []


@pytest.mark.parametrize("fresh", [False, True])
async def test_a_run_whose_beginning_is_not_answered_is_this_one(
    target: Target, monkeypatch: pytest.MonkeyPatch, fresh: bool
) -> None:
    monkeypatch.setattr(leases, "QUIET_SECONDS", 3600.0)  # as long would it wait for another's
    with through_proxy(target.plan(**DAYS, fresh=fresh)) as (plan, proxy):
        proxy.cut_when(lambda said: b"INSERT INTO neonsync.runs" in said, passed_on=True)
        result = await asyncio.wait_for(run(plan, lambda _: None, CancelToken()), 60)

    assert result.error is None, result.error
    assert any("the connection was lost" in notice for notice in result.notices)
    assert not result.attempt_resumed
    assert target.sql("SELECT run_id, status FROM neonsync.runs") == [(result.run_id, "succeeded")]


async def test_a_network_that_stays_silent_ends_the_run_which_goes_on_later(
    target: Target,
) -> None:
    with through_proxy(target.plan(**DAYS)) as (plan, proxy):

        def listen(event: Event) -> None:
            if isinstance(event, RowsCopied):
                proxy.fall_silent()

        first = await run(plan, listen, CancelToken())

    second = await target.sync(**DAYS)

    assert isinstance(first.error, DatabaseAccessError)
    assert first.exit_code == 3
    assert "every table is as it was" in str(first.error)
    assert second.result.error is None
    assert second.result.run_id == first.run_id
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


async def test_a_database_that_stays_away_while_athena_works_ends_the_run(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "AWAY_SECONDS", 0.5)
    target.world.aws.faults.query_seconds = 60.0
    try:
        with through_proxy(target.plan(**DAYS)) as (plan, proxy):

            def listen(event: Event) -> None:
                if type(event).__name__ == "QueryProgress":
                    proxy.fall_silent()

            result = await run(plan, listen, CancelToken())
    finally:
        target.world.aws.faults.query_seconds = None

    assert isinstance(result.error, DatabaseAccessError)
    assert "was away" in str(result.error)
    assert result.exit_code == 3
