"""Bad input: each mistake is named with its remedy, exit code 2 and no traceback."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neonsync.cli import options
from neonsync.cli.main import main
from neonsync.errors import ConfigError
from neonsync.settings import OPTIONS, OnError, load_settings
from neonsync.settings.values import SCENARIOS
from neonsync.tables import Mode, OnMissing, Publish

ENOUGH = {"NEON_API_KEY": "napi_0123456789abcdef", "NEON_PROJECT_ID": "quiet-moon-1"}
TABLE = '[[tables]]\nsource = "orders"\nkey = ["id"]\n'

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """The command, in this process, with an environment of its own; code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str, **environ: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            patch.setattr("os.environ", {**ENOUGH, **environ})
            patch.setattr(sys, "argv", ["neonsync", *arguments])
            handler = signal.getsignal(signal.SIGTERM)
            try:
                with pytest.raises(SystemExit) as left:
                    main()
            finally:
                signal.signal(signal.SIGTERM, handler)
        out, err = capsys.readouterr()
        return int(left.value.code or 0), out, err

    return call


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--hedless"], "No such option"),
        (["--mode", "schema"], "is not one of 'full', 'schema-only', 'test-data'"),
        (["--scenario", "boom"], "'boom' is not one of 'all'"),
        (["--rows", "many"], "'many' is not a valid integer"),
        (["--rows", "", "--mode", "full"], "--rows is for the mode test-data, but mode is full"),
        (["--seed", "1.5"], "'1.5' is not a valid integer"),
        (["--jobs", "two"], "'two' is not a valid integer"),
        (["--jobs", "99"], "jobs is 99 (from --jobs): it must be from 1 to 32"),
        (["--tables", ""], "filters.tables is '' (from --tables): it must name something"),
        (["--states", ","], "filters.states is ',' (from --states): it must name something"),
        (["--table-filter", " "], "filters.table_filter is ' ' (from --table-filter)"),
        (["--days", ""], "filters.days is '' (from --days): it must be a whole number"),
        (["--days", "-1"], "filters.days is '-1' (from --days)"),
        (["--days", "a week"], "filters.days is 'a week' (from --days)"),
        (["--days", "1_0"], "must be a whole number"),
        (["--days", "99999999"], "must be from 0 to 36500"),
        (["--days", "7", "--from", "2026-01-01"], "beside it stands a bound: 2026-01-01"),
        (["--days", "7", "--to", "2026-01-01"], "(from --to)"),
        (["--from", "2026-02-30"], "a date that the calendar has"),
        (["--from", "20260131"], "a date like 2026-01-31"),
        (["--to", "31.01.2026"], "a date like 2026-01-31"),
        (["--from", "2026-01-02", "--to", "2026-01-01"], "after filters.to, 2026-01-01"),
        (["--table-filter", "all,CA"], "must be all by itself"),
        (["--states", 'CA,"TX'], "double quotes closed"),
        (["--rows", "5"], "--rows is for the mode test-data, but mode is full"),
        (["--seed", "5", "--mode", "schema-only"], "--seed is for the mode test-data"),
        (["--scenario", "all"], "--scenario is for the mode test-data"),
        *(
            ([*flag, "--mode", mode], f"{flag[0]} is for the mode full, but mode is {mode}")
            for mode in ("test-data", "schema-only")
            for flag in (
                ["--validation", "counts"],
                ["--verify-target"],
                ["--allow-delete", "5"],
            )
        ),
        (["--mode", "test-data", "--rows", "0"], "must be from 1 to 10000000000"),
        (["--mode", "test-data", "--rows", "10000000001"], "must be from 1 to 10000000000"),
        (["--mode", "test-data", "--seed", "-1"], "test_data.seed is -1 (from --seed)"),
        (["--config", "none.toml"], "the configuration none.toml does not exist"),
        (["--config", "/"], "is a directory"),
        (["--config", "~nobody-of-this-name/x.toml"], "does not exist"),
        (["--report-dir", "~nobody-of-this-name/x"], "the home of somebody who is not there"),
        (["--branch", "a\nb"], "must not hold line breaks"),
    ],
)
def test_a_bad_flag_is_named(run: Run, arguments: list[str], said: str) -> None:
    code, _, err = run("config", "show", *arguments)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"DATA_MODE": "Full"}, "must be one of full, schema-only, test-data"),
        ({"DATE_RANGE_DAYS": "thirty"}, "filters.days is 'thirty' (from DATE_RANGE_DAYS)"),
        ({"NEONSYNC_FILTERS_FROM": "yesterday"}, "(from NEONSYNC_FILTERS_FROM)"),
        (
            {"DATE_RANGE_DAYS": "3", "NEONSYNC_FILTERS_TO": "2026-01-01"},
            "filters.days is '3' (from DATE_RANGE_DAYS), and beside it stands a bound",
        ),
        ({"NEONSYNC_TEST_DATA_ROWS": "1e6"}, "test_data.rows is '1e6'"),
        ({"NEONSYNC_TEST_DATA_SCENARIO": "calm"}, "must be one of all, baseline"),
        ({"NEONSYNC_BRUNCH": "x"}, "NEONSYNC_BRUNCH is set, but there is no such setting"),
        ({"NEONSYNC_DAYS": "3"}, "NEONSYNC_DAYS is set, but there is no such setting"),
        ({"NEONSYNC_DRY_RUN": "1"}, "It is a flag only: --dry-run."),
        ({"NEONSYNC_NEON_API_KEY": "x"}, "Export it as NEON_API_KEY."),
        ({"NEONSYNC_CONFIG": "none.toml"}, "none.toml does not exist"),
        ({"NEONSYNC_ATHENA_PRICE_PER_TB": "nan"}, "a number that is not negative"),
        ({"ATHENA_OUTPUT_LOCATION": "https://bucket"}, "must look like s3://bucket/prefix/"),
        ({"NEON_API_HOST": "ftp://host"}, "must be an https address"),
        ({"NEON_API_HOST": "https://[host"}, "must be an address like https://host"),
        ({"NEON_API_HOST": "https://me:hunter2@host"}, "must not hold a user or a password"),
        ({"NEON_API_KEY": "napi x"}, "holds characters that no API key has"),
        ({"NEON_API_KEY_FILE": "key"}, "NEON_API_KEY and NEON_API_KEY_FILE are both set"),
        ({"NEON_API_KEY": "", "NEON_API_KEY_FILE": "none"}, "No such file or directory"),
        ({"NEON_API_KEY": "", "NEON_API_KEY_FILE": "/"}, "cannot be read"),
        ({"NEON_API_KEY": "", "NEON_API_KEY_FILE": "/dev/null"}, "is empty"),
        ({"NEON_API_KEY": "", "NEON_API_KEY_FILE": "/dev/zero"}, "too large for a secret"),
        ({"NEON_CONNECTION_STRING": "mysql://me:hunter2@h/d"}, "does not begin with postgresql"),
        ({"NEON_CONNECTION_STRING": "postgresql://me:hunter2@h"}, "names no database"),
    ],
)
def test_a_bad_variable_is_named(run: Run, environ: dict[str, str], said: str) -> None:
    code, out, err = run("config", "show", **environ)
    assert code == 2
    assert said in err
    assert "hunter2" not in out + err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("toml", "said", "remedy"),
    [
        ("branch = ", "is not valid TOML", "Texts stand in quotes"),
        ("branch = 1\nbranch = 2", "is not valid TOML", ""),
        ("branch = 3", "branch is 3", ""),
        ("brnach = 'x'", "unknown setting 'brnach'", "'branch'"),
        ("days = 3", "unknown setting 'days'", "'filters.days'"),
        ("dateRangeDays = 3", "unknown setting 'dateRangeDays'", "filters.days"),
        ("dry_run = true", "unknown setting 'dry_run'", "--dry-run"),
        ("[filter]\ndays = 3", "unknown section [filter]", "'filters'"),
        ("[filtres]", "unknown section [filtres]", "'filters'"),
        ("filters = 3", "filters in ", "[filters]"),
        ("[filters]\nstate = ['CA']", "unknown setting 'filters.state'", "'filters.states'"),
        ("[filters]\ndays = 2.5", "filters.days is 2.5", ""),
        ("[filters]\ndays = true", "filters.days is True", ""),
        ("[filters]\nfrom = 2026-01-31T00:00:00", "a date like 2026-01-31", ""),
        ("[filters]\nfrom = 3", "a date like 2026-01-31", ""),
        ("[filters]\nstates = [1]", "a list of names", ""),
        ("[filters]\ndays = 3\nto = 2026-01-31", "beside it stands a bound", ""),
        ("[athena]\nworkgroup = {a = 1}", "must be a text in quotes", ""),
        ("[neon]\napi_key = 'napi_x'", "secrets are not read", "neon.api_key_file"),
        ("[neon]\nconnection_string = 'x'", "secrets are not read", "NEON_CONNECTION_STRING"),
        ("[neon]\napi_key_file = 3", "must be a text in quotes", ""),
        ("tables = 3", "not a list of tables", "[[tables]]"),
        ("[tables]\nsource = 'a'", "not a list of tables", "[[tables]]"),
        ("tables = []", "is empty", "the preset"),
        (TABLE + "sources = 'x'", "tables[1].sources", "'source'"),
        (TABLE + TABLE, "have the same target public.orders", "another target"),
        ("[[tables]]\nsource = 'orders'", "tables[1].key", "key = "),
    ],
)
def test_a_bad_file_is_named(tmp_path: Path, toml: str, said: str, remedy: str) -> None:
    config = tmp_path / "given.toml"
    config.write_text(toml)
    with pytest.raises(ConfigError) as caught:
        load_settings(flags={}, environ=ENOUGH, config=config)
    assert said in caught.value.message
    assert "given.toml" in caught.value.message
    assert remedy in caught.value.remedy
    assert caught.value.remedy
    assert int(caught.value.exit_code) == 2


@pytest.mark.parametrize(
    ("content", "said", "remedy"),
    [
        ("{", "is not valid JSON", "config init"),
        ("[" * 100_000, "is not valid JSON", ""),
        ("[]", "is not a JSON object", "targetBranch"),
        ('{"targetbranch": "x"}', "unknown setting 'targetbranch'", "'targetBranch'"),
        ('{"connectionString": 3}', "connectionString in ", "postgresql://"),
        ('{"dataMode": "fast"}', "mode is 'fast'", ""),
        ('{"dateRangeDays": -1}', "filters.days is -1", ""),
        ('{"connectionString": "postgresql://me:hunter2@h/d?sslmode=allow"}', "unencrypted", ""),
    ],
)
def test_a_bad_file_of_the_old_script_is_named(
    tmp_path: Path, content: str, said: str, remedy: str
) -> None:
    config = tmp_path / "etl-config.json"
    config.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load_settings(flags={}, environ=ENOUGH, directory=tmp_path)
    assert said in caught.value.message
    assert "etl-config.json" in caught.value.message
    assert remedy in caught.value.remedy
    assert "hunter2" not in caught.value.message + caught.value.remedy


@pytest.mark.parametrize("content", [b"\xff\xfe\x00b", b"branch = 'a\x00b'"])
def test_a_file_that_is_no_text_is_named(tmp_path: Path, content: bytes) -> None:
    config = tmp_path / "given.toml"
    config.write_bytes(content)
    with pytest.raises(ConfigError, match=r"given\.toml"):
        load_settings(flags={}, environ=ENOUGH, config=config)


@pytest.mark.parametrize(
    ("environ", "said", "remedy"),
    [
        ({}, "neither NEON_API_KEY nor NEON_CONNECTION_STRING is set", "NEON_PROJECT_ID"),
        ({"NEON_API_KEY": "k"}, "NEON_PROJECT_ID is not set", "neon.project_id"),
        (
            {"NEON_API_KEY": "k", "NEON_CONNECTION_STRING": "postgresql://me@h/d"},
            "NEON_PROJECT_ID is not set",
            "or unset NEON_API_KEY",
        ),
    ],
)
def test_what_is_missing_is_named_with_every_way_out(
    tmp_path: Path, environ: dict[str, str], said: str, remedy: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings(flags={}, environ=environ, directory=tmp_path)
    assert said in caught.value.message
    assert remedy in caught.value.remedy


def test_a_flag_before_a_command_is_not_passed_over_in_silence(run: Run) -> None:
    for flag in (["--days", "3"], ["--dry-run"], ["--confirm", "x"], ["--config", "x.toml"]):
        code, _, err = run(*flag, "config", "show")
        assert code == 2
        assert f"{flag[0]} stands before the command config" in err


def test_on_a_terminal_the_headless_run_is_asked_for_by_its_name(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    code, _, err = run()
    assert code == 2
    assert "stdin and stdout and stderr are no terminal" in err
    assert "neonsync --headless" in err


def test_every_mistake_is_shown_at_once_and_as_json_too(run: Run) -> None:
    arguments = ("config", "show", "--days", "x", "--from", "y", "--json")
    code, out, _ = run(*arguments, DATA_MODE="z")
    assert code == 2
    document: dict[str, Any] = json.loads(out)
    named = [problem["message"].split(" is ")[0] for problem in document["problems"]]
    assert named == ["mode", "filters.days", "filters.from"]
    assert not document["settings"]["mode"]["valid"]


def test_the_flags_are_those_that_the_settings_know() -> None:
    known = {option.name: option.flag for option in OPTIONS if option.flag}
    offered = {
        name: str(parameter.opts[0])
        for name, add in options._FLAGS.items()
        for parameter in add(lambda: None).__click_params__
    }
    assert offered == {**known, "dry_run": "--dry-run", "fresh": "--fresh"}
    assert tuple(mode.value for mode in Mode) == options.MODES
    assert tuple(Publish) == options.PUBLISH
    assert tuple(OnMissing) == options.ON_MISSING
    assert tuple(OnError) == options.ON_ERROR
    assert SCENARIOS == options.SCENARIOS
