"""The command line: help, refusals, exit codes and streams; each call is a process of its own."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from neonsync.cli.sandbox import _claim_env_file, read_env_file
from neonsync.neon.branches import Project
from tests import forked
from tests.conftest import ROWS, Target
from tests.faults.processes import running, servers_below, wait_until

BARE = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "NEONSYNC_HISTORY_FILE": os.devnull,
}


def neonsync(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    return forked.run(*arguments, env={**BARE, **(env or {})}, cwd=cwd)


def fresh(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The same in an interpreter of its own, which imports all that it needs itself."""
    return subprocess.run(
        [sys.executable, "-m", "neonsync", *arguments],
        env={**BARE, **(env or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_help_shows_examples_and_exit_codes() -> None:
    shown = fresh("--help")
    assert shown.returncode == 0
    assert "neonsync demo --headless" in shown.stdout
    assert "Exit codes:" in shown.stdout
    for command in ("demo", "sandbox"):
        assert "Example:" in fresh(command, "--help").stdout


def test_help_and_version_import_none_of_the_heavy_packages() -> None:
    code = (
        "import sys\n"
        "from neonsync.cli.main import cli\n"
        "cli(sys.argv[1:], standalone_mode=False)\n"
        "heavy = {'textual', 'rich', 'boto3', 'botocore', 'pyarrow', 'psycopg', 'pyathena',"
        " 'duckdb', 'pgpq', 'requests', 'neon_api'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    for argument in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-c", code, argument], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_the_headless_run_imports_no_user_interface() -> None:
    code = (
        "import sys, neonsync.cli.headless, neonsync.engine.pipeline\n"
        "assert not {'textual', 'rich'} & set(sys.modules)\n"
        "assert not [name for name in sys.modules if name.startswith('neonsync.sandbox')]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        ([], {}, "neither NEON_API_KEY nor"),
        (["--hedless"], {}, "No such option"),
        (["--headless"], {}, "neither NEON_API_KEY nor NEON_CONNECTION_STRING is set"),
        (["--headless", "--config", "none.toml"], {}, "none.toml does not exist"),
        (["--headless", "--jobs", "0"], {"NEON_API_KEY": "k", "NEON_PROJECT_ID": "p"}, "jobs is 0"),
        (["--branch", "x", "demo"], {}, "stands before the command demo"),
        (["demo", "--rows", "-1"], {}, "Invalid value for '--rows'"),
        (["sandbox"], {}, "Missing option '--dir'"),
    ],
)
def test_bad_usage_ends_with_2_and_a_message(
    arguments: list[str], environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    done = neonsync(*arguments, env=environment, cwd=tmp_path)

    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def run(target: Target, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return neonsync(
        "--headless",
        "--report-dir",
        str(target.report_dir),
        *arguments,
        env={**target.environment, **environment},
    )


def test_a_run_prints_a_line_a_step_and_its_summary_apart(target: Target) -> None:
    done = run(target, "--branch", target.name)

    assert done.returncode == 0, done.stderr
    assert f"{ROWS:,} rows swapped in" in done.stdout
    assert "checks: 8 of 8 passed" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    for step in ("extract", "load", "audit", "index", "publish", "verify", "clean up"):
        assert f" {step}" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in target.report_dir.iterdir()) == [
        "etl-manual.log",
        "etl-report.html",
        "etl-report.json",
        "etl-report.md",
        "etl-validation-report.json",
    ]


@pytest.mark.parametrize(
    ("arguments", "changed", "said"),
    [
        (["--branch", "dve"], {}, "no branch named 'dve'"),
        (["--tables", "forcast"], {}, "there is no table 'forcast'"),
        (["--states", "XX"], {}, "'XX'"),
        (["--publish", "replace", "--days", "3"], {}, "replace"),
        ([], {"ATHENA_OUTPUT_LOCATION": ""}, "no output location"),
    ],
)
def test_a_wrong_setting_leaves_the_reports_of_the_last_run_and_is_in_the_log(
    target: Target, arguments: list[str], changed: dict[str, str], said: str
) -> None:
    directory, output = target.report_dir, target.report_dir.parent / "output"
    directory.mkdir(exist_ok=True)
    names = ("etl-report.html", "etl-report.json", "etl-report.md", "etl-validation-report.json")
    for name in names:
        (directory / name).write_text("the last run's")
    log = directory / "etl-manual.log"
    log.write_text("2026-01-01T00:00:00Z the last run's\n")
    actions = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(output)}
    done = run(target, "--branch", target.name, *arguments, **changed, **actions)
    assert done.returncode == 2, done.stderr
    assert {(directory / name).read_text() for name in names} == {"the last run's"}
    assert sorted(path.name for path in directory.iterdir()) == sorted((*names, log.name))
    before, begun, *remedy = log.read_text().splitlines()
    assert before == "2026-01-01T00:00:00Z the last run's"
    assert "Z the run did not begin: " in begun
    assert said in begun
    assert remedy
    assert f"  log: {log}; reports of an earlier run stay\n" in done.stdout
    assert "page:" not in done.stdout
    assert "report-path<<" in output.read_text()
    assert str(directory) not in output.read_text()


def test_no_secret_is_in_any_output(target: Target) -> None:
    done = run(target, "--branch", target.name)
    refused = run(target, "--branch", target.name, AWS_SECRET_ACCESS_KEY="wrong-" + "x" * 30)

    written = "".join(path.read_text() for path in target.report_dir.iterdir())
    everything = done.stdout + done.stderr + refused.stdout + refused.stderr + written
    password = psycopg.conninfo.conninfo_to_dict(target.uri)["password"]
    for secret in (
        str(password),
        target.environment["NEON_API_KEY"],
        target.environment["AWS_SECRET_ACCESS_KEY"],
        "wrong-" + "x" * 30,
    ):
        assert secret not in everything


def test_the_default_branch_is_refused_without_its_name(target: Target) -> None:
    refused = run(target)
    wrong = run(target, "--confirm", target.name)

    for done in (refused, wrong):
        assert done.returncode == 6
        assert "main is the default branch" in done.stderr
        assert "--confirm main" in done.stderr
    with psycopg.connect(target.environment["NEON_CONNECTION_STRING"]) as connection:
        row = connection.execute("SELECT to_regnamespace('neonsync')").fetchone()
    assert row == (None,)
    # A refused run says so in its reports too.
    report = json.loads((target.report_dir / "etl-report.json").read_text())
    assert report["exitCode"] == 6
    assert "default branch" in report["errors"][0]["message"]


def test_a_configuration_may_confirm_a_branch(target: Target, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'confirm = ["main"]\nbranch = "{target.name}"\n')

    assert run(target, "--config", str(config)).returncode == 0


def test_a_protected_branch_is_refused_like_the_default_one(target: Target) -> None:
    settings = target.settings()
    project = Project(settings.neon)
    path = f"projects/{settings.neon.project_id}/branches/{project.branch(target.name).id}"

    def protect(protected: bool) -> None:
        project._api._request("PATCH", path, json={"branch": {"protected": protected}})

    protect(True)
    try:
        refused = run(target, "--branch", target.name)
        assert refused.returncode == 6
        assert f"{target.name} is a protected branch" in refused.stderr
        assert run(target, "--branch", target.name, "--confirm", target.name).returncode == 0
    finally:
        protect(False)


@pytest.mark.parametrize(
    ("arguments", "changed", "code", "said"),
    [
        (["--branch", "tset-1"], {}, 2, "no branch named 'tset-1'"),
        (["--branch", "x"], {"NEON_PROJECT_ID": "none"}, 2, "knows no project 'none'"),
        (["--branch", "x"], {"NEON_API_KEY": "napi_wrong"}, 3, "refused the API key"),
        (["--branch", "x"], {"NEON_API_HOST": "http://127.0.0.1:1/api/v2"}, 3, "not be reached"),
        (["--branch", "{branch}"], {"AWS_ACCESS_KEY_ID": "WRONG"}, 3, "UnrecognizedClient"),
        (["--branch", "{branch}"], {"AWS_SECRET_ACCESS_KEY": "wrong"}, 3, "InvalidSignature"),
        (["--branch", "{branch}"], {"ATHENA_DB_NAME": "none"}, 2, "no table none.forecast"),
        (["--branch", "{branch}"], {"ATHENA_OUTPUT_LOCATION": ""}, 2, "no output location"),
        (["--branch", "{branch}"], {"NEONSYNC_ATHENA_WORKGROUP": "w"}, 2, "no workgroup 'w'"),
        (["--branch", "{branch}"], {"NEONSYNC_NEON_DATABASE": "x"}, 2, "no database 'x'"),
        (["--branch", "{branch}"], {"AWS_ENDPOINT_URL": "junk"}, 2, "Check AWS_ENDPOINT_URL"),
    ],
)
def test_what_cannot_be_found_or_reached_has_its_exit_code(
    target: Target, arguments: list[str], changed: dict[str, str], code: int, said: str
) -> None:
    done = run(target, *(a.format(branch=target.name) for a in arguments), **changed)

    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    report = target.report_dir / "etl-report.json"
    assert report.exists() is (code != 2), "a wrong setting leaves the reports alone"
    if code != 2:
        assert json.loads(report.read_text())["exitCode"] == code
    log = (target.report_dir / "etl-manual.log").read_text()
    assert "the run did not begin: " in log
    assert said in log


@pytest.mark.slow
def test_the_demo_runs_and_its_second_run_writes_nothing(tmp_path: Path) -> None:
    home = tmp_path / "sandbox"
    arguments = ("demo", "--headless", "--rows", "5000", "--dir", str(home))
    # What a user's shell may hold must not lead the demo astray.
    env = {
        "AWS_PROFILE": "work",
        "AWS_SESSION_TOKEN": "stale",
        "HTTP_PROXY": "http://127.0.0.1:1",
        "TARGET_BRANCH": "main",
        "PGHOST": "elsewhere",
    }

    (tmp_path / "neonsync.toml").write_text("jobs = 99\n")

    first = fresh(*arguments, env=env, cwd=tmp_path)
    second = fresh(*arguments, env=env, cwd=tmp_path)

    assert first.returncode == 0, first.stderr
    assert "5,000 rows swapped in" in first.stdout
    assert f"neonsync sandbox --dir {home}" in first.stdout
    assert second.returncode == 0, second.stderr
    assert "5,000 rows unchanged, nothing written" in second.stdout
    assert json.loads((tmp_path / "etl-report.json").read_text())["rows"]["written"] == 0
    # The history of a sandbox stays in its folder.
    noted = [json.loads(line) for line in (home / "history.jsonl").read_text().splitlines()]
    assert [each["rows"] for each in noted if each["kind"] == "run"] == [5000, 0]
    assert servers_below(home) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_serves_until_it_is_interrupted_and_starts_again_with_its_state(
    tmp_path: Path, number: signal.Signals
) -> None:
    home, env_file = tmp_path / "sandbox", tmp_path / "env"
    marks: list[int] = []
    keys: list[str] = []
    for _ in range(2):
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "neonsync", "sandbox", "--dir", str(home)),
                *("--rows", "2000", "--env-file", str(env_file)),
            ],
            env=BARE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_until(env_file.exists)
            assert stat.S_IMODE(env_file.stat().st_mode) == 0o600
            environment = read_env_file(env_file)
            assert set(environment) == {
                "AWS_ENDPOINT_URL",
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_REGION",
                "AWS_DEFAULT_REGION",
                "ATHENA_DB_NAME",
                "ATHENA_OUTPUT_LOCATION",
                "NEON_API_HOST",
                "NEON_API_KEY",
                "NEON_PROJECT_ID",
                "NEON_CONNECTION_STRING",
            }
            keys.append(environment["NEON_API_KEY"])
            with psycopg.connect(environment["NEON_CONNECTION_STRING"]) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS mark (n int)")
                connection.execute("INSERT INTO mark VALUES (1)")
                row = connection.execute("SELECT count(*) FROM mark").fetchone()
                marks.append(row[0] if row else 0)
            process.send_signal(number)
            said, _ = process.communicate(timeout=30)
            assert (process.returncode, said) == (0, b""), "stdout is for data"
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        assert servers_below(home) == []
    assert marks == [1, 2]
    assert keys[0] == keys[1]
    assert not env_file.exists()


def test_somebody_elses_env_file_is_neither_overwritten_nor_deleted(tmp_path: Path) -> None:
    mine = tmp_path / ".env"
    mine.write_text("MINE=1\n")

    done = neonsync("sandbox", "--dir", str(tmp_path / "sandbox"), "--env-file", str(mine))

    assert done.returncode == 2
    assert "no environment of a sandbox's" in done.stderr
    assert mine.read_text() == "MINE=1\n"


def test_an_empty_file_made_for_the_environment_is_taken(tmp_path: Path) -> None:
    env_file = tmp_path / "env"
    env_file.touch()
    _claim_env_file(env_file)
    assert not env_file.exists()


def test_a_demo_whose_sandbox_cannot_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "aws").write_text("something of mine")

    done = neonsync("demo", "--headless", "--dir", str(tmp_path))

    assert done.returncode == 2
    assert "left alone" in done.stderr
    assert "Fatal" not in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == [tmp_path / "aws"]


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_goes_away_does_not_spoil_the_run(target: Target, stream: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        process = forked.start(
            *("--headless", "--branch", target.name, "--report-dir", str(target.report_dir)),
            env={**BARE, **target.environment},
            stdout=writing if stream == "stdout" else None,
            stderr=writing if stream == "stderr" else None,
        )
        process.communicate(timeout=60)
    finally:
        os.close(writing)

    assert process.returncode == 0
    assert json.loads((target.report_dir / "etl-report.json").read_text())["status"] == "succeeded"


def test_a_refused_run_leaves_the_log_of_the_one_at_work_alone(target: Target) -> None:
    target.world.aws.faults.query_seconds = 60.0
    try:
        with running(target, target.report_dir) as first:
            assert first.wait_for_log("QUEUED")
            refused = run(target, "--branch", target.name)
            assert "QUEUED" in first.log
            assert json.loads((target.report_dir / "etl-report.json").read_text())["status"] == (
                "running"
            )
            first.process.send_signal(signal.SIGTERM)
            assert first.finish() == 143
    finally:
        target.world.aws.faults.query_seconds = None
    assert refused.returncode == 6
    assert f"{target.report_dir}/run-" in refused.stdout
    (own,) = [path for path in target.report_dir.iterdir() if path.is_dir()]
    assert json.loads((own / "etl-report.json").read_text())["exitCode"] == 6


def test_a_signal_before_the_run_begins_has_its_exit_code() -> None:
    code = (
        "import os, signal, neonsync.cli.main as main\n"
        "main.cli = lambda **_: os.kill(os.getpid(), signal.{})\n"
        "main.main()\n"
    )
    for name, expected in (("SIGTERM", 143), ("SIGINT", 130)):
        done = subprocess.run([sys.executable, "-c", code.format(name)], capture_output=True)
        assert done.returncode == expected, done.stderr
