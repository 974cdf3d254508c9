"""The address of a branch, and who hears of the way to it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from neonsync.engine.planning.target import find_target
from neonsync.errors import (
    AccessError,
    ConfigError,
    WrongTargetError,
)
from neonsync.neon.branches import Project
from neonsync.neon.errors import AnswerError
from neonsync.secret import Secret
from neonsync.settings import load_settings
from tests.neon.scripted import Answer, FakeNeon, Scripted, branch, project


def _with_address(uri: str, **endpoint: Any) -> FakeNeon:
    neon = FakeNeon()
    host = "ep-a-b-1.eu.neon.tech"
    shown = {"id": "ep-a-b-1", "host": host, "branch_id": "br-main", "type": "read_write"}
    answers: dict[str, Any] = {
        "endpoints": {"endpoints": [{**shown, **endpoint}]},
        "databases": {"databases": [{"name": "app"}]},
        "roles": {"roles": [{"name": "me"}]},
        "connection_uri": {"uri": uri},
    }
    neon.before = lambda call: (
        Answer(answers[last]) if (last := call.path.rpartition("/")[2]) in answers else None
    )
    return neon


DIRECT = "postgresql://me:hunter2hunter2@ep-a-b-1.eu.neon.tech/app"


def test_an_address_is_asked_for_with_the_branch_and_is_always_encrypted() -> None:
    with project(_with_address(DIRECT, current_state="idle")) as (it, server, _):
        address = it.address(it.branch("main"))
    assert "branch_id=br-main" in server.sent("GET", "connection_uri")[0].query
    assert address.uri.reveal() == f"{DIRECT}?sslmode=require"
    assert (address.database, address.role, address.suspended) == ("app", "me", True)


def test_a_pooled_address_is_made_direct_and_that_is_said() -> None:
    pooled = "postgresql://me:a%40b-pooler.x@ep-a-b-1-pooler.eu.neon.tech:5432/app?sslmode=require"
    with project(_with_address(pooled)) as (it, _, _):
        address = it.address(it.branch("main"))
    assert address.uri.reveal() == pooled.replace("ep-a-b-1-pooler", "ep-a-b-1")
    assert "without the pooler" in address.notes[0]


@pytest.mark.parametrize(
    ("string", "password"),
    [
        ("postgresql://me:p%40ss@ep-other.eu.neon.tech/x", "p%40ss"),
        ("postgresql://you:p%40ss@ep-a-b-1.eu.neon.tech/app", ""),
        ("postgresql://me@ep-a-b-1.eu.neon.tech/app", ""),
    ],
)
def test_a_password_that_neon_does_not_tell_is_the_strings_when_the_role_fits(
    string: str, password: str
) -> None:
    neon = _with_address("postgresql://me@ep-a-b-1.eu.neon.tech/app")
    with Scripted(neon) as server:
        it = Project(replace(server.settings, connection_string=Secret(string)))
        uri = it.address(it.branch("main")).uri.reveal()
    colon = f":{password}" if password else ""
    assert uri == f"postgresql://me{colon}@ep-a-b-1.eu.neon.tech/app?sslmode=require"


def test_whoever_plans_a_run_hears_what_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("neonsync.neon.transport._backoff", lambda attempt: 0.0)
    neon = _with_address(DIRECT)
    neon.branches = [branch("main", default=True), branch("dev")]
    answers = [Answer({"message": "busy"}, 423)]
    inner = neon.before
    neon.before = lambda call: answers.pop() if answers else inner(call)
    said: list[str] = []
    with Scripted(neon) as server:
        environ = {
            "NEON_API_KEY": "napi_x",
            "NEON_PROJECT_ID": "p",
            "NEON_API_HOST": server.settings.api_host,
        }
        settings = load_settings(flags={"branch": "main"}, environ=environ)
        settings = replace(settings, confirm=("main",))
        find_target(settings, said.append)
    assert said == ["Neon is busy with other operations of the project; waiting"]


def test_an_address_of_another_branch_is_refused() -> None:
    other = DIRECT.replace("ep-a-b-1", "ep-a-b-10")
    with (
        project(_with_address(other)) as (it, _, _),
        pytest.raises(WrongTargetError, match="none of its computes") as raised,
    ):
        it.address(it.branch("main"))
    assert "hunter2" not in str(raised.value) + raised.value.remedy


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ({"type": "read_only"}, "no read-write compute"),
        ({"branch_id": "br-other"}, "no read-write compute"),
        ({"disabled": True}, "is disabled"),
    ],
)
def test_a_branch_that_nobody_can_connect_to_is_said(endpoint: dict[str, Any], said: str) -> None:
    with (
        project(_with_address(DIRECT, **endpoint)) as (it, _, _),
        pytest.raises(AccessError, match=said),
    ):
        it.address(it.branch("main"))


def test_an_address_that_is_none_or_unencrypted_is_refused() -> None:
    for uri in ("", "nonsense", "postgresql:///app"):
        with project(_with_address(uri)) as (it, _, _), pytest.raises(AnswerError):
            it.address(it.branch("main"))
    with project(_with_address(f"{DIRECT}?sslmode=prefer")) as (it, _, _):
        with pytest.raises(ConfigError, match="unencrypted") as raised:
            it.address(it.branch("main"))
        assert "hunter2" not in str(raised.value)
