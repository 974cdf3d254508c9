"""Whoever reads while a run publishes sees the old rows or all of the new, and hardly waits."""

from __future__ import annotations

import asyncio
from typing import Any

import pandas as pd
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from neonsync.athena import export as export_module
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import ChunkLoaded, Event, Notice
from neonsync.engine.pipeline import run
from neonsync.engine.preview import preview
from neonsync.engine.publishing import in_place
from neonsync.engine.publishing import publish as publishing
from neonsync.postgres.merge import merge
from tests.conftest import ROWS, Lake, Outcome, Target
from tests.engine.test_bad_values import entry, frame, synced
from tests.engine.test_main_job import lake_rows, target_rows
from tests.engine.test_publish_rules import EMPTY_TARGET
from tests.faults.test_resume import notices

PASSWORD = "not-the-owner-0123456789"  # of a role of the test's branch


def another_role(target: Target) -> str:
    """The address for a role that may read, and of which ours sees no more than anybody does."""
    target.sql(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
    target.sql("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader")
    assert not target.value("SELECT pg_has_role('pg_read_all_stats', 'USAGE')")
    return make_conninfo(target.uri, user="reader", password=PASSWORD)


@pytest.mark.parametrize("there", [True, False], ids=["empty target", "absent target"])
@pytest.mark.parametrize(
    ("own", "patience"),
    [(True, 30.0), (True, 0.3), (False, 0.3)],
    ids=["ends in time", "outlasts us", "another role's outlasts us"],
)
async def test_a_snapshot_from_the_midst_of_the_load_never_sees_a_part_of_it(
    target: Target, monkeypatch: pytest.MonkeyPatch, there: bool, patience: float, own: bool
) -> None:
    monkeypatch.setattr(export_module, "CHUNK_ROWS", 2_000)
    monkeypatch.setattr(publishing, "SNAPSHOT_PATIENCE_SECONDS", patience)
    # The indexes that the empty target lacks cannot be built beside such a transaction either.
    monkeypatch.setattr("neonsync.postgres.merge.INDEX_LOCK_TIMEOUT", "100ms")
    address = target.uri if own else another_role(target)
    if there:
        target.sql(EMPTY_TARGET)
    seen: list[int] = []
    with psycopg.connect(address) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

        def look(event: Event) -> None:
            if isinstance(event, ChunkLoaded) and not seen:
                reader.execute("SELECT 1")  # takes its snapshot
                seen.append(target.value("SELECT count(*) FROM neonsync.chunks"))
            waits = isinstance(event, Notice) and "publishing waits" in event.message
            if waits and patience > 1:
                reader.rollback()

        result = await run(target.plan(jobs=1), look, CancelToken())

        assert result.error is None
        assert 0 < seen[0] < 5, "the snapshot is of the midst of the load"
        row = reader.execute("SELECT count(*) FROM forecast_data").fetchone()
        assert row is not None
        assert row[0] == (ROWS if patience > 1 else 0)
    assert [entry.method for entry in result.published] == ["swap" if patience > 1 else "merge"]
    assert target_rows(target) == lake_rows(target.world)
    assert target.staging_tables() == []


@pytest.mark.parametrize("on_error", ["stop", "continue"])
async def test_an_old_snapshot_is_waited_for_once_however_many_tables_there_are(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, on_error: str
) -> None:
    monkeypatch.setattr(publishing, "SNAPSHOT_PATIENCE_SECONDS", 0.3)
    source = lake.write("small", frame(name=["x"]))
    names = ["t0", "t1", "t2"]
    target.configure("".join(entry(source, name) for name in names))
    with psycopg.connect(another_role(target)) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT 1")

        outcome = await target.sync(on_error=on_error)

    assert outcome.result.error is None, outcome.result.error
    assert [entry.method for entry in outcome.result.published] == ["merge"] * 3
    assert notices(outcome).count("publishing waits for transactions") == 1
    assert notices(outcome).count("a session has kept a snapshot from before the load") == (
        1 if on_error == "stop" else 3
    )


async def test_who_has_asked_the_sequence_for_an_id_delays_the_publish_and_not_the_readers(
    target: Target,
) -> None:
    target.sql(EMPTY_TARGET)
    with psycopg.connect(target.uri) as asker:
        asker.execute("SELECT nextval('forecast_data_id_seq')")  # holds no lock on the table
        syncing = asyncio.create_task(target.sync())
        await until_it_waits_for(syncing, target, "ALTER SEQUENCE")

        for _ in range(3):
            assert await asyncio.to_thread(read_rows, target, "forecast_data") == 0
        assert not syncing.done()
        asker.rollback()
    outcome = await syncing

    assert outcome.result.error is None
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


async def drifting(target: Target, lake: Lake, other: str = "", **more: Any) -> None:
    """Sync a table ``drifts``, and configure that it gets a column, beside ``other`` tables."""
    target.configure(entry(lake.write("first", frame(name=["a", "b"])), "drifts") + other)
    await synced(target)
    then = lake.write("then", frame(name=["a", "b"], note=["x", "y"]))
    target.configure(entry(then, "drifts", on_drift="add", **more) + other)


async def test_readers_of_a_table_that_gets_a_column_wait_for_no_other_table(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    await drifting(target, lake, entry(lake.write("other", frame(name=["x"])), "other"))
    target.sql("UPDATE other SET name = 'old'")
    read: dict[str, int] = {}

    async def reading(connection: Any, staging: str, spec: Any, *more: Any, **named: Any) -> Any:
        written = await merge(connection, staging, spec, *more, **named)
        if spec.target == "other":
            read["drifts"] = await asyncio.to_thread(read_rows, target, "drifts")
        return written

    monkeypatch.setattr(in_place, "merge", reading)

    outcome = await synced(target)

    assert read == {"drifts": 2}
    assert [entry.updated for entry in outcome.result.published] == [1, 2]
    (shown, _) = (await preview(target.plan())).tables
    assert "readers wait" not in shown.reason, "nothing changes any more"


async def test_a_long_reader_of_one_table_delays_no_reader_of_one_that_gets_a_column(
    target: Target, lake: Lake
) -> None:
    target.sql("CREATE TABLE empty (id bigint PRIMARY KEY, name text)")
    await drifting(target, lake)
    swapped = entry(lake.write("rows", frame(name=["x"])), "empty")
    target.configure(target.config.read_text() + swapped)
    (shown, _) = (await preview(target.plan())).tables
    assert "readers wait while it is written" in shown.reason
    with psycopg.connect(target.uri) as long_reader:
        long_reader.execute("SELECT count(*) FROM empty")
        syncing = asyncio.create_task(target.sync())
        await until_it_waits_for(syncing, target, "LOCK TABLE")

        for table, rows in [("drifts", 2), ("empty", 0)] * 3:
            assert await asyncio.to_thread(read_rows, target, table) == rows
        assert not syncing.done()
        long_reader.rollback()
    outcome = await syncing

    assert outcome.result.error is None, outcome.result.error
    assert {entry.table: entry.method for entry in outcome.result.published} == {
        "public.drifts": "merge",
        "public.empty": "swap",
    }


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "of the branch alone"])
async def test_what_foreign_keys_lead_to_is_written_beside_a_table_that_gets_a_column(
    target: Target, lake: Lake, declared: bool
) -> None:
    references = '[tables.references]\nparent = "drifts.id"\n' if declared else ""
    children = [lake.write("child", frame(parent=[0, count])) for count in (1, 2)]
    await drifting(target, lake, entry(children[0], "child") + references)
    target.sql("ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES drifts")
    grown = lake.write("grown", pd.DataFrame({"id": [0, 2], "name": ["a", "c"], "note": ["x"] * 2}))
    target.configure(
        entry(grown, "drifts", on_drift="add", on_missing="delete")
        + entry(children[1], "child")
        + references
    )

    outcome = await synced(target, allow_delete=100)

    assert target.sql(
        "SELECT c.id, d.id, note FROM child c JOIN drifts d ON d.id = parent ORDER BY 1"
    ) == [(0, 0, "x"), (1, 2, "x")]
    assert {entry.table: entry.deleted for entry in outcome.result.published} == {
        "public.drifts": 1,
        "public.child": 0,
    }


def read_rows(target: Target, table: str) -> int:
    """The rows of a table, for a reader who does not wait for long."""
    with psycopg.connect(target.uri, autocommit=True) as connection:
        connection.execute("SET statement_timeout = '2s'")
        row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
        return int(row[0]) if row else -1


async def until_it_waits_for(syncing: asyncio.Task[Outcome], target: Target, what: str) -> None:
    """Wait until the run has waited for a lock once."""
    statement = (
        "SELECT count(*) FROM pg_stat_activity WHERE query LIKE %s"
        " AND application_name LIKE 'neonsync/%%'"
    )
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(target.value, statement, f"%{what}%"):
            assert not syncing.done()
