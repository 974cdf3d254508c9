"""S3 over real sockets: what the clients of a lake use of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.sandbox.aws_fixtures import Aws, serving

BUCKET = "neonsync-sandbox"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(tmp_path_factory.mktemp("s3")) as running:
        yield running


def test_objects_are_written_read_in_ranges_and_deleted(aws: Aws) -> None:
    content = bytes(range(256)) * 5000
    etag = aws.s3.put_object(Bucket=BUCKET, Key="a/b c+ü.bin", Body=content)["ETag"]
    found = aws.s3.get_object(Bucket=BUCKET, Key="a/b c+ü.bin")
    assert found["Body"].read() == content
    part = aws.s3.get_object(Bucket=BUCKET, Key="a/b c+ü.bin", Range="bytes=100-355")
    assert part["Body"].read() == content[100:356]
    assert aws.s3.head_object(Bucket=BUCKET, Key="a/b c+ü.bin")["ETag"] == etag
    aws.s3.delete_object(Bucket=BUCKET, Key="a/b c+ü.bin")
    with pytest.raises(aws.s3.exceptions.NoSuchKey):
        aws.s3.get_object(Bucket=BUCKET, Key="a/b c+ü.bin")


def test_an_object_that_has_changed_is_not_read(aws: Aws) -> None:
    etag = aws.s3.put_object(Bucket=BUCKET, Key="changing", Body=b"one")["ETag"]
    assert aws.s3.get_object(Bucket=BUCKET, Key="changing", IfMatch=etag)["Body"].read() == b"one"
    aws.s3.put_object(Bucket=BUCKET, Key="changing", Body=b"two")
    with pytest.raises(ClientError) as refused:
        aws.s3.get_object(Bucket=BUCKET, Key="changing", IfMatch=etag)
    assert refused.value.response["Error"]["Code"] == "PreconditionFailed"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    with pytest.raises(ClientError, match="412"):
        aws.s3.head_object(Bucket=BUCKET, Key="changing", IfMatch=etag)


@pytest.mark.parametrize("quiet", [False, True])
def test_many_objects_are_deleted_at_once(aws: Aws, quiet: bool) -> None:
    keys = [f"many/{number}/<&>" for number in range(5)]
    for key in keys:
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    answer = aws.s3.delete_objects(
        Bucket=BUCKET,
        Delete={"Objects": [{"Key": key} for key in [*keys, "many/absent"]], "Quiet": quiet},
    )
    assert len(answer.get("Deleted", [])) == (0 if quiet else 6)
    assert "Errors" not in answer
    assert aws.keys_under(f"s3://{BUCKET}/many/") == []


def test_listings_follow_prefix_delimiter_and_pages(aws: Aws) -> None:
    keys = ["list/a", "list/b/1", "list/b/2", "list/c-d", "listing", "other"]
    for key in keys:
        aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    assert aws.keys_under(f"s3://{BUCKET}/list/") == ["list/a", "list/b/1", "list/b/2", "list/c-d"]
    assert aws.keys_under(f"s3://{BUCKET}/list/b") == ["list/b/1", "list/b/2"]
    assert aws.keys_under(f"s3://{BUCKET}/lis") == [key for key in keys if key.startswith("lis")]
    assert aws.keys_under(f"s3://{BUCKET}/nope/deeper/") == []
    assert aws.keys_under(f"s3://{BUCKET}/../../") == []
    grouped = aws.s3.list_objects_v2(Bucket=BUCKET, Prefix="list/", Delimiter="/")
    assert [common["Prefix"] for common in grouped["CommonPrefixes"]] == ["list/b/"]
    pages = aws.s3.get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="list", PaginationConfig={"PageSize": 2}
    )
    assert [item["Key"] for page in pages for item in page["Contents"]] == sorted(keys)[:5]


def test_presigned_addresses_work_until_they_expire(aws: Aws) -> None:
    aws.s3.put_object(Bucket=BUCKET, Key="shared", Body=b"shared")
    session = boto3.Session(aws.keys.access_key_id, aws.keys.secret_access_key)
    client = session.client(
        "s3",
        endpoint_url=aws.service.endpoint_url,
        region_name="us-east-1",
        config=Config(signature_version="s3v4"),
    )
    parameters = {"Bucket": BUCKET, "Key": "shared"}
    url = client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=60)
    assert requests.get(url, timeout=5).content == b"shared"
    assert requests.get(url.replace("shared", "other"), timeout=5).status_code == 403
    over = client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=-1)
    assert requests.get(over, timeout=5).status_code == 403


def test_large_uploads_in_parts_arrive_whole(aws: Aws, tmp_path: Path) -> None:
    source = tmp_path / "large"
    source.write_bytes(b"0123456789" * 1_200_000)
    aws.s3.upload_file(str(source), BUCKET, "large")
    target = tmp_path / "copy"
    aws.s3.download_file(BUCKET, "large", str(target))
    assert target.read_bytes() == source.read_bytes()


def test_two_services_do_not_share_their_objects(aws: Aws, tmp_path: Path) -> None:
    aws.s3.put_object(Bucket=BUCKET, Key="mine", Body=b"mine")
    with serving(tmp_path) as other:
        assert other.keys_under(f"s3://{BUCKET}/") == []
