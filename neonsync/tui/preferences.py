"""How the UI looks and behaves for this user: values, and the file they are kept in.

The file is ``$XDG_CONFIG_HOME/neonsync/ui.toml``. A value that is wrong is told and falls back to
its default: a look that is not as wanted is no reason to keep anybody from working.
"""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from neonsync.errors import ConfigError

THEMES = ("neonsync-dark", "neonsync-light", "ansi-dark", "ansi-light")
"""What may be chosen. The two last keep the terminal's own colours."""
DEFAULT_THEME = THEMES[0]
REFRESHES = (2, 4, 8)
FILE_NAME = "ui.toml"
TAKEN_KEYS = ("ctrl+a", "ctrl+b", "ctrl+s", "ctrl+j", "ctrl+o", "ctrl+z", "ctrl+c")
"""Keys that tmux, screen, a terminal or the shell keep for themselves."""


@dataclass(frozen=True)
class Preferences:
    """``refreshes`` is how often a second a run is drawn; fewer are kinder to a slow line.

    ``keys`` maps ids of bindings to keys, as Textual's keymap does.
    """

    theme: str = DEFAULT_THEME
    refreshes: int = 8
    ascii_only: bool = False
    mouse: bool = True
    keys: Mapping[str, str] = field(default_factory=dict, hash=False)


CHOICES: Mapping[str, tuple[Any, ...]] = {
    "theme": THEMES,
    "refreshes": REFRESHES,
    "ascii_only": (False, True),
    "mouse": (True, False),
}
"""What each may be."""


def stepped(preferences: Preferences, name: str, step: int) -> Preferences:
    """The same with the next choice of one of them, or the one before."""
    choices = CHOICES[name]
    place = choices.index(getattr(preferences, name))
    changes: dict[str, Any] = {name: choices[(place + step) % len(choices)]}
    return replace(preferences, **changes)


def defaulted(preferences: Preferences, name: str) -> Preferences:
    """The same with one of them as it is when nobody has chosen."""
    changes: dict[str, Any] = {name: getattr(Preferences(), name)}
    return replace(preferences, **changes)


def with_key(preferences: Preferences, identity: str, key: str) -> Preferences:
    """The same with a binding's key, or with its own again when ``key`` is empty."""
    others = {each: keys for each, keys in preferences.keys.items() if each != identity}
    return replace(preferences, keys={**others, identity: key} if key else others)


def preferences_path(environ: Mapping[str, str]) -> Path | None:
    """Where they are kept; None where there is no home for them. Makes nothing."""
    base = Path(environ.get("XDG_CONFIG_HOME", ""))
    if not base.is_absolute():  # its specification: what is no absolute path does not count
        home = Path(environ.get("HOME", ""))
        if not home.is_absolute() or not home.is_dir():
            return None
        base = home / ".config"
    return base / "neonsync" / FILE_NAME


def load_preferences(environ: Mapping[str, str]) -> tuple[Preferences, tuple[str, ...]]:
    """What the file says, and notices of what in it is wrong. Without a file, the defaults."""
    path = preferences_path(environ)
    if path is None:
        return Preferences(), ()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Preferences(), ()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        return Preferences(), (f"{path} is not read, the defaults count: {reason}",)
    found, notices = _read(document)
    return found, tuple(f"{path}: {notice}" for notice in notices)


def save_preferences(preferences: Preferences, environ: Mapping[str, str]) -> Path:
    """Write them, whole or not at all; returns the file.

    Raises:
        ConfigError: there is no home for them, or the file cannot be written.
    """
    path = preferences_path(environ)
    if path is None:
        raise ConfigError(
            "the preferences are not kept: there is no home for them",
            "Set XDG_CONFIG_HOME to a folder.",
        )
    import tomli_w

    document = {
        "theme": preferences.theme,
        "refreshes": preferences.refreshes,
        "ascii_only": preferences.ascii_only,
        "mouse": preferences.mouse,
        "keys": dict(preferences.keys),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE_NAME}.")
        try:
            with os.fdopen(handle, "wb") as file:
                tomli_w.dump(document, file)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigError(
            f"the preferences {path} could not be written: {error.strerror}",
            "They count until the program ends. Mend that, and choose again.",
        ) from error
    return path


def key_problem(keys: str) -> str:
    """What is wrong with a key for a binding, empty for nothing."""
    for key in keys.split(","):
        if not key.strip() or any(character.isspace() for character in key.strip()):
            return f"{keys!r} is no key; write it as f5, x, ctrl+w or question_mark"
        if key.strip() in TAKEN_KEYS:
            return f"{key.strip()} belongs to tmux, the terminal or the shell"
    return ""


def _read(document: Mapping[str, Any]) -> tuple[Preferences, list[str]]:
    found, notices = Preferences(), []
    for name, value in document.items():
        if name == "keys":
            kept, wrong = _keys(value)
            found = replace(found, keys=kept)
            notices += wrong
        elif name not in CHOICES:
            notices.append(f"there is no preference {name!r}; known: {_listed((*CHOICES, 'keys'))}")
        elif problem := _problem(name, value):
            notices.append(problem)
        else:
            found = replace(found, **{name: value})
    return found, notices


def _keys(value: Any) -> tuple[dict[str, str], list[str]]:
    if not isinstance(value, dict):
        return {}, ["keys is no section; begin it with a line [keys]"]
    kept: dict[str, str] = {}
    wrong: list[str] = []
    for identity, keys in value.items():
        problem = key_problem(keys) if isinstance(keys, str) else "a key is a text"
        if problem:
            wrong.append(f"the key for {identity} is not taken: {problem}")
        else:
            kept[identity] = ",".join(key.strip() for key in keys.split(","))
    return kept, wrong


def _problem(name: str, value: Any) -> str:
    choices = CHOICES[name]
    # True is 1 for Python, and no number of refreshes.
    if any(type(value) is type(each) and value == each for each in choices):
        return ""
    said = "true or false" if isinstance(choices[0], bool) else f"one of {_listed(choices)}"
    return f"{name} is {value!r}: it must be {said}; the default counts"


def _listed(choices: tuple[Any, ...]) -> str:
    return ", ".join(map(str, choices))
