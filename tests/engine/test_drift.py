"""Columns that have come apart since the last run: refused, added, or ignored; and always said."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from neonsync.errors import TargetError
from tests.conftest import Lake, Outcome, Target
from tests.engine.test_bad_values import entry, frame, synced

FIRST = frame(name=["a", "b", "c"], amount=[1, 2, 3])


async def loaded(target: Target, lake: Lake, then: pd.DataFrame, **more: Any) -> None:
    """A first run, and after it another table of the lake behind the same target."""
    target.configure(entry(lake.write("first", FIRST), **more))
    await synced(target)
    target.configure(entry(lake.write("then", then), **more))


def columns(target: Target) -> dict[str, str]:
    return dict(
        target.sql(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped"
        )
    )


def notices(outcome: Outcome) -> str:
    return "\n".join(outcome.result.notices)


async def test_a_new_column_is_refused_with_the_ways_out(target: Target, lake: Lake) -> None:
    await loaded(target, lake, FIRST.assign(note="x"))
    error = (await target.sync()).result.error
    assert isinstance(error, TargetError)
    assert 'no column "note"' in error.message
    assert 'ADD COLUMN "note" text' in error.remedy
    assert "on_drift" in error.remedy
    assert "note" not in columns(target)


async def test_a_new_column_is_added_with_the_rows(target: Target, lake: Lake) -> None:
    then = FIRST.assign(note=["x", None, "z"], amount=[1, 2, 4])
    await loaded(target, lake, then, on_drift="add")
    outcome = await synced(target)
    assert columns(target)["note"] == "text"
    assert target.sql("SELECT amount, note FROM t ORDER BY id") == [(1, "x"), (2, None), (4, "z")]
    assert 'gets the column "note" text' in notices(outcome)
    again = await synced(target)
    assert again.result.published[0].unchanged == 3


async def test_a_new_column_is_left_out(target: Target, lake: Lake) -> None:
    await loaded(target, lake, FIRST.assign(amount=[1, 2, 4], note="x"), on_drift="ignore")
    outcome = await synced(target)
    assert "note" not in columns(target)
    assert target.sql("SELECT name, amount FROM t ORDER BY id") == [("a", 1), ("b", 2), ("c", 4)]
    assert 'new columns "note", which are not copied' in notices(outcome)


async def test_a_column_that_is_gone_is_refused(target: Target, lake: Lake) -> None:
    await loaded(target, lake, FIRST.drop(columns="amount"))
    error = (await target.sync()).result.error
    assert isinstance(error, TargetError)
    assert 'no longer has "amount"' in error.message


@pytest.mark.parametrize("way", ["ignore", "add"])
async def test_what_is_gone_stays_in_the_target_where_that_is_wanted(
    target: Target, lake: Lake, way: str
) -> None:
    then = frame(name=["a", "b", "C", "new"])
    await loaded(target, lake, then, on_drift=way)
    outcome = await synced(target)
    assert target.sql("SELECT name, amount FROM t ORDER BY id") == [
        ("a", 1),
        ("b", 2),
        ("C", 3),
        ("new", None),
    ]
    assert 'no longer has "amount"' in notices(outcome)


async def test_a_column_that_is_left_out_on_purpose_is_no_drift(target: Target, lake: Lake) -> None:
    await loaded(target, lake, FIRST)
    target.configure(entry(lake.write("then", FIRST), exclude=["amount"]))
    await synced(target)
    target.sql("ALTER TABLE t ADD COLUMN own text")
    await synced(target)


@pytest.mark.parametrize(
    ("before", "after", "becomes"),
    [
        ("integer", "bigint", "bigint"),
        ("varchar(5)", "text", "text"),
        ("numeric(6,2)", "numeric(10,2)", "numeric(10,2)"),
    ],
)
async def test_a_type_is_widened(
    target: Target, lake: Lake, before: str, after: str, becomes: str
) -> None:
    text = before.startswith("varchar")
    wide: Any = "longer than five" if text else 99_999_999 if "num" in after else 2**40
    column = "name" if text else "amount"
    first = lake.write("first", FIRST)
    target.configure(entry(first, types={column: before}))
    await synced(target)
    changed = FIRST.assign(**{column: [wide, *FIRST[column][1:]]})
    target.configure(entry(lake.write("then", changed), types={column: after}, on_drift="add"))
    outcome = await synced(target)
    assert columns(target)[column] == becomes
    assert target.value(f"SELECT {column} FROM t WHERE id = 0") == wide
    assert f'the column "{column}" becomes {becomes}' in notices(outcome)


async def test_a_type_that_is_no_wider_is_refused_even_to_be_added(
    target: Target, lake: Lake
) -> None:
    await loaded(target, lake, FIRST.assign(amount=["x", "y", "z"]), on_drift="add")
    error = (await target.sync()).result.error
    assert isinstance(error, TargetError)
    assert '"amount"' in error.message


async def test_values_go_into_the_old_type_where_drift_is_ignored(
    target: Target, lake: Lake
) -> None:
    target.configure(entry(lake.write("first", FIRST), types={"amount": "integer"}))
    await synced(target)
    target.configure(entry(lake.write("then", FIRST.assign(amount=[1, 2, 9])), on_drift="ignore"))
    await synced(target)
    assert columns(target)["amount"] == "integer"
    assert target.value("SELECT amount FROM t WHERE id = 2") == 9


async def test_a_failed_run_adds_nothing(target: Target, lake: Lake) -> None:
    await loaded(target, lake, FIRST.assign(note="x", amount=[1, 2, 4]), on_drift="add")
    target.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no'; END $$"
    )
    target.sql("CREATE TRIGGER refuse BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION refuse()")
    assert (await target.sync()).result.error is not None
    assert "note" not in columns(target)


async def test_the_plan_tells_of_drift(target: Target, lake: Lake) -> None:
    from neonsync.engine.preview import preview

    await loaded(target, lake, FIRST.assign(note="x"), on_drift="add")
    (shown,) = (await preview(target.plan())).tables
    assert shown.method == "merge"
    assert 'gets the column "note" text' in shown.reason
