"""The files: which one is read, what stands above what, and the old script's JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from neonsync.errors import ConfigError
from neonsync.secret import Secret
from neonsync.settings import Settings, load_settings

ENOUGH = {"NEON_API_KEY": "napi_0123456789abcdef", "NEON_PROJECT_ID": "quiet-moon-1"}
TABLE = '[[tables]]\nsource = "{0}"\nkey = ["id"]\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home" / ".config" / "neonsync"
    folder.mkdir(parents=True)
    return folder


def load(tmp_path: Path, config: Path | None = None, **environ: str) -> Settings:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    environment = {**ENOUGH, "HOME": str(tmp_path / "home"), **environ}
    return load_settings(flags={}, environ=environment, config=config, directory=work)


def write(path: Path, content: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    return path


def test_the_projects_file_stands_above_the_users(tmp_path: Path, home: Path) -> None:
    project = write(tmp_path / "work" / "neonsync.toml", 'branch = "project"\n')
    user = write(home / "config.toml", 'branch = "user"\njobs = 4\n')
    seen = load(tmp_path)
    assert (seen.branch, seen.jobs) == ("project", 4)
    assert seen.config_path == project
    assert seen.origins["branch"] == f"from {project}"
    assert seen.origins["jobs"] == f"from {user}"


def test_the_environment_stands_above_both(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "work" / "neonsync.toml", 'branch = "project"\n')
    assert load(tmp_path, TARGET_BRANCH="environment").branch == "environment"


def test_xdg_config_home_moves_the_users_file(tmp_path: Path, home: Path) -> None:
    write(home / "config.toml", "jobs = 4\n")
    elsewhere = tmp_path / "xdg"
    (elsewhere / "neonsync").mkdir(parents=True)
    write(elsewhere / "neonsync" / "config.toml", "jobs = 5\n")
    assert load(tmp_path, XDG_CONFIG_HOME=str(elsewhere)).jobs == 5
    # A relative one does not count, by its specification.
    assert load(tmp_path, XDG_CONFIG_HOME="xdg").jobs == 4


def test_a_named_file_is_read_instead_of_the_one_in_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "work" / "neonsync.toml", 'branch = "folder"\n')
    by_flag = write(tmp_path / "flag.toml", 'branch = "flag"\n')
    by_variable = write(tmp_path / "variable.toml", 'branch = "variable"\n')
    assert load(tmp_path, NEONSYNC_CONFIG=str(by_variable)).branch == "variable"
    assert load(tmp_path, by_flag, NEONSYNC_CONFIG=str(by_variable)).branch == "flag"


def test_dev_null_for_a_file_reads_none_at_all(tmp_path: Path, home: Path) -> None:
    write(tmp_path / "work" / "neonsync.toml", 'branch = "project"\n')
    write(home / "config.toml", "jobs = 4\n")
    seen = load(tmp_path, NEONSYNC_CONFIG="/dev/null")
    assert (seen.branch, seen.jobs, seen.config_path) == ("", 2, None)


def test_a_mistake_in_the_users_file_names_that_file(tmp_path: Path, home: Path) -> None:
    user = write(home / "config.toml", "jbos = 4\n")
    with pytest.raises(ConfigError, match="unknown setting 'jbos'") as caught:
        load(tmp_path)
    assert str(user) in str(caught.value)
    assert "jobs" in caught.value.remedy


def test_the_preset_is_synced_when_no_file_names_tables(tmp_path: Path) -> None:
    seen = load(tmp_path)
    assert [table.source for table in seen.tables] == ["forecast"]
    assert seen.origins["tables"] == "the preset"


def test_tables_of_the_project_replace_those_of_the_user(tmp_path: Path, home: Path) -> None:
    user = write(home / "config.toml", TABLE.format("mine") + TABLE.format("too"))
    assert [table.source for table in load(tmp_path).tables] == ["mine", "too"]
    assert load(tmp_path).origins["tables"] == f"from {user}"
    write(tmp_path / "work" / "neonsync.toml", TABLE.format("ours"))
    assert [table.source for table in load(tmp_path).tables] == ["ours"]


def test_the_old_scripts_file_is_read_as_it_is(tmp_path: Path) -> None:
    old = write(
        tmp_path / "work" / "etl-config.json",
        json.dumps(
            {
                "targetBranch": "dev",
                "dataMode": "schema-only",
                "tableFilter": "CA,TX",
                "dateRangeDays": 30,
                "connectionString": "postgresql://me:pw@ep-x.neon.tech/shop?sslmode=require",
            }
        ),
    )
    old.chmod(0o600)
    work = tmp_path / "work"
    seen = load_settings(flags={}, environ={}, directory=work)
    assert (seen.branch, seen.mode) == ("dev", "schema-only")
    assert (seen.filters.words, seen.filters.days) == (("CA", "TX"), 30)
    assert seen.neon.api_key is None
    assert seen.neon.connection_string == Secret(
        "postgresql://me:pw@ep-x.neon.tech/shop?sslmode=require"
    )
    assert seen.origins["neon.connection_string"] == f"from {old}"
    assert seen.config_path == old
    assert seen.notices == ()
    # Named by the flag it is the same.
    assert load_settings(flags={}, environ={}, config=old, directory=tmp_path).branch == "dev"


def test_the_old_files_address_beats_a_secret_file_of_the_user(tmp_path: Path, home: Path) -> None:
    secret = write(home / "address", "postgresql://me:pw@ep-user/shop")
    write(home / "config.toml", '[neon]\nconnection_string_file = "address"\n')
    assert load(tmp_path).origins["neon.connection_string"] == f"from the file {secret}"
    old = write(
        tmp_path / "work" / "etl-config.json", '{"connectionString": "postgresql://me@ep-old/shop"}'
    )
    assert load(tmp_path).origins["neon.connection_string"] == f"from {old}"


def test_null_in_the_old_file_is_not_set(tmp_path: Path) -> None:
    write(tmp_path / "work" / "etl-config.json", '{"tableFilter": null, "connectionString": ""}')
    assert load(tmp_path).filters.words == ()


def test_the_old_file_is_left_alone_beside_a_new_one_and_that_is_said(tmp_path: Path) -> None:
    write(tmp_path / "work" / "etl-config.json", '{"targetBranch": "old"}')
    write(tmp_path / "work" / "neonsync.toml", 'branch = "new"\n')
    seen = load(tmp_path)
    assert seen.branch == "new"
    assert "etl-config.json is not read" in seen.notices[0]


def test_everybodys_eyes_on_an_old_file_with_a_password_are_worth_a_word(tmp_path: Path) -> None:
    old = write(
        tmp_path / "work" / "etl-config.json",
        '{"connectionString": "postgresql://me:pw@ep-x/shop"}',
    )
    old.chmod(0o644)
    assert f"chmod 600 {old}" in load(tmp_path).notices[0]


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "windows.toml"
    path.write_bytes(b'\xef\xbb\xbfbranch = "dev"\r\n')
    assert load(tmp_path, path).branch == "dev"
