"""What a session with AWS reads: times as botocore would, and whole answers alone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ConnectionClosedError
from botocore.utils import parse_timestamp

from neonsync.athena import session as session_module
from neonsync.athena.session import moment, session
from neonsync.retry import Backoff

BODY = b'{"QueryExecutionId": "one"}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
HALF = WHOLE[:-10]


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


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that gives each client one of the answers and hangs up; what is left of them."""
    waiting = list(answers)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while waiting:
            connection, _ = listener.accept()
            with connection:
                asked = b""
                while not asked.endswith(b"}"):
                    asked += connection.recv(65_536)
                connection.sendall(waiting.pop(0))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with closing(listener):
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", waiting
    thread.join()


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(session_module, "REQUESTS", Backoff(3, 0.001))


def asked_for_a_query(url: str) -> str:
    core = boto3.Session(botocore_session=session(), region_name="us-east-1")
    client = core.client("athena", endpoint_url=url)
    return client.start_query_execution(QueryString="SELECT 1")["QueryExecutionId"]


@pytest.mark.usefixtures("_quick")
def test_an_answer_that_was_cut_off_is_asked_for_again() -> None:
    with answering(HALF, HALF, WHOLE) as (url, left):
        assert asked_for_a_query(url) == "one"
        assert left == []


@pytest.mark.usefixtures("_quick")
def test_one_that_is_cut_off_each_time_is_an_error() -> None:
    with answering(HALF, HALF, HALF) as (url, _), pytest.raises(ConnectionClosedError):
        asked_for_a_query(url)
