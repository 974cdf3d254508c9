"""``on_error = "continue"``: a table fails alone, the others are published, and all is told."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from neonsync.engine import pipeline
from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import TableFailed, TablePublished
from neonsync.engine.proof.audit import audit
from neonsync.engine.publishing.publish import publish
from neonsync.engine.state import RunState, reduce
from neonsync.errors import (
    DatabaseAccessError,
    ExitCode,
    LeaseLostError,
    LoadError,
    TargetError,
)
from neonsync.report.documents import report
from neonsync.report.jsonl import record, summary_record
from neonsync.report.summary import summary
from neonsync.report.wording import describe_event
from tests.conftest import Lake, Outcome, Target
from tests.docs.test_events import schema

CONTINUE = {"on_error": "continue"}
TABLES = ("a", "b", "c")


@pytest.fixture
def three(target: Target, lake: Lake) -> Target:
    """A target for three tables a, b and c of ten rows each."""
    entries = []
    for name in TABLES:
        source = lake.write(name, pd.DataFrame({"id": range(10), "n": range(10)}))
        entries.append(f'[[tables]]\nsource = "{source}"\ntarget = "{name}"\nkey = ["id"]\n')
    target.configure("".join(entries))
    return target


def there(target: Target) -> list[str]:
    """Which of the tables are there, with all of their rows."""
    found = [name for name in TABLES if target.value("SELECT to_regclass(%s) IS NOT NULL", name)]
    assert all(target.value(f"SELECT count(*) FROM {name}") == 10 for name in found)
    return found


def spoil(target: Target, name: str = "b") -> None:
    """Make a table that cannot be synced into: the run finds it out before it exports."""
    target.sql(f"CREATE VIEW {name} AS SELECT 1 AS id, 2 AS n FROM generate_series(1, 10)")


def cut_off(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let the connection be lost when these tables have been loaded."""

    async def lost(context: Any, table: Any, *rest: Any) -> Any:
        if table.spec.target in names:
            raise DatabaseAccessError("cut off", "Run again.")
        return await audit(context, table, *rest)

    monkeypatch.setattr("neonsync.engine.stage.audit", lost)


def exports(outcome: Outcome) -> dict[str, tuple[str, bool]]:
    """The export of each table: its query, and whether an earlier attempt has started it."""
    return {
        query.table: (query.query_id, query.resumed)
        for query in outcome.result.queries
        if query.purpose == "export"
    }


async def test_the_others_are_published_and_the_failure_is_told_everywhere(three: Target) -> None:
    spoil(three)

    outcome = await three.sync(**CONTINUE)

    result = outcome.result
    assert (result.status, result.exit_code) == ("partial", ExitCode.PARTIAL)
    assert {entry.table for entry in result.published} == {"public.a", "public.c"}
    (failed,) = result.failed
    assert (failed.table, failed.exit_code) == ("public.b", 1)
    assert "public.b is a view, not a table" in failed.error
    assert failed.remedy
    assert [event for event in outcome.events if isinstance(event, TableFailed)] == [failed]
    assert "1 of 3 tables failed, public.b for one" in str(result.error)
    assert "every other table is as it was" in str(result.error)
    assert {check.table for check in result.checks} == {"public.a", "public.c"}
    assert three.staging_tables() == []

    told = report(result)
    assert told["failedTables"] == [
        {"table": "public.b", "message": failed.error, "remedy": failed.remedy, "exitCode": 1}
    ]
    assert any(each["message"].startswith("public.b: ") for each in told["errors"])
    text = summary(result, ".")
    assert "1 of 3 tables failed, the others are published" in text
    assert "public.b: failed: public.b is a view" in text
    assert describe_event(failed) == f"public.b failed: {failed.error}"
    validator = Draft202012Validator(schema())
    line = json.loads(json.dumps(summary_record(result, "."), default=str))
    validator.validate(line)
    validator.validate(json.loads(json.dumps(record(failed))))
    assert [entry["table"] for entry in line["failed_tables"]] == ["public.b"]
    state = RunState()
    for event in outcome.events:
        state = reduce(state, event)
    assert {name: table.step for name, table in state.tables.items()} == {
        "public.a": "published",
        "public.b": "failed",
        "public.c": "published",
    }


async def test_by_default_all_stay_as_they_were(three: Target) -> None:
    spoil(three)

    outcome = await three.sync()

    assert isinstance(outcome.result.error, TargetError)
    assert outcome.result.exit_code is ExitCode.SYNC_FAILED
    assert outcome.result.failed == ()
    assert three.value("SELECT to_regclass('a')") is None


async def test_a_table_that_cannot_be_published_leaves_the_others_alone(three: Target) -> None:
    """The target's own constraint refuses its rows: found out in the publishing transaction."""
    three.sql("CREATE TABLE b (id bigint PRIMARY KEY, n bigint CHECK (n < 5))")
    three.sql("CREATE VIEW on_b AS SELECT * FROM b")

    outcome = await three.sync(**CONTINUE)

    assert outcome.result.exit_code is ExitCode.PARTIAL
    assert "the target refused the rows" in outcome.result.failed[0].error
    assert three.value("SELECT count(*) FROM b") == 0
    published = [event.table for event in outcome.events if isinstance(event, TablePublished)]
    assert published == ["public.a", "public.c"]
    three.sql("ALTER TABLE b DROP CONSTRAINT b_n_check")
    again = await three.sync(**CONTINUE)
    assert again.result.exit_code is ExitCode.OK, again.result.error
    assert there(three) == list(TABLES)
    assert three.value("SELECT status FROM neonsync.runs ORDER BY started_at DESC") == "succeeded"


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([LoadError("x"), LoadError("y"), LoadError("z")], ExitCode.SYNC_FAILED),
        ([DatabaseAccessError("x")] * 3, ExitCode.ACCESS),
        ([DatabaseAccessError("x"), LoadError("y"), LoadError("z")], ExitCode.SYNC_FAILED),
    ],
)
async def test_where_all_fail_the_run_ends_with_what_they_share(
    three: Target, monkeypatch: pytest.MonkeyPatch, errors: list[Exception], code: ExitCode
) -> None:
    left = iter(errors)

    async def fail(*_: Any) -> None:
        raise next(left)

    monkeypatch.setattr(pipeline, "stage", fail)

    outcome = await three.sync(**CONTINUE)

    assert (outcome.result.status, outcome.result.exit_code) == ("failed", code)
    assert len(outcome.result.failed) == 3
    assert "every table is as it was" in str(outcome.result.error)


async def test_what_a_failed_table_has_loaded_serves_the_next_run(
    three: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        cut_off(patched, "b")
        first = await three.sync(**CONTINUE)
    assert first.result.exit_code is ExitCode.PARTIAL
    assert three.sql("SELECT target FROM neonsync.exports") == [("public.b",)]

    second = await three.sync(**CONTINUE)

    assert second.result.exit_code is ExitCode.OK, second.result.error
    assert second.result.run_id == first.result.run_id
    # What was published is as fresh as the run; what was loaded is not paid for again.
    was, now = exports(first), exports(second)
    assert now["public.b"] == (was["public.b"][0], True)
    assert not now["public.a"][1]
    assert not now["public.c"][1]
    assert len(second.result.published) == 3
    assert three.staging_tables() == []
    assert three.exported_files() == []


class _Killed(BaseException):
    """The process is gone."""


async def test_a_run_that_was_killed_in_the_midst_goes_on_with_the_tables_that_are_left(
    three: Target, monkeypatch: pytest.MonkeyPatch
) -> None:

    async def killed(context: Any, tables: Any, **more: Any) -> Any:
        if tables[0].spec.target == "b":
            raise _Killed
        return await publish(context, tables, **more)

    async def nothing(*_: Any) -> None:
        """A process that is killed clears nothing up."""

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "publish", killed)
        patched.setattr(pipeline._Run, "_after_failure", nothing)
        with pytest.raises(_Killed):
            await three.sync(**CONTINUE)
    assert there(three) == ["a"]
    assert three.value("SELECT status FROM neonsync.runs") == "running"
    three.sql("UPDATE neonsync.runs SET heartbeat_at = heartbeat_at - interval '1 hour'")
    ids = three.sql("SELECT xmin::text FROM a ORDER BY id")

    second = await three.sync(**CONTINUE)

    assert second.result.exit_code is ExitCode.OK, second.result.error or second.result.checks
    assert there(three) == list(TABLES)
    assert any("public.a was published by the attempt" in text for text in second.result.notices)
    assert three.sql("SELECT xmin::text FROM a ORDER BY id") == ids
    assert exports(second).keys() == {"public.b", "public.c"}
    assert {entry.table for entry in second.result.published} == {
        f"public.{name}" for name in TABLES
    }
    assert len(second.result.checks) == 21
    assert three.value("SELECT jsonb_array_length(outcome -> 'tables') FROM neonsync.runs") == 3


async def test_other_modes_go_on_too(three: Target) -> None:
    spoil(three)
    schema_only = await three.sync(mode="schema-only", **CONTINUE)
    assert schema_only.result.exit_code is ExitCode.PARTIAL
    assert [entry.method for entry in schema_only.result.published] == ["create", "create"]
    made = await three.sync(mode="test-data", **CONTINUE, **{"test_data.rows": 10})
    assert made.result.exit_code is ExitCode.PARTIAL, made.result.error
    assert there(three) == list(TABLES)


async def test_a_stop_in_the_midst_says_which_tables_are_published(
    three: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    cancel = CancelToken()

    async def stopped(context: Any, tables: Any, **more: Any) -> Any:
        if tables[0].spec.target == "b":
            cancel.request()
            await asyncio.Event().wait()
        return await publish(context, tables, **more)

    monkeypatch.setattr(pipeline, "publish", stopped)

    outcome = await three.sync(cancel, **CONTINUE)

    assert outcome.result.exit_code is ExitCode.INTERRUPTED
    assert "published and complete: public.a; every other table is as it was" in str(
        outcome.result.error
    )
    assert there(three) == ["a"]
    assert [entry.table for entry in outcome.result.published] == ["public.a"]
    assert three.staging_tables() == []
    assert three.exported_files() == []


async def test_a_run_that_loses_its_lease_in_the_midst_does_not_go_on(
    three: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(context: Any, tables: Any, **more: Any) -> Any:
        if tables[0].spec.target == "b":
            three.sql("UPDATE neonsync.runs SET epoch = epoch + 1")
        return await publish(context, tables, **more)

    monkeypatch.setattr(pipeline, "publish", taken)

    outcome = await three.sync(**CONTINUE)

    assert isinstance(outcome.result.error, LeaseLostError)
    assert "published and complete: public.a" in str(outcome.result.error)
    assert there(three) == ["a"]
