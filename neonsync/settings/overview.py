"""Every value with its origin, for people who ask; without the secrets, and with the mistakes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from neonsync.errors import ConfigError
from neonsync.secret import Secret, redact
from neonsync.settings.access import find_access, missing
from neonsync.settings.options import OPTIONS
from neonsync.settings.resolve import resolve
from neonsync.tables import DeclaredCheck, TableConfig

MASK = "********"


@dataclass(frozen=True)
class Shown:
    """One setting: ``value`` as JSON would have it, None when nothing is set; ``text`` of it."""

    name: str
    value: Any
    text: str
    origin: str
    valid: bool = True


@dataclass(frozen=True)
class Overview:
    """The whole configuration. ``missing`` is what a run still needs, ``problems`` are mistakes.

    ``secrets`` are those that nobody may show.
    """

    project: Path | None
    user: Path | None
    settings: tuple[Shown, ...]
    tables: tuple[TableConfig, ...]
    tables_origin: str
    checks: tuple[DeclaredCheck, ...]
    problems: tuple[ConfigError, ...]
    missing: ConfigError | None
    notices: tuple[str, ...]
    secrets: tuple[Secret, ...] = ()


def overview(
    *,
    flags: Mapping[str, Any],
    environ: Mapping[str, str],
    config: Path | None = None,
    directory: Path | None = None,
) -> Overview:
    """Look at what ``load_settings`` would make of the same arguments; raises nothing."""
    result = resolve(flags, environ, config, directory or Path())
    access = find_access(result, environ)
    shown = []
    for option in OPTIONS:
        valid = option.name in result.values
        value = result.values[option.name] if valid else result.found[option.name].raw
        plain = _plain(value)
        text = redact(_text(plain)) if plain is not None else option.empty
        shown.append(Shown(option.name, plain, text, result.origins[option.name], valid))
    secrets = {
        "neon.api_key": access.api_key,
        "neon.connection_string": access.address and access.address.secret,
    }
    for name, secret in secrets.items():
        there = result.origins[name] != "not set"
        shown.append(
            Shown(
                name,
                MASK if secret is not None else None,
                MASK if secret is not None else "not usable" if there else "not set",
                result.origins[name] if there else "",
                valid=secret is not None or not there,
            )
        )
    return Overview(
        project=result.places.project,
        user=result.places.user,
        settings=tuple(shown),
        tables=result.tables,
        tables_origin=result.origins["tables"],
        checks=result.checks,
        problems=tuple(result.problems),
        missing=missing(result, access),
        notices=tuple(result.notices),
        secrets=access.secrets,
    )


def _plain(value: Any) -> Any:
    """The value as JSON has it, without anything secret; None for what is not set."""
    if value is None or value == "" or value == ():
        return None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool | int | float):
        return value
    return redact(str(value))


def _text(plain: Any) -> str:
    """The value as a TOML file would have it, without quotes and brackets where none are missed."""
    match plain:
        case list():
            return ", ".join(f'"{item}"' if "," in str(item) else _text(item) for item in plain)
        case bool():
            return str(plain).lower()
        case float() if plain.is_integer():
            return str(int(plain))
    return str(plain)
