"""The whole sandbox in one folder."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import boto3
import psycopg
import pytest
import requests

from neonsync.sandbox import Sandbox, SandboxError

ROWS = 500
NAMES = {
    "AWS_ENDPOINT_URL",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_REGION",
    "ATHENA_DB_NAME",
    "ATHENA_OUTPUT_LOCATION",
    "NEON_API_HOST",
    "NEON_API_KEY",
    "NEON_PROJECT_ID",
    "NEON_CONNECTION_STRING",
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("world") / "sandbox", rows=ROWS) as running:
        yield running


def test_the_environment_has_what_clients_read(sandbox: Sandbox) -> None:
    environment = sandbox.environment()
    assert set(environment) == NAMES
    assert all(environment.values())
    assert not re.match("AKIA[A-Z0-9]{16}$", environment["AWS_ACCESS_KEY_ID"])
    assert environment["NEON_API_KEY"].startswith("napi_sandbox_")


def test_neon_answers_with_the_environments_key(sandbox: Sandbox) -> None:
    environment = sandbox.environment()
    project = f"{environment['NEON_API_HOST']}/projects/{environment['NEON_PROJECT_ID']}"
    headers = {"Authorization": f"Bearer {environment['NEON_API_KEY']}"}
    (main,) = requests.get(f"{project}/branches", headers=headers, timeout=20).json()["branches"]
    assert (main["name"], main["default"]) == ("main", True)
    with psycopg.connect(environment["NEON_CONNECTION_STRING"]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("neondb",)


def test_aws_answers_with_the_environments_keys(sandbox: Sandbox) -> None:
    environment = sandbox.environment()
    glue = boto3.client(
        "glue",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
    )
    assert glue.get_tables(DatabaseName=environment["ATHENA_DB_NAME"])["TableList"]


def test_the_folder_is_its_owners_only(sandbox: Sandbox) -> None:
    assert stat.S_IMODE(sandbox.directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((sandbox.directory / "sandbox.json").stat().st_mode) == 0o600


def test_a_folder_in_use_is_refused_with_the_holders_pid(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match=str(os.getpid())):
        Sandbox(sandbox.directory).start()
    with psycopg.connect(sandbox.environment()["NEON_CONNECTION_STRING"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_restart_is_the_same_world(tmp_path: Path) -> None:
    with Sandbox(tmp_path / "sandbox", rows=ROWS) as first:
        before = first.environment()
        assert first.rows == ROWS
        with psycopg.connect(before["NEON_CONNECTION_STRING"]) as connection:
            connection.execute("CREATE TABLE film AS SELECT 1 AS id")
    with Sandbox(tmp_path / "sandbox", rows=ROWS * 2) as second:
        assert second.environment() == before
        assert second.rows == ROWS, "the lake that is there stays as it is"
        with psycopg.connect(before["NEON_CONNECTION_STRING"]) as connection:
            assert connection.execute("SELECT id FROM film").fetchone() == (1,)


@pytest.mark.parametrize("name", ["aws", "neon", "sandbox.json"])
def test_somebody_elses_folder_is_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{}")
    with pytest.raises(SandboxError, match="left alone"):
        Sandbox(tmp_path).start()
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_other_files_may_stand_beside_a_sandbox(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with Sandbox(tmp_path, rows=ROWS) as sandbox:
        assert sandbox.environment()["NEON_API_KEY"]
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(SandboxError, match="not a folder"):
        Sandbox(path).start()
