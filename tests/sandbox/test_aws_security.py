"""Who may call the AWS half, and the faults that it shows on request."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import pytest
import requests
from botocore.exceptions import (
    ClientError,
    ConnectionError,
    IncompleteReadError,
    ResponseStreamingError,
)

from neonsync.sandbox.aws import AwsKeys, Break
from tests.sandbox.aws_fixtures import KEYS, Aws, serving

BUCKET = "neonsync-sandbox"


@pytest.fixture
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    with serving(tmp_path_factory.mktemp("security")) as running:
        yield running


def test_the_secret_is_not_shown() -> None:
    assert KEYS.secret_access_key not in repr(KEYS)


@pytest.mark.parametrize(
    ("keys", "json_code", "s3_code"),
    [
        (
            AwsKeys("AKIDUNKNOWN", KEYS.secret_access_key),
            "UnrecognizedClientException",
            "InvalidAccessKeyId",
        ),
        (
            AwsKeys(KEYS.access_key_id, "another-secret"),
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
        ),
    ],
)
def test_wrong_keys_are_refused(aws: Aws, keys: AwsKeys, json_code: str, s3_code: str) -> None:
    stranger = Aws(aws.service, keys)
    assert _code(lambda: stranger.athena.list_work_groups()) == (json_code, 400)
    assert _code(lambda: stranger.glue.get_databases()) == (json_code, 400)
    assert _code(lambda: stranger.s3.list_objects_v2(Bucket=BUCKET)) == (s3_code, 403)
    assert _code(lambda: stranger.s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")) == (
        s3_code,
        403,
    )
    assert aws.keys_under(f"s3://{BUCKET}/") == []


def test_unsigned_requests_are_refused(aws: Aws) -> None:
    url = aws.service.endpoint_url
    assert requests.get(f"{url}/{BUCKET}", timeout=5).status_code == 403
    assert requests.put(f"{url}/{BUCKET}/k", data=b"x", timeout=5).status_code == 403
    assert requests.delete(f"{url}/{BUCKET}/k", timeout=5).status_code == 403
    assert requests.options(f"{url}/{BUCKET}/k", timeout=5).status_code == 403
    answer = requests.post(
        url, headers={"X-Amz-Target": "AmazonAthena.ListWorkGroups"}, json={}, timeout=5
    )
    assert answer.json()["__type"] == "MissingAuthenticationTokenException"


def test_a_foreign_host_header_is_refused(aws: Aws) -> None:
    for headers in ({}, {"X-Amz-Target": "AmazonAthena.ListWorkGroups"}):
        connection = http.client.HTTPConnection("127.0.0.1", aws.service.port, timeout=5)
        connection.request("POST", "/", body=b"{}", headers={"Host": "evil.example", **headers})
        assert connection.getresponse().status == 403
        connection.close()


def test_a_body_that_was_changed_on_its_way_is_refused(aws: Aws) -> None:
    captured: list[tuple[str, dict[str, str], bytes]] = []
    client = aws.session.client("athena", endpoint_url=aws.service.endpoint_url)

    def capture(request: object, **_: object) -> requests.Response:
        captured.append((request.url, dict(request.headers), request.body))  # type: ignore[attr-defined]
        raise InterruptedError

    client.meta.events.register("before-send.athena.ListWorkGroups", capture)  # type: ignore[arg-type]
    with pytest.raises(InterruptedError):
        client.list_work_groups()
    ((url, headers, body),) = captured
    text = {k: v.decode() if isinstance(v, bytes) else v for k, v in headers.items()}
    text.pop("Content-Length")
    assert requests.post(url, headers=text, data=body, timeout=5).status_code == 200
    changed = requests.post(url, headers=text, data=json.dumps({"MaxResults": 1}), timeout=5)
    assert changed.json()["__type"] == "InvalidSignatureException"


def test_a_session_token_is_accepted(aws: Aws) -> None:
    session = aws.session
    client = session.client(
        "athena",
        endpoint_url=aws.service.endpoint_url,
        aws_session_token="token",
        aws_access_key_id=KEYS.access_key_id,
        aws_secret_access_key=KEYS.secret_access_key,
    )
    assert client.list_work_groups()["WorkGroups"]


def test_paths_do_not_leave_the_bucket(aws: Aws) -> None:
    for key in ("../secret", "a/../../catalogue.json", "..%2fcatalogue.json"):
        with pytest.raises(ClientError):
            aws.s3.put_object(Bucket=BUCKET, Key=key, Body=b"x") and aws.s3.get_object(
                Bucket="..", Key=key
            )


def test_faults_are_shown_as_often_as_asked(aws: Aws) -> None:
    faults = aws.service.faults
    faults.throttle_next(2)
    for _ in range(2):
        assert _code(lambda: aws.athena.list_work_groups()) == ("ThrottlingException", 400)
    assert aws.athena.list_work_groups()
    aws.s3.put_object(Bucket=BUCKET, Key="k", Body=b"x")
    faults.s3_errors_next(1)
    assert _code(lambda: aws.s3.get_object(Bucket=BUCKET, Key="k")) == ("InternalError", 500)
    assert aws.s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x"
    faults.break_off_next(1, Break.CUT)
    with pytest.raises((IncompleteReadError, ResponseStreamingError)):
        aws.s3.get_object(Bucket=BUCKET, Key="k")["Body"].read()
    assert aws.s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x"


def test_keys_can_expire_in_mid_run(aws: Aws) -> None:
    aws.service.faults.expire_keys()
    assert _code(lambda: aws.athena.list_work_groups())[0] == "ExpiredTokenException"
    assert _code(lambda: aws.glue.get_databases())[0] == "ExpiredTokenException"
    assert _code(lambda: aws.s3.list_objects_v2(Bucket=BUCKET))[0] == "ExpiredToken"
    aws.service.faults.expire_keys(False)
    assert aws.athena.list_work_groups()


def test_a_stopped_service_answers_no_more(aws: Aws) -> None:
    assert aws.athena.list_work_groups()
    aws.service.stop()
    with pytest.raises(ConnectionError):
        aws.athena.list_work_groups()


def _code(call: object) -> tuple[str, int]:
    with pytest.raises(ClientError) as refused:
        call()  # type: ignore[operator]
    response = refused.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]
