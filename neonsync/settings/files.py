"""The configuration files: which there are, and what stands in them, by dotted name."""

from __future__ import annotations

import contextlib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neonsync.errors import ConfigError
from neonsync.secret import Secret
from neonsync.settings.options import (
    API_KEY,
    BY_NAME,
    CONNECTION_STRING,
    OPTIONS,
    SECTIONS,
    nearest,
)

PROJECT_FILE = "neonsync.toml"
OLD_FILE = "etl-config.json"
CONFIG_VARIABLE = "NEONSYNC_CONFIG"

_SECRETS = {
    "api_key": API_KEY,
    "neon.api_key": API_KEY,
    "connection_string": CONNECTION_STRING,
    "neon.connection_string": CONNECTION_STRING,
    "neon.password": CONNECTION_STRING,
    "connectionString": CONNECTION_STRING,
}
_JSON = {option.json: option for option in OPTIONS if option.json}
_JSON_SECRET = "connectionString"  # noqa: S105  # a key's name
LISTS = ("tables", "checks")
"""What a file may have besides settings, each as a list of tables."""
FLAGS_ONLY = {
    "dry_run": "--dry-run",
    "fresh": "--fresh",
    "headless": "--headless",
    "json": "--json",
}


@dataclass(frozen=True)
class ConfigFile:
    """What a file says; ``tables`` and ``checks`` are None where it has none, and read later."""

    path: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    tables: Any = None
    checks: Any = None
    connection_string: Secret | None = None


@dataclass(frozen=True)
class Places:
    """Where the files are: the project's and the user's, each None when there is none."""

    project: Path | None = None
    user: Path | None = None
    notices: tuple[str, ...] = ()


def find_files(config: Path | None, environ: Mapping[str, str], directory: Path) -> Places:
    """Which files are read; ``config`` is the one that a flag named.

    /dev/null as the project's file means that no file is read at all, the user's neither.
    """
    named = config or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named is not None:
        with contextlib.suppress(RuntimeError):  # a home that is not there: the file is not, either
            named = named.expanduser()
        return Places() if str(named) == os.devnull else Places(named, _user_file(environ))
    there = [directory / name for name in (PROJECT_FILE, OLD_FILE) if _is_there(directory / name)]
    notices = (f"{there[1]} is not read: {there[0]} stands beside it",) if there[1:] else ()
    return Places(there[0] if there else None, _user_file(environ), notices)


def _user_file(environ: Mapping[str, str]) -> Path | None:
    base = Path(environ.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute():  # its specification: what is no absolute path does not count
        home = Path(environ.get("HOME", ""))
        if not home.is_absolute():
            return None
        base = home / ".config"
    path = base / "neonsync" / "config.toml"
    return path if _is_there(path) else None


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:  # a container's user often has a home that it may not enter
        return False
    return True


def read_file(path: Path) -> ConfigFile:
    """Read a TOML file, or the old script's JSON.

    Raises:
        ConfigError: it is not there, cannot be read, or has a key that is no setting.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(
            f"the configuration {path} does not exist",
            "Make one with neonsync config init, or do without and use the environment alone.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ConfigError(
            f"the configuration {path} cannot be read: {reason}",
            "It must be a text file, TOML or etl-config.json, that you may read.",
        ) from None
    return _read_json(path, content) if path.suffix == ".json" else _read_toml(path, content)


def _read_toml(path: Path, content: str) -> ConfigFile:
    try:
        document = tomllib.loads(content)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise ConfigError(
            f"the configuration {path} is not valid TOML: {error}",
            "Texts stand in quotes; config.toml.example shows the form of each setting.",
        ) from None
    tables, checks = (document.pop(name, None) for name in LISTS)
    values: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            if key not in SECTIONS:
                raise ConfigError(
                    f"{path} has the unknown section [{key}]", nearest(key, (*SECTIONS, *LISTS))
                )
            values.update({f"{key}.{inner}": item for inner, item in value.items()})
        elif key in SECTIONS:
            raise ConfigError(
                f"{key} in {path} is {value!r}, but it is a section",
                f"Begin it with a line [{key}], with its settings below.",
            )
        else:
            values[key] = value
    for name in values:
        if name not in BY_NAME:
            raise _unknown(path, name)
    return ConfigFile(path, values, tables, checks)


def _unknown(path: Path, name: str) -> ConfigError:
    if name in _SECRETS:
        variable = _SECRETS[name]
        return ConfigError(
            f"{name} stands in {path}: secrets are not read from the configuration",
            f"Take it out of the file, and export {variable}, or name a file that holds it: "
            f'neon.{variable.removeprefix("NEON_").lower()}_file = "path".',
        )
    remedy = nearest(name, BY_NAME)
    if name in FLAGS_ONLY:
        remedy = f"It is a flag only: {FLAGS_ONLY[name]}."
    if name in _JSON:
        remedy = f"That is its name in {OLD_FILE}; in TOML it is {_JSON[name].name}."
    return ConfigError(f"{path} has the unknown setting {name!r}", remedy)


def _read_json(path: Path, content: str) -> ConfigFile:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"the configuration {path} is not valid JSON: {error}",
            "Mend it, or make a TOML file with neonsync config init.",
        ) from None
    if not isinstance(document, dict):
        raise ConfigError(
            f"the configuration {path} is not a JSON object",
            f'It must look like {{"targetBranch": "dev"}}; known: {", ".join(_JSON)}.',
        )
    values: dict[str, Any] = {}
    secret: Secret | None = None
    for key, value in document.items():
        if key == _JSON_SECRET and (value is None or isinstance(value, str)):
            secret = Secret(value.strip()) if value and value.strip() else None
        elif key == _JSON_SECRET:
            raise ConfigError(
                f"{key} in {path} is no text",
                "It must look like postgresql://role:…@host/database.",
            )
        elif key not in _JSON:
            raise ConfigError(
                f"{path} has the unknown setting {key!r}", nearest(key, (*_JSON, _JSON_SECRET))
            )
        elif value is not None and value != "":  # as an empty variable: not set
            values[_JSON[key].name] = value
    return ConfigFile(path, values, connection_string=secret)
