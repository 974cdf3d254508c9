"""neonsync branches: what it prints, asks, refuses and notes; each call is a process of its own."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import psycopg
import pytest
import requests

from neonsync.cli.main import cli
from neonsync.neon.branches import Project
from tests.cli.conftest import Run, noted, reached
from tests.cli.test_cli import BARE
from tests.conftest import Target
from tests.neon.scripted import KEY, Answer, FakeNeon, Scripted, branch

COMMANDS = ["list", "create", "delete", "reset", "restore", "rename", "prune", "uri", "expire"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_each_command_has_an_example_that_can_be_parsed(command: str) -> None:
    group = cli.get_command(click.Context(cli), "branches")
    assert isinstance(group, click.Group)
    found = group.get_command(click.Context(group), command)
    assert found is not None
    assert found.epilog is not None
    examples = [line.split("neonsync branches ")[1] for line in found.epilog.splitlines()[2:]]
    assert examples
    for example in examples:
        words = example.partition(')"')[0].split()
        assert words[0] == command
        found.make_parser(click.Context(found)).parse_args(words[1:])
    assert "--json" in [name for parameter in found.params for name in parameter.opts]


def test_the_life_of_a_branch(
    call: Run, variables: dict[str, str], gone: list[str], world: Any
) -> None:
    name, renamed = "feature/ünï x", "feature/y"
    gone += [name, renamed]

    created = call("branches", "create", name, "--expires", "7d", "--cu", "0.25-1", "--json")
    assert created.returncode == 0, created.stderr
    made = json.loads(created.stdout)
    assert (made["created"], made["name"], made["parent"]) == (True, name, "main")
    assert made["made_by_neonsync"]
    assert made["expires_at"]
    assert "create_branch" in created.stderr

    again = json.loads(call("branches", "create", name, "--json").stdout)
    assert (again["created"], again["id"]) == (False, made["id"])
    told = call("branches", "create", name, "--expires", "3d", "--schema-only").stderr
    assert "nothing was done for --schema-only" in told
    assert f"nothing was done for --expires: it expires {made['expires_at'][:16]}" in told
    assert f"neonsync branches expire '{name}' --in SPAN" in told
    secret = call("branches", "create", "napi_0123456789abcdef0123")
    assert secret.returncode == 2
    assert "looks like a secret" in secret.stderr
    assert "0123456789abcdef" not in secret.stdout + secret.stderr
    refused = call("branches", "create", name, "--must-be-new")
    assert (refused.returncode, refused.stdout) == (2, "")

    assert json.loads(call("branches", "rename", name, renamed, "--json").stdout)["name"] == renamed
    kept = json.loads(call("branches", "expire", renamed, "--never", "--json").stdout)
    assert kept["expires_at"] is None

    listed = call("branches", "list")
    assert renamed in listed.stdout
    shown = {each["name"]: each for each in json.loads(call("branches", "list", "--json").stdout)}
    assert shown["main"]["default"]
    assert shown[renamed]["last_sync"] is None

    deleted = call("branches", "delete", renamed, "--confirm", renamed)
    assert deleted.returncode == 0, deleted.stderr
    assert f"deleted {renamed} ({made['id']})" in deleted.stdout
    assert call("branches", "uri", renamed).returncode == 2

    assert noted(variables) == [
        ("create", name, "succeeded"),
        ("rename", renamed, "succeeded"),
        ("expire", renamed, "succeeded"),
        ("delete", renamed, "succeeded"),
    ]


def test_the_address_is_masked_unless_it_is_asked_for(call: Run, target: Target) -> None:
    password = urlsplit(target.uri).password or ""
    for arguments in (["uri", target.name], ["uri", target.name, "--json"]):
        masked = call("branches", *arguments)
        assert password not in masked.stdout + masked.stderr
        assert "********@ep-" in masked.stdout
    shown = call("branches", "uri", target.name, "--show").stdout.strip()
    with psycopg.connect(shown) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)

    masked = call("branches", "uri", target.name, "--env")
    assert password not in masked.stdout
    assert "export PGDATABASE=neondb" in masked.stdout
    assert "PGPASSWORD" not in masked.stdout
    assert "PGPASSWORD is left out; --show prints it" in masked.stderr
    lines = call("branches", "uri", target.name, "--env", "--show").stdout.splitlines()
    found = dict(shlex.split(line)[1].split("=", 1) for line in lines)
    assert (found["PGPASSWORD"], found["PGDATABASE"]) == (password, "neondb")
    assert call("branches", "uri", target.name, "--env", "--json").returncode == 2

    in_actions = call("branches", "uri", target.name, "--show", GITHUB_ACTIONS="true")
    assert in_actions.stdout.strip() == shown
    for line in in_actions.stderr.splitlines():
        assert line.startswith("::add-mask::")
    assert f"::add-mask::{password}" in in_actions.stderr

    wrong = call("branches", "uri", target.name, "--database", "none")
    assert wrong.returncode == 2
    assert "no database 'none'" in wrong.stderr


def test_without_a_terminal_the_name_must_be_said_once_more(
    call: Run, target: Target, variables: dict[str, str]
) -> None:
    for command in ("delete", "reset"):
        for confirm in ([], ["--confirm", "main"]):
            refused = call("branches", command, target.name, *confirm)
            assert refused.returncode == 6
            assert f"--confirm {target.name}" in refused.stderr
            assert refused.stdout == ""
    assert target.value("SELECT 1") == 1
    assert noted(variables) == []


@pytest.mark.parametrize(("typed", "code"), [("{name}\n", 0), ("main\n", 6)])
def test_on_a_terminal_the_name_is_asked_for(
    target: Target, variables: dict[str, str], typed: str, code: int
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "neonsync", "branches", "delete", target.name],
        env={**BARE, **variables},
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    )
    os.close(theirs)
    os.write(ours, typed.format(name=target.name).encode())
    stdout, _ = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == code
    assert stdout.startswith("deleted") if code == 0 else stdout == ""


def test_reset_and_restore_keep_the_address_and_change_the_rows(
    call: Run, gone: list[str], target: Target, variables: dict[str, str]
) -> None:
    backup = f"{target.name}-before"
    gone.append(backup)
    target.sql("CREATE TABLE lost (n int)")
    reset = call("branches", "reset", target.name, "--confirm", target.name)
    assert reset.returncode == 0, reset.stderr
    assert f"reset {target.name}" in reset.stdout
    assert "to main" in reset.stdout
    assert target.value("SELECT to_regclass('lost')") is None

    target.sql("CREATE TABLE mine (n int)")
    target.sql("INSERT INTO mine VALUES (1)")
    moment = target.value("SELECT clock_timestamp()")
    target.sql("UPDATE mine SET n = 2")
    restored = call(
        *("branches", "restore", target.name, "--at", moment.isoformat(), "--backup", backup),
        *("--confirm", target.name, "--json"),
    )
    assert restored.returncode == 0, restored.stderr
    assert target.value("SELECT n FROM mine") == 1
    # The state before is kept as the parent of what came of it.
    assert json.loads(restored.stdout)["parent"] == backup
    assert [kind for kind, _, _ in noted(variables)] == ["reset", "restore"]


def test_a_branch_may_start_in_its_parents_past_or_without_rows(
    call: Run, target: Target, gone: list[str]
) -> None:
    target.sql("CREATE TABLE mine (n int)")
    moment = target.value("SELECT clock_timestamp()")
    target.sql("INSERT INTO mine VALUES (1)")
    then, empty = f"{target.name}-then", f"{target.name}-empty"
    gone += [then, empty]
    parent = ["--from-parent", target.name]

    made = call("branches", "create", then, *parent, "--at", moment.isoformat())
    assert made.returncode == 0, made.stderr
    bare = call("branches", "create", empty, *parent, "--schema-only", "--json")
    assert bare.returncode == 0, bare.stderr
    assert json.loads(bare.stdout)["parent_id"] is None
    for name in (then, empty):
        with psycopg.connect(target.world.neon.connection_uri(name)) as connection:
            assert connection.execute("SELECT count(*) FROM mine").fetchone() == (0,)


def test_a_branch_with_children_stays_and_they_are_named(
    call: Run, target: Target, gone: list[str]
) -> None:
    gone.append(f"{target.name}-kid")
    made = call("branches", "create", f"{target.name}-kid", "--from-parent", target.name, "--json")
    assert json.loads(made.stdout)["parent"] == target.name
    for command in ("delete", "reset"):
        refused = call("branches", command, target.name, "--confirm", target.name)
        assert refused.returncode == 6
        assert f"a child: {target.name}-kid" in refused.stderr
    refused = call("branches", "expire", target.name, "--in", "1d")
    assert refused.returncode == 6


def test_the_default_branch_is_neither_deleted_nor_reset(call: Run) -> None:
    for command in ("delete", "reset"):
        assert call("branches", command, "main", "--confirm", "main").returncode == 6


def test_prune_deletes_what_is_ours_and_old_and_only_when_told(
    call: Run, target: Target, gone: list[str], variables: dict[str, str]
) -> None:
    # The target's branch was made by the same code without a note: it is nobody's of ours.
    gone.append("forgotten")
    call("branches", "create", "forgotten")
    listed = json.loads(call("branches", "prune", "--json").stdout)
    assert [each["name"] for each in listed["candidates"]] == ["forgotten"]
    assert listed["deleted"] == []
    assert "no branches to prune" in call("branches", "prune", "--older-than", "1d", "--yes").stdout
    assert call("branches", "prune", "--yes").returncode == 2
    assert "forgotten" in call("branches", "list").stdout


def test_prune_goes_on_when_one_stays_and_says_which(call: Run, tmp_path: Path) -> None:
    neon = FakeNeon(*map(branch, ["main", "old", "stuck", "theirs", "parent"]))
    neon.branches.append(branch("kid", parent_id="br-parent", created_at="2999-01-01T00:00:00Z"))
    neon.branches[0]["default"] = True
    neon.annotations = {
        each["id"]: {"value": {"neonsync": "1"}}
        for each in neon.branches
        if each["name"] != "theirs"
    }
    neon.before = lambda request: (
        Answer({"message": "not now, napi_secret_1234"}, 409)
        if request.method == "DELETE" and request.path.endswith("br-stuck")
        else None
    )
    with Scripted(neon) as server:
        there = reached(server)
        older = ["branches", "prune", "--older-than", "14d"]
        assert "Nothing was deleted" in call(*older, **there).stderr
        done = call(*older, "--yes", **there)
        as_json = call(*older, "--yes", "--json", **there)

    assert [each["name"] for each in neon.branches] == ["main", "stuck", "theirs", "parent", "kid"]
    assert done.returncode == 1
    assert "deleted 1 of 2 branches" in done.stdout
    assert "stuck stays" in done.stderr
    assert as_json.returncode == 1
    answer = json.loads(as_json.stdout)
    assert list(answer["failed"]) == ["stuck"]
    for text in (done.stdout, done.stderr, as_json.stdout, as_json.stderr):
        assert KEY not in text
        assert "napi_secret" not in text


def test_a_network_cut_after_the_post_leaves_exactly_one_branch(
    call: Run, target: Target, gone: list[str]
) -> None:
    """In the sandbox's own Neon: the second request is the POST, after the look for the name."""
    gone.append("cut-off")
    faults = target.world.neon.faults
    sent = requests.Session.request

    def lose_the_post(session: requests.Session, method: str, *rest: Any, **options: Any) -> Any:
        if method == "POST":
            faults.lose_next(1)
        return sent(session, method, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "request", lose_the_post)
        done = call("branches", "create", "cut-off", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["created"]
    listed = json.loads(call("branches", "list", "--json").stdout)
    assert [each["name"] for each in listed].count("cut-off") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "x", "--expires", "7y"], "like 90m, 12h, 7d"),
        (["create", "x", "--at", "yesterday"], "2026-01-31T09:30:00Z"),
        (["create", "x", "--lsn", "12"], "like 0/1F3A5B0"),
        (["create", "x", "--cu", "2-1"], "like 0.25"),
        (["create", "x" * 257], "256 at most"),
        (["create", ""], "empty name"),
        (["create", "x", "--expires", "31d"], "30d at most"),
        (["create", "x", "--schema-only", "--lsn", "0/1"], "schema-only"),
        (["create", "x", "--from-parent", "mian"], "Did you mean main?"),
        (["delete", "unheard-of"], "no branch named 'unheard-of'"),
        (["restore", "main"], "Say to what"),
        (["restore", "main", "--at", "2026-01-31", "--lsn", "0/1"], "exclude"),
        (["expire", "main"], "Say one of"),
        (["expire", "main", "--in", "1d", "--never"], "Say one of"),
        (["prune", "--yes"], "say which"),
        (["rename", "main"], "Missing argument"),
    ],
)
def test_bad_usage_ends_with_2_and_says_why(call: Run, arguments: list[str], said: str) -> None:
    done = call("branches", *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"NEON_API_KEY": "napi_wrong_0123456789"}, 3, "refused the API key"),
        ({"NEON_PROJECT_ID": "none"}, 2, "knows no project 'none'"),
        ({"NEON_API_KEY": ""}, 2, "NEON_API_KEY is not set"),
        ({"NEON_API_HOST": "http://example.org/api/v2"}, 2, "https"),
    ],
)
def test_what_leads_nowhere_has_its_own_exit_code(
    call: Run, changed: dict[str, str], code: int, said: str
) -> None:
    done = call("branches", "list", **changed)
    assert done.returncode == code
    assert said in done.stderr
    assert "napi_wrong" not in done.stderr + done.stdout


def test_a_run_stands_in_the_history_and_in_the_list(
    call: Run, target: Target, variables: dict[str, str]
) -> None:
    report = ["--report-dir", str(target.report_dir)]
    done = call("--headless", "--branch", target.name, "--days", "3", "--json", *report)
    assert done.returncode == 0, done.stderr
    run_id = json.loads(done.stdout.splitlines()[-1])["run_id"]
    failed = call("--headless", "--branch", "none", *report)
    assert failed.returncode == 2

    shown = {each["name"]: each for each in json.loads(call("branches", "list", "--json").stdout)}
    assert shown[target.name]["last_sync"]["run_id"] == run_id

    entries = json.loads(call("history", "--json").stdout)
    assert [(e["kind"], e["status"], e["exit_code"]) for e in entries] == [
        ("run", "succeeded", 0),
        ("run", "failed", 2),
    ]
    assert entries[0]["rows"] == shown[target.name]["last_sync"]["rows"] > 0
    only = call("history", "--branch", target.name).stdout
    assert run_id in only
    assert "none" not in only
    detail = json.loads(call("history", "show", run_id, "--json").stdout)
    assert (detail["branch"], detail["tables"]) == (target.name, ["public.forecast_data"])
    told = call("history", "show", run_id).stdout
    assert run_id in told
    assert f"command    neonsync --headless --branch {target.name} --report-dir " in told
    assert call("history", "show", "run_none").returncode == 2


def test_a_rollback_takes_the_branch_back_to_before_the_run(
    call: Run, gone: list[str], target: Target, variables: dict[str, str]
) -> None:
    backup = f"{target.name}-kept"
    gone.append(backup)
    report = ["--report-dir", str(target.report_dir)]
    assert call("--headless", "--branch", target.name, "--days", "3", *report).returncode == 0
    run_id = json.loads(call("history", "--json").stdout)[-1]["run_id"]

    refused = call("rollback", run_id)
    assert refused.returncode == 6
    assert f"--confirm {target.name}" in refused.stderr
    assert target.value("SELECT to_regclass('forecast_data')") is not None

    done = call("rollback", run_id, "--backup", backup, "--confirm", target.name, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_id"] == run_id
    assert target.value("SELECT to_regclass('forecast_data')") is None
    assert noted(variables)[-1] == ("rollback", target.name, "succeeded")

    again = call("rollback", run_id, "--confirm", target.name)
    assert again.returncode == 6
    assert "was overwritten after" in again.stderr
    assert call("rollback", "run_none").returncode == 2


def test_a_sync_via_a_branch_leaves_the_target_alone_and_can_be_promoted(
    call: Run, gone: list[str], target: Target, variables: dict[str, str], project: Project
) -> None:
    report = ["--report-dir", str(target.report_dir)]
    done = call("--headless", "--via-branch", "--branch", target.name, "--days", "3", *report)
    assert done.returncode == 0, done.stderr
    child = noted(variables)[0][1]
    backup = f"{target.name}-old"
    gone += [child, backup]
    assert child.startswith(f"{target.name}-sync-")
    assert target.value("SELECT to_regclass('forecast_data')") is None
    made = project.branch(child)
    assert made.ours
    assert made.expires_at is not None
    assert noted(variables)[1] == ("run", child, "succeeded")

    promote = f"branches restore {target.name} --from {child} --confirm {target.name}"
    assert f"neonsync {promote}" in done.stdout
    promoted = call(*promote.split(), "--backup", backup)
    assert promoted.returncode == 0, promoted.stderr
    assert target.value("SELECT count(*) FROM forecast_data") > 0


def test_a_history_that_cannot_be_written_is_a_warning(
    call: Run, target: Target, tmp_path: Path
) -> None:
    done = call("branches", "expire", target.name, "--never", NEONSYNC_HISTORY_FILE=str(tmp_path))
    assert done.returncode == 0
    assert f"warning: the history {tmp_path} could not be written" in done.stderr
