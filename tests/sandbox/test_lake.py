"""The sample lake is exact: its rows, keys, states and NULLs, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from neonsync.sandbox.lake import MARKETS, build_sample_lake, lake_rows
from tests.sandbox.aws_fixtures import Aws, serving

FOLDER = Path("s3", "neonsync-sandbox", "lake", "forecast")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lake")
    build_sample_lake(root, rows=20_011, days=30, end=date(2026, 1, 31))
    return root


@pytest.fixture(scope="module")
def lake(root: Path) -> pa.Table:
    partitioning = ds.partitioning(pa.schema([("business_date", pa.date32())]), flavor="hive")
    return ds.dataset(root / FOLDER, partitioning=partitioning).to_table()


def test_the_rows_are_spread_evenly_over_the_days(lake: pa.Table) -> None:
    assert lake.num_rows == 20_011
    counts = lake.group_by("business_date").aggregate([([], "count_all")])
    assert counts.num_rows == 30
    assert set(counts["count_all"].to_pylist()) == {667, 668}
    assert pc.max(lake["business_date"]).as_py() == date(2026, 1, 31)


def test_the_key_is_unique(lake: pa.Table) -> None:
    keys = ["restaurant_id", "inventory_item_id", "business_date"]
    assert lake.group_by(keys).aggregate([]).num_rows == lake.num_rows


def test_each_restaurant_lies_in_one_state_of_many(lake: pa.Table) -> None:
    states = lake.group_by("restaurant_id").aggregate([("state", "count_distinct")])
    assert set(states["state_count_distinct"].to_pylist()) == {1}
    assert set(lake["state"].to_pylist()) == set(MARKETS)
    for row in lake.select(["state", "dma_id"]).to_pylist():
        assert row["dma_id"] is None or row["dma_id"] in MARKETS[row["state"]]


def test_quantiles_are_in_order_and_some_are_missing(lake: pa.Table) -> None:
    assert lake["y_50"].null_count == 0
    for column in ("y_05", "y_95", "dma_id", "dc_id"):
        assert 0 < lake[column].null_count < lake.num_rows / 5
    assert not pc.any(pc.greater_equal(lake["y_05"], lake["y_50"])).as_py()
    assert not pc.any(pc.greater_equal(lake["y_50"], lake["y_95"])).as_py()


def test_rows_of_a_day_are_in_no_order(root: Path) -> None:
    file = next((root / FOLDER / "business_date=2026-01-31").glob("*.snappy.parquet"))
    table = pq.read_table(file)
    assert table["restaurant_id"] != table.sort_by("restaurant_id")["restaurant_id"]


def test_the_same_seed_gives_the_same_lake(root: Path, lake: pa.Table, tmp_path: Path) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    build_sample_lake(again, rows=20_011, days=30, end=date(2026, 1, 31))
    build_sample_lake(other, rows=20_011, days=30, end=date(2026, 1, 31), seed=8)
    assert ds.dataset(again / FOLDER).to_table().equals(ds.dataset(root / FOLDER).to_table())
    assert not ds.dataset(other / FOLDER).to_table().equals(ds.dataset(root / FOLDER).to_table())


def test_a_lake_says_how_large_it_is(tmp_path: Path) -> None:
    assert lake_rows(tmp_path) is None
    build_sample_lake(tmp_path, rows=10, days=3)
    assert lake_rows(tmp_path) == 10
    build_sample_lake(tmp_path, rows=0, days=2)
    assert lake_rows(tmp_path) == 0
    last = datetime.now(UTC).date() - timedelta(days=1)
    assert (tmp_path / FOLDER / f"business_date={last}").is_dir()
    assert len(list((tmp_path / FOLDER).iterdir())) == 2


@pytest.fixture(scope="module")
def aws(root: Path) -> Iterator[Aws]:
    with serving(root) as running:
        yield running


def test_athena_sees_the_same_lake(aws: Aws, lake: pa.Table) -> None:
    rows = aws.rows("SELECT count(*), sum(y_50), count(dma_id), count(y_95) FROM forecast")
    assert rows == [
        [
            "20011",
            str(pc.sum(lake["y_50"]).as_py()),
            str(20_011 - lake["dma_id"].null_count),
            str(20_011 - lake["y_95"].null_count),
        ]
    ]
