"""``history --metrics``: runs with their metrics, from the reports that were kept of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from neonsync.cli.history import history
from neonsync.errors import ConfigError
from neonsync.history import HISTORY_VARIABLE, Entry, append
from neonsync.report.metrics_trend import measured_runs, trend_lines
from neonsync.report.quality import sparkline
from neonsync.report.stored import StoredRun, store_run
from neonsync.validation.metrics import ColumnMetrics, TableMetrics

SAID = "8,000 rows, 20 % fewer than 10,000 before"


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv(HISTORY_VARIABLE, str(tmp_path / "history.jsonl"))
    return {HISTORY_VARIABLE: str(tmp_path / "history.jsonl")}


def metrics(
    rows: int, nulls: float = 0.0, table: str = "public.t", scope: str = ""
) -> TableMetrics:
    column = ColumnMetrics("a_column_with_quite_a_long_name", "text", nulls)
    return TableMetrics(table, rows, rows + 1, scope, rows, 0.1, (column,), (), 31)


def noted(
    environ: dict[str, str],
    number: int,
    *measured: TableMetrics,
    branch: str = "dev",
    said: str = "",
) -> None:
    run_id = f"run_{number}"
    time = f"2026-11-{number:02d}T10:00:00.000+00:00"
    append(Entry(time, "run", branch, branch_id=f"br-{branch}", run_id=run_id), environ)
    check = {"check": "quality", "table": "public.t", "status": "warning", "message": said}
    report: dict[str, Any] = {"quality": [each.as_json() for each in measured]}
    validation = {"checks": [check] if said else []}
    store_run(run_id, StoredRun(report, validation), environ, ())


def call(*arguments: str) -> Any:
    return CliRunner().invoke(history, arguments, catch_exceptions=False)


def test_the_runs_of_a_table_are_found_with_their_metrics(environ: dict[str, str]) -> None:
    noted(environ, 1, metrics(10), metrics(5, table="shop.u"))
    noted(environ, 2)
    noted(environ, 3, metrics(8), said=SAID)
    append(Entry("2026-11-04T10:00:00+00:00", "reset", "dev"), environ)

    from neonsync.history import read_history

    entries = read_history(environ).entries
    for name in ("t", "public.t"):
        runs, there = measured_runs(entries, name, environ)
        assert [run.metrics.rows for run in runs] == [10, 8]
        assert [(run.status, run.said) for run in runs] == [("", ""), ("warning", SAID)]
        assert there == ["public.t", "shop.u"]
    assert trend_lines(runs)[0] == "rows                      █▇  10 to 8"


def test_the_trend_fits_a_terminal_and_names_what_changed(environ: dict[str, str]) -> None:
    for number, (rows, nulls) in enumerate([(9_000, 0.02), (10_000, 0.02), (8_000, 0.35)], 1):
        noted(environ, number, metrics(rows, nulls), said=SAID if number == 3 else "")
    noted(environ, 4, metrics(1), branch="other")

    lines = call("--metrics", "t", "--branch", "dev").output.splitlines()

    assert lines == [
        "public.t: 3 runs of this machine, the last one last",
        "",
        "rows                      ▇█▇  9,000 to 8,000",
        "rows in Athena            ▇█▇  9,001 to 8,001",
        "NULLs in a_column_with_…  ▁▁█  2 % to 35 %",
        "",
        "TIME (UTC)           BRANCH  ROWS    ATHENA  DATES  QUALITY  FOUND",
        "2026-11-01 10:00:00  dev     9,000   9,001   31     -        -",
        "2026-11-02 10:00:00  dev     10,000  10,001  31     -        -",
        f"2026-11-03 10:00:00  dev     8,000   8,001   31     warning  {SAID}",
    ]
    assert max(map(len, lines[:9])) <= 80


def test_rows_in_athena_have_a_line_for_each_part_that_runs_were_about(
    environ: dict[str, str],
) -> None:
    parts = ["", "CA", "", "the last 7 days", "CA"]
    for number, (rows, scope) in enumerate(zip((100, 101, 110, 111, 120), parts, strict=True), 1):
        noted(environ, number, metrics(rows, scope=scope))

    lines = call("--metrics", "t").output.splitlines()

    assert lines[2:6] == [
        "rows                      ▇▇▇▇█  100 to 120",
        "rows in Athena            ▇█  101 to 111 of all",
        "rows in Athena            ▇█  102 to 121 of CA",
        "",
    ]


def test_programs_get_all_of_it(environ: dict[str, str]) -> None:
    noted(environ, 1, metrics(9))
    noted(environ, 2, metrics(8), said=SAID)
    (run,) = json.loads(call("--metrics", "t", "--json", "--limit", "1").output)
    assert run["quality"] == {"status": "warning", "message": SAID}
    assert run["metrics"] == json.loads(json.dumps(metrics(8).as_json()))
    assert (run["run_id"], run["branch"], run["branch_id"]) == ("run_2", "dev", "br-dev")


def test_a_table_that_nobody_measured_is_named_with_those_that_were(
    environ: dict[str, str],
) -> None:
    noted(environ, 1, metrics(9))
    with pytest.raises(ConfigError) as caught:
        call("--metrics", "public.tt")
    assert caught.value.remedy == "Did you mean 'public.t'?"


def test_tables_that_are_called_alike_want_their_schema(environ: dict[str, str]) -> None:
    noted(environ, 1, metrics(9), metrics(9, table="shop.t"))
    with pytest.raises(ConfigError) as caught:
        call("--metrics", "t")
    assert "public.t, shop.t" in caught.value.remedy
    assert "shop.t: 1 run" in call("--metrics", "shop.t").output


def test_the_ledger_is_for_metrics() -> None:
    refused = call("--ledger", "dev")
    assert refused.exit_code == 2
    assert "--ledger is for --metrics" in refused.output


def test_where_nothing_was_measured_that_is_said(environ: dict[str, str]) -> None:
    assert "no run of this machine has measured the table" in call("--metrics", "t").output
    assert json.loads(call("--metrics", "t", "--json").output) == []


@pytest.mark.parametrize(
    ("numbers", "bars", "plain"),
    [([], "", ""), ([0, 0], "▁▁", "__"), ([0, 5, 10], "▁▅█", "_-#"), ([3], "█", "#")],
)
def test_numbers_are_drawn_from_zero_on(numbers: list[float], bars: str, plain: str) -> None:
    assert sparkline(numbers) == bars
    assert sparkline(numbers, ascii_only=True) == plain
