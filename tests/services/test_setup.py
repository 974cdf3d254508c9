"""The first configuration: each setting is tried for real, and no secret is written."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from neonsync.errors import ConfigError
from neonsync.services.context import Context
from neonsync.services.setup import FIELDS, Setup
from tests.conftest import Target

KEY = "napi_0123456789abcdef"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A user with nothing."""
    monkeypatch.chdir(tmp_path)
    return Context({"HOME": str(tmp_path)})


@pytest.fixture
def values(planner: Target) -> dict[str, str]:
    """What a user of the sandbox would fill in."""
    given = planner.environment
    return {
        "neon.project_id": given["NEON_PROJECT_ID"],
        "athena.database": given["ATHENA_DB_NAME"],
        "athena.workgroup": "primary",
        "athena.output_location": given["ATHENA_OUTPUT_LOCATION"],
        "athena.region": given["AWS_REGION"],
    }


def test_a_setup_is_needed_until_there_is_a_key_and_a_project(bare: Context) -> None:
    assert "NEON_API_KEY" in Setup(bare).needed()
    environ = {**bare.environ, "NEON_API_KEY": KEY}
    assert "NEON_PROJECT_ID" in Setup(Context(environ)).needed()
    assert Setup(Context({**environ, "NEON_PROJECT_ID": "p"})).needed() == ""


def test_the_form_begins_with_what_is_set_and_tells_of_the_key(bare: Context) -> None:
    fields = {each.name: each for each in Setup(bare).fields()}
    assert tuple(fields) == FIELDS
    assert fields["athena.region"].value == "us-east-1"
    assert fields["athena.region"].origin == "the default"
    environ = {**bare.environ, "NEON_API_KEY": KEY, "AWS_REGION": "eu-west-1"}
    seen = Setup(Context(environ)).fields()
    told = {each.name: each for each in seen}
    assert told["athena.region"].origin == "from AWS_REGION"
    assert "NEON_API_KEY is set" in told["neon.keyring"].origin
    assert KEY not in str(seen)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("neon.project_id", "", "it is needed"),
        ("neon.project_id", KEY, "looks like a secret"),
        ("neon.project_id", "quiet-moon-1", ""),
        ("athena.output_location", "bucket", "must look like s3://bucket/prefix/"),
        ("athena.output_location", "", ""),
        ("athena.region", "eu-\x1b", "control characters"),
    ],
)
def test_a_value_is_judged_as_one_types(bare: Context, name: str, value: str, said: str) -> None:
    found = Setup(bare).problem(name, value)
    assert said in found
    assert bool(said) == bool(found)
    assert KEY not in found


@pytest.mark.parametrize("name", FIELDS)
def test_each_setting_is_tried_for_real(
    looking: Context, values: dict[str, str], name: str
) -> None:
    found = Setup(looking).test(name, values)
    assert found.ok, found


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("neon.project_id", "nobodys-project", "no project 'nobodys-project'"),
        ("neon.api_key_file", "/nowhere/key", "cannot be read"),
        ("athena.database", "nowhere", "no database 'nowhere'"),
        ("athena.workgroup", "nowhere", "nowhere"),
        ("athena.output_location", "s3://nowhere-at-all/x/", "nowhere-at-all"),
    ],
)
def test_what_is_wrong_is_told(
    looking: Context, values: dict[str, str], name: str, value: str, said: str
) -> None:
    found = Setup(looking).test(name, {**values, name: value})
    assert not found.ok
    assert said in found.message


def test_a_key_is_tried_where_the_form_says_that_it_is(
    looking: Context, values: dict[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "key"
    file.write_text("napi_wrongwrongwrong")
    found = Setup(looking).test("neon.api_key_file", {**values, "neon.api_key_file": str(file)})
    assert not found.ok
    assert "napi_wrong" not in str(found)
    file.write_text(looking.environ["NEON_API_KEY"])
    bare = {name: value for name, value in looking.environ.items() if name != "NEON_API_KEY"}
    values["neon.api_key_file"] = str(file)
    found = Setup(Context(bare)).test("neon.project_id", values)
    assert found.ok, found
    assert str(file) in found.message
    made = tmp_path / "made.toml"
    Setup(Context(bare)).save(values, made)
    assert Setup(Context(bare, made)).needed() == ""
    assert looking.environ["NEON_API_KEY"] not in made.read_text()


def test_what_is_saved_is_a_configuration_and_an_old_one_keeps_the_rest(
    bare: Context, tmp_path: Path
) -> None:
    path = tmp_path / "neonsync.toml"
    setup = Setup(bare)
    given = {"neon.project_id": " quiet-moon-1 ", "athena.region": "eu-west-1"}
    given |= {"athena.output_location": "s3://b/out", "neon.keyring": "neonsync"}
    assert setup.save(given, path) == f"wrote {path}"
    document = tomllib.loads(path.read_text())
    assert document == {
        "neon": {"project_id": "quiet-moon-1", "keyring": "neonsync"},
        "athena": {"region": "eu-west-1", "output_location": "s3://b/out/"},
    }
    path.write_text("# mine\njobs = 4  # four\n\n" + path.read_text())
    again = setup.save({**given, "neon.project_id": "loud-sun-2"}, path)
    assert "neon.project_id" in again
    assert path.read_text().startswith("# mine\njobs = 4  # four\n")
    assert 'project_id = "loud-sun-2"' in path.read_text()
    with pytest.raises(ConfigError, match="looks like a secret"):
        setup.save({**given, "neon.project_id": KEY}, path)
    assert KEY not in path.read_text()
    with pytest.raises(ConfigError):
        setup.save({**given, "neon.project_id": KEY}, replace(bare).config or tmp_path / "n.toml")
    assert not (tmp_path / "n.toml").exists()
