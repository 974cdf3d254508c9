"""What the documents say is what the program does."""

from __future__ import annotations

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from neonsync.cli.main import cli
from neonsync.errors import ExitCode
from neonsync.settings import BY_NAME, load_settings
from neonsync.tables import (
    CheckKind,
    ColumnRule,
    IndexSpec,
    TableConfig,
    TestDataRules,
    parse_checks,
    parse_tables,
)
from neonsync.tables.checks_config import COMMON_KEYS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
ENOUGH = {"NEON_API_KEY": "napi_x"}


EXAMPLE = (ROOT / "config.toml.example").read_text()
# A line that begins with # and no blank is a setting that is not set.
WHOLE = re.sub(r"^#(?=[^ \n])", "", EXAMPLE, flags=re.MULTILINE)
# Names that everybody has of their own: what stands there is an example, not the default.
OF_ONES_OWN = ("neon.project_id", "athena.output_location")


def _settings_in(text: str) -> dict[str, Any]:
    document = tomllib.loads(text)
    for name in ("tables", "checks"):
        document.pop(name, None)
    return {
        f"{key}.{inner}" if isinstance(value, dict) else key: item
        for key, value in document.items()
        for inner, item in (value.items() if isinstance(value, dict) else [("", value)])
    }


def test_the_example_configuration_is_read_and_states_the_defaults(tmp_path: Path) -> None:
    settings = load_settings(
        flags={}, environ=ENOUGH, config=ROOT / "config.toml.example", directory=tmp_path
    )
    assert settings.neon.project_id == "quiet-moon-12345678"
    assert settings.origins["tables"] == "the preset"
    for name, shown in _settings_in(EXAMPLE).items():
        option = BY_NAME[name]
        if name not in OF_ONES_OWN:
            assert option.parse(shown) == option.parse(option.default), name


def test_the_example_holds_every_setting_with_its_variables_and_its_flag() -> None:
    assert set(_settings_in(WHOLE)) == set(BY_NAME)
    for option in BY_NAME.values():
        option.parse(_settings_in(WHOLE)[option.name])
        for word in (*option.variables[1:], option.flag):
            assert word in EXAMPLE, (option.name, word)


def test_the_example_shows_every_key_of_a_table() -> None:
    entries = tomllib.loads(WHOLE)["tables"]
    tables = parse_tables(entries, "config.toml.example")
    assert {key for entry in entries for key in entry} == {f.name for f in fields(TableConfig)}
    assert {key for index in entries[0]["indexes"]["full"] for key in index} == {
        f.name for f in fields(IndexSpec)
    }
    rules = entries[0]["test_data"]["columns"].values()
    assert {key for rule in rules for key in rule} == {f.name for f in fields(ColumnRule)}
    assert set(entries[0]["test_data"]) == {f.name for f in fields(TestDataRules)}
    assert [table.target_name for table in tables] == ["orders", "customers"]


def test_the_example_shows_every_key_and_every_kind_of_a_check() -> None:
    document = tomllib.loads(WHOLE)
    tables = parse_tables(document["tables"], "config.toml.example")
    checks = parse_checks(document["checks"], "config.toml.example", tables)
    assert {check.kind for check in checks} == set(CheckKind)
    keys = {key for entry in document["checks"] for key in entry}
    assert keys == {*COMMON_KEYS, *CheckKind}


def test_each_setting_of_the_example_has_a_comment() -> None:
    lines = EXAMPLE.splitlines()
    setting = re.compile(r"#?[a-z_]+ = ")
    bare = [
        line
        for previous, line in zip(["", *lines], lines, strict=False)
        # Its own comment stands above it, or that of its group, or its section's header.
        if setting.match(line) and not re.match(r"# |#?\[|#?[a-z_]+ = ", previous)
    ]
    assert bare == []


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
        assert re.search(rf"\b{int(code)}\b", table), code


def test_no_document_names_a_path_of_a_machine_or_an_address_in_the_constraints() -> None:
    constraints = (ROOT / "constraints.txt").read_text()
    assert "://" not in constraints
    assert all("==" in line for line in constraints.splitlines())
    assert "/home/" not in README


def test_the_readmes_pictures_are_there_small_and_tell_nothing_of_a_machine() -> None:
    pictures = re.findall(r"^!\[[^\]]+\]\(([^)]+)\)$", README, re.MULTILINE)
    assert len(pictures) >= 3
    for picture in pictures:
        svg = (ROOT / picture).read_text()
        assert len(svg) < 60_000, picture
        for word in ("@font-face", "/home/", "/tmp/", "127.0.0.1", "localhost", "napi_"):
            assert word not in svg, (picture, word)
