"""A run from which another took over, and which does not know it yet, writes nothing any more.

Its heartbeat would tell it soon; here it never beats, so that the guard of each transaction is all
that stands between it and the branch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg import sql

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import (
    ChunksPlanned,
    Event,
    IndexBuilt,
    RunStarted,
    Step,
    StepStarted,
    TablePublished,
)
from neonsync.engine.pipeline import run
from neonsync.engine.runs import lease as leases
from neonsync.errors import LeaseLostError
from tests.conftest import Target
from tests.engine.test_main_job import lake_rows, target_rows
from tests.engine.test_publish_rules import EMPTY_TARGET
from tests.faults.test_resume import fail_after_loading

DAYS = {"filters.days": 10}


def begins(step: Step) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, StepStarted) and event.step is step


def is_a(kind: type[Event]) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, kind)


def last_index(event: Event) -> bool:
    return isinstance(event, IndexBuilt) and event.done == event.total


def all_of_the_branch(target: Target) -> list[tuple[Any, ...]]:
    """What stands in the branch: tables with their rows, indexes, constraints."""
    found = target.sql(
        "SELECT 'index', schemaname, indexname FROM pg_indexes"
        " WHERE schemaname IN ('public', 'neonsync')"
        " UNION ALL SELECT 'constraint', conrelid::regclass::text, conname FROM pg_constraint"
        " WHERE connamespace IN ('public'::regnamespace, 'neonsync'::regnamespace) ORDER BY 1, 2, 3"
    )
    tables = target.sql(
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname IN ('public', 'neonsync') ORDER BY 1, 2"
    )
    with psycopg.connect(target.uri) as connection:
        for table in tables:
            rows = sql.SQL(
                "SELECT count(*), md5(string_agg(t::text, '/' ORDER BY t::text)) FROM {} t"
            ).format(sql.Identifier(*table))
            found += [(*table, *each) for each in connection.execute(rows)]
    return found


@pytest.mark.parametrize(
    ("moment", "flags"),
    [
        (is_a(RunStarted), {}),
        (begins(Step.EXTRACT), {}),
        (begins(Step.LOAD), {}),
        (is_a(ChunksPlanned), {}),
        (begins(Step.INDEX), {}),
        (last_index, {}),
        (begins(Step.PUBLISH), {}),
        (begins(Step.PUBLISH), {"publish": "merge"}),
        (begins(Step.PUBLISH), {"mode": "schema-only"}),
        (is_a(TablePublished), {"on_error": "continue"}),
        (begins(Step.VERIFY), {}),
        (begins(Step.CLEAN_UP), {}),
    ],
    ids=[
        *("export recorded", "query recorded", "staging made", "chunk loaded", "index built"),
        *("constraint made", "swapped", "merged", "schema published", "sealed", "metrics stored"),
        "ended",
    ],
)
async def test_a_run_that_was_taken_over_changes_nothing_more(
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    moment: Callable[[Event], bool],
    flags: dict[str, Any],
) -> None:
    if "publish" in flags:
        target.sql(EMPTY_TARGET)
    await taken_over_at(target, monkeypatch, moment, {**DAYS, **flags})


async def test_a_run_that_was_taken_over_does_not_make_its_staging_anew(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.sql(EMPTY_TARGET)
    await fail_after_loading(target, monkeypatch)
    target.sql("CREATE VIEW v AS SELECT id FROM forecast_data")  # from a swap to a merge

    await taken_over_at(target, monkeypatch, is_a(RunStarted), {})

    assert target.staging_tables() != []


async def taken_over_at(
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    moment: Callable[[Event], bool],
    flags: dict[str, Any],
) -> None:
    """A run that is taken over at a moment must leave the branch as it stands then."""
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 3600.0)
    then: list[list[tuple[Any, ...]]] = []

    def listen(event: Event) -> None:
        if moment(event) and not then:
            target.sql("UPDATE neonsync.runs SET epoch = epoch + 1")
            then.append(all_of_the_branch(target))

    result = await run(target.plan(**flags), listen, CancelToken())

    assert then, "the moment must have come"
    assert isinstance(result.error, LeaseLostError), result.error
    assert all_of_the_branch(target) == then[0]


async def test_an_index_build_of_the_holder_that_is_still_at_work_is_ended(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await fail_after_loading(target, monkeypatch)
    staging = target.value("SELECT staging FROM neonsync.exports")
    target.sql(
        "CREATE FUNCTION slow(n integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE"
        " AS 'BEGIN PERFORM pg_sleep(3600); RETURN n; END'"
    )
    holder = await psycopg.AsyncConnection.connect(
        target.uri, application_name=f"neonsync/{first.result.run_id}"
    )
    # A transaction as a run makes it: under the lease, and nobody is there to end it.
    await holder.execute("SELECT FROM neonsync.runs FOR KEY SHARE")
    build = sql.SQL("CREATE INDEX ON {} (slow(restaurant_id))")
    name = sql.Identifier("neonsync", staging)
    building = asyncio.ensure_future(holder.execute(build.format(name)))
    try:
        second = await asyncio.wait_for(target.sync(), 60)
        with pytest.raises(psycopg.errors.AdminShutdown):
            await building
    finally:
        building.cancel()
        await holder.close()

    assert second.result.error is None, second.result.error
    assert second.result.run_id == first.result.run_id
    assert target_rows(target) == lake_rows(target.world)
    assert target.staging_tables() == []
