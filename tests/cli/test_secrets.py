"""Whatever a command is given, and wherever: nothing that it writes shows a secret whole."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from urllib.parse import quote

import pytest

from neonsync.cli import main as program
from neonsync.cli.output import known, say, say_json
from tests import forked
from tests.cli.conftest import Run
from tests.cli.test_config import BARE
from tests.conftest import Target

PASSWORD = "s3cr3t-of@mine"
URI = f"postgresql://me:{PASSWORD}@ep-x.eu.neon.tech/shop"
AWS = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY"
KEY_OF_A_FILE = "an-old-key-without-a-prefix"


def parts(text: str) -> list[str]:
    return [part for part in ("s3cr3t", "mine@", AWS, KEY_OF_A_FILE) if part in text]


@pytest.mark.parametrize(
    "words",
    [
        ["--headless", "--branch", URI],
        ["--headless", "--config", URI],
        ["--headless", "--mode", URI],
        ["--headless", "--jobs", URI],
        ["--headless", "--days", URI],
        ["--headless", "--states", f"CA,{URI}"],
        ["--headless", "--table-filter", URI],
        ["--headless", "--report-dir", f"/dev/null/{URI}"],
        ["--headless", f"--{URI}"],
        ["--headless", "--expires", URI, "--via-branch"],
        [URI],
        [URI, "--json"],
        ["plan", "--validation", URI, "--json"],
        ["plan", "--tables", URI, "--branch", "untouched"],
        ["validate", "--from", URI],
        ["tables", "add", URI],
        ["tables", "--database", URI],
        ["history", "show", URI],
        ["history", "--limit", URI],
        ["rollback", URI],
        ["branches", "delete", URI],
        ["branches", "create", "x", "--cu", URI],
        ["branches", "expire", "x", "--at", URI],
        ["config", "show", "--branch", URI],
        ["config", "check", "--branch", URI],
        ["config", "init", "--project-id", URI],
        ["sandbox", "--dir", f"/dev/null/{URI}"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("actions", [{}, {"GITHUB_ACTIONS": "true"}], ids=["", "Actions"])
def test_an_address_in_the_wrong_place_is_not_echoed_whole(
    call: Run, target: Target, words: list[str], actions: dict[str, str], tmp_path: Path
) -> None:
    done = call(*words, **actions)
    told = done.stdout + done.stderr
    assert told
    assert "Traceback" not in told
    assert parts(told) == []
    for path in tmp_path.rglob("*"):
        if path.is_file():
            assert parts(path.read_text(errors="replace")) == [], path


@pytest.mark.parametrize("flag", ["--days", "--from", "--mode", "--config"])
def test_the_secrets_of_the_environment_and_of_files_are_known_to_every_message(
    tmp_path: Path, flag: str
) -> None:
    key = tmp_path / "key"
    key.write_text(KEY_OF_A_FILE)
    given = {"AWS_SECRET_ACCESS_KEY": AWS, "NEON_PROJECT_ID": "p", "NEON_API_KEY_FILE": str(key)}
    for value in (AWS, KEY_OF_A_FILE):
        # These are refused before the file with the key is read.
        if flag in ("--mode", "--config") and value == KEY_OF_A_FILE:
            continue
        words = ["plan", flag, f"x-{value}-x", "--json"]
        done = forked.run(*words, env={**BARE, **given}, cwd=tmp_path, timeout=60)
        assert done.returncode == 2
        assert "********" in done.stderr
        assert parts(done.stdout + done.stderr) == [], done.stderr


def test_what_a_library_warns_of_is_said_without_secrets(
    call: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "cli", lambda **_: logging.getLogger("asyncio").warning(URI))
    monkeypatch.setattr(logging, "lastResort", logging.lastResort)  # as it was, at the end
    with monkeypatch.context() as patch:
        patch.setattr(logging.getLogger(), "handlers", [])  # pytest's own would take it
        done = call("history")
    assert "postgresql://me:********@ep-x" in done.stderr
    assert parts(done.stderr) == []


def test_a_document_stays_one_whatever_is_taken_out_of_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", 'a "quoted" secret')
    document = {"message": "password='x", URI: ['a "quoted" secret', "password=y"], "rest": 1}
    say_json(document)
    read = json.loads(capsys.readouterr().out)
    assert read == {
        "message": "password=********",
        "postgresql://me:********@ep-x.eu.neon.tech/shop": ["********", "password=********"],
        "rest": 1,
    }
    say('it was a "quoted" secret')
    assert capsys.readouterr().out == "it was ********\n"


def test_a_new_command_knows_the_secrets_of_its_own_settings_alone(
    call: Run, target: Target
) -> None:
    uri = URI.replace(PASSWORD, quote(PASSWORD))
    call("plan", "--branch", target.name, "--days", "3", NEON_CONNECTION_STRING=uri)
    assert {PASSWORD, quote(PASSWORD)} < {secret.reveal() for secret in known()}
    call("history")
    assert not {PASSWORD, quote(PASSWORD)} & {secret.reveal() for secret in known()}
