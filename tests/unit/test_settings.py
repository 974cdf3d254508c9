"""Settings: which source wins, and what is said of mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest

from neonsync.errors import ConfigError
from neonsync.secret import Secret
from neonsync.settings import Settings, load_settings

KEY = "napi_0123456789abcdef"
ENOUGH = {"NEON_API_KEY": KEY, "NEON_PROJECT_ID": "quiet-moon-1"}


def load(
    flags: dict[str, object] | None = None,
    environ: dict[str, str] | None = None,
    toml: str | None = None,
    tmp_path: Path | None = None,
) -> Settings:
    config = None
    if toml is not None and tmp_path is not None:
        config = tmp_path / "config.toml"
        config.write_text(toml)
    return load_settings(flags=flags or {}, environ={**ENOUGH, **(environ or {})}, config=config)


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    toml = 'branch = "file"\njobs = 3\n[athena]\ndatabase = "file_db"\nregion = "eu-west-1"\n'
    settings = load(
        {"branch": "flag"}, {"TARGET_BRANCH": "env", "ATHENA_DB_NAME": "env_db"}, toml, tmp_path
    )

    assert settings.branch == "flag"
    assert settings.athena.database == "env_db"
    assert settings.athena.region == "eu-west-1"
    assert settings.jobs == 3
    assert settings.athena.workgroup == "primary"
    assert settings.origins["branch"] == "from --branch"
    assert settings.origins["athena.database"] == "from ATHENA_DB_NAME"
    assert settings.origins["athena.region"].endswith("config.toml")
    assert settings.origins["athena.workgroup"] == "the default"


def test_the_old_environment_and_our_own_are_read() -> None:
    settings = load(
        None,
        {
            "TARGET_BRANCH": "dev",
            "DATA_MODE": "full",
            "TABLE_FILTER": "",
            "DATE_RANGE_DAYS": "0",
            "ATHENA_DB_NAME": "lake",
            "ATHENA_OUTPUT_LOCATION": "s3://bucket/out",
            "AWS_REGION": "eu-central-1",
            "NEONSYNC_JOBS": "4",
            "NEON_CONNECTION_STRING": "postgresql://me:pw@ep-x.neon.tech/shop?sslmode=require",
        },
    )

    assert settings.branch == "dev"
    assert settings.athena.output_location == "s3://bucket/out/"
    assert settings.jobs == 4
    assert (settings.neon.role, settings.neon.database) == ("me", "shop")


def test_an_empty_variable_counts_as_not_set() -> None:
    assert load(None, {"TARGET_BRANCH": "", "AWS_REGION": " "}).athena.region == "us-east-1"


@pytest.mark.parametrize(
    ("flags", "environ", "toml", "said"),
    [
        ({}, {"NEON_API_KEY": ""}, None, "neither NEON_API_KEY nor NEON_CONNECTION_STRING is set"),
        ({}, {"NEON_API_KEY": "napi_a\nb"}, None, "characters that no API key has"),
        ({}, {"NEON_API_KEY": "napi_é"}, None, "characters that no API key has"),
        ({}, {"NEON_PROJECT_ID": ""}, None, "NEON_PROJECT_ID is not set"),
        ({}, {}, 'brunch = "x"', "unknown setting 'brunch'"),
        ({}, {}, '[athena]\nworkgrup = "x"', "unknown setting 'athena.workgrup'"),
        ({}, {}, "branch = ", "is not valid TOML"),
        ({}, {}, "branch = 3", "branch is 3"),
        ({}, {}, "jobs = 0", "must be from 1 to 32"),
        ({}, {}, "jobs = true", "must be a whole number"),
        ({"jobs": 99}, {}, None, "jobs is 99 (from --jobs)"),
        ({}, {"NEONSYNC_JOBS": "two"}, None, "jobs is 'two' (from NEONSYNC_JOBS)"),
        ({}, {"DATA_MODE": "ful"}, None, "must be one of full, schema-only, test-data"),
        ({}, {"ATHENA_OUTPUT_LOCATION": "bucket/out"}, None, "s3://bucket/prefix/"),
        ({}, {"NEON_API_HOST": "http://neon.example"}, None, "must be an https address"),
        ({}, {"NEON_CONNECTION_STRING": "mysql://x"}, None, "does not begin with postgresql://"),
        ({}, {}, '[neon]\napi_key = "napi_x"', "secrets are not read from the configuration"),
        (
            {},
            {},
            'confirm = "main"\n[athena]\nprice_per_tb = -1',
            "must be a number that is not negative",
        ),
        ({}, {}, "confirm = [1]", "must be a list of names"),
    ],
)
def test_each_mistake_is_named(
    flags: dict[str, object],
    environ: dict[str, str],
    toml: str | None,
    said: str,
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(flags, environ, toml, tmp_path)

    assert said in str(caught.value)
    assert int(caught.value.exit_code) == 2


@pytest.mark.parametrize(
    ("toml", "meant"),
    [
        ("report_dri = 1", "report_dir"),
        ("days = 1", "filters.days"),
        ('[neon]\nbrnch = "dev"', "branch"),
        ('[neon]\ndatabse = "a"', "neon.database"),
    ],
)
def test_a_near_name_is_suggested(toml: str, meant: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(toml=toml, tmp_path=tmp_path)
    assert caught.value.remedy == f"Did you mean {meant!r}?"


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load_settings(flags={}, environ=ENOUGH, config=tmp_path / "none.toml")


def test_settings_do_not_show_the_key() -> None:
    settings = load(None, {"NEON_CONNECTION_STRING": "postgresql://me:hunter2@ep-x/shop"})

    assert KEY not in repr(settings)
    assert "hunter2" not in repr(settings)
    assert KEY not in str(settings.neon.api_key)
    assert settings.neon.api_key == Secret(KEY)
