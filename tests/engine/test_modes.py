"""The modes: full, schema-only and test-data, each by itself and one after the other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from neonsync.engine.events import QueryProgress
from neonsync.errors import ConfigError, ExitCode, RefusedError
from tests.conftest import ROWS, Lake, Target

SHOP = """
[[tables]]
source = "customers"
key = ["id"]
date_column = "since"
[tables.types]
id = "bigint"
name = "varchar(30)"
since = "date"
profile = "jsonb"

[[tables]]
source = "orders"
key = ["order_id", "line"]
references = { customer = "customers.id" }
[tables.types]
order_id = "uuid"
line = "smallint"
customer = "bigint"
amount = "numeric(12,4)"
at = "timestamptz"
"""


def indexes(target: Target, table: str = "forecast_data") -> set[str]:
    rows = target.sql("SELECT indexname FROM pg_indexes WHERE tablename = %s", table)
    return {name for (name,) in rows}


def statuses(result: object) -> dict[str, str]:
    return {check.check: check.status.value for check in result.checks}  # type: ignore[attr-defined]


async def test_schema_only_makes_the_empty_table_with_its_minimal_indexes(target: Target) -> None:
    before = target.world.aws.bucket, target.exported_files()
    outcome = await target.sync(mode="schema-only")
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert [entry.method for entry in outcome.result.published] == ["create"]
    assert target.value("SELECT count(*) FROM forecast_data") == 0
    assert indexes(target) == {
        "forecast_data_pkey",
        "forecast_data_unique_key",
        "idx_forecast_business_date",
        "idx_forecast_state",
    }
    assert set(statuses(outcome.result).values()) == {"passed"}, outcome.result.checks
    assert not [event for event in outcome.events if isinstance(event, QueryProgress)]
    assert (target.world.aws.bucket, target.exported_files()) == before


async def test_schema_only_leaves_rows_as_they_are(target: Target) -> None:
    await target.sync()
    target.sql("DROP INDEX idx_forecast_state")
    old = target.sql("SELECT id, xmin::text FROM forecast_data ORDER BY id LIMIT 50")
    outcome = await target.sync(mode="schema-only")
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert [entry.method for entry in outcome.result.published] == ["keep"]
    assert target.sql("SELECT id, xmin::text FROM forecast_data ORDER BY id LIMIT 50") == old
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert "idx_forecast_state" in indexes(target), "a missing index is built"


async def test_schema_only_names_the_column_that_is_missing(target: Target) -> None:
    target.sql("CREATE TABLE forecast_data (restaurant_id int PRIMARY KEY)")
    outcome = await target.sync(mode="schema-only")
    assert outcome.result.exit_code is ExitCode.SYNC_FAILED
    assert 'no column "inventory_item_id"' in str(outcome.result.error)


async def test_every_promised_test_row_is_there(target: Target) -> None:
    outcome = await target.sync(mode="test-data")
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert set(statuses(outcome.result).values()) == {"passed"}, outcome.result.checks
    assert target.sql(
        "SELECT state, dma_id, count(*), count(DISTINCT restaurant_id) FROM forecast_data"
        " GROUP BY 1, 2 ORDER BY 1"
    ) == [
        ("CA", "LAX", 1_500, 10),
        ("FL", "MIA", 1_500, 10),
        ("IL", "CHI", 1_500, 10),
        ("NY", "NYC", 1_500, 10),
        ("TX", "DFW", 1_500, 10),
    ]
    assert target.sql(
        "SELECT DISTINCT is_test_data, y_05 = round(y_50 * 0.8, 2), y_95 = round(y_50 * 1.2, 2),"
        " y_50 BETWEEN 50 AND 150 FROM forecast_data"
    ) == [(True, True, True, True)]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    assert target.sql("SELECT min(business_date), max(business_date) FROM forecast_data") == [
        (yesterday - timedelta(days=29), yesterday)
    ]
    assert {"idx_forecast_test", "idx_forecast_scenario"} < indexes(target)
    assert "idx_forecast_state" not in indexes(target)
    assert not [event for event in outcome.events if isinstance(event, QueryProgress)]


async def test_the_scenarios_have_their_shapes(target: Target) -> None:
    await target.sync(mode="test-data", **{"test_data.rows": 20_000})
    means = dict(target.sql("SELECT test_scenario, avg(y_50)::float FROM forecast_data GROUP BY 1"))
    assert means["high-demand"] > means["baseline"] * 1.2 > means["low-demand"] * 1.4
    peak = target.sql(
        "SELECT (business_date - min(business_date) OVER ()) / 10 AS third, avg(y_50)::float"
        " FROM forecast_data WHERE test_scenario = 'seasonal-peak' GROUP BY business_date"
    )
    thirds = {third: [mean for which, mean in peak if which == third] for third in (0, 1, 2)}
    middle = sum(thirds[1]) / len(thirds[1])
    assert max(mean for _, mean in peak) in thirds[1]
    assert middle > 1.2 * max(sum(thirds[k]) / len(thirds[k]) for k in (0, 2))


async def test_the_same_seed_makes_the_same_rows_and_another_one_others(target: Target) -> None:
    content = (
        "SELECT md5(string_agg(f::text, ',' ORDER BY f::text)) FROM (SELECT y_50, state, "
        "restaurant_id, inventory_item_id, business_date, test_scenario FROM forecast_data) f"
    )
    await target.sync(mode="test-data", **{"test_data.rows": 1_000})
    first = target.value(content)
    again = await target.sync(mode="test-data", **{"test_data.rows": 1_000})
    assert again.result.published[0].unchanged == 1_000
    assert target.value(content) == first
    other = await target.sync(mode="test-data", **{"test_data.rows": 1_000, "test_data.seed": 9})
    assert other.result.exit_code is ExitCode.OK, other.result.error
    assert target.value(content) != first
    assert target.value("SELECT count(*) FROM forecast_data") == 1_000


async def test_fewer_test_rows_take_the_place_of_more(target: Target) -> None:
    await target.sync(mode="test-data")
    outcome = await target.sync(mode="test-data", **{"test_data.rows": 600})
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.checks
    assert target.value("SELECT count(*) FROM forecast_data") == 600
    assert outcome.result.published[0].removed > 6_000


async def test_any_table_gets_test_rows_without_athena_and_references_hold(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    target.configure(SHOP)
    outcome = await target.sync(mode="test-data", **{"test_data.rows": 3_000})
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert set(statuses(outcome.result).values()) == {"passed"}, outcome.result.checks
    assert target.sql(
        "SELECT count(*), count(c.id), count(DISTINCT customer) > 100, bool_and(o.is_test_data)"
        " FROM orders o LEFT JOIN customers c ON c.id = o.customer"
    )[0][:1] == (3_000,)
    orphans = "SELECT count(*) FROM orders WHERE customer NOT IN (SELECT id FROM customers)"
    assert target.value(orphans) == 0
    kinds = target.sql(
        "SELECT DISTINCT jsonb_typeof(profile) FROM customers WHERE profile IS NOT NULL"
    )
    assert kinds


async def test_test_data_is_not_mixed_with_real_rows(target: Target) -> None:
    await target.sync()
    outcome = await target.sync(mode="test-data")
    assert outcome.result.exit_code is ExitCode.REFUSED
    assert isinstance(outcome.result.error, RefusedError)
    assert "holds 9,000 real rows" in str(outcome.result.error)
    assert "neonsync branches create NAME --schema-only" in outcome.result.error.remedy
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


async def test_a_row_of_an_application_among_test_rows_counts_as_real(target: Target) -> None:
    await target.sync(mode="test-data", **{"test_data.rows": 500})
    target.sql(
        "INSERT INTO forecast_data (restaurant_id, inventory_item_id, business_date, state, y_50)"
        " VALUES (-1, 1, '2020-01-01', 'CA', 1)"
    )
    assert (await target.sync(mode="test-data")).result.exit_code is ExitCode.REFUSED
    outcome = await target.sync()
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.checks
    assert target.value("SELECT count(*) FROM forecast_data WHERE restaurant_id = -1") == 1
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS + 1


async def test_the_modes_one_after_the_other_on_one_branch(target: Target) -> None:
    assert (await target.sync(mode="schema-only")).result.exit_code is ExitCode.OK
    made = await target.sync(mode="test-data", **{"test_data.rows": 2_000})
    assert made.result.exit_code is ExitCode.OK, made.result.error
    assert made.result.published[0].method == "swap", "an empty table gets the marks by a swap"
    assert target.value("SELECT count(*) FROM forecast_data WHERE is_test_data") == 2_000
    full = await target.sync()
    assert full.result.exit_code is ExitCode.OK, full.result.checks
    assert any("2,000 made rows" in notice for notice in full.result.notices)
    assert target.sql(
        "SELECT count(*), count(*) FILTER (WHERE is_test_data), count(test_scenario)"
        " FROM forecast_data"
    ) == [(ROWS, 0, 0)]
    assert (await target.sync(mode="schema-only")).result.published[0].method == "keep"
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    assert (await target.sync(mode="test-data")).result.exit_code is ExitCode.REFUSED


async def test_real_rows_in_an_emptied_test_table_are_not_flagged(target: Target) -> None:
    await target.sync(mode="test-data", **{"test_data.rows": 500})
    target.sql("TRUNCATE forecast_data")
    outcome = await target.sync()
    assert outcome.result.published[0].method == "swap"
    assert target.value("SELECT count(*) FROM forecast_data WHERE NOT is_test_data") == ROWS


async def test_too_many_test_rows_for_a_key_are_refused(planner: Target) -> None:
    planner.configure(
        '[[tables]]\nsource = "t"\nkey = ["flag"]\n[tables.types]\nflag = "boolean"\n'
    )
    with pytest.raises(ConfigError, match="flag"):
        planner.plan(mode="test-data", **{"test_data.rows": 3})


async def test_test_rows_by_the_types_of_the_lake(target: Target, lake: Lake) -> None:
    target.configure('[[tables]]\nsource = "all_types"\nkey = ["c_int"]\n')
    outcome = await target.sync(mode="test-data", **{"test_data.rows": 300})
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert target.value("SELECT count(DISTINCT c_int) FROM all_types") == 300
    assert target.value("SELECT count(c_struct) FROM all_types WHERE c_string <> ''") > 100
