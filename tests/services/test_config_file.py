"""Saving a selection: the settings change, and what somebody wrote around them stays."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from neonsync.errors import ConfigError
from neonsync.selection import Selection
from neonsync.services.config_file import save
from neonsync.services.context import Context
from neonsync.services.toml_text import TomlText, UnfitError

EXAMPLE = Path(__file__).parents[2] / "config.toml.example"
REACHED = {"NEON_CONNECTION_STRING": "postgresql://role:hunter2hunter2@localhost/db"}

WRITTEN = """\
# ours
branch = "dev"  # not main # really
jobs = 3

[filters]
# the states that we serve
states = [
    "CA",  # west
    "TX",
]  # two
#days = 30

[athena]
database = "lake"  # [filters]
note = '''
[filters]
days = 5
'''
"""


def context(path: Path) -> Context:
    return Context({"HOME": str(path.parent), **REACHED}, path)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("branch", "ops", 'branch = "ops"  # not main # really\n'),
        ("jobs", 8, "jobs = 8\n"),
        ("mode", "full", 'jobs = 3\nmode = "full"\n'),
        ("filters.states", ["NY", 'a"b'], 'states = ["NY", "a\\"b"]  # two\n'),
        ("filters.days", 7, "#days = 30\ndays = 7\n"),
        ("filters.from", date(2026, 1, 31), "#days = 30\n"),
        ("test_data.rows", 9, "'''\n\n[test_data]\nrows = 9\n"),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_setting_changes_in_its_place(name: str, value: Any, line: str, end: str) -> None:
    text = WRITTEN.replace("\n", end)
    document = TomlText(text)
    document.set(name, value)
    made = str(document)
    assert line.replace("\n", end) in made
    section, _, key = name.rpartition(".")
    expected = tomllib.loads(text)
    (expected.setdefault(section, {}) if section else expected)[key] = value
    assert tomllib.loads(made) == expected
    comments = [part for part in text.split(end) if part.startswith("#")]
    assert all(comment in made for comment in comments)
    assert name in document


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", "[filters]\ndays = 7\n"),
        ("jobs = 3", "jobs = 3\n\n[filters]\ndays = 7\n"),
        ("filters.states = ['CA']\n", "filters.states = ['CA']\nfilters.days = 7\n"),
        ("filters.days = 3 # x\n", "filters.days = 7 # x\n"),
        ("[filters]", "[filters]\ndays = 7\n"),
        ("[[tables]]\nkey = ['a']\n", "[[tables]]\nkey = ['a']\n\n[filters]\ndays = 7\n"),
    ],
)
def test_a_setting_finds_a_place(text: str, made: str) -> None:
    document = TomlText(text)
    document.set("filters.days", 7)
    assert str(document) == made
    assert tomllib.loads(made)["filters"]["days"] == 7


def test_a_top_setting_goes_before_the_first_section_and_its_comment() -> None:
    document = TomlText("# ours\n\n# what of the lake\n[filters]\ndays = 3\n")
    document.set("jobs", 3)
    assert str(document) == "# ours\n\njobs = 3\n\n# what of the lake\n[filters]\ndays = 3\n"


@pytest.mark.parametrize("text", ["filters = { days = 3 }\n", "filters = {}\n"])
def test_an_inline_section_is_left_to_its_owner(text: str, tmp_path: Path) -> None:
    with pytest.raises(UnfitError):
        TomlText(text).set("filters.days", 7)
    path = tmp_path / "neonsync.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match="cannot be added to"):
        save(replace(context(path).base(), days=9), path, {})
    assert path.read_text() == text


SELECTIONS = [
    Selection(branch="dev", days=30, validation="counts", verify_target="all"),
    Selection(mode="test-data", rows=50, seed=0, scenario="baseline", jobs=32),
    Selection(first=date(2026, 1, 1), last=date(2026, 1, 31), tables=("a,b", "sales.orders")),
    Selection(last=date(2026, 1, 31), states=("CA", 'a"b'), words=("forecast", "TX")),
    Selection(branch="feature/ü # x", report_dir="out/reports", via_branch=True),
]


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("before", ["", "example", *SELECTIONS], ids=str)
def test_what_is_saved_is_loaded_again(
    selection: Selection, before: str | Selection, tmp_path: Path
) -> None:
    path = tmp_path / "neonsync.toml"
    if before == "example":
        path.write_text(EXAMPLE.read_text())
    elif isinstance(before, Selection):
        save(before, path, {})
    comments = {line for line in path.read_text().splitlines() if "#" in line} if before else set()
    save(selection, path, {})
    loaded = context(path).base()
    assert replace(loaded, config=None, via_branch=selection.via_branch) == selection
    kept = {line for line in path.read_text().splitlines() if "#" in line}
    # A value may have a # of its own, as a branch's name.
    assert {line for line in comments if line.startswith("#")} <= kept
    assert save(selection, path, {}) == f"{path} says that already"


def test_the_users_own_file_is_outdone(tmp_path: Path) -> None:
    (tmp_path / ".config" / "neonsync").mkdir(parents=True)
    (tmp_path / ".config" / "neonsync" / "config.toml").write_text("[filters]\ndays = 30\n")
    path = tmp_path / "neonsync.toml"
    seen = context(path.with_name("none.toml")).environ
    save(Selection(), path, seen)
    assert context(path).base().days is None
    save(Selection(first=date(2026, 1, 1)), path, seen)
    assert context(path).base().first == date(2026, 1, 1)


def test_a_confirmation_is_for_one_run_and_a_secret_for_no_file(tmp_path: Path) -> None:
    path = tmp_path / "neonsync.toml"
    save(Selection(branch="dev", confirm=("main",)), path, {})
    assert "main" not in path.read_text()
    before = path.read_text()
    with pytest.raises(ConfigError, match="looks like a secret"):
        save(Selection(branch="napi_0123456789abcdef"), path, {})
    assert path.read_text() == before


def test_a_link_stays_a_link_and_a_mode_a_mode(tmp_path: Path) -> None:
    real, link = tmp_path / "real.toml", tmp_path / "neonsync.toml"
    real.write_text("jobs = 3\n")
    real.chmod(0o600)
    link.symlink_to(real)
    save(Selection(), link, {})
    assert link.is_symlink()
    assert real.read_text() == "jobs = 2\n"
    assert real.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] in (
        ["real.toml", "neonsync.toml"],
        ["neonsync.toml", "real.toml"],
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("etl-config.json", "{}", "the old script's form"),
        ("neonsync.toml", "jobs = ", "not valid TOML"),
        ("neonsync.toml", "jbos = 3", "unknown setting 'jbos'"),
        ("nowhere/neonsync.toml", None, "cannot be written"),
    ],
)
def test_a_file_that_cannot_take_it_is_left_alone(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigError, match=message) as raised:
        save(Selection(branch="dev"), path, {})
    assert "probe" not in raised.value.message
    assert text is None or path.read_text() == text
