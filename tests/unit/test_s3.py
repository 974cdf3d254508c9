"""Ranged GETs that boto3 is spared: what they give, and what is still boto3's business."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from neonsync.athena.objects import RangedFile, S3Object
from neonsync.athena.s3 import S3
from neonsync.errors import ExportError, InterruptedReadError
from neonsync.sandbox.aws import Break
from tests.sandbox.aws_fixtures import Aws, serving

CONTENT = bytes(range(256))
KEY = "exports/a b+ü=1&2/~file (1).parquet"


@pytest.fixture
def aws(tmp_path: Path) -> Iterator[Aws]:
    with serving(tmp_path) as service:
        yield service


class Watched:
    """An object, its reading by ranges, and how many GETs boto3 has sent for it."""

    def __init__(self, aws: Aws) -> None:
        self.by_boto3 = 0
        self.bucket = aws.service.bucket
        self.etag: str = aws.s3.put_object(Bucket=self.bucket, Key=KEY, Body=CONTENT)["ETag"]
        self.s3 = S3(aws.s3, aws.session)
        aws.s3.meta.events.register("before-send.s3.GetObject", self._count)

    def _count(self, **_: Any) -> None:
        self.by_boto3 += 1

    def read(self, start: int = 0, length: int = len(CONTENT)) -> bytes:
        body: bytes = self.s3.get_range(self.bucket, KEY, self.etag, start, length)["Body"].read()
        return body


@pytest.fixture
def watched(aws: Aws) -> Watched:
    return Watched(aws)


def test_boto3_sends_the_first_of_a_bucket_and_no_other_that_succeeds(watched: Watched) -> None:
    for start in range(0, 250, 50):
        assert watched.read(start, 7) == CONTENT[start : start + 7]

    assert watched.by_boto3 == 1


def test_one_that_fails_is_sent_again_by_boto3_and_so_are_all_after_it(
    aws: Aws, watched: Watched
) -> None:
    watched.read()
    aws.service.faults.s3_errors_next(1)

    assert watched.read() == watched.read() == CONTENT
    assert watched.by_boto3 == 3


def test_an_object_that_was_replaced_is_boto3s_error(aws: Aws, watched: Watched) -> None:
    watched.read()
    aws.s3.put_object(Bucket=watched.bucket, Key=KEY, Body=CONTENT[::-1])

    with pytest.raises(ClientError, match="PreconditionFailed"):
        watched.read()
    source = S3Object(watched.bucket, KEY, len(CONTENT), watched.etag)
    with pytest.raises(ExportError, match="PreconditionFailed"):
        RangedFile(watched.s3, source).preload(0, 10)


def test_a_server_that_is_away_is_asked_again_by_boto3(watched: Watched) -> None:
    watched.read()
    root = watched.s3._roots[watched.bucket]
    watched.s3._roots[watched.bucket] = root.replace("127.0.0.1", "127.0.0.1:1/")

    assert watched.read() == CONTENT
    assert watched.by_boto3 == 2


def test_an_answer_that_breaks_off_is_told_as_one_of_boto3s(aws: Aws, watched: Watched) -> None:
    watched.read()
    source = S3Object(watched.bucket, KEY, len(CONTENT), watched.etag)
    aws.service.faults.break_off_next(1, Break.CUT)

    with pytest.raises(InterruptedReadError):
        RangedFile(watched.s3, source).preload(0, 100)
    assert watched.by_boto3 == 1


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy"])
def test_behind_a_proxy_boto3_sends_them_all(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    aws.s3  # noqa: B018  a client of before: it goes without the proxy
    monkeypatch.setenv(variable, "http://127.0.0.1:1")
    watched = Watched(aws)

    assert watched.read() == watched.read() == CONTENT
    assert watched.by_boto3 == 2


def test_no_address_that_is_logged_is_a_key_to_the_object(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.read()
    caplog.set_level(logging.DEBUG, "urllib3")
    caplog.clear()

    watched.read()

    assert "GET" in caplog.text
    assert "X-Amz" not in caplog.text
