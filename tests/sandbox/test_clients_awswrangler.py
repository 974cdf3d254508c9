"""awswrangler (the AWS SDK for pandas) as it comes from PyPI, on the sandbox."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any

import awswrangler as wr
import boto3
import pandas as pd
import pytest

from tests.sandbox.aws_fixtures import Aws
from tests.sandbox.clients_fixtures import reachable

BUCKET = "neonsync-sandbox"
DATABASE = "wrangled"
ROWS: list[dict[str, Any]] = [
    {
        "id": 1,
        "name": 'ünï "quoted", comma',
        "day": "2026-01-01",
        "born": date(1999, 12, 31),
        "seen": pd.Timestamp("2026-01-31 12:34:56.789"),
        "price": Decimal("-1234567.89"),
        "share": 0.1,
        "active": True,
        "tags": ["a", None],
        "place": {"x": 1, "y": "one"},
    },
    {
        "id": 2**62,
        "name": "",
        "day": "2026-01-02",
        "born": date(1582, 10, 15),
        "seen": pd.Timestamp("1970-01-01"),
        "price": Decimal("0.00"),
        "share": -5e-324,
        "active": False,
        "tags": [],
        "place": {"x": None, "y": None},
    },
    {**dict.fromkeys(["name", "born", "seen", "price", "share", "active", "tags", "place"])}
    | {"id": 3, "day": "2026-01-02"},
]
ROWS[2] = {name: ROWS[2][name] for name in ROWS[0]}
TYPES = {
    "price": "decimal(9,2)",
    "born": "date",
    "tags": "array<string>",
    "place": "struct<x:bigint,y:string>",
    "active": "boolean",
    "share": "double",
}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with reachable(tmp_path_factory.mktemp("awswrangler")) as running:
        wr.config.athena_query_wait_polling_delay = 0.02
        # Without a default session awswrangler makes a new one for each call.
        boto3.setup_default_session()
        wr.catalog.create_database(DATABASE)
        yield running
        boto3.DEFAULT_SESSION = None
        wr.config.reset("athena_query_wait_polling_delay")


@pytest.fixture(scope="module")
def table(aws: Aws) -> str:
    """The rows as a partitioned data set, written once and only read."""
    _write("people", mode="overwrite")
    return "people"


def _frame(ids: slice = slice(None)) -> pd.DataFrame:
    frame = pd.DataFrame({name: [row[name] for row in ROWS] for name in ROWS[0]})
    return frame.astype({"active": "boolean"})[ids]


def _location(table: str) -> str:
    return f"s3://{BUCKET}/{DATABASE}/{table}/"


def _write(table: str, frame: pd.DataFrame | None = None, **more: Any) -> dict[str, Any]:
    options = {"partition_cols": ["day"], "dtype": TYPES, **more}
    written: dict[str, Any] = wr.s3.to_parquet(
        _frame() if frame is None else frame,
        _location(table),
        dataset=True,
        database=DATABASE,
        table=table,
        **options,
    )
    return written


def _read(sql: str, **more: Any) -> pd.DataFrame:
    options = {"ctas_approach": False, "s3_output": f"s3://{BUCKET}/athena-results/", **more}
    return wr.athena.read_sql_query(sql, DATABASE, **options)


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame's rows as Python's types, in the columns' and the rows' order of ROWS."""
    ordered = frame.sort_values("id")[list(ROWS[0])].astype(object)
    return [
        {str(name): _plain(value) for name, value in row.items()}
        for row in ordered.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        # A column of structs with a NULL in it makes pandas' integers floats.
        return {name: _plain(item) for name, item in value.items()}
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, list | tuple):
        return list(value)
    return None if pd.isna(value) else value


EXPECTED = sorted(ROWS, key=lambda row: int(row["id"]))


def _assert_rows(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    assert len(found) == len(expected)
    for row, wanted in zip(found, expected, strict=True):
        for name, value in wanted.items():
            assert row[name] == value, f"row {wanted['id']}, {name}"


def test_parquet_comes_back_from_s3(aws: Aws, table: str) -> None:
    _assert_rows(_rows(wr.s3.read_parquet(_location(table), dataset=True)), EXPECTED)
    _assert_rows(_rows(wr.s3.read_parquet_table(table=table, database=DATABASE)), EXPECTED)
    only = wr.s3.read_parquet(
        _location(table), dataset=True, partition_filter=lambda part: part["day"] == "2026-01-01"
    )
    assert only["id"].tolist() == [1]


def test_the_table_is_in_the_catalogue_with_all_its_types(aws: Aws, table: str) -> None:
    assert wr.catalog.get_table_types(DATABASE, table) == {
        "id": "bigint",
        "name": "string",
        "born": "date",
        "seen": "timestamp",
        "price": "decimal(9,2)",
        "share": "double",
        "active": "boolean",
        "tags": "array<string>",
        "place": "struct<x:bigint,y:string>",
        "day": "string",
    }
    assert wr.catalog.get_partitions(DATABASE, table) == {
        f"{_location(table)}day={day}/": [day] for day in ("2026-01-01", "2026-01-02")
    }
    later = wr.catalog.get_parquet_partitions(DATABASE, table, expression="day > '2026-01-01'")
    assert list(later.values()) == [["2026-01-02"]]


def test_athena_reads_it_from_the_csv(aws: Aws, table: str) -> None:
    rows = _rows(_read(f"SELECT * FROM {table}"))
    assert rows[0]["tags"] == "[a, null]"
    assert rows[0]["place"] == "{x=1, y=one}"
    nested = ("tags", "place")
    flat = [{k: v for k, v in row.items() if k not in nested} for row in EXPECTED]
    flat[2] = {**flat[2], "name": None}  # awswrangler's reader has no empty text
    _assert_rows(rows, flat)


def test_athena_reads_it_from_an_unload(aws: Aws, table: str) -> None:
    frame = _read(
        f"SELECT * FROM {table}",
        unload_approach=True,
        s3_output=f"s3://{BUCKET}/unloaded/",
        keep_files=False,
    )
    _assert_rows(_rows(frame), EXPECTED)
    assert aws.keys_under(f"s3://{BUCKET}/unloaded/") == []


def test_athena_reads_in_chunks_and_with_parameters(aws: Aws) -> None:
    chunks = wr.athena.read_sql_query(
        "SELECT * FROM forecast WHERE business_date >= :day",
        "lake",
        ctas_approach=False,
        s3_output=f"s3://{BUCKET}/athena-results/",
        params={"day": date(2026, 1, 30)},
        paramstyle="named",
        chunksize=150,
    )
    assert [len(chunk) for chunk in chunks] == [150, 50]
    by_mark = wr.athena.read_sql_query(
        "SELECT count(*) AS n FROM forecast WHERE state = ?",
        "lake",
        ctas_approach=False,
        s3_output=f"s3://{BUCKET}/athena-results/",
        params=["'TX'"],
        paramstyle="qmark",
    )
    assert by_mark["n"].tolist()[0] > 0


def test_the_modes_of_writing_add_replace_and_replace_in_part(aws: Aws) -> None:
    first, rest = slice(0, 1), slice(1, None)

    def ids() -> list[int]:
        return sorted(_read("SELECT id FROM modes")["id"].tolist())

    _write("modes", _frame(first))
    _write("modes", _frame(rest), mode="append")
    assert ids() == [1, 3, 2**62]
    changed = _frame(slice(1, 2)).assign(id=4)
    _write("modes", changed, mode="overwrite_partitions")
    assert ids() == [1, 4]
    _write("modes", _frame(rest), mode="overwrite")
    assert ids() == [3, 2**62]
    assert list(wr.catalog.get_partitions(DATABASE, "modes").values()) == [["2026-01-02"]]
    _write("modes", _frame(first), mode="overwrite", partition_cols=None)
    assert ids() == [1]
    assert wr.catalog.get_partitions(DATABASE, "modes") == {}


def test_a_new_column_joins_a_table(aws: Aws) -> None:
    _write("grown", _frame(slice(0, 1)), catalog_versioning=True)
    more = _frame(slice(1, 2)).assign(added=7)
    _write("grown", more, mode="append", catalog_versioning=True)
    assert wr.catalog.get_table_types(DATABASE, "grown")["added"] == "bigint"
    assert wr.catalog.get_table_number_of_versions(DATABASE, "grown") > 1
    frame = _read("SELECT id, added FROM grown ORDER BY id")
    assert frame["added"].isna().tolist() == [True, False]


def test_the_catalogue_is_read_and_changed(aws: Aws, table: str) -> None:
    catalog = wr.catalog
    assert catalog.databases()["Database"].tolist() == ["lake", DATABASE]
    assert catalog.get_table_location(DATABASE, table) == _location(table)
    assert catalog.does_table_exist(DATABASE, table)
    assert catalog.tables(database=DATABASE, name_contains="peop")["Table"].tolist() == [table]
    described = catalog.table(DATABASE, table)
    assert described[described["Partition"]]["Column Name"].tolist() == ["day"]
    catalog.upsert_table_parameters({"owner": "me"}, DATABASE, table)
    assert catalog.get_table_parameters(DATABASE, table)["owner"] == "me"
    assert [found["Name"] for found in catalog.search_tables(text="people")] == [table]
    catalog.create_parquet_table(
        DATABASE,
        "registered",
        f"s3://{BUCKET}/elsewhere/",
        columns_types={"a": "int"},
        partitions_types={"p": "string"},
        description="by hand",
        columns_comments={"a": "first"},
    )
    place = f"s3://{BUCKET}/elsewhere/x/"
    catalog.add_parquet_partitions(DATABASE, "registered", {place: ["1"]})
    catalog.add_column(DATABASE, "registered", "b", "double", "second")
    assert catalog.get_columns_comments(DATABASE, "registered") == {
        "a": "first",
        "b": "second",
        "p": None,
    }
    catalog.delete_column(DATABASE, "registered", "b")
    catalog.delete_partitions("registered", DATABASE, [["1"]])
    assert catalog.get_partitions(DATABASE, "registered") == {}
    assert catalog.delete_table_if_exists(DATABASE, "registered")
    assert not catalog.delete_table_if_exists(DATABASE, "registered")


def test_objects_are_copied_listed_measured_and_deleted(aws: Aws, table: str) -> None:
    source, target = _location(table), f"s3://{BUCKET}/copied/"
    wr.s3.copy_objects(wr.s3.list_objects(source), source, target)
    assert len(wr.s3.list_objects(target)) == len(wr.s3.list_objects(source)) == 2
    assert wr.s3.list_directories(target) == [
        f"{target}day=2026-01-01/",
        f"{target}day=2026-01-02/",
    ]
    assert all(wr.s3.size_objects(target).values())
    wr.s3.delete_objects(target)
    assert wr.s3.list_objects(target) == []
    assert not wr.s3.does_object_exist(f"{target}day=2026-01-01/x")
    assert wr.s3.get_bucket_region(BUCKET) == aws.service.region


def test_a_csv_data_set_is_written_and_registered(aws: Aws) -> None:
    wr.s3.to_csv(
        _frame()[["id", "name"]],
        _location("lines"),
        dataset=True,
        database=DATABASE,
        table="lines",
        index=False,
    )
    back = wr.s3.read_csv(
        _location("lines"),
        dataset=True,
        names=["id", "name"],
        quoting=csv.QUOTE_NONE,
        escapechar="\\",
        keep_default_na=False,
    )
    assert back["name"].tolist() == [ROWS[0]["name"], "", ""]
    assert wr.catalog.get_table_types(DATABASE, "lines") == {"id": "bigint", "name": "string"}


def test_a_projected_table_needs_no_partitions_in_the_catalogue(aws: Aws) -> None:
    settings = {
        "projection_types": {"day": "date"},
        "projection_ranges": {"day": "2026-01-02,NOW"},
    }
    _write("projected", athena_partition_projection_settings=settings)
    assert wr.catalog.get_table_parameters(DATABASE, "projected")["projection.day.type"] == "date"
    wr.catalog.delete_all_partitions("projected", DATABASE)
    with pytest.raises(wr.exceptions.QueryFailed, match=r"projection\.day\.format is not set"):
        _read("SELECT id FROM projected")
    wr.catalog.upsert_table_parameters(
        {"projection.day.format": "yyyy-MM-dd"}, DATABASE, "projected"
    )
    # The folder of the day before lies outside the range.
    assert sorted(_read("SELECT id FROM projected")["id"].tolist()) == [3, 2**62]
    assert _read("SELECT count(*) AS n FROM projected WHERE day = '2026-01-01'")["n"][0] == 0


def test_projected_values_stand_where_a_template_says(aws: Aws) -> None:
    for number, place in enumerate(("eu/2026/01/31", "us/2026/02/01", "xx/2026/01/31")):
        frame = _frame(slice(0, 1)).drop(columns=["day"]).assign(id=number)
        wr.s3.to_parquet(frame[["id"]], f"{_location('template')}{place}/f.parquet")
    wr.catalog.create_parquet_table(
        DATABASE,
        "template",
        _location("template"),
        columns_types={"id": "bigint"},
        partitions_types={"day": "string", "region": "string"},
        athena_partition_projection_settings={
            "projection_types": {"day": "date", "region": "enum"},
            "projection_ranges": {"day": "2026/01/01,2026/12/31"},
            "projection_formats": {"day": "yyyy/MM/dd"},
            "projection_values": {"region": "eu,us"},
            "projection_storage_location_template": f"{_location('template')}${{region}}/${{day}}/",
        },
    )
    frame = _read("SELECT id, day, region FROM template ORDER BY id")
    assert frame.to_dict("list") == {
        "id": [0, 1],
        "day": ["2026/01/31", "2026/02/01"],
        "region": ["eu", "us"],
    }


def test_a_table_has_the_objects_beside_and_below_one_key(aws: Aws) -> None:
    for number, key in enumerate(("a", "a/b", "a//b", "a/_hidden", "a/.hidden/c")):
        wr.s3.to_parquet(pd.DataFrame({"id": [number]}), f"{_location('nested')}{key}")
    wr.catalog.create_parquet_table(
        DATABASE, "nested", _location("nested"), columns_types={"id": "bigint"}
    )
    assert _read("SELECT id FROM nested ORDER BY id")["id"].tolist() == [0, 1, 2]
