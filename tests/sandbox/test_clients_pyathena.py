"""pyathena as it comes from PyPI, on the sandbox: each cursor's values, one by one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.fs
import pyathena
import pytest
from pyathena.aio.arrow.cursor import AioArrowCursor
from pyathena.aio.cursor import AioDictCursor
from pyathena.aio.pandas.cursor import AioPandasCursor
from pyathena.aio.polars.cursor import AioPolarsCursor
from pyathena.arrow.cursor import ArrowCursor
from pyathena.async_cursor import AsyncCursor
from pyathena.cursor import DictCursor
from pyathena.pandas.cursor import PandasCursor
from pyathena.polars.cursor import PolarsCursor
from pyathena.s3fs.cursor import S3FSCursor

from tests.sandbox.aws_fixtures import Aws
from tests.sandbox.clients_fixtures import ALL_TYPES, NESTED, assert_rows, reachable

SQL = "SELECT * FROM all_types ORDER BY c_int DESC NULLS LAST"
# In a CSV char is padded; pyathena reads its nested values as text, or guesses.
CSV = [ALL_TYPES[0], {**ALL_TYPES[1], "c_char": "x    "}, ALL_TYPES[2]]
FLAT = [{k: v for k, v in row.items() if k not in NESTED} for row in CSV]
GUESSED = [{**CSV[0], "c_map": {"a": "1", "b": "2"}, "c_struct": {"a": "1", "b": "one"}}, *CSV[1:]]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with reachable(tmp_path_factory.mktemp("pyathena")) as running:
        yield running


@pytest.fixture(scope="module")
def options(aws: Aws) -> dict[str, Any]:
    return {
        "s3_staging_dir": aws.service.output_location,
        "schema_name": "lake",
        "poll_interval": 0.02,
    }


@pytest.fixture(scope="module")
def connection(options: dict[str, Any]) -> Iterator[Any]:
    with closing(pyathena.connect(**options)) as opened:
        yield opened


@pytest.fixture
def arrow_endpoint(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lead pyarrow's own S3 client to the sandbox.

    pyathena gives it no endpoint and it reads none from the environment (apache/arrow#49643).
    """
    led = partial(pyarrow.fs.S3FileSystem, endpoint_override=aws.service.endpoint_url)
    monkeypatch.setattr("pyarrow.fs.S3FileSystem", led)


def _from_pandas(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows with None for what pandas writes in four ways, and dates where all are."""
    rows = frame.astype(object).to_dict("records")
    return [{str(name): _plain(str(name), value) for name, value in row.items()} for row in rows]


def _plain(name: str, value: Any) -> Any:
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date() if name == "c_date" else value.to_pydatetime()
    return value


def test_a_plain_cursor_gives_pythons_types(connection: Any) -> None:
    cursor = connection.cursor().execute(SQL)
    names = [column[0] for column in cursor.description]
    assert_rows([dict(zip(names, row, strict=True)) for row in cursor.fetchall()], GUESSED)
    assert cursor.data_scanned_in_bytes > 0


def test_rows_come_one_by_one_and_across_pages(connection: Any) -> None:
    cursor = connection.cursor().execute("SELECT restaurant_id FROM forecast LIMIT 2500")
    assert cursor.fetchone() is not None
    assert len(cursor.fetchmany(1500)) == 1500
    assert len(cursor.fetchall()) == 999
    assert cursor.fetchone() is None


@pytest.mark.parametrize("kind", [DictCursor, S3FSCursor])
def test_cursors_with_names_or_another_road_give_the_same(connection: Any, kind: type) -> None:
    cursor = connection.cursor(kind).execute(SQL)
    rows = cursor.fetchall()
    if kind is S3FSCursor:
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in rows]
        # A CSV does not tell its empty text from NULL for this reader.
        rows[1]["c_varchar"] = rows[1]["c_varchar"] or ""
    assert_rows(rows, GUESSED)


def test_pandas_reads_the_csv(connection: Any) -> None:
    rows = _from_pandas(connection.cursor(PandasCursor).execute(SQL).as_pandas())
    assert rows[0]["c_array"] == "[1, 2, 3]"
    assert rows[0]["c_struct"] == "{a=1, b=one}"
    expected = [dict(row) for row in FLAT]
    expected[1]["c_varchar"] = None  # pandas' reader has no empty text
    assert_rows([{name: row[name] for name in FLAT[0]} for row in rows], expected)


def test_pandas_reads_what_was_unloaded(connection: Any) -> None:
    frame = connection.cursor(PandasCursor, unload=True).execute(SQL).as_pandas()
    whole = frame[frame.c_int.notna()].sort_values("c_int", ascending=False)
    rows = _from_pandas(whole)
    assert list(rows[0]["c_array"]) == [1, 2, 3]
    assert [dict(row["c_map"]) for row in rows] == [{"a": 1, "b": 2}, {}]
    assert [row["c_struct"] for row in rows] == [row["c_struct"] for row in ALL_TYPES[:2]]
    for row, expected in zip(rows, ALL_TYPES[:2], strict=True):
        for name in FLAT[0]:  # NULLs beside them make pandas' integers floats, which are equal
            assert row[name] == expected[name], name
    assert frame[frame.c_int.isna()].isna().all(axis=None)


def test_polars_reads_the_csv(connection: Any) -> None:
    frame = connection.cursor(PolarsCursor).execute(SQL).as_polars()
    rows = frame.select([name for name in FLAT[0] if name != "c_binary"]).to_dicts()
    assert_rows(rows, [{k: v for k, v in row.items() if k != "c_binary"} for row in FLAT])
    # Polars leaves what Athena writes for bytes as it is.
    assert frame["c_binary"].to_list() == ["62 79 74 65 73", "00 ff 10", None]


def test_polars_reads_what_was_unloaded(connection: Any) -> None:
    frame = connection.cursor(PolarsCursor, unload=True).execute(SQL).as_polars()
    assert frame.schema["c_decimal"] == pl.Decimal(38, 18)
    rows = frame.sort("c_int", descending=True, nulls_last=True).to_dicts()
    assert_rows(rows, ALL_TYPES)


@pytest.mark.usefixtures("arrow_endpoint")
@pytest.mark.parametrize("unload", [False, True])
def test_arrow_reads_both_by_its_own_client(connection: Any, unload: bool) -> None:
    table = connection.cursor(ArrowCursor, unload=unload).execute(SQL).as_arrow()
    assert isinstance(table, pa.Table)
    ordered = table.sort_by([("c_int", "descending")]).to_pylist()
    rows = [row | {"c_date": _date(row["c_date"])} for row in ordered]
    if unload:
        for row in rows:
            row["c_map"] = None if row["c_map"] is None else dict(row["c_map"])
        assert_rows(rows, ALL_TYPES)
        return
    for row in rows:  # its CSV reader knows no NULL in texts, and leaves two types as texts
        row |= {name: None for name, value in row.items() if value == ""}
        row["c_decimal"] = row["c_decimal"] and Decimal(row["c_decimal"])
        row["c_binary"] = row["c_binary"] and bytes.fromhex(row["c_binary"])
    expected = [{k: None if v == "" else v for k, v in row.items()} for row in FLAT]
    assert_rows([{name: row[name] for name in FLAT[0]} for row in rows], expected)


def _date(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value


def test_values_are_sent_apart_from_the_query(connection: Any) -> None:
    sql = "SELECT count(*) FROM forecast WHERE business_date = {} AND state IN ({}, {})"
    by_mark = connection.cursor().execute(
        sql.format("?", "?", "?"), ["DATE '2026-01-31'", "'TX'", "'O''Hara'"], paramstyle="qmark"
    )
    formatted = connection.cursor().execute(
        sql.format("%(day)s", "%(a)s", "%(b)s"),
        {"day": date(2026, 1, 31), "a": "TX", "b": "O'Hara"},
    )
    assert by_mark.fetchall() == formatted.fetchall() != [(0,)]


def test_a_query_in_the_background_can_be_cancelled(aws: Aws, connection: Any) -> None:
    aws.service.faults.query_seconds = 30
    try:
        cursor = connection.cursor(AsyncCursor)
        query_id, future = cursor.execute(SQL)
        cursor.cancel(query_id).result(timeout=10)
        assert future.result(timeout=10).state == "CANCELLED"
    finally:
        aws.service.faults.query_seconds = None
    _, future = connection.cursor(AsyncCursor).execute("SELECT count(*) FROM all_types")
    assert future.result(timeout=10).fetchall() == [(3,)]


def test_a_failure_tells_its_reason(connection: Any) -> None:
    with pytest.raises(pyathena.OperationalError, match="TABLE_NOT_FOUND"):
        connection.cursor().execute("SELECT * FROM nowhere")


def test_the_catalogue_is_told(connection: Any) -> None:
    tables = connection.cursor().list_table_metadata()
    assert [table.name for table in tables] == ["all_types", "forecast"]
    forecast = connection.cursor().get_table_metadata("forecast")
    assert [key.name for key in forecast.partition_keys] == ["business_date"]
    assert forecast.location == "s3://neonsync-sandbox/lake/forecast/"


class TestWithoutBlocking:
    @pytest.fixture
    async def aio(self, options: dict[str, Any]) -> Any:
        return await pyathena.aio_connect(**options)

    async def test_dictionaries(self, aio: Any) -> None:
        async with aio, aio.cursor(AioDictCursor) as cursor:
            await cursor.execute(SQL)
            assert_rows(await cursor.fetchall(), GUESSED)

    async def test_pandas(self, aio: Any) -> None:
        async with aio, aio.cursor(AioPandasCursor) as cursor:
            await cursor.execute("SELECT c_int, c_decimal FROM all_types WHERE c_int > 0")
            frame = await cursor.as_pandas()
            assert frame.to_dict("list") == {
                "c_int": [123456],
                "c_decimal": [ALL_TYPES[0]["c_decimal"]],
            }

    async def test_polars(self, aio: Any) -> None:
        async with aio, aio.cursor(AioPolarsCursor, unload=True) as cursor:
            await cursor.execute("SELECT c_array, c_struct FROM all_types WHERE c_int > 0")
            frame = await cursor.as_polars()
            assert frame.to_dicts() == [{"c_array": [1, 2, 3], "c_struct": {"a": 1, "b": "one"}}]

    @pytest.mark.usefixtures("arrow_endpoint")
    async def test_arrow(self, aio: Any) -> None:
        async with aio, aio.cursor(AioArrowCursor, unload=True) as cursor:
            await cursor.execute("SELECT c_bigint FROM all_types WHERE c_int < 0")
            assert (await cursor.as_arrow()).to_pydict() == {"c_bigint": [-(2**63)]}
