"""``neonsync history --metrics``, after real runs: by this machine's files, and by the ledger."""

from __future__ import annotations

import json

from tests.cli.conftest import Run
from tests.conftest import Target


def test_the_trend_is_in_this_machines_files_and_in_the_branch(call: Run, target: Target) -> None:
    report = ["--report-dir", str(target.report_dir)]
    for _ in range(2):
        done = call("--headless", "--branch", target.name, *report)
        assert done.returncode == 0, done.stderr
        target.sql("DELETE FROM forecast_data WHERE state = 'CA'")

    local = call("history", "--metrics", "forecast_data")
    assert local.stdout.startswith("public.forecast_data: 2 runs of this machine, the last one")
    assert "9,000 to 9,000" in local.stdout
    ledger = call("history", "--metrics", "forecast_data", "--ledger", target.name)
    assert ledger.stdout.startswith(f"public.forecast_data: 2 runs of the branch {target.name}")
    assert [line.split()[-2] for line in ledger.stdout.splitlines()[-2:]] == ["-", "passed"]

    both = [
        json.loads(call("history", "--metrics", "forecast_data", "--json", *more).stdout)
        for more in ([], ["--ledger", target.name])
    ]
    assert [run["metrics"] for run in both[0]] == [run["metrics"] for run in both[1]]
    assert [run["run_id"] for run in both[0]] == [run["run_id"] for run in both[1]]
    state = next(each for each in both[0][0]["metrics"]["columns"] if each["column"] == "state")
    assert {"value": "CA", "share": state["top"][0]["share"]} in state["top"]

    nowhere = call("history", "--metrics", "forecast_data", "--ledger", "nowhere")
    assert nowhere.returncode == 2
    assert "nowhere" in nowhere.stderr
    assert call("history", "--metrics", "other").returncode == 2
