"""A run that is stopped in any of its steps stops what it has begun, and leaves nothing behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Event, QueryProgress, RowsCopied
from neonsync.engine.pipeline import run
from neonsync.engine.proof import audit
from neonsync.engine.publishing import publish, verify
from neonsync.postgres import staging
from tests.conftest import Lake, Target
from tests.faults.processes import wait_until

DAYS = {"filters.days": 10}
ROWS = 1_000
# Where a step asks the server for something, and which argument is its connection.
IN_A_STATEMENT = {
    "index build": (staging, "build_index", 0),
    "audit": (audit, "sum_by_day", 0),
    "publish": (publish, "record_outcome", 1),
    "verify": (verify, "run_checks", 0),
}
AT_AN_EVENT = {"export": QueryProgress, "load": RowsCopied}


@pytest.mark.parametrize("step", [*AT_AN_EVENT, *IN_A_STATEMENT])
async def test_what_a_stopped_run_has_begun_is_stopped_and_nothing_is_left(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    cancel = CancelToken()
    plan = target.plan(**DAYS)

    def listen(event: Event) -> None:
        if isinstance(event, AT_AN_EVENT.get(step, ())):
            cancel.request()

    if step in IN_A_STATEMENT:
        module, name, position = IN_A_STATEMENT[step]
        real = getattr(module, name)

        async def slow(*arguments: Any, **more: Any) -> Any:
            await arguments[position].execute("SELECT pg_sleep(3600)")
            return await real(*arguments, **more)

        monkeypatch.setattr(module, name, slow)
    monkeypatch.setattr(target.world.aws.faults, "query_seconds", 3600 if step == "export" else 0)
    at_work = (
        "SELECT 1 FROM pg_stat_activity"
        " WHERE application_name LIKE 'neonsync/%' AND state <> 'idle'"
    )
    running = asyncio.create_task(run(plan, listen, cancel))
    if step in IN_A_STATEMENT:
        sleeping = f"{at_work} AND wait_event = 'PgSleep'"
        await asyncio.to_thread(wait_until, lambda: bool(target.sql(sleeping)))
        cancel.request()
    result = await running

    assert (result.status, result.exit_code) == ("cancelled", 130)
    assert target.sql(at_work) == []
    assert target.staging_tables() == []
    assert target.exported_files() == []
    assert target.sql("SELECT * FROM neonsync.exports") == []
    if step == "verify":
        assert "the tables are published and complete" in str(result.error)
        assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    else:
        assert "every table is as it was" in str(result.error)
        assert target.value("SELECT to_regclass('forecast_data')") is None
    athena = lake.client("athena")
    ids = [query.query_id for query in result.queries]

    def all_ended() -> bool:
        # A stop is asked for; the query notices it a moment later.
        answer = athena.batch_get_query_execution(QueryExecutionIds=ids)
        states = {each["Status"]["State"] for each in answer["QueryExecutions"]}
        return not states & {"QUEUED", "RUNNING"}

    await asyncio.to_thread(wait_until, all_ended)
