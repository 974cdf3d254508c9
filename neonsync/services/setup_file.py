"""The first configuration: what each setting of it is for, whether a value fits, and the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from neonsync.errors import ConfigError
from neonsync.secret import redact
from neonsync.services.config_file import HEADER, create, values_in
from neonsync.settings import BY_NAME

COMMENTS = {
    "neon.project_id": "The project's id, as in the address bar of Neon's console.",
    "neon.api_key_file": "A file that holds the API key and nothing else.",
    "neon.keyring": "The service of the system's keyring that keeps the API key.",
    "branch": "The branch to write to, by its exact name; empty for the default branch.",
    "athena.database": "The lake's database.",
    "athena.workgroup": "The workgroup that queries run in.",
    "athena.region": "The region of Athena.",
    "athena.output_location": "Where exports are written, and deleted again; empty for the "
    "workgroup's own location.",
}
"""Of the settings that a first configuration has, in the order of the file."""
TABLE_COMMENTS = {
    "source": "The table of the lake.",
    "target": "The table in the branch.",
    "key": "The columns that tell its rows apart, in the lake and in the branch.",
    "date_column": "The column that --days, --from and --to go by.",
    "state_column": "The column that --states goes by.",
}


def parse(name: str, raw: str, origin: str = "") -> Any:
    """The value of a setting, or of a key of the table's entry; ``origin`` is for the message.

    Raises:
        ConfigError: it cannot be one, or is a secret.
    """
    said = f" ({origin})" if origin else ""
    if redact(raw) != raw:
        raise ConfigError(
            f"{name}{said} looks like a secret, which does not belong in the file",
            "Export NEON_API_KEY or NEON_CONNECTION_STRING instead.",
        )
    if name in TABLE_COMMENTS:
        option = BY_NAME["confirm" if name == "key" else "branch"]  # names, or a text
    else:
        option = BY_NAME[name]
    try:
        value = option.parse(raw)
    except ValueError as error:
        raise ConfigError(f"{name} is {raw!r}{said}: it {error}") from None
    if name == "key" and not value:
        raise ConfigError(f"key{said} is empty: without one, rows cannot be told apart")
    return value


def render(values: Mapping[str, Any], table: Mapping[str, Any]) -> str:
    """The file that says so, with a comment above each setting; ``table`` may be empty."""
    sections: dict[str, list[str]] = {"": []}
    for name, comment in COMMENTS.items():
        if name in values:
            section, _, key = name.rpartition(".")
            lines = sections.setdefault(section, [])
            lines.append(f"# {comment}\n" + tomli_w.dumps({key: values[name]}))
    parts = [
        HEADER,
        *sections.pop(""),
        *(f"[{name}]\n" + "\n".join(lines) for name, lines in sections.items()),
    ]
    entry = [
        f"# {comment}\n" + tomli_w.dumps({key: _as_toml(table[key])})
        for key, comment in TABLE_COMMENTS.items()
        if table.get(key)
    ]
    if entry:
        parts.append("[[tables]]\n" + "\n".join(entry))
    return "\n".join(parts)


def make(path: Path, text: str) -> None:
    """Write a new file, when a run could read it.

    Raises:
        ConfigError: there is such a file, it cannot be written, or it would be wrong.
    """
    values_in(text, path, {})
    create(path, text)


def _as_toml(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
