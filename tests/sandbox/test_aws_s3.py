"""S3 over real sockets: what the clients of a lake use of it."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import boto3
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from neonsync.sandbox.aws.files import write_object
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


def test_an_objects_headers_and_checksum_come_back(aws: Aws) -> None:
    put = aws.s3.put_object(
        Bucket=BUCKET,
        Key="described.csv",
        Body=b"content",
        ContentType="text/x-mine",
        ContentEncoding="none",
        CacheControl="no-store",
        Metadata={"owner": "me", "empty": ""},
        ChecksumAlgorithm="SHA256",
    )
    assert put["ETag"] == f'"{hashlib.md5(b"content").hexdigest()}"'
    head = aws.s3.head_object(Bucket=BUCKET, Key="described.csv", ChecksumMode="ENABLED")
    assert (head["ContentType"], head["CacheControl"]) == ("text/x-mine", "no-store")
    assert (head["ContentEncoding"], head["ContentLength"]) == ("none", 7)
    assert head["Metadata"] == {"owner": "me", "empty": ""}
    digest = base64.b64encode(hashlib.sha256(b"content").digest()).decode()
    assert head["ChecksumSHA256"] == put["ChecksumSHA256"] == digest


def test_copies_keep_or_replace_what_describes_them(aws: Aws) -> None:
    etag = aws.s3.put_object(Bucket=BUCKET, Key="a ü+b", Body=b"x", Metadata={"n": "1"})["ETag"]
    source = f"{BUCKET}/a ü+b"
    copied = aws.s3.copy_object(Bucket=BUCKET, Key="kept", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == etag
    assert aws.s3.head_object(Bucket=BUCKET, Key="kept")["Metadata"] == {"n": "1"}
    aws.s3.copy_object(
        Bucket=BUCKET,
        Key="a ü+b",
        CopySource=source,
        Metadata={"n": "2"},
        MetadataDirective="REPLACE",
    )
    assert aws.s3.head_object(Bucket=BUCKET, Key="a ü+b")["Metadata"] == {"n": "2"}
    copy = partial(aws.s3.copy_object, Bucket=BUCKET, Key="a ü+b")
    assert _refusal(lambda: copy(CopySource=source)) == "InvalidRequest"
    unlike = partial(copy, CopySource=source, CopySourceIfMatch="other")
    assert _refusal(unlike) == "PreconditionFailed"
    assert _refusal(lambda: copy(CopySource=f"{BUCKET}/absent")) == "NoSuchKey"
    assert _refusal(lambda: copy(CopySource="absent/absent")) == "NoSuchBucket"


def test_conditions_guard_reads_and_writes(aws: Aws) -> None:
    def put(body: bytes, **more: str) -> str:
        return aws.s3.put_object(Bucket=BUCKET, Key="guarded", Body=body, **more)["ETag"]  # type: ignore[arg-type]

    assert _refusal(lambda: put(b"0", IfMatch='"any"')) == "NoSuchKey"
    first = put(b"1", IfNoneMatch="*")
    assert _refusal(lambda: put(b"2", IfNoneMatch="*")) == "PreconditionFailed"
    second = put(b"2", IfMatch=first)
    assert _refusal(lambda: put(b"3", IfMatch=first)) == "PreconditionFailed"
    get = partial(aws.s3.get_object, Bucket=BUCKET, Key="guarded")
    assert _refusal(lambda: get(IfNoneMatch=second)) == "304"
    assert get(IfNoneMatch=first)["Body"].read() == b"2"
    modified = get()["LastModified"]
    assert _refusal(lambda: get(IfModifiedSince=modified)) == "304"
    earlier = modified - timedelta(seconds=5)
    assert _refusal(lambda: get(IfUnmodifiedSince=earlier)) == "PreconditionFailed"


def test_a_body_that_is_not_what_was_stated_is_refused(aws: Aws) -> None:
    put = partial(aws.s3.put_object, Bucket=BUCKET, Key="checked", Body=b"content")
    md5 = base64.b64encode(hashlib.md5(b"content").digest()).decode()
    assert put(ContentMD5=md5)
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert _refusal(lambda: put(ContentMD5=wrong)) == "BadDigest"
    assert _refusal(lambda: put(ContentMD5="nonsense")) == "InvalidDigest"
    assert _refusal(lambda: put(ChecksumCRC32="AAAAAA==")) == "BadDigest"
    assert _refusal(lambda: put(ChecksumSHA1="AAAA")) == "BadDigest"


@pytest.mark.parametrize("good", [True, False])
def test_chunks_with_a_trailing_checksum_are_taken_apart(aws: Aws, good: bool) -> None:
    content = b"0\r\nx-amz-checksum-crc32:not a trailer\r\n" * 99
    crc = base64.b64encode(zlib.crc32(content if good else b"").to_bytes(4, "big")).decode()
    half = len(content) // 2
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (content[:half], content[half:]))
    body = chunks + f"0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n".encode()
    request = AWSRequest(
        "PUT",
        f"{aws.service.endpoint_url}/{BUCKET}/chunked",
        data=body,
        headers={
            "Content-Encoding": "gzip,aws-chunked",
            "X-Amz-Decoded-Content-Length": str(len(content)),
            "X-Amz-Trailer": "x-amz-checksum-crc32",
        },
    )
    request.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    credentials = Credentials(aws.keys.access_key_id, aws.keys.secret_access_key)
    S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    answer = requests.put(str(request.url), data=body, headers=dict(request.headers), timeout=5)
    if not good:
        assert (answer.status_code, "BadDigest" in answer.text) == (400, True)
        return
    assert answer.status_code == 200, answer.text
    found = aws.s3.get_object(Bucket=BUCKET, Key="chunked")
    assert (found["Body"].read(), found["ContentEncoding"]) == (content, "gzip")


def test_buckets_are_made_found_and_removed(aws: Aws) -> None:
    aws.s3.create_bucket(Bucket="another")
    assert {b["Name"] for b in aws.s3.list_buckets()["Buckets"]} >= {BUCKET, "another"}
    assert aws.s3.get_bucket_location(Bucket="another")["LocationConstraint"] is None
    assert "Status" not in aws.s3.get_bucket_versioning(Bucket="another")
    aws.s3.put_object(Bucket="another", Key="k/v", Body=b"")
    assert _refusal(lambda: aws.s3.delete_bucket(Bucket="another")) == "BucketNotEmpty"
    aws.s3.delete_object(Bucket="another", Key="k/v")
    aws.s3.delete_bucket(Bucket="another")
    assert _refusal(lambda: aws.s3.head_bucket(Bucket="another")) == "404"
    assert _refusal(lambda: aws.s3.list_objects_v2(Bucket="another")) == "NoSuchBucket"
    assert (
        _refusal(lambda: aws.s3.put_object(Bucket="another", Key="k", Body=b"")) == "NoSuchBucket"
    )


def test_buckets_are_listed_in_pages(aws: Aws) -> None:
    names = [f"paged-{number}" for number in range(5)]
    for name in names:
        aws.s3.create_bucket(Bucket=name)
    pages = aws.s3.get_paginator("list_buckets").paginate(
        Prefix="paged-", PaginationConfig={"PageSize": 2}
    )
    found = [[bucket["Name"] for bucket in page["Buckets"]] for page in pages]
    assert found == [names[:2], names[2:4], names[4:]]


def test_what_a_killed_service_was_receiving_is_cleared_away(tmp_path: Path) -> None:
    left_over = tmp_path / "s3" / ".localbucket-incoming" / "half"
    left_over.parent.mkdir(parents=True)
    left_over.write_bytes(b"half an obj")
    with serving(tmp_path):
        assert not left_over.exists()


def test_a_file_that_a_query_wrote_has_an_etag_until_it_changes(tmp_path: Path) -> None:
    with serving(tmp_path) as aws:
        path = tmp_path / "s3" / BUCKET / "query" / "part"
        with write_object(path) as file:
            file.write(b"one")
        first = aws.s3.head_object(Bucket=BUCKET, Key="query/part")["ETag"]
        assert aws.s3.list_objects_v2(Bucket=BUCKET)["Contents"][0]["ETag"] == first
        assert aws.s3.get_object(Bucket=BUCKET, Key="query/part", IfMatch=first)
        with write_object(path) as file:
            file.write(b"two")
        assert aws.s3.head_object(Bucket=BUCKET, Key="query/part")["ETag"] != first


def test_writers_and_deleters_of_neighbours_do_not_hurt_each_other(aws: Aws) -> None:
    """Directories come and go below one prefix while eight clients write, read and delete."""

    def work(number: int) -> int:
        for turn in range(15):
            for key in ("race", f"race/{number}", f"race/{number}/{turn}"):
                if key != "race":
                    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
                    assert aws.read(f"s3://{BUCKET}/{key}") == key.encode()
                    aws.s3.delete_object(Bucket=BUCKET, Key=key)
                else:
                    aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"race")
        return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(work, range(8))) == list(range(8))
    assert aws.keys_under(f"s3://{BUCKET}/race") == ["race"]
    assert aws.read(f"s3://{BUCKET}/race") == b"race"


def _refusal(call: Callable[[], object]) -> str:
    with pytest.raises(ClientError) as refused:
        call()
    return str(refused.value.response["Error"]["Code"])


def test_two_services_do_not_share_their_objects(aws: Aws, tmp_path: Path) -> None:
    aws.s3.put_object(Bucket=BUCKET, Key="mine", Body=b"mine")
    with serving(tmp_path) as other:
        assert other.keys_under(f"s3://{BUCKET}/") == []
