"""Made rows of the forecast: what the preset promises, and that a row is a row wherever made."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from neonsync.columns import arrow_type
from neonsync.errors import ConfigError
from tests.unit.made import LAST_DAY, forecast, made, made_table, values, whole

KEY = ["restaurant_id", "inventory_item_id", "business_date"]


def _pairs(table: pa.Table, first: str, second: str) -> set[tuple[object, object]]:
    left, right = table.column(first).to_pylist(), table.column(second).to_pylist()
    return set(zip(left, right, strict=True))


def test_the_preset_has_7500_rows_of_7500_keys() -> None:
    table = whole(forecast())
    assert table.num_rows == 7_500
    assert table.group_by(KEY).aggregate([]).num_rows == 7_500


def test_the_preset_has_50_restaurants_with_5_items_on_30_days() -> None:
    table = whole(forecast())
    assert set(table.column("restaurant_id").to_pylist()) == set(range(1, 51))
    assert set(table.column("inventory_item_id").to_pylist()) == set(range(1, 6))
    days = {LAST_DAY - timedelta(days=back) for back in range(30)}
    assert set(table.column("business_date").to_pylist()) == days


def test_each_of_five_states_has_ten_restaurants_and_1500_rows() -> None:
    generator = forecast()
    assert generator.states() == dict.fromkeys(("CA", "TX", "FL", "NY", "IL"), 1_500)
    pairs = _pairs(whole(generator), "restaurant_id", "state")
    assert Counter(state for _, state in pairs) == dict.fromkeys(("CA", "TX", "FL", "NY", "IL"), 10)


def test_markets_and_centres_follow_the_state_by_their_place() -> None:
    table = whole(forecast())
    markets = {("CA", "LAX"), ("TX", "DFW"), ("FL", "MIA"), ("NY", "NYC"), ("IL", "CHI")}
    assert _pairs(table, "state", "dma_id") == markets
    centres = {("CA", 1), ("TX", 2), ("FL", 3), ("NY", 4), ("IL", 5)}
    assert _pairs(table, "state", "dc_id") == centres


def test_quantiles_are_exact_multiples_of_the_median_as_postgres_rounds_them() -> None:
    table = whole(forecast())
    cent = Decimal("0.01")
    for low, middle, high in zip(
        *(table.column(name).to_pylist() for name in ("y_05", "y_50", "y_95")), strict=True
    ):
        assert 50 <= middle <= 150
        assert low == (middle * Decimal("0.8")).quantize(cent, "ROUND_HALF_UP")
        assert high == (middle * Decimal("1.2")).quantize(cent, "ROUND_HALF_UP")


def test_every_row_is_marked() -> None:
    table = whole(forecast())
    assert set(table.column("is_test_data").to_pylist()) == {True}
    assert None not in table.column("test_scenario").to_pylist()


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 8, 31, 100, 130, 601, 1_000, 7_499, 7_501, 20_000])
def test_any_number_of_rows_is_made_in_full(rows: int) -> None:
    generator = forecast(rows)
    table = whole(generator)
    assert table.num_rows == rows
    assert table.group_by(KEY).aggregate([]).num_rows == rows
    assert len(set(table.column("restaurant_id").to_pylist())) >= min(4, rows)
    assert len(generator.days()) == min(30, max(1, rows // 4))
    assert max(map(str, generator.days())) == LAST_DAY.isoformat()


def test_counts_by_day_and_state_are_those_of_the_rows() -> None:
    generator = forecast(1_234)
    table = whole(generator)
    days = Counter(str(day) for day in table.column("business_date").to_pylist())
    assert generator.days() == days
    assert generator.states() == Counter(table.column("state").to_pylist())


def test_the_schema_is_that_of_the_columns_in_their_order() -> None:
    generator = forecast()
    spec = generator._spec
    assert generator.schema.names == [column.name for column in spec.columns]
    assert list(generator.schema.types) == [arrow_type(c.type, c.name) for c in spec.columns]
    assert generator.batch(0, 10).schema == generator.schema


def test_a_batch_of_no_rows_is_empty() -> None:
    assert forecast().batch(17, 0).num_rows == 0
    assert forecast(0).batch(0, 0).num_rows == 0
    assert forecast(0).days() == {}


@pytest.mark.parametrize(("first", "count"), [(-1, 1), (0, -1), (7_500, 1), (7_499, 2)])
def test_rows_that_are_not_there_cannot_be_asked_for(first: int, count: int) -> None:
    with pytest.raises(IndexError, match="has 7500 rows"):
        forecast().batch(first, count)


def test_parallel_batches_in_any_order_equal_the_serial_whole() -> None:
    generator = forecast()
    starts = [*range(0, 7_500, 700)][::-1]
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda n: generator.batch(n, min(700, 7_500 - n)), starts))
    assert pa.Table.from_batches(batches[::-1]).combine_chunks() == whole(forecast())


def test_any_row_can_be_made_again_alone() -> None:
    table = whole(forecast())
    for number in (0, 1, 29, 30, 4_711, 7_499):
        assert forecast().batch(number, 1).to_pylist() == table.slice(number, 1).to_pylist()


def test_a_table_does_not_depend_on_the_tables_beside_it() -> None:
    one = made_table("one", {"id": "integer", "word": "text", "n": "integer"}, ["id"], 100)
    other = made_table("other", {"id": "integer"}, ["id"], 5)
    alone, beside = made(one).table("public.one"), made(other, one).table("public.one")
    assert whole(alone) == whole(beside)


def test_another_seed_makes_other_rows_of_the_same_keys() -> None:
    one, other = whole(forecast(seed=1)), whole(forecast(seed=2))
    assert one.select(KEY) == other.select(KEY)
    assert one.column("y_50") != other.column("y_50")
    assert whole(forecast(seed=1)) == one


def test_columns_and_tables_are_not_alike() -> None:
    columns = {"id": "integer", "a": "integer not null", "b": "integer not null"}
    data = made(made_table("one", columns, ["id"], 50), made_table("two", columns, ["id"], 50))
    drawn = [
        values(data.table(f"public.{name}"), column) for name in ("one", "two") for column in "ab"
    ]
    assert all(drawn[n] != drawn[m] for n in range(4) for m in range(n))


def test_rows_are_the_same_on_every_machine() -> None:
    """Pinned: who changes these values changes every test branch that was ever made."""
    rows = forecast(seed=42).batch(4_321, 2).to_pylist()
    assert [tuple(row.values()) for row in rows] == PINNED_FORECAST
    table = made_table("pinned", PINNED_COLUMNS, ["id"], 100)
    [row] = made(table, seed=-3).table("public.pinned").batch(16, 1).to_pylist()
    assert row == PINNED_ROW


def test_rows_do_not_depend_on_the_hash_seed_of_python() -> None:
    code = (
        "from tests.unit.made import forecast;"
        "print(forecast(100, seed=5).batch(0, 100).to_pylist())"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_a_million_rows_have_a_million_keys() -> None:
    generator = forecast(1_000_000)
    parts = [generator.batch(n, 250_000).select(KEY) for n in range(0, 1_000_000, 250_000)]
    table = pa.Table.from_batches(parts)
    numbers = [table.column(name).cast(pa.int32()).cast(pa.int64()).to_numpy() for name in KEY]
    packed = (numbers[0] * 1_000 + numbers[1]) * 100_000 + numbers[2]
    assert len(pc.unique(pa.array(packed))) == 1_000_000
    assert sum(generator.days().values()) == 1_000_000


def test_a_scenario_that_is_none_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="no scenario 'boom'") as caught:
        forecast(scenario="boom")
    assert "seasonal-peak" in caught.value.remedy


def test_the_last_day_may_be_any() -> None:
    assert max(map(str, forecast(last_day=date(2024, 2, 29)).days())) == "2024-02-29"


PINNED_FORECAST: list[tuple[object, ...]] = [
    (
        *(45, 3, date(2026, 1, 30), "CHI", 5, "IL"),
        *(Decimal("53.58"), Decimal("66.98"), Decimal("80.38"), True, "seasonal-peak"),
    ),
    (
        *(45, 3, date(2026, 1, 29), "CHI", 5, "IL"),
        *(Decimal("56.41"), Decimal("70.51"), Decimal("84.61"), True, "seasonal-peak"),
    ),
]
PINNED_COLUMNS = {
    "id": "bigint",
    "external": "uuid not null",
    "email": "text",
    "city": "text not null",
    "score": "double precision not null",
    "paid": "numeric(12,4) not null",
    "at": "timestamptz not null",
    "raw": "bytea not null",
    "document": "jsonb not null",
}
PINNED_ROW: dict[str, object] = {
    "id": 17,
    "external": UUID("38eb78bd-b5cd-4ad2-aff7-c94e712ad719").bytes,
    "email": "user17@example.com",
    "city": "Omaha",
    "score": 986.8517,
    "paid": Decimal("234.0999"),
    "at": datetime(2025, 10, 13, 16, 32, 34, tzinfo=UTC),
    "raw": bytes.fromhex("8b2b013c3cd58597"),
    "document": '{"label": "grove", "level": 1, "tags": ["g", "e"], '
    '"active": true, "parent": null}',
    "is_test_data": True,
    "test_scenario": "low-demand",
}
