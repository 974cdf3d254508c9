"""What a plan tells beyond SQL and price: deletions, replacements, what goes on, room."""

from __future__ import annotations

import asyncio
import json
from datetime import date, timedelta
from typing import Any

import pandas as pd
import pytest
from psycopg import sql

from neonsync.engine.preview import Preview, preview
from neonsync.engine.room import Measure, Room, guess, needed
from neonsync.engine.runs.left_runs import LeftTable
from neonsync.report.preview import as_json, as_text
from tests.conftest import ROWS, Lake, Target
from tests.faults.test_resume import fail_after_loading


async def look(target: Target, **flags: Any) -> Preview:
    found = await preview(await asyncio.to_thread(target.plan, **flags))
    json.dumps(as_json(found))
    return found


async def contents(target: Target) -> list[Any]:
    """All that a plan could have written into the branch."""
    return [
        target.sql("SELECT oid, relname, relfilenode, relpages FROM pg_class ORDER BY oid"),
        target.sql("SELECT run_id, status, epoch, xmin::text FROM neonsync.runs"),
        target.sql("SELECT run_id, target, xmin::text FROM neonsync.exports"),
    ]


async def test_rows_that_may_be_deleted_are_counted_beforehand(target: Target) -> None:
    await target.sync()
    target.sql("UPDATE forecast_data SET state = 'CA' WHERE id <= 50")
    california = target.value("SELECT count(*) FROM forecast_data WHERE state = 'CA'")

    kept = await look(target)
    whole = await look(target, on_missing="delete")
    part = await look(target, on_missing="delete", allow_delete=50, **{"filters.states": "CA"})

    assert (kept.tables[0].held, kept.tables[0].may_go) == (None, None)
    assert (whole.tables[0].held, whole.tables[0].may_go) == (ROWS, ROWS // 10)
    assert (part.tables[0].held, part.tables[0].may_go) == (california, california // 2)
    assert f"{california:,} rows within CA now, of which at most" in as_text(part)
    assert as_json(whole)["tables"][0]["on_missing"] == "delete"


@pytest.mark.parametrize(
    ("hanging", "way"),
    [
        ("SELECT 1", "the new table takes its place"),
        ("CREATE VIEW v AS SELECT state FROM forecast_data", "all rows are deleted and inserted"),
        (
            "CREATE TABLE notes (f bigint REFERENCES forecast_data)",
            "rows that stay are updated and all others deleted",
        ),
    ],
)
async def test_a_replacement_tells_its_way(target: Target, hanging: str, way: str) -> None:
    await target.sync(mode="schema-only")
    target.sql(hanging)

    found = await look(target, publish="replace")

    (table,) = found.tables
    assert table.method == "replace"
    assert way in table.reason
    assert "ids that the branch has generated may change" in as_text(found)


async def test_what_an_interrupted_run_has_goes_on_or_is_cleared(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await look(target)).left == ()
    first = await fail_after_loading(target, monkeypatch)
    before = await contents(target)

    same = await look(target)
    fresh = await look(target, fresh=True)
    other = await look(target, **{"filters.states": "CA"})

    (left,) = same.left
    assert (left.run_id, left.why_not, left.at_work) == (first.result.run_id, "", False)
    assert left.tables == (LeftTable("public.forecast_data", True, left.tables[0].chunks, ROWS),)
    assert f"Resume: {left.run_id}, which began" in as_text(same)
    assert f"its export is there, {ROWS:,} rows in" in as_text(same)
    assert fresh.left[0].why_not == "--fresh was asked for"
    assert other.left[0].why_not == "its plan was another one"
    assert "what it has left is cleared" in as_text(other)
    assert await contents(target) == before, "a look writes nothing"
    assert (await target.sync()).result.run_id == left.run_id


async def test_a_run_at_work_is_told(target: Target) -> None:
    await target.sync()
    target.sql(
        "UPDATE neonsync.runs SET status = 'running', heartbeat_at = clock_timestamp(),"
        " finished_at = NULL, resumable = true, published_at = NULL"
    )

    found = await look(target)

    assert found.left[0].at_work
    assert "seems to be at work now: this one would be refused" in as_text(found)


async def test_the_room_is_told_against_the_branchs_limit(target: Target) -> None:
    faults = target.world.neon.faults
    found = await look(target)
    assert found.room.limit is None
    assert found.room.lacking == 0
    needs = found.room.needed
    assert needs is not None
    faults.size_limit = 1_000_000
    try:
        tight = await look(target)
    finally:
        faults.size_limit = 0
    assert tight.room.limit == 1_000_000
    assert tight.room.lacking > 0
    assert "warning: it will not fit" in as_text(tight)
    assert as_json(tight)["room"]["lacking"] == tight.room.lacking

    await target.sync()

    size = target.value("SELECT pg_total_relation_size('forecast_data')")
    assert size / 2 < needs < size * 2


async def test_room_by_what_the_target_measures(target: Target) -> None:
    await target.sync()
    measured = (await look(target)).tables[0].measure
    assert measured is not None
    assert measured.rows == ROWS
    table = sql.Identifier("public", "forecast_data").as_string(None)
    whole = target.value(f"SELECT pg_total_relation_size('{table}')")
    assert (measured.row + measured.indexes) * ROWS == pytest.approx(whole, rel=0.01)


def test_a_merge_needs_staging_and_room_for_what_is_new(planner: Target) -> None:
    size = Measure(row=100, indexes=50, rows=1_000)
    assert needed("swap", 1_000, size, rewritten=False) == 150_000
    assert needed("merge", 1_000, size, rewritten=False) == 100_000
    assert needed("merge", 1_200, size, rewritten=False) == 120_000 + 30_000
    assert needed("replace", 1_000, size, rewritten=True) == 250_000
    assert needed("keep", 1_000, size, rewritten=False) == 0
    spec = planner.plan().tables[0].spec
    assert 80 < guess(spec).row < 160


@pytest.mark.parametrize(
    ("room", "lacking"),
    [
        (Room(100, 50, 200), 0),
        (Room(100, 150, 200), 50),
        (Room(None, 150, 200), 0),
        (Room(300, None, 200), 100),
        (Room(300, 50, None), 0),
    ],
)
def test_room_is_lacking_only_where_that_is_known(room: Room, lacking: int) -> None:
    assert room.lacking == lacking


async def test_what_the_lake_has_of_the_dates_is_told(planner: Target) -> None:
    whole = as_json(await look(planner, **{"filters.from": "2000-01-01"}))["tables"][0]
    held = whole["estimate"]["held"]
    assert (held["dates"], held["within"], whole["warnings"]) == (90, 90, [])
    first, last = (date.fromisoformat(held[name]) for name in ("first", "last"))
    assert (last - first).days == 89
    bounds = {"filters.from": str(last - timedelta(days=8)), "filters.to": "2100-01-01"}
    part = await look(planner, **bounds)
    held = as_json(part)["tables"][0]["estimate"]["held"]
    assert (held["within"], held["first_within"], held["last_within"]) == (
        9,
        str(last - timedelta(days=8)),
        str(last),
    )
    said = f"  dates: 9 of the lake's 90 dates: {last - timedelta(days=8)} to {last}, of {first} to"
    assert said in as_text(part)
    assert (await look(planner)).tables[0].estimate.held is None  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("filters", "asked"),
    [
        ({"filters.from": "2100-01-01"}, "2100-01-01 to …"),
        ({"filters.to": "2000-01-01"}, "… to 2000-01-01"),
        ({"filters.from": "2100-01-01", "filters.to": "2100-01-31"}, "2100-01-01 to 2100-01-31"),
    ],
)
async def test_dates_that_the_lake_does_not_have_at_all_are_warned_of(
    planner: Target, filters: dict[str, str], asked: str
) -> None:
    found = await look(planner, **filters)
    (table,) = as_json(found)["tables"]
    (warning,) = table["warnings"]
    assert warning.startswith(f"forecast has no date of {asked}; it has 90 dates, ")
    assert f"  warning: {warning}" in as_text(found)
    assert "dates:" not in as_text(found)
    held = table["estimate"]["held"]
    assert (held["within"], held["first_within"], held["last_within"]) == (0, None, None)


@pytest.mark.parametrize("projected", [False, True])
async def test_dates_in_three_keys_and_computed_ones_are_known_as_well(
    planner: Target, lake: Lake, projected: bool
) -> None:
    frame = pd.DataFrame(
        {"id": [1, 2], "y": ["2026", "2026"], "m": ["01", "2"], "d": ["31", "01"]}
    ).astype({"id": "int64"})
    table = lake.write("parts", frame, partition_cols=["y", "m", "d"])
    if projected:
        glue = lake.client("glue")
        found = glue.get_table(DatabaseName="lake", Name=table)["Table"]
        kept = ("Name", "StorageDescriptor", "PartitionKeys", "TableType", "Parameters")
        given = {name: found[name] for name in kept if name in found}
        given["Parameters"] = {**given.get("Parameters", {}), "projection.enabled": "true"}
        glue.update_table(DatabaseName="lake", TableInput=given)
    entry = f'[[tables]]\nsource = "{table}"\nkey = ["id"]\ndate_column = ["y", "m", "d"]\n'
    planner.configure(entry)
    found_ = await look(planner, **{"filters.from": "2026-02-01"})
    held = found_.tables[0].estimate.held  # type: ignore[union-attr]
    assert held is not None
    assert (held.dates, held.first, held.within, held.last_within) == (
        2,
        date(2026, 1, 31),
        1,
        date(2026, 2, 1),
    )


async def test_of_dates_that_are_no_partitions_nothing_is_said(planner: Target, lake: Lake) -> None:
    frame = pd.DataFrame({"id": [1], "day": [date(2026, 1, 31)]})
    table = lake.write("flat", frame)
    planner.configure(f'[[tables]]\nsource = "{table}"\nkey = ["id"]\ndate_column = "day"\n')
    found = await look(planner, **{"filters.from": "2100-01-01"})
    assert as_json(found)["tables"][0]["warnings"] == []
    assert found.tables[0].estimate.held is None  # type: ignore[union-attr]


async def test_apart_is_said(target: Target) -> None:
    found = await look(target, on_error="continue")
    assert "each table by itself" in as_text(found)
    assert as_json(found)["on_error"] == "continue"
