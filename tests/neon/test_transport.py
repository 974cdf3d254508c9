"""What reaches Neon's API, how often, and what comes of its refusals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from neonsync import __version__
from neonsync.errors import ExitCode, NeonsyncError, RunCancelled
from neonsync.neon import transport
from neonsync.neon.errors import (
    AnswerError,
    ForbiddenError,
    KeyRefusedError,
    NeonRequestError,
    UnavailableError,
    UnreachableError,
)
from neonsync.neon.transport import NeonTransport
from neonsync.secret import Secret
from tests.neon.scripted import KEY, Answer, Call, Clock, Scripted

BUSY = Answer({"code": "", "message": "project has running operations"}, 423)


@contextmanager
def api(
    answer: Callable[[Call], Answer], **patience: Any
) -> Iterator[tuple[NeonTransport, Scripted, Clock]]:
    clock = Clock()
    with Scripted(answer) as server:
        client = NeonTransport(Secret(KEY), server.settings.api_host, clock.patience(**patience))
        yield client, server, clock


def in_turn(*answers: Answer) -> Callable[[Call], Answer]:
    """One after the other; the last one stays."""
    left = list(answers)
    return lambda call: left.pop(0) if len(left) > 1 else left[0]


def test_a_request_carries_key_agent_and_lower_case_booleans() -> None:
    with api(lambda call: Answer({})) as (client, server, _):
        client.get("x", pooled=False, wanted=True, left_out=None, number=3)
    (call,) = server.calls
    assert call.headers["Authorization"] == f"Bearer {KEY}"
    assert call.headers["User-Agent"] == f"neonsync/{__version__}"
    assert call.query == "pooled=false&wanted=true&number=3"


def test_a_netrc_does_not_replace_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password other\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with api(lambda call: Answer({})) as (client, server, _):
        client.get("x")
    assert server.calls[0].headers["Authorization"] == f"Bearer {KEY}"


def test_an_empty_204_is_an_empty_answer() -> None:
    with api(lambda call: Answer(None, 204)) as (client, _, _):
        assert client.delete("x") == {}


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (401, KeyRefusedError, "NEON_API_KEY may be revoked"),
        (403, ForbiddenError, "The key is right"),
    ],
)
def test_a_wrong_key_and_one_without_access_are_told_apart(
    status: int, kind: type[NeonRequestError], said: str
) -> None:
    answer = Answer({"code": "C", "message": "no", "request_id": "r-1"}, status)
    with api(lambda call: answer) as (client, server, _), pytest.raises(kind) as raised:
        client.get("projects/p")
    error = raised.value
    assert said in error.remedy
    assert (error.status, error.code, error.request_id) == (status, "C", "r-1")
    assert error.exit_code is ExitCode.ACCESS
    assert len(server.calls) == 1


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_423_is_borne_for_a_minute_whatever_the_method(method: str) -> None:
    clock = Clock()
    with Scripted(lambda call: BUSY if clock.now < 60 else Answer({"done": 1})) as server:
        client = NeonTransport(Secret(KEY), server.settings.api_host, clock.patience())
        assert client._request(method, "x") == {"done": 1}
    assert 60 <= clock.now < 75
    assert clock.said == ["Neon is busy with other operations of the project; waiting"]


def test_423_without_end_is_given_up() -> None:
    with (
        api(lambda call: BUSY) as (client, _, clock),
        pytest.raises(UnavailableError, match="still busy") as raised,
    ):
        client.post("x", {})
    assert raised.value.exit_code is ExitCode.ACCESS
    assert transport.BUSY_SECONDS <= clock.now < transport.BUSY_SECONDS + 15


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({"Retry-After": "7"}, 7, 7),
        (
            {
                "Date": "Sat, 31 Jan 2026 10:00:00 GMT",
                "Retry-After": "Sat, 31 Jan 2026 10:00:09 GMT",
            },
            9,
            9,
        ),
        ({}, 0.1, 1),
        ({"Retry-After": "soon"}, 0.1, 1),
        ({"Retry-After": "86400"}, 60, 60),
    ],
)
def test_429_is_waited_for_as_long_as_neon_says(
    headers: dict[str, str], low: float, high: float
) -> None:
    answers = in_turn(Answer({"message": "slow down"}, 429, headers), Answer({"done": 1}))
    with api(answers) as (client, server, clock):
        assert client.post("x", {}) == {"done": 1}
    assert low <= clock.now <= high
    assert len(server.calls) == 2


def test_a_branch_that_is_not_ready_yet_is_waited_for() -> None:
    answers = in_turn(Answer({"message": "branch not ready yet"}, 422), Answer({}))
    with api(answers) as (client, server, _):
        client.post("x", {})
    assert len(server.calls) == 2


def test_another_422_is_not() -> None:
    answer = Answer({"code": "BRANCHES_LIMIT", "message": "branches limit exceeded"}, 422)
    with api(lambda call: answer) as (client, server, _), pytest.raises(NeonRequestError) as it:
        client.post("x", {})
    assert len(server.calls) == 1
    assert "limit" in it.value.remedy


@pytest.mark.parametrize("status", [500, 502, 524])
def test_a_5xx_is_asked_again_for_a_get_and_never_for_a_post(status: int) -> None:
    html = Answer("<html><title>524</title></html>", status)
    with api(in_turn(html, html, Answer({"done": 1}))) as (client, _, _):
        assert client.get("x") == {"done": 1}
    with api(lambda call: html) as (client, server, _):
        with pytest.raises(UnavailableError) as raised:
            client.post("x", {})
        assert len(server.calls) == 1
        assert raised.value.status == status
        assert "<html>" not in str(raised.value)


def test_503_has_done_nothing_and_is_asked_again() -> None:
    with api(in_turn(Answer(None, 503), Answer({}))) as (client, server, _):
        client.post("x", {})
    assert len(server.calls) == 2


def test_a_cut_connection_is_asked_again_for_a_get_and_never_for_a_post() -> None:
    with api(in_turn(Answer(cut=True), Answer({"done": 1}))) as (client, _, _):
        assert client.get("x") == {"done": 1}
    for method in ("POST", "PATCH", "DELETE"):
        with api(lambda call: Answer(cut=True)) as (client, server, _):
            with pytest.raises(UnreachableError):
                client._request(method, "x")
            assert len(server.calls) == 1


def test_a_proxy_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_TIMEOUT", 0.1)
    never = threading.Event()
    with api(lambda call: Answer(cut=True, wait=never)) as (client, server, _):
        with pytest.raises(UnreachableError, match="no answer in") as raised:
            client.get("x")
        never.set()
    assert raised.value.exit_code is ExitCode.ACCESS
    assert len(server.calls) == transport.BROKEN_ATTEMPTS


def test_nobody_there_may_be_asked_again_by_post_too() -> None:
    clock = Clock()
    client = NeonTransport(Secret(KEY), "http://127.0.0.1:1/api/v2", clock.patience())
    with pytest.raises(UnreachableError, match=r"reached: Connection refused$") as raised:
        client.post("x", {})
    assert clock.now > 0  # no connection came about: nobody can have acted on it
    assert KEY not in f"{raised.value!r} {raised.value} {raised.value.remedy}"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("<html>log in to the hotel's network</html>"),
        Answer([1, 2]),
        Answer(None, 302, {"Location": "http://127.0.0.1:1/"}),
        Answer(None, 301, {"Location": "/api/v2/x"}),
    ],
)
def test_what_is_not_neons_api_is_said(answer: Answer) -> None:
    with (
        api(lambda call: answer) as (client, server, _),
        pytest.raises(AnswerError, match="not Neon's API"),
    ):
        client.post("x", {})
    assert len(server.calls) == 1


def test_a_key_that_is_sent_back_is_not_shown() -> None:
    answer = Answer({"message": f"bad key {KEY}", "code": KEY, "request_id": KEY}, 400)
    with api(lambda call: answer) as (client, _, _), pytest.raises(NeonsyncError) as raised:
        client.get("x")
    assert KEY not in str(raised.value)
    assert "bad key" in str(raised.value)


def test_waiting_ends_when_it_is_given_up() -> None:
    cancel = threading.Event()

    def answer(call: Call) -> Answer:
        cancel.set()
        return BUSY

    with api(answer, cancel=cancel) as (client, server, _), pytest.raises(RunCancelled):
        client.post("x", {})
    assert len(server.calls) == 1


def test_the_time_is_neons_and_not_this_machines() -> None:
    with api(lambda call: Answer({}, headers={"Date": "Tue, 31 Jan 2040 10:00:00 GMT"})) as (
        client,
        _,
        _,
    ):
        client.get("x")
        assert f"{client.now():%Y-%m-%d}" == "2040-01-31"


def test_no_secret_stands_in_the_cause_of_an_error() -> None:
    with (
        api(lambda call: Answer(cut=True)) as (client, _, _),
        pytest.raises(UnreachableError) as raised,
    ):
        client.post("x", {})
    # A traceback of the cause would show the request, with its key.
    assert raised.value.__suppress_context__
    assert not isinstance(raised.value.__cause__, requests.RequestException)
