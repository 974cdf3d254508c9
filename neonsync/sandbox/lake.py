"""The sample lake: a seeded demand forecast of restaurants, and a table of every type."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from neonsync.sandbox.aws.catalogue import Catalogue, Column, Database, Partition, Table
from neonsync.sandbox.aws.layout import BUCKET, DATABASE, Layout

# The states and, for each, codes of its television markets (DMA).
MARKETS: dict[str, tuple[str, ...]] = {
    "WA": ("819", "881", "810"),
    "CA": ("803", "807", "825"),
    "TX": ("618", "623", "641"),
    "NY": ("501", "514", "532"),
    "FL": ("528", "534", "539"),
    "IL": ("602", "648"),
    "GA": ("524", "520"),
    "CO": ("751", "752"),
    "OR": ("820", "801"),
    "AZ": ("753", "789"),
    "MA": ("506", "543"),
    "PA": ("504", "508"),
    "OH": ("510", "535"),
    "MN": ("613", "676"),
}
_STATES = tuple(MARKETS)
_MOST_ITEMS = 200
_WEEKDAYS = np.array([0.86, 0.88, 0.93, 1.0, 1.22, 1.31, 1.05])
_FORECAST = Table(
    name="forecast",
    columns=(
        Column("restaurant_id", "int"),
        Column("inventory_item_id", "int"),
        Column("dma_id", "string"),
        Column("dc_id", "int"),
        Column("state", "string"),
        Column("y_05", "decimal(10,2)"),
        Column("y_50", "decimal(10,2)"),
        Column("y_95", "decimal(10,2)"),
    ),
    partition_keys=(Column("business_date", "date"),),
    location=f"s3://{BUCKET}/lake/forecast/",
    parameters={"classification": "parquet", "parquet.compression": "SNAPPY"},
)
_FIELDS: list[pa.Field[Any]] = [
    pa.field("restaurant_id", pa.int32()),
    pa.field("inventory_item_id", pa.int32()),
    pa.field("dma_id", pa.string()),
    pa.field("dc_id", pa.int32()),
    pa.field("state", pa.string()),
    pa.field("y_05", pa.decimal128(10, 2)),
    pa.field("y_50", pa.decimal128(10, 2)),
    pa.field("y_95", pa.decimal128(10, 2)),
]
_SCHEMA = pa.schema(_FIELDS)
_Numbers = npt.NDArray[np.int64]
_Mask = npt.NDArray[np.bool_]


def build_sample_lake(
    root: Path, *, rows: int, days: int = 90, end: date | None = None, seed: int = 7
) -> None:
    """Write the lake under a sandbox's root, in place of an older one.

    ``rows`` are spread over ``days`` days up to ``end`` (yesterday in UTC by default). The same
    arguments give the same rows. Nothing may serve the root meanwhile.
    """
    if rows < 0 or days < 1:
        raise ValueError(f"a lake needs rows >= 0 and days >= 1, not {rows} and {days}")
    layout = Layout(root)
    last = end or datetime.now(UTC).date() - timedelta(days=1)
    _stamp(root).unlink(missing_ok=True)
    home = layout.s3 / BUCKET / "lake"
    shutil.rmtree(home, ignore_errors=True)
    shape = _Shape(rows, days, last, seed)
    partitions = tuple(_write_days(home / "forecast", shape))
    _write_all_types(home / "all_types")
    created = float(math.floor(time.time()))
    forecast = Table(**{**_FORECAST.__dict__, "partitions": partitions, "created": created})
    all_types = Table(**{**_ALL_TYPES.__dict__, "created": created})
    catalogue = Catalogue(layout.catalogue)
    tables = {forecast.name: forecast, all_types.name: all_types}
    catalogue.put_database(Database(DATABASE, tables, "The sandbox's sample lake"))
    facts = {"rows": rows, "days": days, "end": last.isoformat(), "seed": seed}
    # Last: a lake that is half built must not pass for one.
    _stamp(root).write_text(json.dumps(facts), encoding="utf-8")


def lake_rows(root: Path) -> int | None:
    """The rows of the forecast in the lake under ``root``; None when there is no lake."""
    try:
        return int(json.loads(_stamp(root).read_text(encoding="utf-8"))["rows"])
    except FileNotFoundError:
        return None


@dataclass(frozen=True)
class _Shape:
    """How the rows are spread over days, restaurants and items."""

    rows: int
    days: int
    end: date
    seed: int

    @property
    def most_a_day(self) -> int:
        return -(-self.rows // self.days)

    @property
    def items(self) -> int:
        """Items of a restaurant: few in a small lake, so that it still has all states."""
        return min(_MOST_ITEMS, max(1, self.most_a_day // 40))

    @property
    def restaurants(self) -> int:
        return max(2 * len(_STATES), -(-self.most_a_day // self.items))


def _stamp(root: Path) -> Path:
    return root / "lake.json"


def _write_days(directory: Path, shape: _Shape) -> Iterator[Partition]:
    lookup = _Restaurants(shape)
    base, extra = divmod(shape.rows, shape.days)
    for index in range(shape.days):
        day = shape.end - timedelta(days=shape.days - 1 - index)
        name = f"business_date={day.isoformat()}"
        table = _day(shape, lookup, index, day, base + (index < extra))
        (directory / name).mkdir(parents=True)
        pq.write_table(
            table,
            directory / name / f"part-00000-{shape.seed:04d}-{index:05d}.c000.snappy.parquet",
            compression="snappy",
        )
        yield Partition((day.isoformat(),), f"{_FORECAST.location}{name}/")


class _Restaurants:
    """What does not change from day to day, by restaurant."""

    def __init__(self, shape: _Shape) -> None:
        rng = np.random.default_rng([shape.seed, 0])
        ids = np.arange(shape.restaurants)
        states = ids % len(_STATES)
        self.level = rng.lognormal(3.2, 0.45, shape.restaurants)
        self.popularity = rng.lognormal(0.0, 0.5, shape.items)
        self.states = pa.array([_STATES[state] for state in states])
        choice = ids // len(_STATES)
        markets = [MARKETS[_STATES[s]] for s in states]
        self.markets = pa.array(
            # Some restaurants lie outside any market, some have no distribution centre.
            [None if i % 17 == 16 else m[c % len(m)] for i, m, c in zip(ids, markets, choice)]  # noqa: B905
        )
        self.centres = pa.array(
            [None if i % 13 == 12 else int(100 + s) for i, s in zip(ids, states)],  # noqa: B905
            pa.int32(),
        )


def _day(shape: _Shape, lookup: _Restaurants, index: int, day: date, rows: int) -> pa.Table:
    rng = np.random.default_rng([shape.seed, 1, index])
    place = rng.permutation(rows)
    # Turning by the day's number lets a small lake meet all restaurants in time.
    restaurant = (place // shape.items + index) % shape.restaurants
    item = place % shape.items
    season = 1 + 0.12 * math.sin(2 * math.pi * day.timetuple().tm_yday / 365.25)
    mean = lookup.level[restaurant] * lookup.popularity[item]
    demand = mean * _WEEKDAYS[day.weekday()] * season * rng.normal(1.0, 0.08, rows).clip(0.7, 1.3)
    middle = np.maximum(np.rint(demand * 100).astype(np.int64), 50)
    low = np.minimum(np.rint(middle * rng.uniform(0.55, 0.8, rows)).astype(np.int64), middle - 1)
    high = np.maximum(np.rint(middle * rng.uniform(1.2, 1.6, rows)).astype(np.int64), middle + 1)
    mark = (place * 7919 + index * 31) % 997
    columns: list[pa.Array[Any]] = [
        pa.array((restaurant + 1).astype(np.int32)),
        pa.array((item + 1001).astype(np.int32)),
        lookup.markets.take(restaurant),
        lookup.centres.take(restaurant),
        lookup.states.take(restaurant),
        _decimals(low, mark == 3),
        _decimals(middle, np.zeros(rows, dtype=np.bool_)),
        _decimals(high, mark == 5),
    ]
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def _decimals(cents: _Numbers, missing: _Mask) -> pa.Array[Any]:
    """Cents as decimal(10,2), straight into Arrow's 128-bit layout."""
    words = np.empty((len(cents), 2), dtype=np.int64)
    words[:, 0] = cents
    words[:, 1] = cents >> 63
    valid = np.packbits(~missing, bitorder="little")
    return pa.Array.from_buffers(
        pa.decimal128(10, 2),
        len(cents),
        [pa.py_buffer(valid.tobytes()), pa.py_buffer(words.tobytes())],
    )


_ALL_TYPES = Table(
    name="all_types",
    columns=(
        Column("c_boolean", "boolean"),
        Column("c_tinyint", "tinyint"),
        Column("c_smallint", "smallint"),
        Column("c_int", "int"),
        Column("c_bigint", "bigint"),
        Column("c_float", "float"),
        Column("c_double", "double"),
        Column("c_decimal", "decimal(38,18)"),
        Column("c_string", "string"),
        Column("c_varchar", "varchar(20)"),
        Column("c_char", "char(5)"),
        Column("c_binary", "binary"),
        Column("c_date", "date"),
        Column("c_timestamp", "timestamp"),
        Column("c_array", "array<int>"),
        Column("c_map", "map<string,int>"),
        Column("c_struct", "struct<a:int,b:string>"),
    ),
    location=f"s3://{BUCKET}/lake/all_types/",
    parameters={"classification": "parquet", "parquet.compression": "SNAPPY"},
)


def _write_all_types(directory: Path) -> None:
    """Three rows: ordinary values, values at the edge, NULLs."""
    columns: dict[str, tuple[pa.DataType, object, object]] = {
        "c_boolean": (pa.bool_(), True, False),
        "c_tinyint": (pa.int32(), 12, -128),
        "c_smallint": (pa.int32(), 1234, -32768),
        "c_int": (pa.int32(), 123456, -(2**31)),
        "c_bigint": (pa.int64(), 12345678901, -(2**63)),
        "c_float": (pa.float32(), 1.5, 3.4028234663852886e38),
        "c_double": (pa.float64(), 2.25, 5e-324),
        "c_decimal": (
            pa.decimal128(38, 18),
            Decimal("1234.5"),
            Decimal("-99999999999999999999.999999999999999999"),
        ),
        "c_string": (pa.string(), "plain", 'tab\t"quote" \\ newline\n ünïcödé 🍕'),
        "c_varchar": (pa.string(), "twenty at most", ""),
        "c_char": (pa.string(), "abcde", "x"),
        "c_binary": (pa.binary(), b"bytes", b"\x00\xff\x10"),
        "c_date": (pa.date32(), date(2026, 1, 31), date(1582, 10, 15)),
        "c_timestamp": (
            pa.timestamp("us"),
            datetime(2026, 1, 31, 12, 34, 56, 789000),
            datetime(1970, 1, 1, 0, 0, 0),
        ),
        "c_array": (pa.list_(pa.int32()), [1, 2, 3], [None]),
        "c_map": (pa.map_(pa.string(), pa.int32()), [("a", 1), ("b", 2)], []),
        "c_struct": (
            pa.struct([("a", pa.int32()), ("b", pa.string())]),
            {"a": 1, "b": "one"},
            {"a": None, "b": ""},
        ),
    }
    arrays = {
        name: pa.array([ordinary, edge, None], kind)
        for name, (kind, ordinary, edge) in columns.items()
    }
    directory.mkdir(parents=True)
    pq.write_table(
        pa.table(arrays),
        directory / "part-00000.c000.snappy.parquet",
        compression="snappy",
        use_deprecated_int96_timestamps=True,
    )
