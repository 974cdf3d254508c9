"""Times as AWS writes them: what botocore would read."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.utils import parse_timestamp

from neonsync.athena.moments import moment, session


@pytest.mark.parametrize(
    "told",
    [
        "2026-11-26T01:31:44.000Z",
        "2026-11-26T01:31:44Z",
        "2026-11-26T01:31:44.123456+02:00",
        "Thu, 26 Nov 2026 01:31:44 GMT",
        "2026-11-26T01:31:44",
        "20261126T013144Z",
        "1790000000",
        "1790000000.25",
        1790000000,
        1790000000.25,
    ],
)
def test_it_is_the_moment_that_botocore_reads(told: Any) -> None:
    assert moment(told) == parse_timestamp(told)


def test_what_is_no_time_is_refused_as_botocore_refuses_it() -> None:
    with pytest.raises(ValueError, match="Invalid timestamp"):
        moment("tomorrow morning")


class Raw(BytesIO):
    """A body as urllib3 gives one."""

    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return [self.read()]


def answered(request: AWSPreparedRequest, **_: Any) -> Any:
    """S3's answer to a list, and to a question for an object."""
    if request.method == "HEAD":
        told = HTTPHeaders.from_dict({"Last-Modified": "Thu, 26 Nov 2026 01:31:44 GMT"})
        return AWSResponse(request.url, 200, told, Raw())
    told_at = b"<LastModified>2026-11-26T01:31:44.000Z</LastModified>"
    body = b"<ListBucketResult><Contents>" + told_at + b"</Contents></ListBucketResult>"
    return AWSResponse(request.url, 200, HTTPHeaders(), Raw(body))


def test_the_clients_of_a_session_read_times_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    s3 = boto3.Session(botocore_session=session(), region_name="us-east-1").client("s3")
    s3.meta.events.register("before-send.s3", answered)

    (listed,) = s3.list_objects_v2(Bucket="a")["Contents"]
    asked = s3.head_object(Bucket="a", Key="b")

    for read in (listed["LastModified"], asked["LastModified"]):
        assert read == datetime(2026, 11, 26, 1, 31, 44, tzinfo=UTC)
        assert read.tzinfo is UTC, "dateutil has a zone of its own for it"
