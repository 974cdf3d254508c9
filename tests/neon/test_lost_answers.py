"""Requests whose answers are lost or never end: sent once, and settled by looking."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest

from neonsync.errors import ConfigError
from neonsync.neon import transport
from neonsync.neon.errors import UnavailableError, UnreachableError
from neonsync.neon.transport import NeonTransport
from neonsync.secret import Secret
from tests.neon.scripted import KEY, Answer, Call, Clock, FakeNeon, Scripted, branch, project

LOST = Answer("<html>", 524)


def lake() -> FakeNeon:
    return FakeNeon(branch("main", default=True), branch("dev", parent_id="br-main"))


def lost_after(call: Call, answer: Answer) -> Answer:
    return LOST if call.method == "POST" else answer


def lost_before(call: Call) -> Answer | None:
    return LOST if call.method == "POST" else None


@pytest.mark.parametrize("backup", [None, "old"])
def test_a_restore_whose_answer_was_lost_is_found_done(backup: str | None) -> None:
    neon = lake()
    neon.after = lost_after
    with project(neon) as (it, server, clock):
        dev = it.branch("dev")
        past = datetime.now(UTC) - timedelta(hours=1)
        done = it.restore(dev, dev.id, at=past, backup=backup) if backup else it.reset(dev)
    assert done.id == "br-dev"
    assert len(server.sent("POST")) == 1
    assert clock.said == ["no answer from Neon; looking whether dev was overwritten"]


def test_a_second_reset_is_told_from_the_first() -> None:
    neon = lake()
    with project(neon) as (it, server, _):
        dev = it.reset(it.branch("dev"))
        neon.before = lost_before
        with pytest.raises(UnavailableError, match="dev was not overwritten so far"):
            it.reset(dev)
        neon.before = lambda call: None
        neon.after = lost_after
        it.reset(dev)
    assert len(server.sent("POST")) == 3


def test_a_restore_that_never_reached_neon_is_said_to_be_none() -> None:
    neon = lake()
    neon.before = lost_before
    with project(neon) as (it, server, _):
        dev = it.branch("dev")
        with pytest.raises(UnavailableError, match="there is no branch old") as raised:
            it.restore(dev, dev.id, lsn="0/1", backup="old")
    assert "neonsync branches list shows old" in raised.value.remedy
    assert len(server.sent("POST")) == 1


def test_where_nobody_can_be_asked_nothing_is_claimed() -> None:
    neon = lake()
    with project(neon) as (it, server, _):
        dev = it.branch("dev")

        def gone(call: Call) -> Answer | None:
            return Answer(cut=True) if server.sent("POST") else None

        neon.before = gone
        with pytest.raises(UnreachableError, match="overwritten is not known"):
            it.reset(dev)
    assert len(server.sent("POST")) == 1


def test_a_restore_that_shows_at_its_end_only_is_waited_for() -> None:
    neon = lake()
    with project(neon) as (it, _, _):
        dev = it.branch("dev")

        def under_way(call: Call, answer: Answer) -> Answer:
            if call.method == "POST":
                neon.operation("running", branch_id="br-dev")
                neon.branches[1].pop("last_reset_at")
                return LOST
            if call.path.endswith("operations/op-0"):
                neon.branches[1]["last_reset_at"] = "2026-01-01T00:00:09Z"
                neon.operations["op-0"]["status"] = "finished"
            return answer

        neon.after = under_way
        assert it.reset(dev).last_reset_at is not None


def test_the_name_of_a_backup_that_is_taken_is_refused_beforehand() -> None:
    with project(lake()) as (it, server, _):
        dev = it.branch("dev")
        with pytest.raises(ConfigError, match="'main' already"):
            it.restore(dev, dev.id, lsn="0/1", backup="main")
    assert not server.sent("POST")


def test_a_branch_that_is_there_twice_is_nobodys_target() -> None:
    twin = branch("dev") | {"id": "br-twin"}
    with (
        project(FakeNeon(branch("main", default=True), branch("dev"), twin)) as (it, _, _),
        pytest.raises(ConfigError, match="2 branches have the name 'dev': br-dev, br-twin"),
    ):
        it.branch("dev")


def test_a_branch_that_neons_search_passes_over_is_not_made_again() -> None:
    neon = lake()
    neon.before = lambda call: Answer({"branches": []}) if "search=" in call.query else None
    with project(neon) as (it, server, _):
        assert not it.create("dev").created
    assert not server.sent("POST")


def test_a_proxy_that_sends_a_byte_now_and_then_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "WHOLE_TIMEOUT", 0.2)
    end = threading.Event()
    with Scripted(lambda call: Answer(trickle=end)) as server:
        client = NeonTransport(Secret(KEY), server.settings.api_host, Clock().patience())
        with pytest.raises(UnreachableError, match="no answer in"):
            client.get("x")
        assert len(server.calls) == transport.BROKEN_ATTEMPTS
        with pytest.raises(UnreachableError):
            client.post("x", {})
        assert len(server.sent("POST")) == 1
        end.set()


def test_this_machine_is_reached_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the key would travel to the proxy, unencrypted."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with Scripted(lambda call: Answer({"here": 1})) as server:
        client = NeonTransport(Secret(KEY), server.settings.api_host, Clock().patience())
        assert client.get("x") == {"here": 1}
