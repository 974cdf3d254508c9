"""``publish``: a full refresh on request, whatever hangs on the table, and never by a slip."""

from __future__ import annotations

import threading
from pathlib import Path

import pandas as pd
import psycopg
import pytest

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import ChunkLoaded, Event
from neonsync.engine.pipeline import run
from neonsync.engine.publishing import publish as publishing
from neonsync.errors import ConfigError, ExitCode, PublishError, RefusedError
from tests.conftest import ROWS, Lake, Target
from tests.engine.test_main_job import lake_rows, target_rows

REPLACE = {"publish": "replace"}
STRANGER = (
    "INSERT INTO forecast_data (restaurant_id, inventory_item_id, business_date, state, y_50)"
    " VALUES (-1, -1, '2020-01-01', 'ZZ', 1)"
)
VIEW = "CREATE VIEW seen AS SELECT state, y_50 FROM forecast_data"


async def filled(target: Target) -> None:
    """The target with all rows of the lake, one that is not of it, and one that differs."""
    assert (await target.sync()).result.error is None
    target.sql(STRANGER)
    target.sql("UPDATE forecast_data SET y_50 = y_50 + 1 WHERE id = 1")


async def test_a_new_table_takes_the_place_of_one_that_nothing_hangs_on(target: Target) -> None:
    await filled(target)
    target.sql("CREATE ROLE reader_of_replaced")
    target.sql("GRANT SELECT ON forecast_data TO reader_of_replaced")
    old_ids = target.value("SELECT max(id) FROM forecast_data")
    oid = target.value("SELECT 'forecast_data'::regclass::oid")

    outcome = await target.sync(**REPLACE)

    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error or outcome.result.checks
    (published,) = outcome.result.published
    assert (published.method, published.inserted, published.removed) == ("replace", ROWS, ROWS + 1)
    assert target_rows(target) == lake_rows(target.world)
    assert target.value("SELECT 'forecast_data'::regclass::oid") != oid
    assert target.value("SELECT min(id) FROM forecast_data") > old_ids, "no id means two rows"
    assert target.value(
        "SELECT has_table_privilege('reader_of_replaced', 'forecast_data', 'SELECT')"
    )
    assert "may change" in " ".join(outcome.result.notices)
    assert target.staging_tables() == []


async def test_rows_are_deleted_and_inserted_where_something_hangs_on_the_table(
    target: Target,
) -> None:
    await filled(target)
    target.sql(VIEW)
    oid = target.value("SELECT 'forecast_data'::regclass::oid")
    seen: list[object] = []
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(target.uri, autocommit=True) as connection:
            while not stop.is_set():
                row = connection.execute("SELECT count(*) FROM seen").fetchone()
                seen.append(row and row[0])
                stop.wait(0.005)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        outcome = await target.sync(**REPLACE)
    finally:
        stop.set()
        reader.join()

    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error or outcome.result.checks
    (published,) = outcome.result.published
    assert (published.method, published.inserted, published.removed) == ("replace", ROWS, ROWS + 1)
    assert target_rows(target) == lake_rows(target.world)
    assert target.value("SELECT 'forecast_data'::regclass::oid") == oid
    assert set(seen) <= {ROWS, ROWS + 1}
    assert target.value("SELECT count(*) FROM seen") == ROWS


async def test_no_unique_key_is_needed_to_write_all_rows_anew(target: Target) -> None:
    await filled(target)
    target.sql(VIEW)
    target.sql("ALTER TABLE forecast_data DROP CONSTRAINT forecast_data_unique_key")

    outcome = await target.sync(**REPLACE)

    assert [entry.method for entry in outcome.result.published] == ["replace"]
    assert target_rows(target) == lake_rows(target.world)


async def test_rows_that_others_refer_to_stay_with_their_ids(target: Target) -> None:
    await filled(target)
    target.sql("CREATE TABLE notes (forecast bigint REFERENCES forecast_data ON DELETE CASCADE)")
    target.sql("INSERT INTO notes SELECT id FROM forecast_data WHERE id BETWEEN 1 AND 5")
    before = target.sql("SELECT id, restaurant_id FROM forecast_data WHERE id <= 5 ORDER BY id")

    outcome = await target.sync(**REPLACE)

    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error or outcome.result.checks
    (published,) = outcome.result.published
    assert (published.method, published.updated, published.removed) == ("replace", 1, 1)
    after = target.sql("SELECT id, restaurant_id FROM forecast_data WHERE id <= 5 ORDER BY id")
    assert after == before
    assert target.value("SELECT count(*) FROM notes") == 5
    assert target_rows(target) == lake_rows(target.world)


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL", "NO ACTION"])
async def test_a_row_that_others_refer_to_is_not_taken_from_under_them(
    target: Target, action: str
) -> None:
    await filled(target)
    target.sql(f"CREATE TABLE notes (forecast bigint REFERENCES forecast_data ON DELETE {action})")
    target.sql("INSERT INTO notes SELECT id FROM forecast_data WHERE restaurant_id = -1")
    before = target.sql("SELECT * FROM forecast_data ORDER BY id")

    outcome = await target.sync(**REPLACE)

    assert isinstance(outcome.result.error, RefusedError)
    assert outcome.result.exit_code is ExitCode.REFUSED
    assert "1 rows of public.notes refer by notes_forecast_fkey" in str(outcome.result.error)
    assert target.sql("SELECT * FROM forecast_data ORDER BY id") == before
    assert target.value("SELECT count(forecast) FROM notes") == 1


async def test_parent_and_child_are_replaced_in_one_run(target: Target, lake: Lake) -> None:
    customers = lake.write("customers", pd.DataFrame({"id": [1, 2], "name": ["a", "b"]}))
    orders = lake.write("orders", pd.DataFrame({"id": [10, 20], "customer": [1, 2]}))
    target.configure(
        f'publish = "replace"\n[[tables]]\nsource = "{orders}"\ntarget = "orders"\nkey = ["id"]\n'
        'references = { customer = "customers.id" }\n'
        f'[[tables]]\nsource = "{customers}"\ntarget = "customers"\nkey = ["id"]\n'
    )
    assert (await target.sync()).result.error is None
    target.sql("ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers")
    target.sql("INSERT INTO customers VALUES (3, 'gone')")
    target.sql("INSERT INTO orders VALUES (30, 3)")

    outcome = await target.sync()

    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error or outcome.result.checks
    assert {entry.table: entry.removed for entry in outcome.result.published} == {
        "public.orders": 3,
        "public.customers": 1,
    }
    assert target.sql("SELECT id, customer FROM orders ORDER BY id") == [(10, 1), (20, 2)]
    assert target.sql("SELECT id FROM customers ORDER BY id") == [(1,), (2,)]


async def test_a_trigger_that_changes_what_is_written_stops_it(target: Target) -> None:
    await filled(target)
    target.sql(
        "CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN new.y_50 := new.y_50 + 1; RETURN new; END'"
    )
    target.sql(
        "CREATE TRIGGER meddle BEFORE INSERT ON forecast_data"
        " FOR EACH ROW EXECUTE FUNCTION meddle()"
    )
    before = target.sql("SELECT * FROM forecast_data ORDER BY id")

    outcome = await target.sync(**REPLACE)

    assert isinstance(outcome.result.error, PublishError)
    assert f"{ROWS:,} of those differ" in str(outcome.result.error)
    assert target.sql("SELECT * FROM forecast_data ORDER BY id") == before


@pytest.mark.parametrize("hanging", [False, True], ids=["swap", "in place"])
async def test_an_export_without_rows_never_deletes(target: Target, hanging: bool) -> None:
    target.configure(
        '[[tables]]\nquery = "SELECT 1 AS id WHERE 1 = 0"\ntarget = "t"\nkey = ["id"]\n'
    )
    target.sql("CREATE TABLE t (id integer PRIMARY KEY)")
    target.sql("INSERT INTO t VALUES (1), (2)")
    if hanging:
        target.sql("CREATE VIEW v AS SELECT * FROM t")

    outcome = await target.sync(**REPLACE)

    assert outcome.result.exit_code is ExitCode.REFUSED
    assert "an export without rows never deletes" in str(outcome.result.error)
    assert target.value("SELECT count(*) FROM t") == 2
    assert target.staging_tables() == []


async def test_an_old_snapshot_never_sees_a_part_of_the_new_table(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction outlasts the run's patience: the rows are written in place then."""
    await filled(target)
    monkeypatch.setattr(publishing, "SNAPSHOT_PATIENCE_SECONDS", 0.3)
    with psycopg.connect(target.uri) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

        def look(event: Event) -> None:
            if isinstance(event, ChunkLoaded):
                reader.execute("SELECT count(*) FROM neonsync.runs")

        result = await run(target.plan(**REPLACE), look, CancelToken())
        row = reader.execute("SELECT count(*) FROM forecast_data").fetchone()

    assert result.error is None, result.error
    assert row == (ROWS + 1,)
    assert "written in place, not swapped" in " ".join(result.notices)
    assert [(entry.method, entry.removed) for entry in result.published] == [("replace", ROWS + 1)]
    assert target_rows(target) == lake_rows(target.world)


async def test_a_merge_may_be_asked_for_where_a_swap_would_do(target: Target) -> None:
    outcome = await target.sync(publish="merge")

    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert [entry.method for entry in outcome.result.published] == ["merge"]
    assert target_rows(target) == lake_rows(target.world)
    assert target.value("SELECT count(*) FROM pg_indexes WHERE tablename = 'forecast_data'") == 8


def test_nothing_is_replaced_by_a_part_of_it(planner: Target) -> None:
    with pytest.raises(ConfigError, match="all other rows would be gone") as caught:
        planner.plan(**REPLACE, **{"filters.states": "CA"})
    assert "--publish merge" in caught.value.remedy


@pytest.mark.parametrize("mode", ["schema-only", "test-data"])
async def test_other_modes_replace_nothing(target: Target, mode: str) -> None:
    with pytest.raises(ConfigError, match="--publish is for the mode full"):
        target.settings(mode=mode, **REPLACE)
    target.configure('publish = "replace"\n')
    await target.sync(publish="auto")
    outcome = await target.sync(mode=mode)
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert outcome.result.exit_code is (ExitCode.OK if mode == "schema-only" else ExitCode.REFUSED)
    assert any("publish = replace has no effect" in text for text in outcome.result.notices)


@pytest.mark.parametrize("mode", ["schema-only", "test-data"])
def test_a_configured_proof_is_passed_over_aloud_in_other_modes(planner: Target, mode: str) -> None:
    planner.configure('validation = "aggregate"\nverify_target = "all"\n')
    said = f"the mode {mode} copies no rows of the lake: validation = aggregate and verify_target"
    assert any(text.startswith(said) for text in planner.plan(mode=mode).warnings)
    entry = '[[tables]]\nsource = "all_types"\nkey = ["c_int"]\nvalidation = "counts"\n'
    planner.configure(entry)
    warnings = planner.plan(mode="schema-only").warnings
    assert any(text.endswith("validation = counts has no effect") for text in warnings)
    planner.configure("")
    assert planner.plan(mode=mode).warnings == ()


def test_a_table_speaks_for_itself_and_a_flag_for_all(planner: Target, tmp_path: Path) -> None:
    entry = '[[tables]]\nsource = "{}"\nkey = ["id"]\n'
    planner.configure(
        'publish = "merge"\n' + entry.format("a") + entry.format("b") + 'publish = "replace"\n'
    )

    def ways(**flags: str) -> list[str]:
        settings = planner.settings(**flags)
        return [str(table.publish or settings.publish) for table in settings.tables]

    assert ways() == ["merge", "replace"]
    assert ways(publish="auto") == ["auto", "auto"]
    planner.environment["NEONSYNC_PUBLISH"] = "replace"
    try:
        assert ways() == ["replace", "replace"]
    finally:
        del planner.environment["NEONSYNC_PUBLISH"]
    planner.configure(entry.format("a") + 'publish = "swap"\n')
    with pytest.raises(ConfigError, match="must be one of auto, merge, replace"):
        planner.settings()
