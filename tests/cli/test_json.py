"""``--json``: what a program that reads stdout gets, whatever comes of the run."""

from __future__ import annotations

import json
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from neonsync.history import HISTORY_VARIABLE
from tests.cli.test_cli import neonsync, run
from tests.conftest import ROWS, Target
from tests.faults.processes import running

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[2] / "docs" / "events.schema.json").read_text())
)


def lines(stdout: str) -> list[dict[str, Any]]:
    """The lines of a run, each as the documented schema has it."""
    found = [json.loads(line) for line in stdout.splitlines()]
    for line in found:
        SCHEMA.validate(line)
    return found


def test_a_run_prints_its_events_and_its_summary_last_and_nothing_else(target: Target) -> None:
    done = run(target, "--branch", target.name, "--json")

    assert done.returncode == 0, done.stderr
    told = lines(done.stdout)
    assert told[0]["event"] == "run_started"
    assert [line["event"] for line in told[-2:]] == ["run_finished", "summary"]
    assert all(line["schema"] == 1 and line["time"].endswith("Z") for line in told)
    assert all(before["time"] <= after["time"] for before, after in pairwise(told))
    copied = sum(line["rows"] for line in told if line["event"] == "rows_copied")
    loaded = sum(line["rows"] for line in told if line["event"] == "chunk_loaded")
    assert copied == loaded == ROWS
    summary = told[-1]
    assert summary["status"] == "succeeded"
    assert summary["exit_code"] == 0
    assert summary["branch"] == target.name
    assert summary["run_id"] == told[0]["run_id"]
    (table,) = summary["tables"]
    assert table["table"] == "public.forecast_data"
    assert table["method"] == "swap"
    assert (table["inserted"], table["updated"], table["unchanged"]) == (ROWS, 0, 0)
    assert summary["checks"]["passed"] == 8
    assert summary["error"] is None
    assert summary["report_dir"] == str(target.report_dir)
    # People are told as ever, on the other stream.
    assert f"{ROWS:,} rows swapped in" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--headless", "--hedless", "--json"], 2, "No such option"),
        (["--headless", "--json", "--config", "none.toml"], 2, "none.toml does not exist"),
        (["demo", "--json", "--rows", "x"], 2, "Invalid value"),
    ],
)
def test_what_cannot_even_start_ends_with_a_summary(
    arguments: list[str], code: int, said: str, tmp_path: Path
) -> None:
    done = neonsync(*arguments, cwd=tmp_path)

    assert done.returncode == code
    (summary,) = lines(done.stdout)
    assert summary["event"] == "summary"
    assert summary["status"] == "failed"
    assert summary["exit_code"] == code
    assert said in summary["error"]["message"]
    assert said in done.stderr


def test_tables_that_fail_by_themselves_are_told_one_by_one(target: Target) -> None:
    target.configure(
        'on_error = "continue"\n'
        '[[tables]]\nquery = "SELECT 1 AS id"\ntarget = "a"\nkey = ["id"]\n'
        '[[tables]]\nquery = "SELECT 1 AS id"\ntarget = "b"\nkey = ["id"]\n'
    )
    target.sql("CREATE VIEW b AS SELECT 1 AS id")

    done = run(target, "--branch", target.name, "--config", str(target.config), "--json", "--fresh")

    assert done.returncode == 5, done.stderr
    told = lines(done.stdout)
    (failed,) = [line for line in told if line["event"] == "table_failed"]
    assert (failed["table"], failed["exit_code"]) == ("public.b", 1)
    summary = told[-1]
    assert (summary["status"], summary["exit_code"]) == ("partial", 5)
    assert [table["method"] for table in summary["tables"]] == ["swap", None]
    assert [table["table"] for table in summary["failed_tables"]] == ["public.b"]
    assert "public.b failed: public.b is a view" in done.stderr


def test_a_refused_plan_ends_with_a_summary_that_names_the_remedy(target: Target) -> None:
    done = run(target, "--json")

    assert done.returncode == 6
    (summary,) = lines(done.stdout)
    assert summary["exit_code"] == 6
    assert "--confirm main" in summary["error"]["remedy"]


def test_a_run_that_is_stopped_twice_still_ends_with_a_summary(
    target: Target, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = tmp_path / "history.jsonl"
    monkeypatch.setenv(HISTORY_VARIABLE, str(history))
    target.world.aws.faults.query_seconds = 60.0
    try:
        with running(target, target.report_dir, "--json") as first:
            assert first.wait_for_log("QUEUED")
            # While it waits for Athena's answer to the first the second is there.
            first.process.send_signal(signal.SIGINT)
            first.process.send_signal(signal.SIGTERM)
            out, _ = first.process.communicate(timeout=30)
    finally:
        target.world.aws.faults.query_seconds = None

    assert first.process.returncode in (130, 143)
    # Both streams are one here.
    (last,) = lines(out.splitlines()[-1])
    assert last["event"] == "summary"
    assert last["status"] == "cancelled"
    assert last["exit_code"] == first.process.returncode
    entry = json.loads(history.read_text())
    assert (entry["run_id"], entry["status"]) == (last["run_id"], "cancelled")
