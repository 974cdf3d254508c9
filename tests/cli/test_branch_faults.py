"""What Neon, the network and people do wrong: each ends with its words, its code, no secret.

The Neon is the sandbox's, with its faults set; ``call`` looks for secrets in all that is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from neonsync.neon.branches import Project
from neonsync.sandbox import Sandbox
from neonsync.sandbox.neon.faults import Faults
from tests.cli.conftest import Run, noted
from tests.conftest import Target
from tests.neon.quiet import quiet_branches

SHUT_OUT = [
    ["branches", "list"],
    ["branches", "create", "x"],
    ["branches", "delete", "x", "--confirm", "x"],
    ["branches", "reset", "x", "--confirm", "x"],
    ["branches", "uri", "x"],
    ["branches", "prune"],
    ["plan", "--branch", "x"],
    ["plan"],
    ["--headless", "--branch", "x"],
    ["--headless", "--via-branch", "--branch", "x"],
]


@pytest.fixture
def faults(world: Sandbox) -> Iterator[Faults]:
    """The faults of the sandbox's Neon, all off again afterwards."""
    faults = world.neon.faults
    yield faults
    faults.distort_replies(False)
    faults.set_clock(timedelta(0))
    faults.fail_for(0, 423)
    faults.release()


@pytest.mark.parametrize(
    "arguments",
    [
        ["branches", "delete", "mian", "--confirm", "mian"],
        ["branches", "reset", "mian", "--confirm", "mian"],
        ["branches", "restore", "mian", "--at", "2026-01-31", "--confirm", "mian"],
        ["branches", "restore", "main", "--from", "mian", "--confirm", "main"],
        ["branches", "rename", "mian", "other"],
        ["branches", "expire", "mian", "--never"],
        ["branches", "uri", "mian"],
        ["branches", "create", "x", "--from-parent", "mian"],
        ["plan", "--branch", "mian"],
        ["--headless", "--branch", "mian"],
        ["--headless", "--via-branch", "--branch", "mian"],
    ],
)
def test_an_unknown_branch_has_its_nearest_named_by_every_command(
    call: Run, arguments: list[str]
) -> None:
    done = call(*arguments)
    assert done.returncode == 2
    assert "no branch named 'mian'" in done.stderr
    assert "Did you mean main?" in done.stderr


def test_of_two_branches_with_one_prefix_the_exact_one_is_meant(
    call: Run, world: Sandbox, project: Project
) -> None:
    with quiet_branches(world, "pre", "pre-1", "a-pre") as ids:
        words = ["branches", "expire", "pre", "--in", "1d", "--confirm", "pre", "--json"]
        listed = json.loads(call(*words).stdout)
        assert listed["id"] == ids["pre"]
        assert project.branch("pre-1").expires_at is None
        assert call("branches", "delete", "pr", "--confirm", "pr").returncode == 2
        done = call("branches", "delete", "pre", "--confirm", "pre")
        assert done.returncode == 0, done.stderr
        names = {each.name for each in project.branches()}
        assert names >= {"pre-1", "a-pre"}
        assert "pre" not in names
        # Now "pre" is only a part of names, which Neon's search finds all the same.
        assert call("branches", "delete", "pre", "--confirm", "pre").returncode == 2


def test_any_name_that_neon_takes_goes_through_every_command(
    call: Run, world: Sandbox, project: Project
) -> None:
    names = [
        "with blank",
        "feature/x?y=1&z#f",
        "Zweig ünï 日本 🍕",
        "100%25",
        "..",
        'it\'s "q"',
        "-",
    ]
    names.append("x" * 256)
    with quiet_branches(world, "plain") as ids:
        before = "plain"
        for name in names:
            renamed = call("branches", "rename", "--json", "--", before, name)
            assert renamed.returncode == 0, renamed.stderr
            found = call("branches", "expire", "--never", "--json", "--", name)
            assert json.loads(found.stdout)["id"] == ids["plain"]
            assert project.branch(name).id == ids["plain"]
            before = name
        for wrong, said in (
            ("x" * 257, "256 at most"),
            ("two\nlines", "line breaks"),
            (" ", "empty"),
        ):
            for words in (["rename", before, wrong], ["create", wrong]):
                done = call("branches", *words)
                assert done.returncode == 2
                assert said in done.stderr
        gone = call("branches", "delete", "--confirm", before, "--", before)
        assert gone.returncode == 0, gone.stderr


@pytest.mark.parametrize("arguments", SHUT_OUT, ids=" ".join)
def test_a_wrong_key_no_access_and_no_project_are_told_apart_by_every_command(
    call: Run, faults: Faults, arguments: list[str]
) -> None:
    wrong = call(*arguments, NEON_API_KEY="napi_wrong_0123456789")
    assert wrong.returncode == 3
    assert "refused the API key" in wrong.stderr
    assert "napi_wrong" not in wrong.stderr + wrong.stdout

    faults.fail_next(1, 403, {"code": "", "message": "not allowed", "request_id": "r-403"})
    forbidden = call(*arguments)
    assert forbidden.returncode == 3
    assert "The key is right." in forbidden.stderr
    assert "r-403" in forbidden.stderr

    unknown = call(*arguments, NEON_PROJECT_ID="none-of-mine-12345678")
    assert unknown.returncode == 2
    assert "knows no project 'none-of-mine-12345678'" in unknown.stderr


def test_every_reply_may_have_unknown_words_and_fields_and_lack_others(
    call: Run, faults: Faults, target: Target, gone: list[str], variables: dict[str, str]
) -> None:
    name, backup = f"{target.name}-odd", f"{target.name}-odd-before"
    gone += [name, backup]
    faults.distort_replies(True)
    report = ["--report-dir", str(target.report_dir)]
    confirm = ["--confirm", name]
    moment = datetime.now(UTC).isoformat()
    for arguments in (
        ["branches", "create", name, "--from-parent", target.name, "--expires", "7d"],
        ["branches", "list"],
        ["branches", "uri", name],
        ["--headless", "--branch", name, "--days", "3", *report],
        ["branches", "expire", name, "--never"],
        ["branches", "rename", name, name],
        ["branches", "reset", name, *confirm],
        ["branches", "restore", name, "--from", target.name, "--backup", backup, *confirm],
        ["branches", "create", f"{name}-past", "--from-parent", target.name, "--at", moment],
        ["branches", "delete", f"{name}-past", "--confirm", f"{name}-past"],
        ["branches", "prune", "--older-than", "1d"],
        ["branches", "delete", name, *confirm],
    ):
        done = call(*arguments)
        assert done.returncode == 0, (arguments, done.stderr)
    assert {status for _, _, status in noted(variables)} == {"succeeded"}


def test_a_branch_that_was_deleted_since_it_was_listed_is_said(
    call: Run, world: Sandbox, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with quiet_branches(world, "brief"):
        listed = project.branches()
    monkeypatch.setattr(Project, "branches", lambda *_, **__: listed)
    confirm = ["--confirm", "brief"]
    deleted = call("branches", "delete", "brief", *confirm)
    assert deleted.returncode == 0
    assert "was gone already" in deleted.stdout
    for words, said in (
        (["reset", "brief", *confirm], "somebody has deleted it meanwhile"),
        (["rename", "brief", "x"], "It may be gone by now"),
    ):
        done = call("branches", *words)
        assert done.returncode == 1
        assert said in done.stderr


@pytest.mark.parametrize("days", [10, -10])
def test_life_spans_go_by_neons_clock_and_not_by_this_machines(
    call: Run, faults: Faults, world: Sandbox, days: int
) -> None:
    faults.set_clock(timedelta(days=days))
    theirs = datetime.now(UTC) + timedelta(days=days)
    with quiet_branches(world, "skewed"):
        done = call("branches", "expire", "skewed", "--in", "30d", "--confirm", "skewed", "--json")
        assert done.returncode == 0, done.stderr
        expires = datetime.fromisoformat(json.loads(done.stdout)["expires_at"])
        assert abs(expires - theirs - timedelta(days=30)) < timedelta(minutes=1)
        listed = call("branches", "list").stdout.splitlines()
        (line,) = [each for each in listed if "skewed" in each]
        assert "in 29 days" in line or "in 30 days" in line
        assert "skewed" not in call("branches", "prune", "--expired").stdout
        past = (theirs - timedelta(hours=1)).isoformat()
        refused = call("branches", "expire", "skewed", "--at", past)
        assert refused.returncode == 2
        assert f"by Neon's clock it is {theirs:%Y-%m-%d}" in refused.stderr
        ahead = (theirs + timedelta(hours=1)).isoformat()
        future = call("branches", "create", "never", "--at", ahead)
        assert future.returncode == 2
        assert "is in the future: by Neon's clock" in future.stderr


def test_a_proxy_that_hangs_is_given_up_by_the_command(
    call: Run, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neonsync.neon.transport.READ_TIMEOUT", 0.2)
    monkeypatch.setattr("neonsync.neon.transport.BROKEN_ATTEMPTS", 2)
    faults.hang_next(2)
    done = call("branches", "list")
    assert done.returncode == 3
    assert "no answer in" in done.stderr
    assert "a proxy in between" in done.stderr


@pytest.mark.parametrize("status", [None, 524])
def test_a_reply_to_a_change_that_is_lost_is_settled_by_looking(
    call: Run, faults: Faults, world: Sandbox, project: Project, status: int | None
) -> None:
    with quiet_branches(world, "lost"):
        faults.lose_next(1, "PATCH", status, "<html>a timeout occurred</html>")
        renamed = call("branches", "rename", "lost", "found", "--json")
        assert renamed.returncode == 0, renamed.stderr
        faults.lose_next(1, "DELETE", status, "<html>a timeout occurred</html>")
        deleted = call("branches", "delete", "found", "--confirm", "found")
        assert deleted.returncode == 0, deleted.stderr
        assert project.find("found") is None
