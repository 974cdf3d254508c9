"""Glue's and Athena's view of the catalogue over real sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from tests.sandbox.aws_fixtures import Aws, serving, small_lake


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
