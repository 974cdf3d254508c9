"""neonsync rollback, where this machine's history does not know all of it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from neonsync.errors import DatabaseAccessError, ExitCode
from neonsync.history import Entry, append
from neonsync.services import rollback as rollback_work
from tests.cli.conftest import Run
from tests.conftest import Target

ELSEWHERE = {"NEONSYNC_HISTORY_FILE": os.devnull}
"""A machine on which nothing was done."""


@pytest.fixture
def run_id(call: Run, target: Target) -> str:
    """A run into the target, of this machine."""
    report = ["--report-dir", str(target.report_dir)]
    done = call("--headless", "--branch", target.name, "--days", "3", "--json", *report)
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout.splitlines()[-1])["run_id"])


def moment_in(text: str) -> datetime:
    """The moment that a branch would be taken back to."""
    return datetime.fromisoformat(text.partition(" back to ")[2].partition(",")[0])


def test_a_run_of_another_machine_is_known_to_the_branchs_ledger(
    call: Run, gone: list[str], target: Target, run_id: str
) -> None:
    backup = f"{target.name}-kept"
    gone.append(backup)
    unknown = call("rollback", run_id, **ELSEWHERE)
    assert unknown.returncode == 2
    assert "add --branch NAME: that branch's own ledger knows it" in unknown.stderr

    there = ["rollback", run_id, "--branch", target.name]
    refused = call(*there, **ELSEWHERE)
    assert refused.returncode == 6
    assert f"This takes all databases of {target.name}" in refused.stderr
    assert "(neondb)" in refused.stderr
    done = call(*there, "--backup", backup, "--confirm", target.name, "--json", **ELSEWHERE)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run_id"] == run_id
    assert target.value("SELECT to_regclass('forecast_data')") is None

    again = call(*there, "--confirm", target.name, **ELSEWHERE)
    assert again.returncode == 6
    assert f"has no run {run_id}" in again.stderr


def test_the_moment_is_the_ledgers_whatever_this_machines_clock_says(
    call: Run, target: Target, run_id: str, tmp_path: Path
) -> None:
    started = target.value("SELECT started_at FROM neonsync.runs WHERE run_id = %s", run_id)
    (entry,) = json.loads(call("history", "--json").stdout)
    wrong = {"NEONSYNC_HISTORY_FILE": f"{tmp_path}/wrong.jsonl"}
    # By less than what counts as a difference of clocks, and longer than the run took.
    late = datetime.fromisoformat(entry["time"]) + timedelta(seconds=4)
    entry |= {"time": late.isoformat(), "tables": tuple(entry["tables"])}
    assert append(Entry(**entry), wrong) == ""
    refused = call("rollback", run_id, **wrong)
    assert timedelta(0) < started - moment_in(refused.stderr) < timedelta(milliseconds=10)


def test_runs_of_others_that_go_too_are_named(call: Run, target: Target, run_id: str) -> None:
    report = ["--report-dir", str(target.report_dir)]
    later = call(
        *["--headless", "--branch", target.name, "--days", "2", "--json", *report], **ELSEWHERE
    )
    other = json.loads(later.stdout.splitlines()[-1])["run_id"]
    assert f"The run {other} is taken back too." in call("rollback", run_id).stderr


def test_a_copy_is_not_taken_back_for_a_run_of_its_parent(
    call: Run, target: Target, run_id: str, gone: list[str]
) -> None:
    copy = f"{target.name}-copy"
    gone.append(copy)
    call("branches", "create", copy, "--from-parent", target.name)
    refused = call("rollback", run_id, "--branch", copy, "--confirm", copy, **ELSEWHERE)
    assert refused.returncode == 6
    assert f"of which {copy} is a copy" in refused.stderr
    other = call("rollback", run_id, "--branch", copy, "--confirm", copy)
    assert other.returncode == 6
    assert f"was done to the branch {target.name}, not to {copy}" in other.stderr


def test_without_the_ledger_the_history_tells_the_moment_some_seconds_early(
    call: Run, target: Target, run_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreachable(*_: object) -> None:
        raise DatabaseAccessError("the compute is disabled")

    monkeypatch.setattr(rollback_work, "read_past", unreachable)
    (entry,) = json.loads(call("history", "--json").stdout)
    began = datetime.fromisoformat(entry["time"]) - timedelta(seconds=entry["seconds"])
    refused = call("rollback", run_id)
    assert refused.returncode == ExitCode.REFUSED
    assert "could not be read: the compute is disabled" in refused.stderr
    assert timedelta(seconds=4) < began - moment_in(refused.stderr) < timedelta(seconds=6)
    elsewhere = call("rollback", run_id, "--branch", target.name, **ELSEWHERE)
    assert elsewhere.returncode == ExitCode.ACCESS


def test_a_run_of_another_project_is_told_as_such(call: Run, variables: dict[str, str]) -> None:
    entry = Entry(
        time=datetime.now(UTC).isoformat(),
        kind="run",
        branch="dev",
        branch_id="br-else",
        project="other-project-1",
        run_id="run_else",
    )
    assert append(entry, variables) == ""
    done = call("rollback", "run_else")
    assert done.returncode == 2
    assert "was done in the project other-project-1" in done.stderr
