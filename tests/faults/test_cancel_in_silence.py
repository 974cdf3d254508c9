"""A run that is stopped ends whoever does not answer: the branch, Athena, or S3.

Nothing but the bound of a stop could end these runs: what else gives up is patched to wait for an
hour, and who does not answer never does.
"""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from neonsync.athena.client import Athena
from neonsync.cli import headless
from neonsync.engine import pipeline, queries
from neonsync.engine.cancel import CancelToken
from neonsync.engine.ending import Patience
from neonsync.engine.events import Event, Notice, QueryProgress, RowsCopied, Step, StepStarted
from neonsync.engine.loading import load
from neonsync.engine.plan import Plan
from neonsync.engine.publishing import publish
from neonsync.engine.result import RunResult
from neonsync.engine.runs import lease as leases
from neonsync.engine.runs import ledger, leftovers
from neonsync.errors import ExitCode
from neonsync.postgres import connect as connect_module
from neonsync.postgres.connect import Database
from neonsync.postgres.copy import in_groups
from tests.conftest import Lake, Target
from tests.engine.test_publish_rules import EMPTY_TARGET
from tests.faults.processes import wait_until
from tests.faults.proxy import through_proxy
from tests.faults.test_athena import state_of

DAYS = {"filters.days": 10}
ROWS = 1_000
HOUR = 3600.0


@pytest.fixture(autouse=True)
def _only_the_stop_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "BEAT_SECONDS", HOUR)
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(connect_module, "CONNECT_TIMEOUT", int(HOUR))
    monkeypatch.setattr(leases, "QUIET_SECONDS", 0.2)
    monkeypatch.setattr(publish, "LOCK_PATIENCE_SECONDS", HOUR)
    monkeypatch.setattr(publish, "SNAPSHOT_PATIENCE_SECONDS", HOUR)
    monkeypatch.setattr(connect_module, "LETTING_GO_SECONDS", 0.2)
    monkeypatch.setattr(pipeline, "UNWINDING_SECONDS", 0.5)
    monkeypatch.setattr(pipeline, "STOPPED", Patience(0.5, 0.5))
    monkeypatch.setattr(queries, "STOP_SECONDS", 0.2)
    monkeypatch.setattr(queries, "START_GRACE_SECONDS", 0.2)


async def ended(plan: Plan, listen: Callable[[Event], None], cancel: CancelToken) -> RunResult:
    """A run that ends at all: how long it may take is not what is asked here."""
    return await asyncio.wait_for(pipeline.run(plan, listen, cancel), 60)


@contextmanager
def never_returning(monkeypatch: pytest.MonkeyPatch, of: Any, name: str) -> Iterator[None]:
    """Let a blocking call hang; at the end it goes on and does what it was asked for."""
    answered = threading.Event()
    real = getattr(of, name)

    def hang(*arguments: Any, **more: Any) -> Any:
        answered.wait()
        return real(*arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(of, name, hang)
        try:
            yield
        finally:
            answered.set()


async def the_next_run_clears_up(target: Target) -> None:
    outcome = await target.sync(**DAYS)

    assert outcome.result.error is None, outcome.result.error
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert target.staging_tables() == []
    assert target.exported_files() == []
    assert target.sql("SELECT * FROM neonsync.exports") == []


@pytest.mark.parametrize(
    "moment",
    [
        lambda event: isinstance(event, QueryProgress),
        lambda event: isinstance(event, RowsCopied),
        lambda event: isinstance(event, StepStarted) and event.step is Step.INDEX,
        lambda event: isinstance(event, StepStarted) and event.step is Step.PUBLISH,
    ],
    ids=["export", "copy", "index", "publish"],
)
async def test_a_line_that_is_silent_for_ever(
    target: Target, lake: Lake, moment: Callable[[Event], bool]
) -> None:
    cancel = CancelToken()
    with through_proxy(target.plan(**DAYS)) as (plan, proxy):

        def listen(event: Event) -> None:
            if moment(event) and not cancel.requested:
                proxy.fall_silent()
                cancel.request()

        result = await ended(plan, listen, cancel)

        assert (result.status, result.exit_code) == ("cancelled", 130)
        assert "the branch's database did not answer within 0.5 s" in result.notices[-1]
        assert target.value("SELECT count(*) FROM neonsync.exports") == 1
        for query in result.queries:
            assert state_of(lake, query.query_id) in ("CANCELLED", "SUCCEEDED")
    assert target.value("SELECT to_regclass('forecast_data')") is None
    await the_next_run_clears_up(target)


async def test_a_line_that_is_silent_when_a_copy_that_waits_for_s3_is_to_be_ended(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = CancelToken()
    answered = threading.Event()

    with through_proxy(target.plan(**DAYS)) as (plan, proxy):

        def hang(*arguments: Any) -> Any:
            proxy.fall_silent()
            cancel.request()
            answered.wait()
            return in_groups(*arguments)

        with monkeypatch.context() as patched:
            patched.setattr(load, "in_groups", hang)
            try:
                result = await ended(plan, lambda _: None, cancel)
            finally:
                answered.set()

    assert (result.status, result.exit_code) == ("cancelled", 130)
    assert target.value("SELECT to_regclass('forecast_data')") is None
    await the_next_run_clears_up(target)


async def test_queries_are_stopped_before_a_silent_line_is_cut(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = CancelToken()
    happened: list[str] = []

    def note(of: Any, name: str) -> None:
        real = getattr(of, name)

        def noting(*arguments: Any) -> Any:
            happened.append(name)
            return real(*arguments)

        monkeypatch.setattr(of, name, noting)

    note(Athena, "stop")
    note(Database, "cut")
    real = ledger.store_query

    with through_proxy(target.plan(**DAYS)) as (plan, proxy):

        async def store_query(*arguments: Any) -> None:
            # Athena has named the query, and the branch is to note its id.
            proxy.fall_silent()
            cancel.request()
            await real(*arguments)

        monkeypatch.setattr(ledger, "store_query", store_query)
        result = await ended(plan, lambda _: None, cancel)

    assert result.status == "cancelled"
    assert happened[:2] == ["stop", "cut"]


async def test_stops_go_to_athena_side_by_side(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = CancelToken()
    together = threading.Barrier(2)
    asked: set[str] = set()
    real = Athena.stop

    def stop(athena: Athena, query_id: str) -> None:
        together.wait(60)  # breaks where one is asked for after the other
        real(athena, query_id)

    def listen(event: Event) -> None:
        if isinstance(event, QueryProgress):
            asked.add(event.purpose)
        if len(asked) == 2:
            cancel.request()

    monkeypatch.setattr(queries, "STOP_SECONDS", HOUR)
    monkeypatch.setattr(target.world.aws.faults, "query_seconds", HOUR)
    monkeypatch.setattr(Athena, "stop", stop)
    result = await ended(target.plan(**DAYS), listen, cancel)

    assert result.status == "cancelled"
    assert not together.broken
    assert not any("may go on" in notice for notice in result.notices)
    assert target.sql("SELECT * FROM neonsync.exports") == []


async def test_athena_that_does_not_take_a_stop_leaves_the_export_for_the_next_run(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = CancelToken()

    asked: set[str] = set()

    def listen(event: Event) -> None:
        if isinstance(event, QueryProgress):
            asked.add(event.purpose)
        if len(asked) == 2:
            cancel.request()

    target.world.aws.faults.query_seconds = HOUR
    try:
        with never_returning(monkeypatch, Athena, "stop"):
            result = await ended(target.plan(**DAYS), listen, cancel)

            said = "\n".join(result.notices)
            assert (result.status, result.exit_code) == ("cancelled", 130)
            assert "may go on and be billed: Athena did not answer within 0.2 s" in said
            assert "the next run deletes them: Athena and S3 did not answer within 0.5 s" in said
            assert target.staging_tables() == []
            (query_id,) = target.sql("SELECT query_id FROM neonsync.exports")[0]
            assert state_of(lake, query_id) == "QUEUED"
    finally:
        target.world.aws.faults.query_seconds = None
    await the_next_run_clears_up(target)
    assert state_of(lake, query_id) == "CANCELLED"


async def test_a_query_whose_start_is_answered_after_the_stop_is_stopped_all_the_same(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = CancelToken()
    started: list[str] = []
    real = Athena.start

    def start(*arguments: Any) -> str:
        started.append(real(*arguments))
        return started[-1]

    def listen(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step is Step.EXTRACT:
            asyncio.get_running_loop().call_later(0.1, cancel.request)

    monkeypatch.setattr(Athena, "start", start)
    target.world.aws.faults.query_seconds = HOUR
    try:
        with never_returning(monkeypatch, Athena, "start"):
            result = await ended(target.plan(**DAYS), listen, cancel)
            assert started == []
        await asyncio.to_thread(wait_until, lambda: bool(started))
        ended_so = lambda: state_of(lake, started[0]) == "CANCELLED"  # noqa: E731
        await asyncio.to_thread(wait_until, ended_so)
    finally:
        target.world.aws.faults.query_seconds = None

    assert any("may have been started" in notice for notice in result.notices)
    assert target.sql("SELECT query_id FROM neonsync.exports") == [(None,)]
    await the_next_run_clears_up(target)


async def test_s3_that_does_not_answer_leaves_the_files_for_the_next_run(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = CancelToken()

    def listen(event: Event) -> None:
        if isinstance(event, RowsCopied):
            cancel.request()

    with never_returning(monkeypatch, leftovers, "delete_export"):
        result = await ended(target.plan(**DAYS), listen, cancel)

        assert (result.status, result.exit_code) == ("cancelled", 130)
        assert "Athena and S3 did not answer within 0.5 s" in result.notices[-1]
        assert "every table is as it was" in str(result.error)
        assert target.staging_tables() == []
        assert target.value("SELECT count(*) FROM neonsync.exports") == 1
    await the_next_run_clears_up(target)


@pytest.mark.parametrize("ends_well", [False, True], ids=["cancelled", "succeeded"])
async def test_files_of_a_query_that_ends_after_its_stop_are_not_left_for_ever(
    target: Target, lake: Lake, ends_well: bool
) -> None:
    cancel = CancelToken()
    faults = target.world.aws.faults

    def listen(event: Event) -> None:
        if isinstance(event, QueryProgress) and event.purpose == "export":
            faults.hold_stops()
            cancel.request()

    faults.query_seconds = 1.0 if ends_well else HOUR
    try:
        result = await ended(target.plan(**DAYS), listen, cancel)

        assert "was stopped, and has not ended yet" in result.notices[-1]
        (query_id,) = target.sql("SELECT query_id FROM neonsync.exports")[0]
        if ends_well:
            over = lambda: state_of(lake, query_id) == "SUCCEEDED"  # noqa: E731
            await asyncio.to_thread(wait_until, over)
            assert any("/data/" in name for name in target.exported_files())
    finally:
        faults.hold_stops(False)
        faults.query_seconds = None
    await the_next_run_clears_up(target)
    assert state_of(lake, query_id) == ("SUCCEEDED" if ends_well else "CANCELLED")


@pytest.mark.parametrize("stdout", ["open", "closed", "none"])
def test_a_process_that_was_stopped_waits_for_no_thread(
    monkeypatch: pytest.MonkeyPatch, stdout: str
) -> None:
    left: list[int] = []
    gone = threading.Event()

    def leave(code: int) -> None:
        left.append(code)
        gone.set()

    monkeypatch.setattr(headless, "LINGER_SECONDS", 0.0)
    monkeypatch.setattr("os._exit", leave)
    if stdout != "open":
        closed = io.TextIOWrapper(io.BytesIO())
        closed.close()
        monkeypatch.setattr("sys.stdout", closed if stdout == "closed" else None)
    headless._leave_soon(ExitCode.INTERRUPTED)

    assert gone.wait(60)
    assert left == [130]


async def test_a_stop_while_others_hold_the_table(target: Target) -> None:
    await target.sync(**DAYS)
    target.sql("UPDATE forecast_data SET y_50 = y_50 + 1")
    with psycopg.connect(target.uri) as other:
        other.execute("LOCK TABLE forecast_data IN SHARE MODE")
        await stopped_at_notice(target, "", at=Step.PUBLISH)
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


async def test_a_stop_while_a_reader_holds_what_is_to_be_swapped(target: Target) -> None:
    target.sql(EMPTY_TARGET)
    with psycopg.connect(target.uri) as other:
        other.execute("SELECT * FROM forecast_data")
        await stopped_at_notice(target, "publishing waits for a transaction that uses the table")
    assert target.value("SELECT count(*) FROM forecast_data") == 0


async def test_a_stop_while_a_snapshot_is_waited_for(target: Target) -> None:
    with psycopg.connect(target.uri) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute("SELECT 1")
        await stopped_at_notice(target, "publishing waits for transactions that began before")


async def test_a_stop_while_another_run_may_still_live(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    await target.sync(**DAYS)
    target.sql(
        "UPDATE neonsync.runs SET status = 'running', finished_at = NULL, holder_key = '',"
        " heartbeat_at = clock_timestamp()"
    )
    monkeypatch.setattr(leases, "QUIET_SECONDS", HOUR)
    await stopped_at_notice(target, "waiting to see whether run")


async def stopped_at_notice(target: Target, text: str, at: Step | None = None) -> None:
    cancel = CancelToken()

    def listen(event: Event) -> None:
        if at is None and isinstance(event, Notice) and text in event.message:
            cancel.request()
        if at is not None and isinstance(event, StepStarted) and event.step is at:
            asyncio.get_running_loop().call_later(0.2, cancel.request)

    result = await ended(target.plan(**DAYS), listen, cancel)

    assert (result.status, result.exit_code) == ("cancelled", 130)
    assert target.staging_tables() == []
    assert target.exported_files() == []
