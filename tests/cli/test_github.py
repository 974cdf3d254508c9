"""A run inside GitHub Actions, as the runner sees it."""

from __future__ import annotations

from pathlib import Path

from tests.cli.test_cli import neonsync, run
from tests.cli.test_json import lines
from tests.conftest import ROWS, Target


def test_a_run_in_actions_groups_its_steps_and_leaves_summary_and_outputs(
    target: Target, tmp_path: Path
) -> None:
    summary, output = tmp_path / "summary.md", tmp_path / "output"
    done = run(
        target,
        *("--branch", target.name, "--json"),
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
        GITHUB_OUTPUT=str(output),
    )

    assert done.returncode == 0, done.stderr
    # JSON alone on stdout, commands alone on stderr.
    told = lines(done.stdout)
    assert told[-1]["event"] == "summary"
    assert done.stderr.count("::group::") == done.stderr.count("::endgroup::") == 7
    assert "::group::load public.forecast_data\n" in done.stderr
    assert f"{ROWS:,} rows swapped in" in done.stderr
    assert f"| {ROWS:,} |" in summary.read_text()
    assert f"\n{told[-1]['run_id']}\n" in output.read_text()
    for secret in (target.uri, target.environment["NEON_API_KEY"], "password", "postgres"):
        assert secret not in output.read_text() + summary.read_text()


def test_a_run_that_cannot_start_is_an_annotation_and_has_outputs(tmp_path: Path) -> None:
    output = tmp_path / "output"
    done = neonsync(
        "--headless",
        *("--config", "100%.toml"),
        env={"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output)},
        cwd=tmp_path,
    )

    assert done.returncode == 2
    (command,) = [line for line in done.stderr.splitlines() if line.startswith("::")]
    assert command.startswith("::error title=neonsync%3A run failed::")
    assert "100%25.toml does not exist" in command
    assert "failed" in output.read_text()
