"""Glue's and Athena's view of the catalogue over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws_fixtures import Aws, serving, small_lake

BUCKET = "neonsync-sandbox"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(small_lake(tmp_path_factory.mktemp("glue"))) as running:
        yield running


def test_a_table_is_described_in_hives_types(aws: Aws) -> None:
    table = aws.glue.get_table(DatabaseName="lake", Name="forecast")["Table"]
    columns = {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}
    assert columns["y_50"] == "decimal(10,2)"
    assert [(k["Name"], k["Type"]) for k in table["PartitionKeys"]] == [("business_date", "date")]
    assert table["StorageDescriptor"]["Location"] == "s3://neonsync-sandbox/lake/forecast/"
    assert table["TableType"] == "EXTERNAL_TABLE"


def test_athena_describes_the_same_table(aws: Aws) -> None:
    metadata = aws.athena.get_table_metadata(
        CatalogName="AwsDataCatalog", DatabaseName="lake", TableName="forecast"
    )["TableMetadata"]
    assert metadata["Columns"][0] == {"Name": "restaurant_id", "Type": "int"}
    assert metadata["PartitionKeys"] == [{"Name": "business_date", "Type": "date"}]
    listed = aws.athena.list_table_metadata(CatalogName="AwsDataCatalog", DatabaseName="lake")
    assert [table["Name"] for table in listed["TableMetadataList"]] == ["all_types", "forecast"]
    databases = aws.athena.list_databases(CatalogName="AwsDataCatalog")["DatabaseList"]
    assert [database["Name"] for database in databases] == ["lake"]
    assert aws.athena.get_work_group(WorkGroup="primary")["WorkGroup"]["State"] == "ENABLED"


def test_what_does_not_exist_is_named(aws: Aws) -> None:
    with pytest.raises(aws.glue.exceptions.EntityNotFoundException, match="Table nope not found"):
        aws.glue.get_table(DatabaseName="lake", Name="nope")
    with pytest.raises(
        aws.glue.exceptions.EntityNotFoundException, match="Database nope not found"
    ):
        aws.glue.get_database(Name="nope")
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        aws.athena.get_table_metadata(
            CatalogName="AwsDataCatalog", DatabaseName="lake", TableName="nope"
        )


def test_partitions_come_in_pages(aws: Aws) -> None:
    pages = list(
        aws.glue.get_paginator("get_partitions").paginate(
            DatabaseName="lake", TableName="forecast", PaginationConfig={"PageSize": 40}
        )
    )
    assert [len(page["Partitions"]) for page in pages] == [40, 40, 10]
    one = aws.glue.get_partition(
        DatabaseName="lake", TableName="forecast", PartitionValues=["2026-01-31"]
    )["Partition"]
    assert one["StorageDescriptor"]["Location"].endswith("/business_date=2026-01-31/")


@pytest.mark.parametrize(
    ("expression", "count"),
    [
        ("business_date = '2026-01-31'", 1),
        ("business_date >= '2026-01-30'", 2),
        ("business_date BETWEEN '2026-01-01' AND '2026-01-10' OR business_date = '2026-01-31'", 11),
        ("business_date IN ('2026-01-31', '1999-01-01')", 1),
        ("business_date < '1999-01-01'", 0),
        ("business_date <> '2026-01-31' AND NOT (business_date < DATE '2026-01-30')", 1),
        ("business_date IS NULL", 0),
    ],
)
def test_partitions_can_be_filtered(aws: Aws, expression: str, count: int) -> None:
    found = aws.glue.get_partitions(
        DatabaseName="lake", TableName="forecast", Expression=expression
    )
    assert len(found["Partitions"]) == count


def test_a_filter_is_no_way_into_the_machine(aws: Aws) -> None:
    for expression in (
        "business_date = (SELECT content FROM read_text('/etc/hostname'))",
        "getenv('HOME') = 'x'",
        "nope = '1'",
        "1 = 1; SELECT 1",
    ):
        with pytest.raises(ClientError, match="Unsupported expression"):
            aws.glue.get_partitions(
                DatabaseName="lake", TableName="forecast", Expression=expression
            )


def test_the_catalogue_can_be_changed(aws: Aws) -> None:
    glue = aws.glue
    glue.create_database(DatabaseInput={"Name": "scratch"})
    with pytest.raises(glue.exceptions.AlreadyExistsException):
        glue.create_database(DatabaseInput={"Name": "scratch"})
    table = {"Name": "T", "StorageDescriptor": {"Columns": [{"Name": "A", "Type": "int"}]}}
    glue.create_table(DatabaseName="scratch", TableInput=table)  # type: ignore[arg-type]
    assert [t["Name"] for t in glue.get_tables(DatabaseName="scratch")["TableList"]] == ["t"]
    table["Description"] = "changed"
    glue.update_table(DatabaseName="scratch", TableInput=table)  # type: ignore[arg-type]
    found = glue.get_table(DatabaseName="scratch", Name="t")["Table"]
    assert found["Description"] == "changed"
    glue.delete_table(DatabaseName="scratch", Name="t")
    glue.delete_database(Name="scratch")
    assert [d["Name"] for d in glue.get_databases()["DatabaseList"]] == ["lake"]


STORAGE: dict[str, Any] = {
    "Columns": [
        {"Name": "Id", "Type": "bigint", "Comment": "who", "Parameters": {"k": "v"}},
        {"Name": "deep", "Type": "struct<A:array<int>,b:map<string,decimal(9,2)>>"},
    ],
    "Location": f"s3://{BUCKET}/round/trip/",
    "AdditionalLocations": [f"s3://{BUCKET}/more/"],
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "Compressed": True,
    "NumberOfBuckets": 4,
    "SerdeInfo": {
        "Name": "csv",
        "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
        "Parameters": {"field.delim": "|", "escape.delim": "\\"},
    },
    "BucketColumns": ["id"],
    "SortColumns": [{"Column": "id", "SortOrder": 1}],
    "Parameters": {"classification": "csv"},
    "StoredAsSubDirectories": True,
}
TABLE: dict[str, Any] = {
    "Name": "round_trip",
    "Description": "all that there is",
    "Owner": "me",
    "Retention": 7,
    "StorageDescriptor": STORAGE,
    "PartitionKeys": [{"Name": "day", "Type": "string", "Comment": "text"}],
    "ViewOriginalText": "/* Presto View: e30= */",
    "ViewExpandedText": "/* Presto View */",
    "TableType": "VIRTUAL_VIEW",
    "Parameters": {
        "projection.enabled": "true",
        "projection.day.type": "date",
        "projection.day.range": "2026-01-01,NOW",
        "skip.header.line.count": "1",
    },
}


@pytest.fixture
def scratch(aws: Aws) -> Iterator[str]:
    aws.glue.create_database(DatabaseInput={"Name": "scratch"})
    aws.glue.create_table(DatabaseName="scratch", TableInput=TABLE)  # type: ignore[arg-type]
    yield "scratch"
    aws.glue.delete_database(Name="scratch")


def _in(sent: Any, described: Any) -> bool:
    """Whether an answer has all that was sent, and perhaps more."""
    if isinstance(sent, dict):
        return all(name in described and _in(sent[name], described[name]) for name in sent)
    return bool(sent == described)


def test_a_table_comes_back_as_it_was_sent_and_after_a_restart(tmp_path: Path) -> None:
    for turn in range(2):
        with serving(tmp_path) as aws:
            if turn == 0:
                aws.glue.create_database(
                    DatabaseInput={
                        "Name": "D",
                        "Description": "text",
                        "LocationUri": f"s3://{BUCKET}/d/",
                        "Parameters": {"a": "b"},
                    }
                )
                aws.glue.create_table(DatabaseName="d", TableInput=TABLE)  # type: ignore[arg-type]
            found = aws.glue.get_table(DatabaseName="D", Name="ROUND_TRIP")["Table"]
            assert _in(TABLE, found), found
            assert (found["DatabaseName"], found["VersionId"]) == ("d", "0")
            database = aws.glue.get_database(Name="d")["Database"]
            assert (database["Description"], database["Parameters"]) == ("text", {"a": "b"})
            assert database["LocationUri"] == f"s3://{BUCKET}/d/"


def test_a_table_without_a_type_or_format_gets_none(aws: Aws, scratch: str) -> None:
    aws.glue.create_table(DatabaseName=scratch, TableInput={"Name": "bare"})
    found = aws.glue.get_table(DatabaseName=scratch, Name="bare")["Table"]
    assert not {"TableType", "ViewOriginalText"} & set(found)
    assert not {"InputFormat", "Location"} & set(found["StorageDescriptor"])


def test_a_changed_table_keeps_its_partitions_and_its_history(aws: Aws, scratch: str) -> None:
    glue = aws.glue
    glue.create_partition(
        DatabaseName=scratch, TableName="round_trip", PartitionInput={"Values": ["1"]}
    )
    second = {**TABLE, "Description": "second", "Parameters": {"x": "1"}}
    glue.update_table(DatabaseName=scratch, TableInput=second)  # type: ignore[arg-type]
    third = {**second, "Description": "third"}
    glue.update_table(DatabaseName=scratch, TableInput=third, SkipArchive=True)  # type: ignore[arg-type]
    found = glue.get_table(DatabaseName=scratch, Name="round_trip")["Table"]
    assert (found["Description"], found["Parameters"]) == ("third", {"x": "1"})
    where = {"DatabaseName": scratch, "TableName": "round_trip"}
    assert len(glue.get_partitions(**where)["Partitions"]) == 1  # type: ignore[arg-type]
    versions = glue.get_table_versions(**where)["TableVersions"]  # type: ignore[arg-type]
    assert [(v["VersionId"], v["Table"]["Description"]) for v in versions] == [
        ("2", "third"),
        ("0", "all that there is"),
    ]
    assert glue.get_table_version(**where, VersionId="0")["TableVersion"]["Table"]["Parameters"]  # type: ignore[arg-type]
    glue.delete_table_version(**where, VersionId="0")
    assert len(glue.get_table_versions(**where)["TableVersions"]) == 1  # type: ignore[arg-type]


def test_a_database_can_be_described_anew(aws: Aws, scratch: str) -> None:
    aws.glue.update_database(Name=scratch, DatabaseInput={"Name": scratch, "Description": "anew"})
    assert aws.glue.get_database(Name=scratch)["Database"]["Description"] == "anew"
    assert aws.glue.get_table(DatabaseName=scratch, Name="round_trip")


@pytest.mark.parametrize("expression", ["round*", "*d_t*", ".*trip", "round.*|x", "[a-z_]*"])
def test_tables_are_found_by_patterns_and_by_stars(aws: Aws, scratch: str, expression: str) -> None:
    aws.glue.create_table(DatabaseName=scratch, TableInput={"Name": "2nd"})
    found = aws.glue.get_tables(DatabaseName=scratch, Expression=expression)["TableList"]
    assert [table["Name"] for table in found] == ["round_trip"]


def test_tables_are_searched_and_deleted_together(aws: Aws, scratch: str) -> None:
    found = aws.glue.search_tables(SearchText="ALL THAT")["TableList"]
    assert [(table["DatabaseName"], table["Name"]) for table in found] == [(scratch, "round_trip")]
    errors = aws.glue.batch_delete_table(
        DatabaseName=scratch, TablesToDelete=["round_trip", "absent"]
    )["Errors"]
    assert [error["TableName"] for error in errors] == ["absent"]
    assert aws.glue.get_tables(DatabaseName=scratch)["TableList"] == []


class TestPartitions:
    @pytest.fixture
    def where(self, scratch: str) -> dict[str, Any]:
        return {"DatabaseName": scratch, "TableName": "round_trip"}

    def test_come_back_as_they_were_sent(self, aws: Aws, where: dict[str, Any]) -> None:
        sent = {
            "Values": ["a/b c"],
            "StorageDescriptor": {**STORAGE, "Location": f"s3://{BUCKET}/elsewhere"},
            "Parameters": {"rows": "5"},
        }
        aws.glue.create_partition(**where, PartitionInput=sent)  # type: ignore[arg-type]
        found = aws.glue.get_partition(**where, PartitionValues=["a/b c"])["Partition"]
        assert _in(sent, found), found
        listed = aws.glue.get_partitions(**where, ExcludeColumnSchema=True)["Partitions"]
        assert "Columns" not in listed[0]["StorageDescriptor"]
        with pytest.raises(aws.glue.exceptions.AlreadyExistsException):
            aws.glue.create_partition(**where, PartitionInput=sent)  # type: ignore[arg-type]
        with pytest.raises(aws.glue.exceptions.InvalidInputException, match="number of partition"):
            aws.glue.create_partition(**where, PartitionInput={"Values": ["1", "2"]})

    def test_are_made_read_and_deleted_in_batches(self, aws: Aws, where: dict[str, Any]) -> None:
        glue = aws.glue
        days: list[Any] = [{"Values": [f"{day:02}"]} for day in range(10)]
        assert glue.batch_create_partition(**where, PartitionInputList=days)["Errors"] == []
        again = glue.batch_create_partition(
            **where, PartitionInputList=[days[3], {"Values": ["new"]}, {"Values": ["new"]}]
        )["Errors"]
        assert [error["PartitionValues"] for error in again] == [["03"], ["new"]]
        found = glue.batch_get_partition(**where, PartitionsToGet=[days[1], {"Values": ["no"]}])
        assert [partition["Values"] for partition in found["Partitions"]] == [["01"]]
        halves = [
            glue.get_partitions(**where, Segment={"SegmentNumber": n, "TotalSegments": 2})
            for n in range(2)
        ]
        values = [p["Values"][0] for half in halves for p in half["Partitions"]]
        assert sorted(values) == [*(f"{day:02}" for day in range(10)), "new"]
        gone = glue.batch_delete_partition(
            **where, PartitionsToDelete=[days[0], {"Values": ["no"]}]
        )["Errors"]
        assert gone[0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
        glue.delete_partition(**where, PartitionValues=["01"])
        with pytest.raises(glue.exceptions.EntityNotFoundException):
            glue.delete_partition(**where, PartitionValues=["01"])
        assert len(glue.get_partitions(**where)["Partitions"]) == 9

    def test_are_moved(self, aws: Aws, where: dict[str, Any]) -> None:
        aws.glue.create_partition(**where, PartitionInput={"Values": ["1"]})
        place = {"StorageDescriptor": {"Location": f"s3://{BUCKET}/moved/"}}
        aws.glue.update_partition(
            **where,
            PartitionValueList=["1"],
            PartitionInput={"Values": ["2"], **place},  # type: ignore[typeddict-item]
        )
        (found,) = aws.glue.get_partitions(**where)["Partitions"]
        assert found["Values"] == ["2"]
        assert found["StorageDescriptor"]["Location"] == f"s3://{BUCKET}/moved/"
        with pytest.raises(aws.glue.exceptions.EntityNotFoundException):
            aws.glue.update_partition(
                **where, PartitionValueList=["1"], PartitionInput={"Values": ["1"]}
            )

    def test_of_text_are_filtered_by_likeness(self, aws: Aws, where: dict[str, Any]) -> None:
        days: list[Any] = [{"Values": [f"2026-0{month}-01"]} for month in range(1, 10)]
        aws.glue.batch_create_partition(**where, PartitionInputList=days)
        for expression, count in (
            ("day LIKE '2026-0%'", 9),
            ("day like '%-03-%'", 1),
            ("day NOT IN ('2026-01-01') and day <= '2026-03-01'", 2),
            ("(day = '2026-01-01') OR (day = '2026-09-01')", 2),
        ):
            found = aws.glue.get_partitions(**where, Expression=expression)
            assert len(found["Partitions"]) == count, expression
