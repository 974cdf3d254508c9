"""Uploads in parts over real sockets: their ETags, their checksums, what S3 refuses of them."""

from __future__ import annotations

import base64
import hashlib
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from tests.sandbox.aws_fixtures import Aws, serving

BUCKET = "neonsync-sandbox"
MIB = 1024 * 1024
PART = random.Random(1).randbytes(5 * MIB)
TAIL = b"the end"


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(tmp_path_factory.mktemp("s3")) as running:
        yield running


def _start(aws: Aws, key: str) -> str:
    return aws.s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]


def _part(aws: Aws, key: str, upload: str, number: int, body: bytes) -> str:
    return aws.s3.upload_part(
        Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=number, Body=body
    )["ETag"]


def _complete(aws: Aws, key: str, upload: str, etags: dict[int, str]) -> str:
    parts = [{"PartNumber": number, "ETag": etag} for number, etag in etags.items()]
    return aws.s3.complete_multipart_upload(
        Bucket=BUCKET,
        Key=key,
        UploadId=upload,
        MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
    )["ETag"]


def _etag_of_parts(*parts: bytes) -> str:
    digests = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(digests).hexdigest()}-{len(parts)}"'


def _refusal(call: object) -> str:
    with pytest.raises(ClientError) as refused:
        call()  # type: ignore[operator]
    return str(refused.value.response["Error"]["Code"])


def test_parts_in_any_order_become_one_object_with_their_etag(tmp_path: Path) -> None:
    with serving(tmp_path) as aws:
        upload = aws.s3.create_multipart_upload(
            Bucket=BUCKET, Key="joined", ContentType="text/x-parts", Metadata={"who": "me"}
        )["UploadId"]
        etags = {3: _part(aws, "joined", upload, 3, TAIL)}
        etags[1] = _part(aws, "joined", upload, 1, PART)
        assert etags[3] == f'"{hashlib.md5(TAIL).hexdigest()}"'
        assert aws.keys_under(f"s3://{BUCKET}/") == []
        made = _complete(aws, "joined", upload, {1: etags[1], 3: etags[3]})
        assert made == _etag_of_parts(PART, TAIL)
        assert aws.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
    with serving(tmp_path) as aws:  # all of it outlives the service
        found = aws.s3.get_object(Bucket=BUCKET, Key="joined")
        assert found["Body"].read() == PART + TAIL
        assert (found["ETag"], found["ContentType"]) == (made, "text/x-parts")
        assert found["Metadata"] == {"who": "me"}
        listed = aws.s3.list_objects_v2(Bucket=BUCKET)["Contents"][0]
        assert (listed["ETag"], listed["Size"]) == (made, len(PART + TAIL))
        again = aws.s3.get_object(Bucket=BUCKET, Key="joined", IfMatch=made, Range="bytes=-3")
        assert again["Body"].read() == b"end"


def test_a_part_can_be_sent_again_and_be_a_piece_of_an_object(aws: Aws) -> None:
    aws.s3.put_object(Bucket=BUCKET, Key="source", Body=b"0123456789")
    upload = _start(aws, "pieces")
    _part(aws, "pieces", upload, 1, b"first try")
    first = _part(aws, "pieces", upload, 1, PART)
    copied = aws.s3.upload_part_copy(
        Bucket=BUCKET,
        Key="pieces",
        UploadId=upload,
        PartNumber=2,
        CopySource={"Bucket": BUCKET, "Key": "source"},
        CopySourceRange="bytes=3-5",
    )["CopyPartResult"]["ETag"]
    assert _complete(aws, "pieces", upload, {1: first, 2: copied}) == _etag_of_parts(PART, b"345")
    assert aws.read(f"s3://{BUCKET}/pieces") == PART + b"345"


def test_unfinished_uploads_and_their_parts_are_listed_in_pages(aws: Aws) -> None:
    keys = ["up/a", "up/a", "up/b c", "up/ü"]
    uploads = [(key, _start(aws, key)) for key in keys]
    pages = aws.s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=BUCKET, Prefix="up/", PaginationConfig={"PageSize": 1}
    )
    found = [(item["Key"], item["UploadId"]) for page in pages for item in page["Uploads"]]
    assert found == sorted(uploads)
    key, upload = uploads[-1]
    for number in (2, 7, 9):
        _part(aws, key, upload, number, bytes(number))
    parts = aws.s3.get_paginator("list_parts").paginate(
        Bucket=BUCKET, Key=key, UploadId=upload, PaginationConfig={"PageSize": 2}
    )
    assert [(p["PartNumber"], p["Size"]) for page in parts for p in page["Parts"]] == [
        (2, 2),
        (7, 7),
        (9, 9),
    ]
    for name, upload_id in uploads:
        aws.s3.abort_multipart_upload(Bucket=BUCKET, Key=name, UploadId=upload_id)
    assert "Uploads" not in aws.s3.list_multipart_uploads(Bucket=BUCKET, Prefix="up/")
    assert _refusal(lambda: _part(aws, key, upload, 1, b"late")) == "NoSuchUpload"


def test_what_does_not_fit_together_is_refused_and_may_be_mended(aws: Aws) -> None:
    upload = _start(aws, "strict")
    small, large = _part(aws, "strict", upload, 1, TAIL), _part(aws, "strict", upload, 2, PART)

    def complete(etags: dict[int, str]) -> str:
        return _refusal(lambda: _complete(aws, "strict", upload, etags))

    assert complete({2: large, 3: large}) == "InvalidPart"
    assert complete({1: large}) == "InvalidPart"
    assert complete({2: large, 1: small}) == "InvalidPartOrder"
    assert complete({1: small, 2: large}) == "EntityTooSmall"
    assert _refusal(lambda: _complete(aws, "other", upload, {1: small})) == "NoSuchUpload"
    assert _complete(aws, "strict", upload, {2: large}) == _etag_of_parts(PART)


def test_a_transfer_in_parts_keeps_its_checksum_of_checksums(aws: Aws, tmp_path: Path) -> None:
    source = tmp_path / "large"
    source.write_bytes(PART + PART + TAIL)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    aws.s3.upload_file(str(source), BUCKET, "large", Config=config)
    head = aws.s3.head_object(Bucket=BUCKET, Key="large", ChecksumMode="ENABLED")
    sums = b"".join(zlib.crc32(part).to_bytes(4, "big") for part in (PART, PART, TAIL))
    composite = base64.b64encode(zlib.crc32(sums).to_bytes(4, "big")).decode()
    assert head["ChecksumCRC32"] == f"{composite}-3"
    assert head["ETag"] == _etag_of_parts(PART, PART, TAIL)
    target = tmp_path / "copy"
    aws.s3.download_file(BUCKET, "large", str(target), Config=config)
    assert target.read_bytes() == source.read_bytes()


def test_a_large_object_is_copied_in_parts(aws: Aws) -> None:
    aws.s3.put_object(Bucket=BUCKET, Key="one", Body=PART + PART)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    aws.s3.copy({"Bucket": BUCKET, "Key": "one"}, BUCKET, "two", Config=config)
    assert aws.s3.head_object(Bucket=BUCKET, Key="two")["ETag"] == _etag_of_parts(PART, PART)
    assert aws.read(f"s3://{BUCKET}/two") == PART + PART
