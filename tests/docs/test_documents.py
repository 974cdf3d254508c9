"""What the documents say is what the program does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from neonsync import settings as settings_module
from neonsync.cli.main import cli
from neonsync.errors import ExitCode
from neonsync.settings import load_settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ENOUGH = {"NEON_API_KEY": "napi_x"}


def test_the_example_configuration_is_read_and_holds_every_setting() -> None:
    example = ROOT / "config.toml.example"
    settings = load_settings(flags={}, environ=ENOUGH, config=example)

    document = tomllib.loads(example.read_text())
    named = {
        f"{key}.{inner}" if isinstance(value, dict) else key
        for key, value in document.items()
        for inner in (value if isinstance(value, dict) else [""])
    }
    assert named == {option.name for option in settings_module._OPTIONS}
    assert settings.neon.project_id == "quiet-moon-12345678"
    # What it shows as the value is the default, except for names that everybody has of their own.
    for option in settings_module._OPTIONS:
        table, _, key = option.name.rpartition(".")
        shown = document[table][key] if table else document[key]
        if option.name not in ("neon.project_id", "athena.output_location"):
            assert option.parse(shown) == option.parse(option.default), option.name


def test_the_example_names_every_variable_and_flag_of_a_setting() -> None:
    text = (ROOT / "config.toml.example").read_text()
    for variable in ("TARGET_BRANCH", "DATA_MODE", "ATHENA_DB_NAME", "NEON_API_HOST"):
        assert variable in text


def test_ci_runs_the_readmes_test_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "<!-- test command -->" in script
    section = README.split("<!-- test command -->")[1].split("<!-- end -->")[0]
    assert "python -m pytest" in section


@pytest.mark.parametrize("command", re.findall(r"^neonsync ([^#\n&]+)", README, re.MULTILINE))
def test_each_command_of_the_readme_is_one(command: str) -> None:
    words = command.split()
    context = click.Context(cli)
    subcommand = cli.get_command(context, words[0])
    parser = (subcommand or cli).make_parser(context)
    parser.parse_args(words[1:] if subcommand else words)


def test_the_readme_knows_each_exit_code_that_there_is() -> None:
    table = README.split("| exit code |")[1].split("\n## ")[0]
    for code in ExitCode:
        if code is not ExitCode.PARTIAL:  # of several tables, which this version does not have
            assert re.search(rf"\b{int(code)}\b", table), code


def test_no_document_names_a_path_of_a_machine_or_an_address_in_the_constraints() -> None:
    constraints = (ROOT / "constraints.txt").read_text()
    assert "://" not in constraints
    assert all("==" in line for line in constraints.splitlines())
    assert "/home/" not in README
