"""``--debug`` tells what is asked of Neon and Postgres, and shows no secret doing so."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import Done, Run, reached
from tests.conftest import Target
from tests.neon.scripted import KEY, Answer, Scripted


def secrets_of(target: Target) -> list[str]:
    password = urlsplit(target.uri).password
    assert password
    return [
        target.environment["NEON_API_KEY"],
        password,
        target.environment["AWS_SECRET_ACCESS_KEY"],
    ]


def assert_silent(done: Done, secrets: list[str]) -> None:
    for secret in secrets:
        assert secret not in done.stdout
        assert secret not in done.stderr


@pytest.mark.parametrize("before", [True, False])
def test_a_command_tells_its_requests(call: Run, target: Target, before: bool) -> None:
    words = ["branches", "uri", target.name, "--json"]
    done = call(*(["--debug", *words] if before else [*words, "--debug"]))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["branch"] == target.name
    assert "/connection_uri {'branch_id': 'br-" in done.stderr
    assert ": 200, " in done.stderr
    assert_silent(done, secrets_of(target))
    assert "debug" not in call(*words).stderr


def test_a_run_tells_its_requests_and_statements(call: Run, target: Target) -> None:
    flags = ["--headless", "--branch", target.name, "--days", "2", "--json", "--debug"]
    string = target.uri  # its password is in the settings too
    done = call(*flags, "--report-dir", str(target.report_dir), NEON_CONNECTION_STRING=string)
    assert done.returncode == 0, done.stderr
    assert all(json.loads(line)["event"] for line in done.stdout.splitlines())
    assert "debug" in done.stderr
    assert "neon: GET projects/" in done.stderr
    assert "postgres: connecting to ep-" in done.stderr
    assert "INSERT INTO neonsync.runs" in done.stderr
    assert "COPY " in done.stderr
    assert_silent(done, secrets_of(target))
    for report in target.report_dir.iterdir():
        for secret in secrets_of(target):
            assert secret not in report.read_text(encoding="utf-8")


def test_a_key_that_comes_back_or_is_wrong_is_not_shown(call: Run) -> None:
    def refuse(call: object) -> Answer:
        return Answer({"message": f"bad {KEY}", "request_id": KEY}, 401, {"x-request-id": KEY})

    with Scripted(refuse) as server:
        done = call("branches", "list", "--debug", **reached(server))
    assert done.returncode == 3
    assert ": 401, " in done.stderr
    assert_silent(done, [KEY])


def test_a_key_from_a_file_is_not_shown_either(call: Run, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(KEY)
    path.chmod(0o600)
    with Scripted(lambda _: Answer(None, 302, {"Location": f"/{KEY}"})) as server:
        there = {**reached(server), "NEON_API_KEY": "", "NEON_API_KEY_FILE": str(path)}
        done = call("branches", "create", "dev", "--debug", **there)
    assert done.returncode == 3
    assert "neon: GET projects/" in done.stderr
    assert_silent(done, [KEY])
