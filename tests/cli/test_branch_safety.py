"""What stands between a slip and a branch: guards, plans, looks before a deletion, Ctrl-C."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
import requests

from neonsync.cli.tabular import Row, as_table
from neonsync.neon.branches import Project
from tests.cli.conftest import Run, noted, reached
from tests.conftest import Target
from tests.neon.scripted import Answer, Call, FakeNeon, Scripted, branch


def test_a_guarded_branch_is_renamed_with_its_name_only(call: Run, project: Project) -> None:
    refused = call("branches", "rename", "main", "other")
    assert refused.returncode == 6
    assert "--confirm main" in refused.stderr
    assert project.find("main") is not None


def test_an_expiry_is_a_deletion_and_asks_for_the_name_unless_it_comes_later(
    call: Run, gone: list[str], project: Project
) -> None:
    gone.append("short")
    call("branches", "create", "short", "--expires", "2d")
    refused = call("branches", "expire", "short", "--in", "1m")
    assert refused.returncode == 6
    assert "Neon then deletes all databases of short" in refused.stderr
    assert call("branches", "expire", "short", "--in", "7d").returncode == 0
    assert call("branches", "expire", "short", "--in", "1d", "--confirm", "short").returncode == 0
    assert call("branches", "expire", "short", "--never").returncode == 0
    made = project.find("short")
    assert made is not None
    assert made.expires_at is None


def test_what_would_be_lost_is_said_before_and_names_the_databases(
    call: Run, target: Target
) -> None:
    for command in (["reset"], ["delete"], ["restore", "--from", "main"]):
        refused = call("branches", command[0], target.name, *command[1:])
        assert refused.returncode == 6
        assert f"all databases of {target.name}" in refused.stderr
        assert "(neondb)" in refused.stderr


def test_a_branch_that_is_kept_while_others_are_pruned_stays(call: Run) -> None:
    neon = FakeNeon(branch("main", default=True), branch("a"), branch("b"))
    for each in neon.branches[1:]:
        each["expires_at"] = "2026-01-02T00:00:00Z"
        neon.annotations[each["id"]] = {"value": {"neonsync": "1"}}

    def kept_meanwhile(request: Call, answer: Answer) -> Answer:
        if request.method == "DELETE":
            neon.branches[-1]["expires_at"] = "2999-01-01T00:00:00Z"
        return answer

    neon.after = kept_meanwhile
    with Scripted(neon) as server:
        done = call("branches", "prune", "--expired", "--yes", **reached(server))
    assert [each["name"] for each in neon.branches] == ["main", "b"]
    assert done.returncode == 1
    assert "b stays: b is not to be pruned any more" in done.stderr


@pytest.mark.parametrize("backup", [[], ["--backup", "before-the-cut"]])
def test_a_reset_whose_answer_the_network_lost_is_found_done(
    call: Run, target: Target, gone: list[str], backup: list[str]
) -> None:
    gone += backup[1:]
    target.sql("CREATE TABLE mine ()")
    faults, sent = target.world.neon.faults, requests.Session.request

    def lose_the_post(session: requests.Session, method: str, *rest: Any, **options: Any) -> Any:
        if method == "POST":
            faults.lose_next(1)
        return sent(session, method, *rest, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.Session, "request", lose_the_post)
        done = call("branches", "reset", target.name, "--confirm", target.name, *backup)
    assert done.returncode == 0, done.stderr
    assert f"looking whether {target.name} was overwritten" in done.stderr
    assert target.value("SELECT to_regclass('mine')") is None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_stops_a_command_is_told_and_so_is_the_history(
    call: Run, variables: dict[str, str], number: signal.Signals, code: int
) -> None:
    neon = FakeNeon(branch("main", default=True))

    def stop(request: Call) -> Answer | None:
        if request.method == "POST":
            signal.raise_signal(number)
        return None

    neon.before = stop
    with Scripted(neon) as server:
        done = call("branches", "create", "dev", **reached(server))
    assert done.returncode == code
    assert "Neon goes on with what it has begun" in done.stderr
    entry = json.loads(call("history", "--json").stdout)[-1]
    assert (entry["status"], entry["exit_code"]) == ("failed", code)


def test_a_plan_via_a_branch_is_for_the_child_and_makes_none(
    call: Run, project: Project, variables: dict[str, str]
) -> None:
    before = {each.id for each in project.branches()}
    flags = ["--via-branch", "--expires", "3d", "--days", "3"]
    shown = call("--headless", "--dry-run", *flags)  # into main, which nobody confirmed
    assert shown.returncode == 0, shown.stderr
    assert "a copy of main that Neon deletes in 3 days" in shown.stdout
    assert "Plan: full into branch main-sync-" in shown.stdout
    answer = json.loads(call("plan", *flags, "--json").stdout)
    assert answer["branch"].startswith("main-sync-")
    assert answer["branch_id"] == ""
    assert answer["via_branch"]["parent"] == "main"
    assert answer["via_branch"]["expires_in_seconds"] == 3 * 86_400
    assert {each.id for each in project.branches()} == before
    assert noted(variables) == []


def test_the_life_of_the_child_is_chosen_and_the_run_stands_in_its_note(
    call: Run, gone: list[str], target: Target, project: Project
) -> None:
    report = ["--report-dir", str(target.report_dir)]
    done = call("--headless", "--via-branch", "--expires", "3d", "--days", "2", *report)
    assert done.returncode == 0, done.stderr
    made, ran = json.loads(call("history", "--json").stdout)
    gone.append(made["branch"])
    child = project.branch(made["branch"])
    assert child.expires_at is not None
    assert (child.expires_at - project.now()).total_seconds() > 2.9 * 86_400
    assert child.annotation["neonsync-run"] == ran["run_id"] != ""
    # The default branch is a root, which Neon does not overwrite with another one.
    assert "--confirm main in place of --via-branch" in done.stdout


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--headless", "--expires", "3d"], "--expires is the child's"),
        (["plan", "--expires", "3d"], "--expires is the child's"),
        (["--headless", "--via-branch", "--expires", "31d"], "more than 30 days"),
        (["--headless", "--via-branch", "--expires", "soon"], "must be a number with a unit"),
        (["history", "--json", "show", "run_1"], "--json stands before the command show"),
    ],
)
def test_a_flag_without_effect_is_refused(call: Run, flags: list[str], said: str) -> None:
    done = call(*flags)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_mistake_of_ours_is_told_without_a_traceback(
    call: Run, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    def broken(self: object, search: str | None = None) -> Any:
        raise KeyError(f"no such thing as {environment['NEON_API_KEY']}")

    monkeypatch.setattr(Project, "branches", broken)
    for more in ([], ["--debug"]):
        done = call("branches", "list", *more)
        assert done.returncode == 1
        assert "neonsync: unexpected: KeyError" in done.stderr
        assert environment["NEON_API_KEY"] not in done.stderr
        assert ("Traceback" in done.stderr) == bool(more)


# Tables

HEADER = Row(("NAME", "STATE"), ("ID", "PARENT"))
ROWS = [
    Row(("dev", "ready"), ("br-1", "main"), "br-1, from main"),
    Row(("n" * 100, "ready"), ("br-2", "-"), "br-2"),
]


def test_a_wide_table_has_a_line_for_each_row_and_a_narrow_one_fits() -> None:
    assert len(as_table(HEADER, ROWS)) == 3
    assert as_table(HEADER, ROWS[:1], 80)[1] == "dev   ready  br-1  main"
    narrow = as_table(HEADER, ROWS, 80)
    assert narrow[0].split() == ["NAME", "STATE"]
    assert narrow[1].split() == ["dev", "ready"]
    assert narrow[2] == "    br-1, from main"
    assert narrow[3] == "n" * 100  # whole, so that it can be copied
    assert all(len(line) <= 80 for line in narrow if line != "n" * 100)


def test_branches_on_a_terminal_of_80_columns_are_whole(
    call: Run, gone: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone.append("a-branch-with-a-name-of-some-length")
    call("branches", "create", gone[0], "--expires", "30d")
    monkeypatch.setattr("neonsync.cli.branch_views.terminal_width", lambda: 80)
    lines = call("branches", "list").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("    br-") and line.endswith(", from main") for line in lines)
