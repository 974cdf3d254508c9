"""Columns that have come apart since the last run: refused, added, or ignored; and always said.

The decisions are tested in tests/unit/test_drift_rules.py; here are whole runs and previews.
"""

from __future__ import annotations

from typing import Any

import pytest

from neonsync.engine.preview import preview
from neonsync.errors import TargetError
from tests.conftest import Lake, Outcome, Target
from tests.engine.test_bad_values import cut_off, entry, frame, synced

FIRST = frame(name=["a", "b", "c"], amount=[1, 2, 3], n=[1, 2, 3], x=["1", "2", "3"])
TYPES = {"name": "varchar(5)", "amount": "integer", "x": "numeric(6,2)"}


def columns(target: Target, table: str) -> dict[str, str]:
    return dict(
        target.sql(
            "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = %s::text::regclass AND attnum > 0 AND NOT attisdropped",
            table,
        )
    )


def notices(outcome: Outcome) -> str:
    return "\n".join(outcome.result.notices)


async def test_columns_are_added_and_widened_with_the_rows_or_ignored(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = lake.write("first", FIRST)
    target.configure(entry(first, "adds", types=TYPES) + entry(first, "ignores"))
    await synced(target)

    wide = {"name": "text", "amount": "bigint", "x": "numeric(10,2)"}
    then = lake.write(
        "then",
        frame(
            name=["a", "b", "longer than five"],
            amount=[1, 2, 2**40],
            x=["1", "2", "99999999"],
            note=["x", None, "z"],
        ),
    )
    target.configure(
        entry(then, "adds", types=wide, on_drift="add") + entry(then, "ignores", on_drift="ignore")
    )
    await cut_off(target, monkeypatch)
    assert "note" not in columns(target, "adds"), "before its rows are published"
    # The digest of a number is another one than that of a text.
    target.sql("ALTER TABLE ignores ALTER COLUMN amount TYPE text")
    outcome = await synced(target)

    said = notices(outcome)
    assert outcome.result.attempt_resumed
    assert columns(target, "adds") == {
        "id": "bigint",
        "name": "text",
        "amount": "bigint",
        "n": "bigint",
        "x": "numeric(10,2)",
        "note": "text",
    }
    assert target.sql("SELECT name, amount, n, x::text, note FROM adds ORDER BY id") == [
        ("a", 1, 1, "1.00", "x"),
        ("b", 2, 2, "2.00", None),
        ("longer than five", 2**40, 3, "99999999.00", "z"),
    ]
    assert 'public.adds gets the column "note" text' in said
    assert 'public.adds: the column "amount" becomes bigint' in said
    assert 'no longer has "n"' in said
    assert "note" not in columns(target, "ignores")
    assert target.sql("SELECT amount, n FROM ignores ORDER BY id") == [
        ("1", 1),
        ("2", 2),
        (str(2**40), 3),
    ]
    assert 'new columns "note", which are not copied' in said
    assert "exporting again" in said, said

    again = await synced(target)
    assert {entry.unchanged for entry in again.result.published} == {3}


async def test_drift_is_refused_before_anything_is_exported_and_a_failed_run_changes_nothing(
    target: Target, lake: Lake
) -> None:
    first = lake.write("first", FIRST)
    target.configure(entry(first))
    await synced(target)

    async def refused(table: str, **more: Any) -> TargetError:
        target.configure(entry(table, **more))
        with pytest.raises(TargetError) as caught:
            await preview(target.plan())
        return caught.value

    more = lake.write("more", FIRST.assign(note="x", n=[1, 2, 4]))
    error = await refused(more)
    assert 'no column "note"' in error.message
    assert 'ADD COLUMN "note" text' in error.remedy
    gone = await refused(lake.write("gone", FIRST.drop(columns="n")))
    assert 'no longer has "n"' in gone.message
    texts = lake.write("texts", FIRST.assign(amount=["x", "y", "z"]))
    assert '"amount"' in (await refused(texts, on_drift="add")).message

    # Left out on purpose, and somebody's own.
    target.sql("ALTER TABLE t ADD COLUMN own text")
    target.configure(entry(first, exclude=["n"]))
    await preview(target.plan())

    target.configure(entry(more, on_drift="add"))
    (shown,) = (await preview(target.plan())).tables
    assert shown.method == "merge"
    assert 'gets the column "note" text' in shown.reason
    target.sql(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'no'; END $$"
    )
    target.sql("CREATE TRIGGER refuse BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION refuse()")
    assert (await target.sync()).result.error is not None
    assert "note" not in columns(target, "t")


async def test_columns_that_cannot_be_changed_are_told_in_the_plan(
    target: Target, lake: Lake
) -> None:
    target.sql("CREATE TABLE t (id bigint PRIMARY KEY, name varchar(5))")
    target.sql("CREATE VIEW seen AS SELECT name FROM t")
    target.configure(entry(lake.write("wide", frame(name=["a"])), on_drift="add"))
    with pytest.raises(TargetError, match=r'the column "name" is used by .*view seen'):
        await preview(target.plan())
    target.sql("DROP VIEW seen")
    target.sql("ALTER TABLE t ADD COLUMN letters int GENERATED ALWAYS AS (length(name)) STORED")
    with pytest.raises(TargetError, match=r'the column "name" is used by .*letters'):
        await preview(target.plan())
    target.sql("ALTER TABLE t DROP COLUMN letters")
    target.sql("ALTER TABLE t ALTER COLUMN name SET DEFAULT 'x'")
    await preview(target.plan())
    # An empty target that is swapped tells of what is left out, too.
    target.configure(entry(lake.write("more", frame(name=["a"], note=["x"])), on_drift="ignore"))
    (shown,) = (await preview(target.plan())).tables
    assert (shown.method, "not copied" in shown.reason) == ("swap", True)


async def test_test_data_and_schemas_go_by_on_drift_as_well(target: Target, lake: Lake) -> None:
    source = lake.write("made", frame(a=["x"], note=["y"], amount=["z"]))
    for name in ("adds", "ignores"):
        target.sql(f"CREATE TABLE {name} (id bigint PRIMARY KEY, a text, amount text)")
    target.configure(
        entry(source, "adds", on_drift="add") + entry(source, "ignores", on_drift="ignore")
    )
    outcome = await synced(target, mode="test-data", **{"test_data.rows": 40})
    assert [entry.method for entry in outcome.result.published] == ["merge", "swap"]
    assert {"note", "is_test_data", "test_scenario"} <= columns(target, "adds").keys()
    assert "note" not in columns(target, "ignores")
    made = target.plan(mode="test-data", **{"test_data.rows": 40}).test_data
    assert made is not None
    rows = made.table("public.ignores").batch(0, 40).to_pylist()
    assert target.sql("SELECT id, a, amount, is_test_data FROM ignores ORDER BY id") == sorted(
        (row["id"], row["a"], row["amount"], True) for row in rows
    )

    for name in ("adds", "ignores"):
        target.sql(f"DROP TABLE {name}")
        target.sql(f"CREATE TABLE {name} (id bigint PRIMARY KEY, a varchar(5), amount text)")
        target.sql(f"INSERT INTO {name} VALUES (1, 'kept')")
    reasons = [shown.reason for shown in (await preview(target.plan(mode="schema-only"))).tables]
    assert 'gets the column "note" text' in reasons[0]
    assert "not copied" in reasons[1]
    outcome = await synced(target, mode="schema-only")
    assert columns(target, "adds") == {
        "id": "bigint",
        "a": "text",
        "amount": "text",
        "note": "text",
    }
    assert columns(target, "ignores")["a"] == "character varying(5)"
    assert target.value("SELECT a FROM adds") == "kept"
    assert 'gets the column "note" text' in notices(outcome)
