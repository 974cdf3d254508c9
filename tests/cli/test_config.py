"""``neonsync config``: what is shown, what a new file holds, what a check finds."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import psycopg
import pytest

from neonsync.settings import load_settings
from tests import forked
from tests.conftest import Target

BARE = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "NEONSYNC_HISTORY_FILE": os.devnull,
}
KEY = "napi_0123456789abcdef"
URI = "postgresql://me:hunter2@ep-x.eu.neon.tech/shop"
INIT = ("--project-id", "quiet-moon-1", "--branch", "dev", "--output-location", "s3://b/out")


def config(cwd: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return forked.run("config", *arguments, env={**BARE, **environ}, cwd=cwd, timeout=60)


def origin_of(shown: str, name: str) -> str:
    (line,) = [line for line in shown.splitlines() if line.startswith(f"{name} ")]
    return line.removeprefix(name).strip()


def test_show_tells_each_value_with_its_origin(tmp_path: Path) -> None:
    (tmp_path / "neonsync.toml").write_text('jobs = 3\n[filters]\nstates = ["CA", "a,b"]\n')
    shown = config(tmp_path, "show", "--branch", "dev", NEON_PROJECT_ID="p", NEON_API_KEY=KEY)
    assert shown.returncode == 0, shown.stderr
    assert shown.stderr == ""
    assert origin_of(shown.stdout, "branch").split(None, 1) == ["dev", "from --branch"]
    assert origin_of(shown.stdout, "jobs").split(None, 1) == ["3", "from neonsync.toml"]
    assert origin_of(shown.stdout, "filters.states").startswith('CA, "a,b" ')
    assert origin_of(shown.stdout, "mode").split(None, 1) == ["full", "the default"]
    assert origin_of(shown.stdout, "quality.metrics").split(None, 1) == ["true", "the default"]
    assert origin_of(shown.stdout, "check_timeout").split(None, 1) == ["30", "the default"]
    assert "tables (the preset)" in shown.stdout
    assert "forecast → public.forecast_data" in shown.stdout


def test_show_masks_secrets_and_tells_where_they_come_from(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text(KEY)
    given = {"NEON_API_KEY_FILE": str(secret), "NEON_CONNECTION_STRING": URI}
    # A secret in the wrong place is none to show either.
    given |= {"NEON_PROJECT_ID": "p", "TARGET_BRANCH": "napi_of_another", "DATA_MODE": URI}
    for arguments in (["show"], ["show", "--json"]):
        shown = config(tmp_path, *arguments, **given)
        everything = shown.stdout + shown.stderr
        for part in (KEY, KEY[5:], "hunter2", "of_another"):
            assert part not in everything
        assert f"from the file {secret}" in shown.stdout
        assert "from NEON_CONNECTION_STRING" in shown.stdout


def test_show_works_when_nothing_is_set_and_says_what_a_run_needs(tmp_path: Path) -> None:
    shown = config(tmp_path, "show")
    assert shown.returncode == 0
    assert origin_of(shown.stdout, "neon.api_key") == "not set"
    assert origin_of(shown.stdout, "neon.project_id").startswith("not set")
    assert "neither NEON_API_KEY nor NEON_CONNECTION_STRING is set" in shown.stderr


def test_show_goes_on_past_a_mistake_and_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "neonsync.toml").write_text("jobs = 99\n[[tables]]\nsource = 'orders'\n")
    shown = config(tmp_path, "show", DATE_RANGE_DAYS="x")
    assert shown.returncode == 2
    assert origin_of(shown.stdout, "jobs").split(None, 1) == ["99", "from neonsync.toml, not valid"]
    assert "athena.region" in shown.stdout
    for said in ("jobs is 99", "filters.days is 'x'", "tables[1].key"):
        assert said in shown.stderr


def test_show_survives_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "neonsync.toml").write_text("jobs = = 3")
    shown = config(tmp_path, "show")
    assert shown.returncode == 2
    assert "neonsync.toml is not valid TOML" in shown.stderr
    assert "athena.region" in shown.stdout


def test_show_as_json_is_one_object_with_the_same(tmp_path: Path) -> None:
    (tmp_path / "neonsync.toml").write_text("[filters]\nfrom = 2026-01-31\n")
    shown = config(tmp_path, "show", "--json", NEON_API_KEY=KEY, NEON_PROJECT_ID="p")
    document: dict[str, Any] = json.loads(shown.stdout)
    assert document["settings"]["filters.from"] == {
        "value": "2026-01-31",
        "origin": "from neonsync.toml",
        "valid": True,
    }
    assert document["settings"]["branch"]["value"] is None
    assert document["settings"]["neon.api_key"]["origin"] == "from NEON_API_KEY"
    assert document["files"] == {"project": "neonsync.toml", "user": None}
    assert document["tables"]["entries"][0]["target"] == "public.forecast_data"
    assert document["problems"] == []


def test_init_takes_flags_and_writes_a_file_that_a_run_reads(tmp_path: Path) -> None:
    made = config(tmp_path, "init", *INIT, AWS_REGION="eu-west-1", ATHENA_DB_NAME="lake")
    assert made.returncode == 0, made.stderr
    path = tmp_path / "neonsync.toml"
    assert "neonsync config check" in made.stdout
    assert "export NEON_API_KEY" in made.stdout
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    settings = load_settings(flags={}, environ={"NEON_API_KEY": KEY}, config=path)
    assert (settings.branch, settings.neon.project_id) == ("dev", "quiet-moon-1")
    assert (settings.athena.region, settings.athena.database) == ("eu-west-1", "lake")
    assert settings.athena.output_location == "s3://b/out/"
    assert settings.origins["tables"] == "the preset"
    for line in path.read_text().splitlines():
        assert not line or line.startswith(("#", "[")) or " = " in line


def test_init_writes_a_table_with_its_key(tmp_path: Path) -> None:
    table = ("--source", "sales.orders", "--target", "shop.orders", "--key", "id, day")
    made = config(
        tmp_path, "init", *INIT, *table, "--date-column", "day", "--file", "my config.toml"
    )
    assert made.returncode == 0, made.stderr
    assert "neonsync config check --config 'my config.toml'" in made.stdout
    entry = tomllib.loads((tmp_path / "my config.toml").read_text())["tables"][0]
    assert entry == {
        "source": "sales.orders",
        "target": "shop.orders",
        "key": ["id", "day"],
        "date_column": "day",
    }


def test_init_without_a_terminal_names_the_flags_that_are_missing(tmp_path: Path) -> None:
    made = config(tmp_path, "init", "--branch", "dev")
    assert made.returncode == 2
    assert "--project-id and --output-location are missing" in made.stderr
    assert config(tmp_path, "init", *INIT, "--source", "orders").returncode == 2
    assert list(tmp_path.iterdir()) == []


def test_init_needs_no_flag_that_the_environment_answers(tmp_path: Path) -> None:
    given = {"TARGET_BRANCH": "dev", "ATHENA_OUTPUT_LOCATION": "s3://b/", "NEON_PROJECT_ID": "p"}
    assert config(tmp_path, "init", **given).returncode == 0
    # An address alone leads to a branch: no project is needed then.
    del given["NEON_PROJECT_ID"]
    made = config(tmp_path, "init", "--file", "b.toml", **given, NEON_CONNECTION_STRING=URI)
    assert made.returncode == 0
    assert "hunter2" not in (tmp_path / "b.toml").read_text()
    assert "export" not in made.stdout


def test_init_leaves_a_file_that_is_there_alone(tmp_path: Path) -> None:
    path = tmp_path / "neonsync.toml"
    path.write_text("jobs = 3\n")
    made = config(tmp_path, "init", *INIT)
    assert made.returncode == 2
    assert "neonsync.toml is there already" in made.stderr
    assert path.read_text() == "jobs = 3\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--branch", "napi_0123456789"], "looks like a secret"),
        (["--project-id", URI], "looks like a secret"),
        (["--output-location", "bucket"], "must look like s3://"),
        (["--key", "id"], "--key tells of a table, but --source names none"),
        (["--source", "orders", "--key", " , "], "key (--key) is empty"),
        (["--source", "a.b.c", "--key", "id"], "more than one dot"),
        (["--file", "nowhere/x.toml"], "cannot be written: No such file or directory"),
    ],
)
def test_init_writes_nothing_that_is_wrong(tmp_path: Path, arguments: list[str], said: str) -> None:
    made = config(tmp_path, "init", *INIT, *arguments)
    assert made.returncode == 2
    assert said in made.stderr
    assert "hunter2" not in made.stderr
    assert list(tmp_path.iterdir()) == []


def test_init_asks_on_a_terminal_and_asks_again_after_a_slip(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    # Enter takes the default; the output location is wrong at first.
    os.write(ours, b"quiet-moon-1\n\nlake\nbucket\ns3://b/out/\norders\n\nid\nday\n\n")
    try:
        made = subprocess.run(
            [sys.executable, "-m", "neonsync", "config", "init", "--region", "eu-west-1"],
            env={**BARE, "TARGET_BRANCH": "dev", "TERM": "dumb"},
            cwd=tmp_path,
            stdin=theirs,
            stderr=theirs,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    finally:
        os.close(theirs)
        os.close(ours)
    assert made.returncode == 0, made.stdout
    document = tomllib.loads((tmp_path / "neonsync.toml").read_text())
    assert document["branch"] == "dev"
    assert document["athena"] == {
        "database": "lake",
        "region": "eu-west-1",
        "output_location": "s3://b/out/",
    }
    assert document["tables"] == [
        {"source": "orders", "target": "orders", "key": ["id"], "date_column": "day"}
    ]


def check(target: Target, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return config(
        target.report_dir.parent, "check", *arguments, **{**target.environment, **environ}
    )


def test_check_prints_a_line_for_each_thing_that_is_in_order(target: Target) -> None:
    done = check(target, "--branch", target.name)
    assert done.returncode == 0, done.stderr
    checked = [line.split(":")[0] for line in done.stdout.splitlines()]
    sides = ("settings", "Neon", "Athena", "table", "database")
    assert checked == [f"✓ ok      {side}" for side in sides]
    assert f"branch {target.name} (br-" in done.stdout
    assert "forecast → public.forecast_data, 9 columns" in done.stdout
    assert "Postgres " in done.stdout
    assert target.value("SELECT to_regnamespace('neonsync')") is None
    assert not target.report_dir.exists()


CHECK = '[[checks]]\ntable = "forecast_data"\n'
GOOD_CHECKS = {
    "regex": 'column = "state"\nregex = "^[A-Z]{2}$"\n',
    "between": 'column = "y_50"\nbetween = [0, 1000]\n',
    "unique": 'unique = ["state", "id"]\n',
    "fresh": "fresh_days = 3\n",
    "expression": 'name = "quantiles"\nexpression = "y_05 <= y_50 -- in order"\n',
    "sql": 'name = "sums"\nsql = "SELECT 1 FROM forecast_data WHERE y_50 < 0"\n',
}
BAD_CHECKS = {
    "regex": (
        'column = "dma_id"\nregex = "^[A-Z"\n',
        "regex(dma_id)",
        "invalid regular expression",
    ),
    "value": (
        'column = "restaurant_id"\naccepted_values = ["CA"]\n',
        "accepted_values(restaurant_id)",
        "invalid input syntax for type integer",
    ),
    "column": ('name = "c"\nexpression = "y_51 > 0"\n', "c", 'column "y_51" does not exist'),
    "syntax": ('name = "s"\nsql = "SELEC 1"\n', "s", "syntax error"),
    "two": ('name = "t"\nsql = "SELECT 1) AS x; DROP TABLE a; SELECT (1"\n', "t", "syntax error"),
}


@pytest.mark.parametrize("synced", [False, True])
async def test_check_has_postgres_plan_the_declared_checks_without_running_them(
    target: Target, synced: bool
) -> None:
    if synced:
        await target.sync()
    target.configure("".join(CHECK + each for each in GOOD_CHECKS.values()))
    done = check(target, "--branch", target.name)
    assert done.returncode == 0, done.stdout + done.stderr
    count = len(GOOD_CHECKS) - (not synced)
    last = done.stdout.splitlines()[-1]
    assert last == f"✓ ok      checks: {count} of 6 declared ones are as Postgres takes them"
    early = "the check 'sums' of public.forecast_data (sql) cannot be looked at before the first"
    assert (early in done.stdout) is not synced

    bad = [each for each, _, _ in BAD_CHECKS.values()]
    target.configure("".join(CHECK + each for each in (*GOOD_CHECKS.values(), *bad)))
    done = check(target, "--branch", target.name)
    assert done.returncode == 2
    assert "✗ failed  checks" in done.stdout
    for _, name, said in BAD_CHECKS.values():
        assert f"the check {name!r} of public.forecast_data" in done.stderr
        assert said in done.stderr
    assert "Mend them under [[checks]]" in done.stderr
    assert "'sums'" not in done.stderr


async def test_check_notes_a_table_that_somebody_has_locked(target: Target) -> None:
    await target.sync()
    target.configure("check_timeout = 0.3\n" + CHECK + GOOD_CHECKS["between"])
    with psycopg.connect(target.uri) as other:
        other.execute("LOCK TABLE forecast_data IN ACCESS EXCLUSIVE MODE")
        done = check(target, "--branch", target.name)
    assert done.returncode == 0, done.stderr
    assert (
        "! note    the check 'between(y_50)' of public.forecast_data (between) could not be looked"
        " at in time: canceling statement due to statement timeout" in done.stdout
    )


@pytest.mark.parametrize(
    ("configured", "side"),
    [
        (f'{CHECK}not_null = ["stat"]\n', "checks"),
        ('[[tables]]\nsource = "forecast"\nkey = ["idd"]\n', "plan"),
    ],
)
def test_what_no_plan_can_be_made_of_is_not_told_of_settings_that_were_in_order(
    target: Target, configured: str, side: str
) -> None:
    target.configure(configured)
    done = check(target, "--branch", target.name)
    assert done.returncode == 2, done.stderr
    assert "✓ ok      settings" in done.stdout
    assert done.stdout.splitlines()[-1] == f"✗ failed  {side}"


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "side"),
    [
        (["--branch", "nowhere"], {}, 2, "Neon"),
        ([], {"NEON_API_KEY": "napi_wrong"}, 3, "Neon"),
        (["--live"], {}, 6, "permission"),
        (["--branch", "{branch}"], {"AWS_SECRET_ACCESS_KEY": "wrong"}, 3, "Athena"),
        (["--branch", "{branch}"], {"ATHENA_DB_NAME": "none"}, 2, "Athena"),
        (["--branch", "{branch}", "--days", "x"], {}, 2, "settings"),
    ],
)
def test_check_says_what_is_not_in_order_with_the_exit_code_of_a_run(
    target: Target, arguments: list[str], environ: dict[str, str], code: int, side: str
) -> None:
    done = check(target, *(a.format(branch=target.name) for a in arguments), **environ)
    assert done.returncode == code, done.stderr
    assert f"✗ failed  {side}" in done.stdout
    assert done.stderr.startswith("neonsync: ")
    assert "Traceback" not in done.stderr
