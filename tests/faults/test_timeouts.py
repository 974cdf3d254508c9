"""The server's timeouts fire in the midst of a run: for a statement, a transaction, a session.

Each session pins them to zero; here it pins them to a moment, as a setting would be that comes in
again by a way of its own.
"""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import Event, RowsCopied
from neonsync.engine.pipeline import run
from neonsync.engine.runs import lease as leases
from neonsync.errors import ServerError
from neonsync.postgres import connect as connect_module
from tests.conftest import Target
from tests.engine.test_publish_rules import EMPTY_TARGET
from tests.faults.processes import wait_until

DAYS = {"filters.days": 10}
ROWS = 1_000
ENDLESS = """
CREATE FUNCTION endless(n integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
    PERFORM pg_sleep(3600); RETURN true; END $$;
"""
# What takes for ever, and how it is ended.
IN_COPY = (
    "ALTER TABLE forecast_data ADD CONSTRAINT c CHECK (endless(restaurant_id))",
    "ALTER TABLE forecast_data DROP CONSTRAINT c",
)
IN_INDEX_BUILD = ("CREATE INDEX i ON forecast_data (endless(restaurant_id))", "DROP INDEX i")
IN_PUBLISHING = ("CREATE VIEW v AS SELECT id FROM forecast_data;" + IN_COPY[0], IN_COPY[1])


@pytest.mark.parametrize(
    ("slow", "mend"),
    [IN_COPY, IN_INDEX_BUILD, IN_PUBLISHING],
    ids=["COPY", "index build", "publishing"],
)
async def test_a_statement_timeout_ends_a_run_that_goes_on_later(
    target: Target, monkeypatch: pytest.MonkeyPatch, slow: str, mend: str
) -> None:
    target.sql(EMPTY_TARGET)
    target.sql(ENDLESS)
    target.sql(slow)
    with monkeypatch.context() as patched:
        patched.setitem(connect_module._PINNED, "statement_timeout", "2s")
        first = await asyncio.wait_for(target.sync(**DAYS), 60)

    assert isinstance(first.result.error, ServerError), first.result.error
    assert "statement timeout (SQLSTATE 57014)" in str(first.result.error)
    assert "every table is as it was" in str(first.result.error)
    assert first.result.exit_code == 1
    assert target.value("SELECT count(*) FROM forecast_data") == 0

    target.sql(mend)
    second = await target.sync(**DAYS)

    assert second.result.error is None, second.result.error
    assert second.result.run_id == first.result.run_id
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert target.staging_tables() == []


async def test_a_transaction_that_is_idle_for_too_long_ends_a_run_that_goes_on_later(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.sql(EMPTY_TARGET)
    with monkeypatch.context() as patched:
        patched.setitem(connect_module._PINNED, "idle_in_transaction_session_timeout", "100ms")
        # Publishing waits for a lock, and lets its transaction be idle between two tries.
        with psycopg.connect(target.uri) as reader:
            reader.execute("SELECT * FROM forecast_data")
            first = await asyncio.wait_for(target.sync(**DAYS), 60)

    assert isinstance(first.result.error, ServerError), first.result.error
    assert "idle-in-transaction timeout (SQLSTATE 25P03)" in str(first.result.error)
    assert "every table is as it was" in str(first.result.error)
    assert target.value("SELECT count(*) FROM forecast_data") == 0

    second = await target.sync(**DAYS)

    assert second.result.error is None, second.result.error
    assert second.result.run_id == first.result.run_id
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert target.staging_tables() == []


async def test_sessions_that_are_idle_for_too_long_are_replaced(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connect_module._PINNED, "idle_session_timeout", "50ms")
    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.3)
    ended: list[int] = []
    held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted"

    def listen(event: Event) -> None:
        if isinstance(event, RowsCopied) and not ended:
            before = target.sql(held)
            # Whoever is idle is ended meanwhile, the holder of the lease among them.
            wait_until(lambda: target.sql(held) != before or not before)
            ended.append(len(before))

    result = await asyncio.wait_for(run(target.plan(**DAYS), listen, CancelToken()), 60)

    assert result.error is None, result.error
    assert ended
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert target.staging_tables() == []
