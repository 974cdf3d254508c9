"""Athena on a bad day: throttled, failing by every category, stopped by somebody, too slow."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from neonsync.athena import client as client_module
from neonsync.engine import queries as queries_module
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import ChunksPlanned, Event, Purpose, QueryProgress
from neonsync.engine.pipeline import run
from neonsync.errors import AthenaAccessError, QueryDelayedError, QueryError
from neonsync.retry import Backoff
from tests.conftest import Lake, Outcome, Target
from tests.faults.processes import wait_until
from tests.faults.test_resume import notices

DAYS = {"filters.days": 3}
ROWS = 300
SYSTEM, USER, OTHER = 1, 2, 3


def state_of(lake: Lake, query_id: str) -> str:
    answer = lake.client("athena").get_query_execution(QueryExecutionId=query_id)
    return str(answer["QueryExecution"]["Status"]["State"])


def queries(outcome: Outcome, purpose: Purpose) -> list[str]:
    return [query.query_id for query in outcome.result.queries if query.purpose == purpose]


def slow_counts(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """The UNLOAD has begun when the source is counted, and does not take longer for it."""
    ask = client_module.Athena.ask

    def ask_slowly(*arguments: Any, **more: Any) -> Any:
        target.world.aws.faults.query_seconds = 60.0
        return ask(*arguments, **more)

    monkeypatch.setattr(client_module.Athena, "ask", ask_slowly)


def slow_exports(target: Target, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """An UNLOAD takes so long, and what is asked beside it is answered at once."""
    faults, start, ask = (
        target.world.aws.faults,
        client_module.Athena.start,
        client_module.Athena.ask,
    )

    def start_slowly(*arguments: Any) -> Any:
        faults.query_seconds = seconds
        return start(*arguments)

    def ask_at_once(*arguments: Any, **more: Any) -> Any:
        faults.query_seconds = None
        return ask(*arguments, **more)

    monkeypatch.setattr(client_module.Athena, "start", start_slowly)
    monkeypatch.setattr(client_module.Athena, "ask", ask_at_once)


async def test_throttled_calls_pass_unseen(target: Target) -> None:
    plan = target.plan(**DAYS)
    target.world.aws.faults.throttle_next(2)

    result = await run(plan, lambda _: None, CancelToken())

    assert result.error is None
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


async def test_throttling_that_does_not_pass_ends_a_run_that_goes_on_later(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = target.plan(**DAYS)
    faults = target.world.aws.faults

    def throttle(event: Event) -> None:
        if isinstance(event, QueryProgress):
            faults.throttle_next(1000)

    with monkeypatch.context() as patched:
        patched.setattr(client_module, "REQUESTS", Backoff(2, 0.01))
        faults.query_seconds = 0.3
        try:
            first = await run(plan, throttle, CancelToken())
        finally:
            faults.query_seconds = None
            faults.throttle_next(0)
    second = await target.sync(**DAYS)

    assert isinstance(first.error, AthenaAccessError)
    assert "Rate exceeded" in str(first.error)
    assert first.exit_code == 3
    assert second.result.error is None
    assert second.result.run_id == first.run_id
    assert queries(second, Purpose.EXPORT) == [query.query_id for query in first.queries]


async def test_a_start_whose_answer_is_lost_starts_no_second_query(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    athena = lake.client("athena")
    before = set(athena.list_query_executions()["QueryExecutionIds"])
    start = client_module.Athena.start

    def start_in_vain(*arguments: Any) -> str:
        start(*arguments)
        raise AthenaAccessError("the answer is lost")

    with monkeypatch.context() as patched:
        patched.setattr(client_module.Athena, "start", start_in_vain)
        first = await target.sync(**DAYS)
    second = await target.sync(**DAYS)

    assert isinstance(first.result.error, AthenaAccessError)
    assert second.result.error is None, second.result.error
    assert second.result.run_id == first.result.run_id
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    ids = set(athena.list_query_executions()["QueryExecutionIds"]) - before
    answer = athena.batch_get_query_execution(QueryExecutionIds=list(ids))
    unloads = [each for each in answer["QueryExecutions"] if each["Query"].startswith("UNLOAD")]
    assert [each["QueryExecutionId"] for each in unloads] == queries(second, Purpose.EXPORT)


@pytest.mark.parametrize(
    ("category", "retryable", "attempts"),
    [(SYSTEM, False, 2), (USER, False, 1), (OTHER, False, 1), (OTHER, True, 2)],
)
async def test_a_failed_query_is_started_anew_where_athena_lets_hope(
    target: Target, category: int, retryable: bool, attempts: int
) -> None:
    target.world.aws.faults.fail_next_query(
        "no luck", category=category, retryable=retryable, verb="UNLOAD"
    )

    outcome = await target.sync(**DAYS)

    assert len(queries(outcome, Purpose.EXPORT)) == attempts
    if attempts > 1:
        assert outcome.result.error is None
        assert "no luck" in notices(outcome)
        assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    else:
        assert isinstance(outcome.result.error, QueryError)
        assert "no luck" in str(outcome.result.error)
        assert target.value("SELECT to_regclass('forecast_data')") is None
    assert target.staging_tables() == []
    assert target.exported_files() == []


async def test_a_query_that_fails_each_time_is_given_up(target: Target) -> None:
    for _ in range(3):
        target.world.aws.faults.fail_next_query("no luck", category=SYSTEM, verb="UNLOAD")

    outcome = await target.sync(**DAYS)

    assert isinstance(outcome.result.error, QueryError)
    assert len(queries(outcome, Purpose.EXPORT)) == 3
    assert target.staging_tables() == []


@pytest.mark.parametrize("purpose", [Purpose.EXPORT, Purpose.COUNT])
async def test_a_query_that_somebody_stops_is_not_started_again(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, purpose: Purpose
) -> None:
    plan = target.plan(**DAYS)
    faults = target.world.aws.faults
    athena = lake.client("athena")

    def stop(event: Event) -> None:
        if not isinstance(event, QueryProgress) or event.state not in ("QUEUED", "RUNNING"):
            return
        if event.purpose is purpose:
            athena.stop_query_execution(QueryExecutionId=event.query_id)

    slow_counts(target, monkeypatch)
    faults.query_seconds = 60.0 if purpose is Purpose.EXPORT else None
    try:
        result = await run(plan, stop, CancelToken())
    finally:
        faults.query_seconds = None

    assert isinstance(result.error, QueryError)
    assert "ended as CANCELLED" in str(result.error)
    assert "stopped by somebody" in str(result.error)
    assert [query.purpose for query in result.queries].count(purpose) == 1
    assert target.value("SELECT to_regclass('forecast_data')") is None
    assert target.staging_tables() == []


async def test_the_count_is_stopped_where_the_export_fails(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = target.plan(**DAYS)
    slow_counts(target, monkeypatch)
    target.world.aws.faults.fail_next_query(
        "no luck", category=USER, retryable=False, verb="UNLOAD"
    )
    try:
        result = await run(plan, lambda _: None, CancelToken())
    finally:
        target.world.aws.faults.query_seconds = None

    assert isinstance(result.error, QueryError)
    (count,) = [query.query_id for query in result.queries if query.purpose is Purpose.COUNT]
    await asyncio.to_thread(wait_until, lambda: state_of(lake, count) == "CANCELLED")


async def test_a_count_that_fails_for_a_passing_reason_is_asked_again(target: Target) -> None:
    target.world.aws.faults.fail_next_query("no luck", category=SYSTEM, verb="SELECT")

    outcome = await target.sync(**DAYS)

    assert outcome.result.error is None
    (told,) = [each for each in notices(outcome).splitlines() if "no luck" in each]
    assert told.startswith("counting forecast failed: ")
    assert told.endswith("; again")
    assert len(queries(outcome, Purpose.COUNT)) == 2
    assert len(queries(outcome, Purpose.EXPORT)) == 1


async def test_a_count_that_fails_for_good_stops_the_export(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_exports(target, monkeypatch, 60.0)
    target.world.aws.faults.fail_next_query(
        "no luck", category=USER, retryable=False, verb="SELECT"
    )
    try:
        outcome = await target.sync(**DAYS)
    finally:
        target.world.aws.faults.query_seconds = None

    assert isinstance(outcome.result.error, QueryError)
    assert str(outcome.result.error).startswith("counting forecast: Athena's query ended as FAILED")
    assert not [event for event in outcome.events if isinstance(event, ChunksPlanned)]
    (export,) = queries(outcome, Purpose.EXPORT)
    await asyncio.to_thread(wait_until, lambda: state_of(lake, export) == "CANCELLED")
    assert target.staging_tables() == []
    assert target.exported_files() == []


async def test_a_count_that_has_no_access_leaves_the_export_to_the_next_run(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AthenaAccessError("the keys are refused", "Renew them.")

    with monkeypatch.context() as patched:
        patched.setattr(client_module.Athena, "ask", refuse)
        first = await target.sync(**DAYS)
    second = await target.sync(**DAYS)

    assert str(first.result.error).startswith("counting forecast: the keys are refused")
    assert first.result.exit_code == 3
    assert second.result.error is None
    assert queries(second, Purpose.EXPORT) == queries(first, Purpose.EXPORT)
    (planned,) = [event for event in second.events if isinstance(event, ChunksPlanned)]
    assert planned.loaded_chunks == planned.chunks


async def test_figures_are_asked_once_and_only_of_an_export_that_has_succeeded(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_exports(target, monkeypatch, 1.0)
    target.world.aws.faults.fail_next_query("no luck", category=SYSTEM, verb="UNLOAD")
    try:
        outcome = await target.sync(**DAYS, validation="aggregate")
    finally:
        target.world.aws.faults.query_seconds = None

    assert outcome.result.error is None
    assert len(queries(outcome, Purpose.EXPORT)) == 2
    assert len(queries(outcome, Purpose.FIGURES)) == 1
    polled = [event for event in outcome.events if isinstance(event, QueryProgress)]
    exported = [event.purpose is Purpose.EXPORT and event.state == "SUCCEEDED" for event in polled]
    asked = [event.purpose is Purpose.FIGURES for event in polled]
    assert exported.index(True) < asked.index(True)


async def test_what_a_stopped_query_has_scanned_is_in_the_bill(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = target.plan(**DAYS)
    cancel = CancelToken()
    stop = client_module.Athena.stop

    def scanned(query_id: str) -> int:
        answer = lake.client("athena").get_query_execution(QueryExecutionId=query_id)
        return int(answer["QueryExecution"]["Statistics"].get("DataScannedInBytes", 0))

    def stop_later(athena: client_module.Athena, query_id: str) -> None:
        # Athena has scanned something since the last look at the query.
        wait_until(lambda: scanned(query_id) > 0)
        stop(athena, query_id)

    monkeypatch.setattr(client_module.Athena, "stop", stop_later)
    monkeypatch.setattr(queries_module, "STOP_SECONDS", 60.0)

    def listen(event: Event) -> None:
        if isinstance(event, QueryProgress) and event.purpose is Purpose.COUNT:
            cancel.request()

    faults = target.world.aws.faults
    faults.query_seconds = 10.0
    try:
        result = await run(plan, listen, cancel)
    finally:
        faults.query_seconds = None

    assert result.status == "cancelled"
    assert sorted(query.purpose for query in result.queries) == [Purpose.COUNT, Purpose.EXPORT]
    for query in result.queries:
        assert query.scanned_bytes == scanned(query.query_id) > 0
    assert result.billed_bytes > 0


async def test_a_query_that_runs_for_longer_than_its_time_is_stopped(
    target: Target, lake: Lake
) -> None:
    plan = target.plan(**{**DAYS, "athena.timeout_minutes": 0.005})
    target.world.aws.faults.query_seconds = 60.0
    try:
        result = await run(plan, lambda _: None, CancelToken())
    finally:
        target.world.aws.faults.query_seconds = None

    assert isinstance(result.error, QueryDelayedError)
    assert "not done in 0.005 minutes" in str(result.error)
    assert "athena.timeout_minutes" in result.error.remedy
    assert sorted(query.purpose for query in result.queries) == ["count", "export"]
    assert {state_of(lake, query.query_id) for query in result.queries} == {"CANCELLED"}
    assert target.staging_tables() == []
