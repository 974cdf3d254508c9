"""Generated values of every type, through the whole way and back: each arrives as it was.

One table of the lake and one run for all of them; the values are Hypothesis's, the same ones each
time, and beside them the edges that somebody has thought of.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg import sql

from neonsync.errors import ConfigError
from neonsync.validation.live import LiveColumn
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import synced

ROWS = 100
BERLIN = ZoneInfo("Europe/Berlin")


def generated(strategy: st.SearchStrategy[Any], edges: Iterable[Any]) -> list[Any]:
    """Values for all rows: no value, the edges, and what is generated."""
    values = [None, *edges]

    @settings(
        max_examples=ROWS,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(value: Any) -> None:
        values.append(value)

    collect()
    while len(values) < ROWS:  # small domains are soon exhausted
        values += values
    return values[:ROWS]


def whole(bits: int) -> tuple[st.SearchStrategy[Any], list[Any]]:
    least, most = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return st.integers(least, most), [least, most, 0, -1]


def decimals(precision: int, scale: int) -> tuple[st.SearchStrategy[Any], list[Any]]:
    most = 10**precision - 1

    def scaled(unscaled: int) -> Decimal:
        return Decimal((int(unscaled < 0), tuple(map(int, str(abs(unscaled)))), -scale))

    edges = [scaled(unscaled) for unscaled in (most, -most, 1, -1, 0)]
    return st.integers(-most, most).map(scaled), edges


# All that text can hold but U+0000, which is refused.
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=40)
TEXTS = [
    "",
    " ",
    "  blanks around  ",
    "tab\t, line\n, carriage\r\n",
    "back\\slash \\n \\. \\N",
    "quotes ' \" `",
    "NULL",
    "\U0001f600 \U0001f469\u200d\U0001f680",
    "e\u0301 is \u00e9",
    "\ufeffmark",
    "\x01\x1f\x7f\u2028",
    "\uffff\U0010ffff",
    "x" * 1_000_000,
    "\U0001f600" * 250_000,
]
JSON_TEXT = st.text(
    st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12
)
INT32 = st.integers(-(2**31), 2**31 - 1)
INT64 = st.integers(-(2**63), 2**63 - 1)
FLOAT_EDGES = [math.nan, math.inf, -math.inf, -0.0, 0.0, 0.1, 5e-324, 1.7976931348623157e308]
REAL_EDGES = [math.nan, math.inf, -math.inf, -0.0, 0.0, 2.0**-149, 3.4028234663852886e38]


@dataclass(frozen=True)
class Column:
    """A column of the lake: its Hive type, its Arrow type, and its values."""

    hive: str
    arrow: pa.DataType
    values: list[Any]


def column(
    hive: str, arrow: pa.DataType, strategy: st.SearchStrategy[Any], edges: Iterable[Any] = ()
) -> Column:
    return Column(hive, arrow, generated(strategy, edges))


DAYS = st.dates(date(1, 1, 1), date(9999, 12, 31))
DAY_EDGES = [date(1, 1, 1), date(9999, 12, 31), date(1582, 10, 10), date(1970, 1, 1)]
MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59))
MOMENT_EDGES = [
    datetime(1, 1, 1),
    datetime(9999, 12, 31, 23, 59, 59),
    datetime(1969, 12, 31, 23, 59, 59),
    datetime(2026, 3, 29, 2, 30),
]


def in_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def lake_columns() -> dict[str, Column]:
    """The lake's table; its names are those that a catalogue takes."""
    return {
        "b": column("boolean", pa.bool_(), st.booleans()),
        "i8": column("tinyint", pa.int8(), *whole(8)),
        "i16": column("smallint", pa.int16(), *whole(16)),
        "i32": column("int", pa.int32(), *whole(32)),
        "i64": column("bigint", pa.int64(), *whole(64)),
        "f32": column("float", pa.float32(), st.floats(width=32), REAL_EDGES),
        "f64": column("double", pa.float64(), st.floats(), FLOAT_EDGES),
        "d38": column("decimal(38,18)", pa.decimal128(38, 18), *decimals(38, 18)),
        "d38_0": column("decimal(38,0)", pa.decimal128(38, 0), *decimals(38, 0)),
        "d9": column("decimal(9,2)", pa.decimal128(9, 2), *decimals(9, 2)),
        "d18": column("decimal(18,17)", pa.decimal128(18, 17), *decimals(18, 17)),
        "d5": column("decimal(5,5)", pa.decimal128(5, 5), *decimals(5, 5)),
        "d18_8": column("decimal(18,8)", pa.decimal128(18, 8), *decimals(18, 8)),
        "s": column("string", pa.string(), TEXT, TEXTS),
        "v": column("varchar(40)", pa.string(), TEXT, [text for text in TEXTS if len(text) <= 40]),
        "bin": column(
            "binary", pa.binary(), st.binary(max_size=60), [b"", b"\x00", b"\\x00", b"\xc3\x28"]
        ),
        "day": column("date", pa.date32(), DAYS, DAY_EDGES),
        "at": column("timestamp", pa.timestamp("ms"), MOMENTS.map(in_milliseconds), MOMENT_EDGES),
        "numbers": column(
            "array<int>",
            pa.list_(pa.int32()),
            st.lists(st.none() | INT32, max_size=5),
            [[], [None]],
        ),
        "texts": column(
            "array<string>",
            pa.list_(pa.string()),
            st.lists(st.none() | JSON_TEXT, max_size=4),
            [[], [""], ["null", None, '"\\\n']],
        ),
        "nested": column(
            "array<array<bigint>>",
            pa.list_(pa.list_(pa.int64())),
            st.lists(st.none() | st.lists(INT64, max_size=3), max_size=3),
            [[], [[]], [None]],
        ),
        "counts": column(
            "map<string,bigint>",
            pa.map_(pa.string(), pa.int64()),
            st.dictionaries(JSON_TEXT, st.none() | INT64, max_size=4),
            [{}, {"": 0}, {'"\\': None}],
        ),
        "place": column(
            "struct<n:bigint,t:string,l:array<int>,r:struct<b:boolean>>",
            pa.struct(
                [
                    ("n", pa.int64()),
                    ("t", pa.string()),
                    ("l", pa.list_(pa.int32())),
                    ("r", pa.struct([("b", pa.bool_())])),
                ]
            ),
            st.fixed_dictionaries(
                {
                    "n": st.none() | INT64,
                    "t": st.none() | JSON_TEXT,
                    "l": st.none() | st.lists(INT32, max_size=3),
                    "r": st.none() | st.fixed_dictionaries({"b": st.none() | st.booleans()}),
                }
            ),
        ),
    }


def in_berlin(moment: datetime) -> tuple[str, datetime]:
    """A moment as Athena reads it, and what it is in UTC.

    Of an hour that is there twice Athena takes the first: there the offset tells which it is.
    """
    local = moment.replace(tzinfo=UTC).astimezone(BERLIN)
    offsets = [local.replace(fold=fold).utcoffset() for fold in (0, 1)]
    written = local.replace(tzinfo=None).isoformat(" ", "microseconds")
    zone = "Europe/Berlin" if offsets[0] == offsets[1] else local.isoformat()[-6:]
    return f"{written} {zone}", moment.replace(tzinfo=UTC)


def around_a_change_of_clocks() -> st.SearchStrategy[datetime]:
    changes = [
        datetime(year, month, day, 1)
        for year, month, day in ((2026, 3, 29), (2026, 10, 25), (2000, 3, 26), (1996, 10, 27))
    ]
    near = st.timedeltas(timedelta(hours=-3), timedelta(hours=3))
    return st.tuples(st.sampled_from(changes), near).map(lambda pair: pair[0] + pair[1])


def text_columns() -> dict[str, tuple[str, list[Any], list[Any]]]:
    """What no table of a lake holds, by Athena's cast of a text: its type, the texts, the values.

    Athena has these types in queries only.
    """
    gap = [datetime(2026, 3, 29, 0, 59, 59, 999_999), datetime(2026, 3, 29, 1)]
    zoned = [
        None if moment is None else in_berlin(moment)
        for moment in generated(around_a_change_of_clocks(), gap)
    ]
    micros = generated(MOMENTS, [*MOMENT_EDGES, datetime(2026, 1, 1, 0, 0, 0, 1)])
    times = generated(st.times(), [time(0), time(23, 59, 59, 999_999)])
    uuids = generated(st.uuids(), [UUID(int=0), UUID(int=2**128 - 1)])

    def texts(values: list[Any], form: Any) -> list[Any]:
        return [None if value is None else form(value) for value in values]

    return {
        "zoned": (
            "timestamp(6) with time zone",
            [pair and pair[0] for pair in zoned],
            [pair and pair[1] for pair in zoned],
        ),
        "micros": (
            "timestamp(6)",
            texts(micros, lambda m: m.isoformat(" ", "microseconds")),
            micros,
        ),
        "clock": ("time(6)", texts(times, lambda t: t.isoformat("microseconds")), times),
        "uuid": ("uuid", texts(uuids, str), uuids),
    }


NAMES = {
    "b": "select",
    "i8": "Mixed Case",
    "i16": 'with "quotes"',
    "i32": "per%cent %s",
    "i64": "user",
    "f32": "größe 🍕",
    "f64": "semi;colon -- '",
    "d9": "back\\slash",
    "s": "x" * 63,
}
"""Names that only a target has."""


def put(lake: Lake, name: str, columns: dict[str, Column]) -> None:
    """Make a table of the lake of exactly these types."""
    bucket = lake.world.aws.bucket
    arrays = {key: pa.array(_pairs(each), each.arrow) for key, each in columns.items()}
    file = io.BytesIO()
    pq.write_table(pa.table({"id": pa.array(range(ROWS), pa.int64()), **arrays}), file)
    lake.client("s3").put_object(Bucket=bucket, Key=f"exact/{name}/f", Body=file.getvalue())
    hive = {"id": "bigint", **{key: each.hive for key, each in columns.items()}}
    lake.client("glue").create_table(
        DatabaseName="lake",
        TableInput={
            "Name": name,
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {
                "Columns": [{"Name": key, "Type": type_} for key, type_ in hive.items()],
                "Location": f"s3://{bucket}/exact/{name}/",
                "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
                "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
                "SerdeInfo": {
                    "SerializationLibrary": (
                        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
                    )
                },
            },
        },
    )


def _pairs(column: Column) -> list[Any]:
    if not pa.types.is_map(column.arrow):
        return column.values
    return [None if value is None else list(value.items()) for value in column.values]


def differing(target: Target, table: str, columns: dict[str, tuple[str, list[Any]]]) -> list[str]:
    """What did not arrive as it was; ``columns`` gives each one's type and values."""
    wrong = []
    for name, (type_, values) in columns.items():
        live = LiveColumn(name, type_, ())
        shown = sql.SQL("{}::text" if live.is_json else "{}").format(sql.Identifier(name))
        with psycopg.connect(target.uri) as connection:
            # Binary, as the text of a real is another double.
            cursor = connection.cursor(binary=True).execute(
                sql.SQL("SELECT {} FROM {} ORDER BY id").format(shown, sql.Identifier(table))
            )
            found = [row[0] for row in cursor]
        expected = [
            json.dumps(value) if live.is_json and value is not None else value for value in values
        ]
        live = LiveColumn(name, type_, tuple(("", value) for value in expected))
        assert len(found) == len(values)
        wrong += [
            f"{name} ({type_}), row {row}: {str(values[row])[:80]!r} became {str(value)[:80]!r}"
            for row, value in enumerate(found)
            if not live.is_equal(row + 1, value)
        ]
    return wrong


async def test_every_value_of_every_type_arrives_as_it_was(target: Target, lake: Lake) -> None:
    columns = lake_columns()
    written = text_columns()
    columns |= {key: Column("string", pa.string(), texts) for key, (_, texts, _) in written.items()}
    # A hundred columns.
    columns |= {
        f"c{n}": Column("int", pa.int32(), [n * row for row in range(ROWS)])
        for n in range(100 - len(columns))
    }
    put(lake, "exact", columns)
    casts = ", ".join(
        f'CAST("{key}" AS {type_}) AS "{key}"' for key, (type_, *_) in written.items()
    )
    renames = "\n".join(
        f"{key} = {json.dumps(name, ensure_ascii=False)}" for key, name in NAMES.items()
    )
    target.configure(
        f"""
        [[tables]]
        source = "exact"
        target = "table"
        key = ["id"]
        exclude = {json.dumps([*written])}
        [tables.rename]
        {renames}

        [[tables]]
        query = '''SELECT id, {casts} FROM lake.exact'''
        target = "moments"
        key = ["id"]
        """
    )
    await synced(target)
    wanted = {
        NAMES.get(key, key): (each.hive, each.values)
        for key, each in columns.items()
        if key not in written
    }
    assert differing(target, "table", wanted) == []
    moments = {key: (type_, values) for key, (type_, _, values) in written.items()}
    assert differing(target, "moments", moments) == []


def test_a_name_that_postgres_would_cut_is_refused(planner: Target, lake: Lake) -> None:
    name = "long_" * 14
    put(lake, "long_names", {name: Column("int", pa.int32(), [1] * ROWS)})
    entry = '[[tables]]\nsource = "long_names"\nkey = ["id"]\n'
    planner.configure(entry)
    with pytest.raises(ConfigError, match=name):
        planner.plan()
    planner.configure(f'{entry}[tables.rename]\n{name} = "short"\n')
    assert planner.plan().tables[0].spec.column("short") is not None


async def test_nested_numbers_that_json_does_not_have_become_what_the_readme_says(
    target: Target, lake: Lake
) -> None:
    values = [[1.5, 1e20, -0.0, math.nan, math.inf, -math.inf]] * ROWS
    put(lake, "nested_numbers", {"a": Column("array<double>", pa.list_(pa.float64()), values)})
    target.configure('[[tables]]\nsource = "nested_numbers"\ntarget = "t"\nkey = ["id"]\n')

    await synced(target)

    assert target.value("SELECT DISTINCT a FROM t") == [
        *(1.5, 1e20, 0.0),
        *("NaN", "Infinity", "-Infinity"),
    ]
