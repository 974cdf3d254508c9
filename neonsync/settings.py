"""Settings: flags before environment before the TOML file, each value with its origin."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from neonsync.errors import ConfigError
from neonsync.secret import Secret

DEFAULT_API_HOST = "https://console.neon.tech/api/v2"


@dataclass(frozen=True)
class AthenaSettings:
    """Where the lake is. ``output_location`` may be empty when the workgroup has its own."""

    database: str
    region: str
    workgroup: str
    output_location: str
    price_per_tb: float


@dataclass(frozen=True)
class NeonSettings:
    """Which project; ``database`` and ``role`` may be empty when the branch has only one."""

    project_id: str
    api_key: Secret
    api_host: str
    database: str
    role: str


@dataclass(frozen=True)
class Settings:
    """All that a run needs to know; made by ``load_settings``.

    ``branch`` is the exact name, empty for the project's default branch. ``confirm`` lists the
    default or protected branches that may be written. ``jobs`` is the number of connections that
    load chunks. ``origins`` tells where each value came from, by its dotted name.
    """

    branch: str
    mode: str
    confirm: tuple[str, ...]
    report_dir: Path
    jobs: int
    athena: AthenaSettings
    neon: NeonSettings
    origins: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Option:
    """One setting: its dotted name in the TOML file, its environment variables, its default."""

    name: str
    default: Any
    parse: Callable[[Any], Any]
    environment: tuple[str, ...] = ()

    @property
    def variables(self) -> tuple[str, ...]:
        own = "NEONSYNC_" + self.name.upper().replace(".", "_")
        return (own, *self.environment)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text in quotes")
    return value.strip()


def _positive_int(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("must be a whole number")
    try:
        number = int(value)
    except ValueError:
        raise ValueError("must be a whole number") from None
    if not 1 <= number <= 32:
        raise ValueError("must be from 1 to 32")
    return number


def _price(value: Any) -> float:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError("must be a number") from None
    if not 0 <= number < float("inf"):
        raise ValueError("must not be negative")
    return number


def _names(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError("must be a list of names")
    return tuple(value)


def _mode(value: Any) -> str:
    mode = _text(value)
    if mode in ("schema-only", "test-data"):
        raise ValueError("must be full: the other modes are not part of this version")
    if mode != "full":
        raise ValueError("must be full")
    return mode


def _s3_location(value: Any) -> str:
    location = _text(value)
    if not location:
        return ""
    if not location.startswith("s3://") or not urlsplit(location).netloc:
        raise ValueError("must look like s3://bucket/prefix/")
    return location.rstrip("/") + "/"


def _api_host(value: Any) -> str:
    host = _text(value).rstrip("/")
    parts = urlsplit(host)
    loopback = parts.hostname in ("127.0.0.1", "localhost", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
        raise ValueError("must be an https address; http is accepted on loopback only")
    return host


_OPTIONS = (
    _Option("branch", "", _text, ("TARGET_BRANCH",)),
    _Option("mode", "full", _mode, ("DATA_MODE",)),
    _Option("confirm", (), _names),
    _Option("report_dir", ".", _text),
    _Option("jobs", 2, _positive_int),
    _Option("athena.database", "default", _text, ("ATHENA_DB_NAME",)),
    _Option("athena.region", "us-east-1", _text, ("AWS_REGION", "AWS_DEFAULT_REGION")),
    _Option("athena.workgroup", "primary", _text, ("AWS_ATHENA_WORK_GROUP",)),
    _Option("athena.output_location", "", _s3_location, ("ATHENA_OUTPUT_LOCATION",)),
    _Option("athena.price_per_tb", 5.0, _price),
    _Option("neon.project_id", "", _text, ("NEON_PROJECT_ID",)),
    _Option("neon.api_host", DEFAULT_API_HOST, _api_host, ("NEON_API_HOST",)),
    _Option("neon.database", "", _text),
    _Option("neon.role", "", _text),
)
_BY_NAME = {option.name: option for option in _OPTIONS}

# Words that would widen a run if they were passed over in silence.
_NOT_YET = {"TABLE_FILTER": ("", "all"), "DATE_RANGE_DAYS": ("", "0")}
_SECRET_KEYS = ("neon.api_key", "neon.connection_string", "connection_string", "neon.password")


def load_settings(
    *,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    config: Path | None = None,
) -> Settings:
    """Put the settings together.

    ``flags`` has dotted names, and None for a flag that was not given. An empty variable of the
    environment counts as not set, as Actions passes an input that was left empty.

    Raises:
        ConfigError: something is missing, unknown or wrong; the message names it and its origin.
    """
    _refuse_unknown_variables(environ)
    from_file = _read_config(config)
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for option in _OPTIONS:
        raw, origin = _pick(option, flags, environ, from_file, config)
        try:
            values[option.name] = option.parse(raw)
        except ValueError as error:
            raise ConfigError(
                f"{option.name} is {raw!r} ({origin}): it {error}",
                "See config.toml.example for each setting and its meaning.",
            ) from None
        origins[option.name] = origin
    for variable, harmless in _NOT_YET.items():
        if environ.get(variable, "").strip().lower() not in harmless:
            raise ConfigError(
                f"{variable} is {environ[variable]!r}, but filters do not exist in this version",
                f"Unset {variable} to copy the whole table.",
            )
    api_key = environ.get("NEON_API_KEY", "").strip()
    if not api_key:
        raise ConfigError(
            "NEON_API_KEY is not set: without it the branch cannot be found or checked",
            "Make a key in the Neon console under Account settings, API keys, and export it.",
        )
    if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise ConfigError(
            "NEON_API_KEY holds characters that no API key has",
            "Export it again, without line breaks, quotes or blanks.",
        )
    if not values["neon.project_id"]:
        raise ConfigError(
            "NEON_PROJECT_ID is not set",
            "Take the project id from the Neon console's address bar, or set neon.project_id.",
        )
    _fill_from_connection_string(values, origins, environ.get("NEON_CONNECTION_STRING", ""))
    return Settings(
        branch=values["branch"],
        mode=values["mode"],
        confirm=values["confirm"],
        report_dir=Path(values["report_dir"]).expanduser(),
        jobs=values["jobs"],
        athena=AthenaSettings(
            database=values["athena.database"],
            region=values["athena.region"],
            workgroup=values["athena.workgroup"],
            output_location=values["athena.output_location"],
            price_per_tb=values["athena.price_per_tb"],
        ),
        neon=NeonSettings(
            project_id=values["neon.project_id"],
            api_key=Secret(api_key),
            api_host=values["neon.api_host"],
            database=values["neon.database"],
            role=values["neon.role"],
        ),
        origins=origins,
    )


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    known = [option.variables[0] for option in _OPTIONS]
    for variable in environ:
        if variable.startswith("NEONSYNC_") and variable not in known:
            near = difflib.get_close_matches(variable, known, n=1)
            raise ConfigError(
                f"{variable} is set, but there is no such setting",
                f"Did you mean {near[0]}?" if near else f"Known: {', '.join(known)}.",
            )


def _pick(
    option: _Option,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    from_file: Mapping[str, Any],
    config: Path | None,
) -> tuple[Any, str]:
    flag = flags.get(option.name)
    if flag is not None and flag != ():
        return flag, "from a flag"
    for variable in option.variables:
        if environ.get(variable, "").strip():
            return environ[variable], f"from {variable}"
    if option.name in from_file:
        return from_file[option.name], f"from {config}"
    return option.default, "the default"


def _read_config(path: Path | None) -> dict[str, Any]:
    """The file's settings by dotted name."""
    if path is None:
        return {}
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"the configuration {path} does not exist",
            "Copy config.toml.example, or leave --config out to use the environment alone.",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"the configuration {path} is not valid TOML: {error}",
            "Texts stand in quotes; config.toml.example shows the form of each setting.",
        ) from None
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            flat.update({f"{key}.{inner}": item for inner, item in value.items()})
        else:
            flat[key] = value
    for name in flat:
        if name in _BY_NAME:
            continue
        if name in _SECRET_KEYS:
            raise ConfigError(
                f"{name} stands in {path}: secrets are not read from the configuration",
                "Take it out of the file and export NEON_API_KEY instead.",
            )
        near = difflib.get_close_matches(name, _BY_NAME, n=1)
        raise ConfigError(
            f"{path} has the unknown setting {name!r}",
            f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(_BY_NAME)}.",
        )
    return flat


def _fill_from_connection_string(
    values: dict[str, Any], origins: dict[str, str], connection_string: str
) -> None:
    """Take database and role, and nothing else, from NEON_CONNECTION_STRING.

    The host comes from Neon's API for the branch that was asked for: an address and a branch
    name that disagree are how the wrong branch gets overwritten.
    """
    if not connection_string.strip():
        return
    try:
        parts = urlsplit(connection_string.strip())
        found = {
            "neon.database": unquote(parts.path.lstrip("/")),
            "neon.role": unquote(parts.username or ""),
        }
    except ValueError:
        raise ConfigError(
            "NEON_CONNECTION_STRING is not an address of the form postgresql://role:…@host/database"
        ) from None
    if parts.scheme not in ("postgresql", "postgres"):
        raise ConfigError(
            "NEON_CONNECTION_STRING does not begin with postgresql://",
            "Copy it from the Neon console, or unset it and name database and role instead.",
        )
    for name, value in found.items():
        if not values[name] and value:
            values[name] = value
            origins[name] = "from NEON_CONNECTION_STRING"
