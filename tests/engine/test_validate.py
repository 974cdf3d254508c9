"""Comparing a branch with Athena: what the copy was meant to change, columns, private values."""

from __future__ import annotations

import datetime
from typing import Any

import pandas as pd
import pytest

from neonsync.engine import validate as module
from neonsync.engine.plan import make_plan
from neonsync.engine.proof.compared import Comparison, Comparisons
from neonsync.engine.validate import validate
from neonsync.postgres.comparison import ComparedRows
from neonsync.report.comparison import as_text, verdict
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import entry, frame, synced


async def compared(target: Target, **flags: Any) -> Comparisons:
    return await validate(make_plan(target.settings(**flags), compares=True))


async def only(target: Target, **flags: Any) -> Comparison:
    (table,) = (await compared(target, **flags)).tables
    return table


async def test_texts_that_were_stripped_are_equal_and_those_made_null_are_told(
    target: Target, lake: Lake
) -> None:
    values = frame(name=["a\x00b", "c", None], j=[r'"\u0000"', "1", None])
    target.configure(
        entry(
            lake.write("stripped", values), "stripped", on_bad_value="strip", types={"j": "jsonb"}
        )
        + entry(lake.write("nulled", values), "nulled", on_bad_value="null")
    )
    await synced(target)
    stripped, nulled = (await compared(target)).tables
    assert stripped.equal, stripped
    assert "columns that differ: name; all that differs of name is NULL here: on_bad_value" in (
        nulled.rows_differ
    )
    stripped, _ = (await compared(target, validation="aggregate")).tables
    assert stripped.equal, stripped
    target.sql("UPDATE stripped SET name = 'ab ' WHERE id = 0")
    stripped, _ = (await compared(target)).tables
    assert stripped.rows_differ == "1 row has other values: (0); columns that differ: name"


@pytest.mark.parametrize("on_drift", ["add", "ignore", "fail"])
async def test_columns_that_the_target_lacks_are_told(
    target: Target, lake: Lake, on_drift: str
) -> None:
    table = lake.write("wide", frame(name=["a", "c"], note=["x", "y"]))
    target.configure(entry(table, on_drift=on_drift))
    target.sql("CREATE TABLE t (id bigint PRIMARY KEY, name text)")
    target.sql("INSERT INTO t VALUES (0, 'a'), (1, 'c')")
    plan = make_plan(target.settings(), compares=True)
    comparisons = await validate(plan)
    (found,) = comparisons.tables
    assert found.equal is (on_drift == "ignore")
    assert (found.lacking, found.left_out, bool(found.error)) == {
        "add": (("note",), (), False),
        "ignore": ((), ("note",), False),
        "fail": ((), (), True),
    }[on_drift]
    assert (
        verdict(comparisons)
        == {
            "add": "Differs: 1 of 1 tables differ; 1 column missing",
            "ignore": "Equal: 1 table",
            "fail": "Not compared: 1 of 1 could not be compared",
        }[on_drift]
    )
    assert {
        "add": "missing here, and not compared: note",
        "ignore": "not compared, as on_drift leaves them out: note",
        "fail": 'has no column "note"',
    }[on_drift] in as_text(plan, comparisons)


async def test_a_column_that_the_next_sync_will_widen_is_compared_as_it_is(
    target: Target, lake: Lake
) -> None:
    table = lake.write("wide", frame(x=["1", "2.5"]))
    target.configure(entry(table, on_drift="add", types={"x": "numeric(10,4)"}))
    target.sql("CREATE TABLE t (id bigint PRIMARY KEY, x numeric(6,2))")
    target.sql("INSERT INTO t VALUES (0, 1), (1, 2.5)")
    found = await only(target)
    assert found.equal, found


async def test_private_values_are_shown_neither_as_keys_nor_in_messages_of_postgres(
    target: Target, lake: Lake
) -> None:
    day = datetime.date(2026, 1, 1)
    people = pd.DataFrame({"email": ["alice@x", "bob@x"], "day": [day, day], "v": ["1", "2"]})
    table = lake.write("people", people)
    target.configure(
        f'show_values = true\n[[tables]]\nsource = "{table}"\ntarget = "t"\n'
        'key = ["email", "day"]\nprivate = ["email"]\n'
    )
    await synced(target)
    target.sql("UPDATE t SET v = '9' WHERE v = '1'")
    found = await only(target)
    assert found.rows_differ == (
        "1 row has other values: ((private), 2026-01-01); columns that differ: v; "
        "as ((private), 2026-01-01) v: 1 in Athena, 9 here"
    )


async def test_days_of_no_date_and_of_an_empty_text_are_two(target: Target, lake: Lake) -> None:
    table = lake.write("days", frame(day=["", None, "2026-01-01"], v=["a", "b", "c"]))
    target.configure(entry(table, date_column="day", date_format="2026-01-31"))
    await synced(target)
    assert (await only(target)).equal
    target.sql("UPDATE t SET v = 'z' WHERE id = 1")
    found = await only(target)
    assert [each.date for each in found.differing] == [None]
    assert found.rows_differ == "1 row has other values: (1); columns that differ: v"


async def test_an_error_that_nobody_expects_is_that_of_its_table(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.configure(
        entry(lake.write("one", frame(v=["a"])), "one")
        + entry(lake.write("two", frame(v=["a"])), "two")
    )
    await synced(target)
    real = ComparedRows.by_day

    async def broken(self: ComparedRows, *arguments: Any, **more: Any) -> Any:
        if self.spec.target == "one":
            raise KeyError("alice@x")
        return await real(self, *arguments, **more)

    monkeypatch.setattr(ComparedRows, "by_day", broken)
    one, two = (await compared(target)).tables
    assert (one.error, two.equal) == ("unexpected: KeyError", True)


async def test_athena_is_asked_for_the_rows_of_the_differing_dates_alone(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [datetime.date(2026, 1, 1), datetime.date(2026, 1, 2)]
    target.configure(entry(lake.write("dated", frame(day=days, v=["a", "b"])), date_column="day"))
    await synced(target)
    target.sql("UPDATE t SET v = 'z' WHERE id = 1")
    asked: list[str] = []
    real = module._Asked.ask

    async def noted(self: Any, statement: str) -> Any:
        asked.append(statement)
        return await real(self, statement)

    monkeypatch.setattr(module._Asked, "ask", noted)
    found = await only(target)
    assert found.rows_differ == "1 row has other values: (1); columns that differ: v"
    assert len(asked) == 3
    bounds = "\"day\" >= DATE '2026-01-02' AND \"day\" < DATE '2026-01-03'"
    assert [bounds in statement for statement in asked] == [False, True, True]
