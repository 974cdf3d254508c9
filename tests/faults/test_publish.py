"""What can go wrong around the publishing transaction, and what is said of it afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from neonsync.engine import stage
from neonsync.engine.cancel import CancelToken
from neonsync.engine.publishing import publish as publishing
from neonsync.engine.runs import lease as leases
from neonsync.errors import (
    DatabaseAccessError,
    ExitCode,
    ExportError,
    LoadError,
    PublishError,
    TargetError,
)
from neonsync.validation.checks import run_checks
from tests.conftest import ROWS, Target, lake_folder
from tests.engine.test_main_job import lake_rows, target_rows
from tests.engine.test_publish_rules import EMPTY_TARGET
from tests.faults.processes import running, wait_until
from tests.faults.test_resume import notices

TRIGGER = """
CREATE FUNCTION interfere() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$;
CREATE TRIGGER interfere BEFORE INSERT ON forecast_data
    FOR EACH ROW EXECUTE FUNCTION interfere()
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "IF new.restaurant_id % 7 = 0 THEN RETURN NULL; END IF; RETURN new;",
            f"of the {ROWS:,} rows that differ",
        ),
        ("new.y_50 := new.y_50 + 1; RETURN new;", "differ from what was written into them"),
        ("RAISE EXCEPTION 'not today'; RETURN new;", "not today"),
    ],
    ids=["leaves rows out", "changes rows", "raises"],
)
async def test_a_trigger_that_keeps_the_target_from_equalling_the_source_stops_the_run(
    target: Target, body: str, said: str
) -> None:
    target.sql(EMPTY_TARGET)
    target.sql(TRIGGER.format(body=body))

    outcome = await target.sync()

    assert isinstance(outcome.result.error, PublishError)
    assert said in str(outcome.result.error)
    assert "every table is as it was" in str(outcome.result.error)
    assert target.value("SELECT count(*) FROM forecast_data") == 0
    assert target.staging_tables() == []


async def test_a_trigger_of_the_users_finds_the_tables_of_its_own_search_path(
    target: Target,
) -> None:
    target.sql(EMPTY_TARGET)
    target.sql("CREATE TABLE audit_log (n integer)")
    target.sql(TRIGGER.format(body="INSERT INTO audit_log VALUES (new.restaurant_id); RETURN new;"))

    outcome = await target.sync()

    assert outcome.result.error is None
    assert target.value("SELECT count(*) FROM audit_log") == ROWS


async def dawdle_in_commit(target: Target) -> None:
    """Make the COMMIT of a publishing take its time, as a compute's does that waits for disks."""
    await target.sync()  # makes the ledger
    target.sql("DROP TABLE forecast_data")
    target.sql(
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF new.status = 'published' THEN PERFORM pg_sleep(0.7); END IF; RETURN new; END $$"
    )
    target.sql(
        "CREATE CONSTRAINT TRIGGER dawdle AFTER UPDATE ON neonsync.runs"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dawdle()"
    )


def in_commit(monkeypatch: pytest.MonkeyPatch, target: Target, act: Callable[[int], None]) -> None:
    """Do something, once, with the socket of the session that is at work on its COMMIT."""
    real = publishing._transaction
    threads: list[threading.Thread] = []

    def wait_and_act(descriptor: int, pid: int) -> None:
        statement = (
            "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND query = 'COMMIT'"
            " AND state = 'active'"
        )
        wait_until(lambda: bool(target.sql(statement, pid)))
        act(descriptor)

    async def watched(context: Any, connection: Any, tables: Any, **more: Any) -> Any:
        if not threads:
            arguments = (os.dup(connection.fileno()), connection.info.backend_pid)
            threads.append(threading.Thread(target=wait_and_act, args=arguments))
            threads[0].start()
        return await real(context, connection, tables, **more)

    monkeypatch.setattr(publishing, "_transaction", watched)


async def test_a_commit_whose_answer_is_lost_while_it_works_is_found_out(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dawdle_in_commit(target)
    cut: list[int] = []

    def cut_off(descriptor: int) -> None:
        socket.socket(fileno=descriptor).shutdown(socket.SHUT_RDWR)
        cut.append(descriptor)

    in_commit(monkeypatch, target, cut_off)

    outcome = await target.sync()

    assert len(cut) == 1
    assert outcome.result.error is None, outcome.result.error
    assert [entry.table for entry in outcome.result.published] == ["public.forecast_data"]
    assert target_rows(target) == lake_rows(target.world)


async def test_a_cancel_in_the_midst_of_the_commit_says_what_has_become_of_it(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    await dawdle_in_commit(target)
    cancel = CancelToken()

    def stop(descriptor: int) -> None:
        os.close(descriptor)
        cancel.request()

    in_commit(monkeypatch, target, stop)

    outcome = await target.sync(cancel)

    assert outcome.result.exit_code == 130
    published = target.value("SELECT to_regclass('forecast_data') IS NOT NULL")
    assert published == bool(outcome.result.published)
    assert ("published and complete" in str(outcome.result.error)) == published
    assert ("every table is as it was" in str(outcome.result.error)) == (not published)


def test_a_signal_after_the_publishing_says_that_the_tables_are_published(
    target: Target, tmp_path: Path
) -> None:
    with running(target, tmp_path) as run:
        assert run.wait_for_log("publish: public.forecast_data")
        run.process.send_signal(signal.SIGINT)
        output, _ = run.process.communicate(timeout=60)
    if run.process.returncode == 0:
        pytest.skip("the run was over before the signal came")
    assert run.process.returncode == 130
    assert "what is published stays (public.forecast_data); again to quit now" in output
    assert "the tables are published and complete" in output
    assert "Traceback" not in output
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert json.loads((tmp_path / "etl-report.json").read_text())["tablesSynced"] == [
        "forecast_data"
    ]
    assert target.value("SELECT status FROM neonsync.runs") == "published"


async def test_a_connection_that_is_cut_while_it_is_verified_is_made_again(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    cuts = iter([True])

    async def cut_once(connection: Any, *arguments: Any) -> Any:
        if next(cuts, False):
            target.world.neon.faults.terminate_backends(target.name)
        return await run_checks(connection, *arguments)

    monkeypatch.setattr("neonsync.engine.publishing.verify.run_checks", cut_once)

    outcome = await target.sync()

    assert outcome.result.error is None
    assert len(outcome.result.checks) == 8


async def test_a_heartbeat_at_any_moment_does_not_spoil_the_end(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.0005)
    for _ in range(3):
        assert (await target.sync()).result.error is None


def test_a_run_whose_sessions_are_cut_keeps_its_lease(target: Target, tmp_path: Path) -> None:
    target.world.aws.faults.query_seconds = 60.0
    try:
        with running(target, tmp_path / "first") as first:
            assert first.wait_for_log("QUEUED")
            target.world.neon.faults.terminate_backends(target.name)
            with running(target, tmp_path / "second") as second:
                output, _ = second.process.communicate(timeout=60)
            assert second.process.returncode == 6, output
            assert f"process {first.process.pid}" in output
            assert first.process.poll() is None
            first.process.send_signal(signal.SIGINT)
            assert first.finish() == 130
    finally:
        target.world.aws.faults.query_seconds = None


async def test_a_target_that_was_dropped_since_is_swapped_in_by_the_next_run(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    await target.sync()

    async def cut_off(*_: object) -> None:
        raise DatabaseAccessError("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(stage, "audit", cut_off)
        first = await target.sync()
    assert target.value("SELECT method FROM neonsync.exports") == "merge"
    target.sql("DROP TABLE forecast_data")

    second = await target.sync()

    assert second.result.run_id == first.result.run_id
    assert [entry.method for entry in second.result.published] == ["swap"]
    assert "published in another way now; loading it anew" in notices(second)
    assert target_rows(target) == lake_rows(target.world)


async def test_a_partitioned_target_is_merged_into(target: Target) -> None:
    target.sql(
        EMPTY_TARGET.replace("IDENTITY PRIMARY KEY", "IDENTITY")
        + " PARTITION BY RANGE (business_date)"
    )
    target.sql("CREATE TABLE everything PARTITION OF forecast_data DEFAULT")

    outcome = await target.sync()

    assert outcome.result.error is None
    assert [entry.inserted for entry in outcome.result.published] == [ROWS]
    assert [entry.unchanged for entry in (await target.sync()).result.published] == [ROWS]


async def test_a_null_in_the_key_is_refused_though_an_empty_target_would_take_it(
    target: Target,
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    target.sql(EMPTY_TARGET)
    target.sql("ALTER TABLE forecast_data ALTER restaurant_id DROP NOT NULL")
    folder = lake_folder(target.world)
    day = sorted(folder.iterdir())[0]
    row = pq.ParquetFile(sorted(day.iterdir())[0]).read().slice(0, 1)
    position = row.schema.get_field_index("restaurant_id")
    path = day / "null.snappy.parquet"
    pq.write_table(
        row.set_column(
            position, "restaurant_id", pa.array([None], row.schema.field(position).type)
        ),
        path,
    )
    try:
        outcome = await target.sync()
    finally:
        path.unlink()

    assert isinstance(outcome.result.error, LoadError)
    assert 'column "restaurant_id"' in str(outcome.result.error)
    assert target.value("SELECT count(*) FROM forecast_data") == 0


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        (
            "ALTER TABLE forecast_data DROP CONSTRAINT forecast_data_unique_key;"
            "CREATE INDEX forecast_data_unique_key ON forecast_data (state)",
            "needs the name 'forecast_data_unique_key'",
        ),
        (
            "CREATE TABLE other (n int); CREATE INDEX idx_forecast_dma ON other (n)",
            "needs the name 'idx_forecast_dma'",
        ),
        (
            "CREATE RULE r AS ON INSERT TO forecast_data DO ALSO SELECT 1",
            "it has rules on INSERT or UPDATE",
        ),
        (
            "ALTER TABLE forecast_data ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            "row security holds for this role",
        ),
    ],
    ids=["name of another kind of index", "name taken", "rule", "row security"],
)
async def test_what_could_not_be_published_is_refused_before_it_is_paid_for(
    target: Target, statement: str, said: str
) -> None:
    target.sql(EMPTY_TARGET)
    target.sql(statement)

    outcome = await target.sync()

    assert isinstance(outcome.result.error, TargetError)
    assert said in str(outcome.result.error)
    assert outcome.result.queries == ()


async def test_an_invalid_index_is_built_again(target: Target) -> None:
    await target.sync()
    target.sql("DROP INDEX idx_forecast_dc")
    with pytest.raises(psycopg.errors.UniqueViolation):
        target.sql("CREATE UNIQUE INDEX CONCURRENTLY idx_forecast_dc ON forecast_data (dc_id)")

    outcome = await target.sync()

    assert target.value(
        "SELECT indisvalid AND NOT indisunique FROM pg_index"
        " WHERE indexrelid = 'idx_forecast_dc'::regclass"
    )
    assert {check.status.value for check in outcome.result.checks} == {"passed"}


async def test_files_that_could_not_be_deleted_are_deleted_by_the_next_run(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    from neonsync.engine.runs import leftovers

    def refuse(*_: object) -> None:
        raise ExportError("no right to delete")

    before = target.exported_files()
    with monkeypatch.context() as patched:
        patched.setattr(leftovers, "delete_export", refuse)
        first = await target.sync()
    assert first.result.exit_code is ExitCode.OK
    assert "are left, the next run deletes them: no right to delete" in notices(first)
    assert target.exported_files() != before

    second = await target.sync()

    assert second.result.error is None
    assert target.exported_files() == before
    assert target.sql("SELECT status, count(*) FROM neonsync.runs GROUP BY 1") == [("succeeded", 2)]


async def test_settings_of_the_role_do_not_disturb_a_run(target: Target) -> None:
    for setting in (
        "transaction_timeout = '40ms'",
        "statement_timeout = '40ms'",
        "lock_timeout = '1ms'",
        "quote_all_identifiers = on",
        "search_path = ''",
        "DateStyle = 'German, DMY'",
        "TimeZone = 'Asia/Kolkata'",
        "idle_in_transaction_session_timeout = '1ms'",
        "default_transaction_read_only = on",
    ):
        target.sql(f"ALTER ROLE neondb_owner SET {setting}")

    for _ in range(2):
        outcome = await target.sync()
        assert outcome.result.error is None, outcome.result.error
    assert [entry.unchanged for entry in outcome.result.published] == [ROWS]
    await asyncio.to_thread(wait_until, lambda: target.staging_tables() == [])
