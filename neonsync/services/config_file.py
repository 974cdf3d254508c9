"""The project's file, written by neonsync: what is in it already, comments too, stays."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from neonsync.errors import ConfigError
from neonsync.secret import redact
from neonsync.selection import DOTTED, Selection
from neonsync.services.toml_text import TomlText, UnfitError
from neonsync.settings.files import PROJECT_FILE, find_files
from neonsync.settings.resolve import resolve
from neonsync.tables import Mode, TableConfig, parse_tables

HEADER = (
    "# neonsync's configuration; config.toml.example of the project has every setting.\n"
    "# Secrets do not belong here: export NEON_API_KEY, or name a file with api_key_file.\n"
)
_MODE = 0o644
_HOME = ("HOME", "XDG_CONFIG_HOME")
_RANGE = ("filters.days", "filters.from", "filters.to")


def project_file(config: Path | None, environ: Mapping[str, str]) -> Path:
    """The project's file: the one that is read, or that would be made."""
    return find_files(config, environ, Path()).project or Path(PROJECT_FILE)


def save(selection: Selection, path: Path, environ: Mapping[str, str]) -> str:
    """Write what a selection says into a file; what the file says already is left as it stands.

    The confirmation of a guarded branch is for one run, and is not written.

    Raises:
        ConfigError: the file cannot hold it, or cannot be written; it is as it was.
    """
    changed = change(path, _settings_of(selection), environ)
    return f"saved to {path}: {', '.join(changed)}" if changed else f"{path} says that already"


def change(path: Path, wanted: Mapping[str, Any], environ: Mapping[str, str]) -> list[str]:
    """Let a file say what is wanted, by dotted names; returns what it did not say before.

    Raises:
        ConfigError: the file cannot hold it, or cannot be written; it is as it was.
    """
    text = _read(path)
    there = values_in(text, path, environ)
    changed = [name for name, value in wanted.items() if there[name] != value]
    if not changed:
        return []
    document = TomlText(text or HEADER)
    # The days are told by their number or by bounds: what is not meant any more must go.
    also = [name for name in _RANGE if name in document] if {*_RANGE} & {*changed} else []
    try:
        for name in dict.fromkeys((*changed, *also)):
            document.set(name, _plain(name, wanted[name]))
    except UnfitError as error:
        raise ConfigError(
            f"{path} writes {error} in a form that cannot be added to",
            f"Begin it with a line [{error}], with each setting on a line below, then save again.",
        ) from None
    new = str(document)
    said = values_in(new, path, environ)
    for name, value in wanted.items():
        if said[name] != value:
            raise ConfigError(
                f"{path} cannot be made to say {name} = {value!r}", "Write it by hand."
            )
    write(path, new)
    return changed


def add_table(path: Path, entry: Mapping[str, Any]) -> None:
    """Add an entry at the end: in TOML a list of tables may go on anywhere.

    Raises:
        ConfigError: the table has an entry, or the file cannot be added to.
    """
    if entry["source"] in [table.source for table in tables_in(path)]:
        raise ConfigError(
            f"{path} has an entry for {entry['source']} already", "Change it there, by hand."
        )
    new = f"{_read(path).rstrip()}\n\n".lstrip() + tomli_w.dumps({"tables": [entry]})
    try:
        parse_tables(tomllib.loads(new)["tables"], str(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"{path} writes its tables in a form that cannot be added to: {error}",
            "Write each as [[tables]], then add again.",
        ) from error
    write(path, new)


def tables_in(path: Path) -> tuple[TableConfig, ...]:
    """The tables that a project's file names.

    Raises:
        ConfigError: it is none that could be added to.
    """
    if path.suffix == ".json":
        raise ConfigError(
            f"{path} is the old script's, and holds no tables",
            "Make a project file with neonsync config init, or name one with --config.",
        )
    try:
        document = tomllib.loads(_read(path))
    except ValueError as error:
        raise ConfigError(f"{path} cannot be read: {error}", "Mend it, then add again.") from error
    return parse_tables(document["tables"], str(path)) if "tables" in document else ()


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all; it keeps its mode, and a link stays one.

    Raises:
        ConfigError: it cannot be written.
    """
    place = Path(os.path.realpath(path))
    try:
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else _MODE
        handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=f".{place.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                os.fchmod(handle, mode)
                file.write(text)
            Path(temporary).replace(place)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", "Choose another place for it."
        ) from error


def create(path: Path, text: str) -> None:
    """Make a file; whatever has come to lie there meanwhile is left alone.

    Raises:
        ConfigError: there is one, or it cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            os.fchmod(handle, _MODE)
            file.write(text)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}", "Choose another place with --file."
        ) from error


def _read(path: Path) -> str:
    if path.suffix == ".json":
        raise ConfigError(
            f"{path} is the old script's form, which neonsync reads and does not write",
            "Save to a file whose name ends in .toml; neonsync.toml is read in its place.",
        )
    try:
        return path.read_bytes().decode("utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ConfigError(f"{path} cannot be read: {reason}", "Choose another file.") from error


def values_in(text: str, path: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """What the text says as the file of this path, above the user's own file.

    Raises:
        ConfigError: it is no configuration; the message names the path.
    """
    homes = {name: environ[name] for name in _HOME if name in environ}
    with tempfile.TemporaryDirectory(prefix="neonsync-") as folder:
        probe = Path(folder) / "probe.toml"
        probe.write_bytes(text.encode())
        result = resolve({}, homes, probe, Path(folder))
        for problem in result.problems:
            problem.message = problem.message.replace(str(probe), str(path))
            raise problem
    return result.values


def _settings_of(selection: Selection) -> dict[str, Any]:
    found = {dotted: getattr(selection, name) for name, dotted in DOTTED.items()}
    found["mode"] = Mode(selection.mode)
    return found


def _plain(name: str, value: Any) -> Any:
    """A value as a file has it; nothing is an empty text, and no days are 0."""
    if value is None:
        return 0 if name == "filters.days" else ""
    for text in value if isinstance(value, tuple) else (str(value),):
        if redact(text) != text:
            raise ConfigError(
                f"{name} looks like a secret, which does not belong in the file",
                "Export NEON_API_KEY or NEON_CONNECTION_STRING instead.",
            )
    if isinstance(value, tuple):
        return list(value)
    return value.value if isinstance(value, Mode) else value
