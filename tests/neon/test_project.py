"""Branches through the API: found exactly, made once, waited for; odd answers are borne."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from neonsync.errors import (
    ConfigError,
    ExitCode,
    RunCancelled,
    UnknownBranchError,
)
from neonsync.neon.annotation import annotation
from neonsync.neon.creation import BranchWish
from neonsync.neon.errors import (
    AnswerError,
    NeonRequestError,
    OperationError,
    UnreachableError,
)
from tests.neon.scripted import Answer, Call, Clock, FakeNeon, branch, project


def wish(**more: Any) -> BranchWish:
    return BranchWish(annotation=annotation({}), **more)


# Finding


def test_a_branch_is_found_by_its_exact_name_among_those_that_contain_it() -> None:
    names = ["dev-2", "my-dev", "dev", "DEV", "deve"]
    with project(FakeNeon(*map(branch, names))) as (it, server, _):
        assert it.branch("dev").id == "br-dev"
    assert server.calls[0].query == "limit=100&search=dev"


@pytest.mark.parametrize(
    "name", ["with blank", "feature/x?y=1&z", "Zweig/ümlaut 日本", "100%", "'"]
)
def test_any_name_is_found_and_made(name: str) -> None:
    with project(FakeNeon()) as (it, _, _):
        assert it.create(name, wish()).created
        assert it.branch(name).name == name
        assert not it.create(name, wish()).created


def test_an_unknown_branch_has_its_nearest_named() -> None:
    with (
        project(FakeNeon(branch("main"), branch("staging"), branch("x"))) as (it, _, _),
        pytest.raises(UnknownBranchError, match="no branch named 'stagign'") as raised,
    ):
        it.branch("stagign")
    assert raised.value.remedy == (
        "Did you mean staging? A new one is made by: neonsync branches create stagign"
    )
    assert raised.value.exit_code is ExitCode.USAGE


def test_all_pages_are_read_and_a_cursor_that_repeats_ends_it() -> None:
    pages = {
        "": {"branches": [branch("a")], "pagination": {"next": "2"}},
        "2": {"branches": [branch("a"), branch("b")], "pagination": {"next": "2"}},
    }
    neon = FakeNeon()
    neon.before = lambda call: Answer(pages["2" if "cursor=2" in call.query else ""])
    with project(neon) as (it, server, _):
        assert [each.name for each in it.branches()] == ["a", "b"]
    assert len(server.calls) == 2


def test_a_project_that_is_not_there_is_told_from_a_wrong_key() -> None:
    neon = FakeNeon()
    neon.before = lambda call: Answer({"message": "project not found"}, 404)
    with (
        project(neon) as (it, _, _),
        pytest.raises(ConfigError, match="knows no project 'quiet-moon-12345678'") as raised,
    ):
        it.branch("x")
    assert raised.value.exit_code is ExitCode.USAGE


# Making


@pytest.mark.parametrize("name", ["", "  ", " dev", "dev ", "x" * 257, "two\nlines"])
def test_a_name_that_no_branch_can_have_is_refused_before_anything_is_asked(name: str) -> None:
    with project(FakeNeon()) as (it, server, _), pytest.raises(ConfigError):
        it.create(name, wish())
    assert server.calls == []


def test_a_new_branch_has_a_compute_and_our_note() -> None:
    with project(FakeNeon()) as (it, server, _):
        made = it.create("dev", wish(min_cu=0.25, max_cu=2, expires_in=timedelta(days=7)))
    assert made.created
    assert made.branch.ours
    (call,) = server.sent("POST")
    assert call.body["endpoints"] == [
        {
            "type": "read_write",
            "autoscaling_limit_min_cu": 0.25,
            "autoscaling_limit_max_cu": 2,
        }
    ]
    assert call.body["annotation_value"]["neonsync"]
    assert "parent_id" not in call.body["branch"]
    # Only the Free plan's own is allowed there: nobody asked for another.
    assert "suspend_timeout" not in str(call.body)


def test_the_parents_past_is_asked_for_within_the_history_only() -> None:
    now = datetime.now(UTC)
    with project(FakeNeon()) as (it, server, _):
        it.create("hour", wish(parent="main", at=now - timedelta(hours=1)))
        for moment, said in ((timedelta(hours=25), "reaches back 24 h"), (-timedelta(1), "future")):
            with pytest.raises(ConfigError, match=said):
                it.create("other", wish(at=now - moment))
        it.create("lsn", wish(lsn="0/1A"))
    first, second = server.sent("POST")
    assert first.body["branch"]["parent_id"] == "br-main"
    assert first.body["branch"]["parent_timestamp"].endswith("Z")
    assert second.body["branch"]["parent_lsn"] == "0/1A"


@pytest.mark.parametrize("status", [0, 524])
def test_a_lost_answer_to_a_post_leaves_exactly_one_branch(status: int) -> None:
    neon = FakeNeon()

    def lost(call: Call, answer: Answer) -> Answer:
        if call.method != "POST":
            return answer
        return Answer("<html>", status) if status else Answer(cut=True)

    neon.after = lost
    with project(neon) as (it, server, clock):
        made = it.create("dev", wish())
    assert made.created
    assert len(server.sent("POST")) == 1
    assert [each["name"] for each in neon.branches] == ["main", "dev"]
    assert any("looking whether" in line for line in clock.said)


def test_a_lost_post_that_made_nothing_is_not_sent_again() -> None:
    neon = FakeNeon()
    neon.before = lambda call: Answer(cut=True) if call.method == "POST" else None
    with (
        project(neon) as (it, server, _),
        pytest.raises(UnreachableError, match="lists no branch dev") as raised,
    ):
        it.create("dev", wish())
    assert len(server.sent("POST")) == 1
    assert "looks for the branch" in raised.value.remedy


def test_a_branch_that_somebody_else_made_meanwhile_is_not_called_ours() -> None:
    neon = FakeNeon()

    def stolen(call: Call) -> Answer | None:
        if call.method != "POST":
            return None
        neon.branches.append(branch("dev"))
        return Answer(cut=True)

    neon.before = stolen
    with project(neon) as (it, _, _):
        assert not it.create("dev", wish()).created
    neon.branches.pop()
    with project(neon) as (it, _, _), pytest.raises(ConfigError, match="already"):
        it.create("dev", wish(must_be_new=True))


def test_who_comes_second_takes_the_branch_or_fails() -> None:
    neon = FakeNeon()

    def quicker(call: Call) -> Answer | None:
        if call.method != "POST":
            return None
        neon.branches.append(branch("dev"))
        return Answer({"message": "branch already exists"}, 409)

    neon.before = quicker
    with project(neon) as (it, _, _):
        assert not it.create("dev", wish()).created


def test_a_branch_that_is_there_is_not_made_again() -> None:
    with project(FakeNeon(branch("main"), branch("dev"))) as (it, server, _):
        made = it.create("dev", wish())
        assert (made.created, made.branch.name) == (False, "dev")
        with pytest.raises(ConfigError, match="already") as raised:
            it.create("dev", wish(must_be_new=True))
    assert raised.value.exit_code is ExitCode.USAGE
    assert server.sent("POST") == []


def test_an_existing_branch_that_is_still_being_made_is_waited_for() -> None:
    neon = FakeNeon(branch("main"), branch("dev"))
    busy = neon.operation("running", branch_id="br-dev")
    neon.operation("running", branch_id="br-main")

    def finish(call: Call) -> Answer | None:
        if call.path.endswith("op-0"):
            busy["status"] = "finished"
        return None

    neon.before = finish
    with project(neon) as (it, server, _):
        it.create("dev", wish())
    assert len(server.sent("GET", "operations/op-0")) == 1
    assert server.sent("GET", "operations/op-1") == []


# Waiting


def _operations(statuses: list[str], **patience: Any) -> Clock:
    """Make a branch whose operation goes through these, the last for good."""
    neon = FakeNeon()
    made = neon.operation

    def begin(status: str = "", **more: Any) -> dict[str, Any]:
        return made(statuses[0], **more)

    neon.operation = begin  # type: ignore[method-assign]

    def go_on(call: Call) -> Answer | None:
        if "operations/" in call.path and statuses[1:]:
            statuses.pop(0)
            neon.operations["op-0"]["status"] = statuses[0]
        return None

    neon.before = go_on
    with project(neon, **patience) as (it, _, clock):
        it.create("dev", wish())
    return clock


@pytest.mark.parametrize(
    "statuses",
    [
        ["scheduling", "running", "finished"],
        ["skipped"],
        ["running", "failed", "running", "finished"],
        ["a_word_of_tomorrow", "finished"],
    ],
)
def test_an_operation_is_waited_for_until_it_is_done(statuses: list[str]) -> None:
    said = [f"Neon: do {status}" for status in statuses if status not in ("finished", "skipped")]
    assert _operations(list(statuses)).said == said


@pytest.mark.parametrize("status", ["failed", "error", "cancelled"])
def test_an_operation_that_fails_for_good_is_an_error(status: str) -> None:
    with pytest.raises(OperationError, match=f"do ended as {status}") as raised:
        _operations(["running", status])
    assert raised.value.exit_code is ExitCode.SYNC_FAILED


def test_an_operation_that_never_ends_is_given_up_in_time() -> None:
    with pytest.raises(OperationError, match="still running after 300 s"):
        _operations(["running"])
    with pytest.raises(OperationError, match=r"still running after (9|10) s"):
        _operations(["running"], timeout=9)


def test_waiting_for_an_operation_can_be_cancelled() -> None:
    cancel = threading.Event()
    neon = FakeNeon()
    neon.operation = lambda *_, **__: {"id": "op", "status": "running"}  # type: ignore[method-assign]

    def then_cancel(call: Call, answer: Answer) -> Answer:
        if call.method == "POST":
            cancel.set()
        return answer

    neon.after = then_cancel
    with project(neon, cancel=cancel) as (it, _, _), pytest.raises(RunCancelled):
        it.create("dev", wish())


def test_a_branch_that_somebody_deletes_while_we_wait_is_said() -> None:
    neon = FakeNeon()

    def delete(call: Call, answer: Answer) -> Answer:
        if call.method == "POST":
            neon.branches.pop()
        return answer

    neon.after = delete
    with project(neon) as (it, _, _), pytest.raises(OperationError, match="has deleted it"):
        it.create("dev", wish())


# Changing


def test_delete_says_whether_the_branch_was_there() -> None:
    neon = FakeNeon(branch("main"), branch("dev"))
    with project(neon) as (it, _, _):
        dev = it.branch("dev")
        assert it.delete(dev)
        assert not it.delete(dev)  # 404
        neon.before = lambda call: Answer(None, 204)
        assert not it.delete(dev)


def test_a_lost_answer_to_a_delete_is_settled_by_looking() -> None:
    neon = FakeNeon(branch("main"), branch("dev"), branch("stays"))
    with project(neon) as (it, server, _):
        dev, stays = it.branch("dev"), it.branch("stays")
        neon.after = lambda call, answer: Answer(cut=True) if call.method == "DELETE" else answer
        assert it.delete(dev)
        neon.before = lambda call: Answer(cut=True) if call.method == "DELETE" else None
        with pytest.raises(UnreachableError):
            it.delete(stays)
    assert len(server.sent("DELETE")) == 2


def test_a_refusal_to_delete_is_neons_own_words() -> None:
    neon = FakeNeon(branch("main"), branch("dev"))
    with project(neon) as (it, _, _):
        dev = it.branch("dev")
        neon.before = lambda call: Answer({"message": "cannot delete that"}, 422)
        with pytest.raises(NeonRequestError, match="cannot delete that"):
            it.delete(dev)


def test_rename_and_expiry_are_done_or_seen_to_be_done() -> None:
    neon = FakeNeon(branch("main"), branch("dev"))
    with project(neon) as (it, server, _):
        assert it.rename(it.branch("dev"), "development").name == "development"
        neon.after = lambda call, answer: Answer(cut=True) if call.method == "PATCH" else answer
        again = it.rename(it.branch("development"), "dev")
        assert again.name == "dev"
        moment = datetime.now(UTC) + timedelta(days=3)
        assert it.set_expiry(again, moment).expires_at is not None
        assert it.set_expiry(again, None).expires_at is None
        with pytest.raises(ConfigError, match="'main' already"):
            it.rename(again, "main")
    assert server.sent("PATCH")[-1].body == {"branch": {"expires_at": None}}


def test_reset_and_restore_ask_for_what_was_said() -> None:
    neon = FakeNeon(branch("main"), branch("dev", parent_id="br-main"))
    with project(neon) as (it, server, _):
        dev = it.branch("dev")
        it.reset(dev)
        it.restore(dev, dev.id, at=datetime.now(UTC) - timedelta(hours=1), backup="old")
    first, second = server.sent("POST", "branches/br-dev/restore")
    assert first.body == {"source_branch_id": "br-main"}
    assert second.body["source_branch_id"] == "br-dev"
    assert second.body["preserve_under_name"] == "old"
    assert "source_timestamp" in second.body


def test_the_expiry_goes_by_neons_clock() -> None:
    """A machine that is ten days behind would else ask for a past that Neon refuses."""
    ahead = datetime.now(UTC) + timedelta(days=10)
    date = {"Date": f"{ahead:%a, %d %b %Y %H:%M:%S} GMT"}
    neon = FakeNeon()
    neon.after = lambda call, answer: Answer(answer.body, answer.status, date)
    with project(neon) as (it, server, _):
        it.create("dev", wish(expires_in=timedelta(days=7)))
        with pytest.raises(ConfigError, match="past: by Neon's clock"):
            it.create("other", wish(expires_at=ahead - timedelta(days=1)))
    (call,) = server.sent("POST")
    expires = datetime.fromisoformat(call.body["branch"]["expires_at"])
    assert timedelta(days=6, hours=23) < expires - ahead < timedelta(days=7, minutes=1)


def test_more_than_thirty_days_are_refused_before_neon_does() -> None:
    with project(FakeNeon()) as (it, _, _), pytest.raises(ConfigError, match="more than 30 days"):
        it.create("dev", wish(expires_in=timedelta(days=31)))


# Odd answers


def test_missing_fields_and_unknown_words_are_borne() -> None:
    neon = FakeNeon({"id": "br-main", "current_state": "hibernating", "new": {"a": [1]}})
    with project(neon) as (it, _, _):
        (read,) = it.branches()
        assert (read.id, read.name, read.state) == ("br-main", "br-main", "hibernating")
        assert not read.default
        assert not read.guards_known
    odd: list[Any] = [
        {},
        {"branches": None},
        {"branches": "x", "pagination": [], "annotations": 3},
        {"branches": [None, 3], "pagination": {"next": None}},
    ]
    for body in odd:
        neon.before = lambda call, body=body: Answer(body)  # type: ignore[misc]
        with project(neon) as (it, _, _):
            assert it.branches() == []


def test_an_answer_to_a_new_branch_without_the_branch_is_looked_up() -> None:
    neon = FakeNeon()
    neon.after = lambda call, answer: Answer({}) if call.method == "POST" else answer
    with project(neon) as (it, _, _):
        made = it.create("dev", wish())
    assert (made.created, made.branch.id) == (True, "br-dev")


@pytest.mark.parametrize("told", [{}, {"operations": None}, {"operations": [{"action": "do"}]}])
def test_work_that_the_answer_to_a_change_does_not_tell_is_waited_for(told: dict[str, Any]) -> None:
    neon = FakeNeon(branch("main"), branch("dev", parent_id="br-main"))
    busy = neon.operation("running", branch_id="br-dev")

    def finish(call: Call) -> Answer | None:
        if call.path.endswith("operations/op-0"):
            busy["status"] = "finished"
        return None

    neon.before = finish
    neon.after = lambda call, answer: (
        Answer({"branch": answer.body["branch"], **told}) if call.method == "POST" else answer
    )
    with project(neon) as (it, _, _):
        it.reset(it.branch("dev"))
    assert busy["status"] == "finished", "else a sync would go into what is being overwritten"


def test_an_answer_without_an_id_is_said() -> None:
    with project(FakeNeon({"name": "x"})) as (it, _, _), pytest.raises(AnswerError, match="no id"):
        it.branches()
