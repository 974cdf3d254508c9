"""The branch's Postgres ends sessions, restarts, or has no room, at each moment of a run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from neonsync.athena import export as export_module
from neonsync.engine import retry
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Event, Notice, RowsCopied
from neonsync.engine.pipeline import run
from neonsync.engine.publishing import publish as publishing
from neonsync.errors import OutOfRoomError
from neonsync.postgres import staging
from neonsync.retry import Backoff
from tests.conftest import Target
from tests.engine.test_publish_rules import EMPTY_TARGET
from tests.faults.processes import wait_until

DAYS = {"filters.days": 10}
ROWS = 1_000
Act = Callable[[], object]
Moment = Callable[[Target, pytest.MonkeyPatch, Act], Callable[[Event], None]]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_module, "CHUNK_ROWS", 400)
    for name in ("CHUNK", "WORK", "PUBLISH"):
        monkeypatch.setattr(retry, name, Backoff(4, 0.1))


def end_sessions(target: Target) -> None:
    target.world.neon.faults.terminate_backends(target.name)


def restart(target: Target) -> None:
    target.world.neon.faults.restart_compute(target.name)


def in_copy(target: Target, monkeypatch: pytest.MonkeyPatch, act: Act) -> Callable[[Event], None]:
    """Rows are on their way, and their COPY has not ended."""
    acted: list[Event] = []

    def listen(event: Event) -> None:
        if isinstance(event, RowsCopied) and not acted:
            acted.append(event)
            act()

    return listen


def in_index_build(
    target: Target, monkeypatch: pytest.MonkeyPatch, act: Act
) -> Callable[[Event], None]:
    """CREATE INDEX is at work: somebody's lock holds it up."""
    real = staging.build_index
    statement = (
        "SELECT 1 FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'"
        " AND query ~ 'CREATE.*INDEX'"
    )
    acted: list[str] = []

    async def held_up(connection: Any, name: str, *arguments: Any) -> None:
        if acted:
            await real(connection, name, *arguments)
            return
        acted.append(name)
        pid = connection.info.backend_pid
        # The holder's session may be ended with the others.
        with contextlib.suppress(psycopg.Error), psycopg.connect(target.uri) as holder:
            holder.execute(f"LOCK TABLE neonsync.{name} IN ROW EXCLUSIVE MODE".encode())
            building = asyncio.create_task(real(connection, name, *arguments))
            await asyncio.to_thread(wait_until, lambda: bool(target.sql(statement, pid)))
            await asyncio.to_thread(act)
        await building

    monkeypatch.setattr(staging, "build_index", held_up)
    return lambda _: None


def in_publishing(
    target: Target, monkeypatch: pytest.MonkeyPatch, act: Act
) -> Callable[[Event], None]:
    """All is written, and nothing is committed."""
    real = publishing.record_outcome
    acted: list[bool] = []

    async def record(*arguments: Any, **more: Any) -> None:
        if not acted:
            acted.append(True)
            await asyncio.to_thread(act)
        await real(*arguments, **more)

    monkeypatch.setattr(publishing, "record_outcome", record)
    return lambda _: None


@pytest.mark.parametrize("moment", [in_copy, in_index_build, in_publishing])
@pytest.mark.parametrize("strike", [end_sessions, restart])
async def test_sessions_that_end_at_any_moment_are_replaced(
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    strike: Callable[[Target], None],
    moment: Moment,
) -> None:
    struck: list[bool] = []
    notices: list[str] = []

    def act() -> None:
        struck.append(True)
        strike(target)

    listen = moment(target, monkeypatch, act)

    def note(event: Event) -> None:
        listen(event)
        if isinstance(event, Notice):
            notices.append(event.message)

    result = await run(target.plan(**DAYS), note, CancelToken())

    assert result.error is None, result.error
    assert struck
    assert any("the connection was lost" in each or "was cut off" in each for each in notices)
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert target.staging_tables() == []
    assert target.exported_files() == []


NO_ROOM = """
CREATE FUNCTION no_room(n integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    RAISE 'could not extend file because project size limit (512 MB) has been exceeded'
    USING ERRCODE = '53100'; END $$;
"""
# What is at work when the room runs out, and how it is given back.
IN_COPY = (
    "ALTER TABLE forecast_data ADD CONSTRAINT c CHECK (no_room(restaurant_id))",
    "ALTER TABLE forecast_data DROP CONSTRAINT c",
)
IN_INDEX_BUILD = (
    "CREATE INDEX i ON forecast_data (no_room(restaurant_id))",
    "DROP INDEX i",
)
IN_PUBLISHING = (
    "CREATE VIEW v AS SELECT id FROM forecast_data;"
    "ALTER TABLE forecast_data ADD CONSTRAINT c CHECK (no_room(restaurant_id))",
    "ALTER TABLE forecast_data DROP CONSTRAINT c",
)


@pytest.mark.parametrize(
    ("fill", "give_back"),
    [IN_COPY, IN_INDEX_BUILD, IN_PUBLISHING],
    ids=["COPY", "index build", "publishing"],
)
async def test_a_full_disk_ends_the_run_which_takes_no_room_until_it_goes_on(
    target: Target, fill: str, give_back: str
) -> None:
    target.sql(EMPTY_TARGET)
    target.sql(NO_ROOM)
    target.sql(fill)

    first = await target.sync(**DAYS)

    assert isinstance(first.result.error, OutOfRoomError), first.result.error
    assert "no room left" in str(first.result.error)
    assert "project size limit (512 MB)" in str(first.result.error)
    assert "every table is as it was" in str(first.result.error)
    assert "size limit" in first.result.error.remedy
    assert first.result.exit_code == 1
    assert target.value("SELECT count(*) FROM forecast_data") == 0
    assert target.staging_tables() == []

    target.sql(give_back)
    second = await target.sync(**DAYS)

    assert second.result.error is None, second.result.error
    assert second.result.run_id == first.result.run_id
    queries = [
        {query.query_id for query in each.result.queries if query.purpose == "export"}
        for each in (first, second)
    ]
    assert queries[0] == queries[1], "the export is paid for once"
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert target.exported_files() == []
