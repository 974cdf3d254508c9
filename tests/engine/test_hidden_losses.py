"""What could be lost, rounded, mixed or unproved in silence; each was found once."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pandas as pd
import pytest

from neonsync.athena.client import Athena
from neonsync.engine.cancel import CancelToken
from neonsync.engine.pipeline import run
from neonsync.errors import ConfigError, ExitCode
from tests.conftest import Lake, Outcome, Target

ID = 'key = ["id"]\n'


def entry(source: str, *lines: str) -> str:
    return "\n".join(["[[tables]]", f'source = "{source}"', ID, *lines, ""])


def ok(outcome: Outcome) -> Outcome:
    result = outcome.result
    assert result.exit_code is ExitCode.OK, result.error or result.checks
    return outcome


async def test_a_count_that_failed_is_not_an_empty_answer(target: Target, lake: Lake) -> None:
    name = lake.write("few", pd.DataFrame({"id": [1, 2]}))
    target.configure(entry(name))
    plan = target.plan()
    table = plan.tables[0]
    broken = type(table)(**{**table.__dict__, "count": "SELECT 1 / 0 AS kind, 'x', 1"})
    broken_plan = type(plan)(**{**plan.__dict__, "tables": (broken,)})
    result = await run(broken_plan, lambda _: None, CancelToken())
    assert result.exit_code is ExitCode.SYNC_FAILED
    assert "ended as FAILED" in str(result.error)
    assert target.value("SELECT to_regclass(%s)", name) is None


@pytest.mark.parametrize("filled", [False, True])
async def test_digits_of_a_second_that_the_target_would_round_are_refused(
    target: Target, lake: Lake, filled: bool
) -> None:
    name = lake.write(
        "moments", pd.DataFrame({"id": [1], "at": [datetime(2026, 1, 1, 10, 0, 0, 700000)]})
    )
    target.sql(f"CREATE TABLE {name} (id bigint PRIMARY KEY, at timestamp(0))")
    if filled:
        target.sql(f"INSERT INTO {name} VALUES (9, '2026-01-01')")
    target.configure(entry(name))
    outcome = await target.sync()
    assert outcome.result.exit_code is ExitCode.SYNC_FAILED
    assert "more digits of a second than timestamp(0) keeps" in str(outcome.result.error)


async def test_microseconds_of_a_query_arrive(target: Target) -> None:
    target.configure(
        """
        [[tables]]
        query = '''SELECT 1 AS id,
          CAST('2026-01-01 10:00:00.123456 UTC' AS timestamp(6) with time zone) AS zoned'''
        target = "micros"
        key = ["id"]
        """
    )
    ok(await target.sync())
    assert target.value("SELECT zoned::text FROM micros") == "2026-01-01 10:00:00.123456+00"


async def test_rows_of_a_lake_that_has_the_marks_as_data_are_never_deleted(
    target: Target, lake: Lake
) -> None:
    frame = pd.DataFrame(
        {
            "id": range(10),
            "day": [date(2026, 1, 1 + n) for n in range(10)],
            "is_test_data": [True] * 10,
            "test_scenario": ["mine"] * 10,
        }
    )
    name = lake.write("marked", frame, dtype={"day": "date"})
    target.configure(entry(name, 'date_column = "day"'))
    ok(await target.sync())
    ok(await target.sync(**{"filters.from": "2026-01-09"}))
    assert target.value(f"SELECT count(*) FROM {name} WHERE is_test_data") == 10


async def test_a_changed_database_does_not_continue_an_older_run(target: Target) -> None:
    here = target.plan()
    there = target.plan(**{"athena.region": "eu-west-1"})
    assert here.fingerprint != there.fingerprint


async def test_made_rows_give_way_through_foreign_keys(target: Target, lake: Lake) -> None:
    customers = lake.write("customers", pd.DataFrame({"id": [1000, 1001], "name": ["a", "b"]}))
    orders = lake.write("orders", pd.DataFrame({"id": [2000, 2001], "customer": [1000, 1001]}))
    target.configure(
        entry(orders, 'target = "orders"', 'references = { customer = "customers.id" }')
        + entry(customers, 'target = "customers"')
    )
    ok(await target.sync(mode="test-data", **{"test_data.rows": 100}))
    target.sql("ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers")
    ok(await target.sync(mode="test-data", **{"test_data.rows": 40}))
    assert target.value("SELECT count(*) FROM customers") == 40
    ok(await target.sync())
    assert target.sql("SELECT id, is_test_data FROM customers ORDER BY id") == [
        (1000, False),
        (1001, False),
    ]
    assert (
        target.value(
            "SELECT column_default FROM information_schema.columns"
            " WHERE table_name = 'customers' AND column_name = 'is_test_data'"
        )
        == "false"
    ), "an application's next row is a real one"


async def test_made_rows_do_not_take_rows_of_others_along(target: Target, lake: Lake) -> None:
    name = lake.write("customers", pd.DataFrame({"id": [1000]}))
    target.configure(entry(name, 'target = "customers"'))
    ok(await target.sync(mode="test-data", **{"test_data.rows": 10}))
    target.sql("CREATE TABLE notes (customer bigint REFERENCES customers ON DELETE CASCADE)")
    target.sql("INSERT INTO notes SELECT id FROM customers LIMIT 3")
    outcome = await target.sync()
    assert outcome.result.exit_code is ExitCode.REFUSED
    assert "public.notes" in str(outcome.result.error)
    assert target.value("SELECT count(*) FROM notes") == 3


async def test_an_empty_target_without_the_key_is_swapped(target: Target, lake: Lake) -> None:
    name = lake.write("plain", pd.DataFrame({"id": [1, 2], "a": ["x", "y"]}))
    target.sql(f"CREATE TABLE {name} (id bigint, a text)")
    target.configure(entry(name))
    assert ok(await target.sync()).result.published[0].method == "swap"


FRAMES: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "integer partition, found by itself": (
        {"dt": [20260101, 20260102, 20260103]},
        {"partition_cols": ["dt"], "dtype": {"dt": "int"}},
        "",
    ),
    "empty texts and NULL": ({"dt": ["", None, "2026-01-03"]}, {}, "2026-01-31"),
    "a text that goes on": (
        {"dt": ["2026-01-01 10:00", "2026-01-01 11:00", "2026-01-03"]},
        {},
        "2026-01-31",
    ),
    "char(n)": (
        {"dt": ["2026-01-01", "2026-01-02", "2026-01-03"]},
        {"dtype": {"dt": "char(12)"}},
        "2026-01-31",
    ),
}


@pytest.mark.parametrize("form", FRAMES)
async def test_days_are_the_same_on_all_sides(target: Target, lake: Lake, form: str) -> None:
    columns, options, written = FRAMES[form]
    name = lake.write("days", pd.DataFrame({"id": [1, 2, 3], **columns}), **options)
    lines = ['date_column = "dt"', f'date_format = "{written}"'] if written else []
    target.configure(entry(name, *lines))
    assert (await target.sync()).result.proofs[f"public.{name}"].rows == 3
    target.sql(f"DROP TABLE {name}")
    outcome = await target.sync(**{"filters.from": "2026-01-03"})
    assert outcome.result.published, outcome.result.error
    assert target.sql(f"SELECT id FROM {name}") == [(3,)]


@pytest.mark.parametrize("type_", ["text", "varchar(30)"])
async def test_a_date_may_become_a_text(target: Target, lake: Lake, type_: str) -> None:
    frame = pd.DataFrame({"id": [1], "day": [date(2026, 1, 2)]})
    name = lake.write("texts", frame, dtype={"day": "date"})
    target.configure(entry(name, 'date_column = "day"', f'[tables.types]\nday = "{type_}"'))
    ok(await target.sync())
    assert target.value(f"SELECT day FROM {name}") == "2026-01-02"


def test_two_tables_may_not_need_one_name(planner: Target, lake: Lake) -> None:
    indexes = '[tables.indexes]\nfull = [{ name = "by_id", columns = ["id"] }]'
    names = [lake.write("twice", pd.DataFrame({"id": [1]})) for _ in range(2)]
    planner.configure("".join(entry(name, indexes) for name in names))
    with pytest.raises(ConfigError, match="both need the name 'by_id'"):
        planner.plan()


async def test_a_source_may_go_into_two_targets(target: Target, lake: Lake) -> None:
    name = lake.write("source", pd.DataFrame({"id": [1]}))
    target.configure(entry(name, 'target = "one"') + entry(name, 'target = "two"'))
    ok(await target.sync(**{"filters.tables": name}))
    assert target.value("SELECT (SELECT count(*) FROM one) + (SELECT count(*) FROM two)") == 2


async def test_a_target_called_excluded_is_merged_into(target: Target, lake: Lake) -> None:
    frame = pd.DataFrame({"id": [1, 2], "neonsync existed": ["a", "b"]})
    name = lake.write("names", frame)
    target.configure(entry(name, 'target = "excluded"'))
    ok(await target.sync())
    target.sql("DELETE FROM excluded WHERE id = 1")
    assert ok(await target.sync()).result.published[0].inserted == 1


async def test_columns_that_swap_names_keep_their_types(target: Target, lake: Lake) -> None:
    name = lake.write("swapped", pd.DataFrame({"id": [1], "a": [7], "b": [8]}))
    target.configure(entry(name, 'rename = { a = "b", b = "a" }', '[tables.types]\nb = "text"'))
    ok(await target.sync())
    assert target.sql(f"SELECT id, a, b FROM {name}") == [(1, "8", 7)]


async def test_a_reference_to_a_table_that_is_not_there_is_a_warning(
    target: Target, lake: Lake
) -> None:
    name = lake.write("lonely", pd.DataFrame({"id": [1], "parent": [5]}))
    target.configure(entry(name, 'references = { parent = "nowhere.id" }'))
    integrity = next(
        check for check in ok(await target.sync()).result.checks if check.check == "data_integrity"
    )
    assert integrity.status.value == "warning"
    assert "1 rows refer to no public.nowhere.id" in integrity.message


def test_an_answer_of_athena_leaves_no_file(planner: Target, lake: Lake) -> None:
    settings = planner.settings()
    athena = Athena(settings.athena)
    before = lake.files()
    pending = athena.ask("SELECT 1 AS one", settings.athena.output_location, lambda _: None)
    assert pending.future.result() == [(1,)]
    pending.close()
    assert lake.files() == before
