"""The two secrets, and where they come from: a variable, a file or the system's keyring."""

from __future__ import annotations

import importlib
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neonsync.errors import ConfigError
from neonsync.secret import Secret

LARGEST = 65_536
"""Bytes; a file that is larger holds something else than a secret."""


@dataclass(frozen=True)
class Credential:
    """A secret and its origin; ``notice`` is what its owner should hear."""

    secret: Secret
    origin: str
    notice: str = ""


def from_environment(variable: str, environ: Mapping[str, str]) -> Credential | None:
    """The secret in a variable of the environment; None when it is empty or not set.

    Raises:
        ConfigError: the variable for a file with the secret is set as well.
    """
    value = environ.get(variable, "").strip()
    if not value:
        return None
    if environ.get(f"{variable}_FILE", "").strip():
        raise ConfigError(
            f"{variable} and {variable}_FILE are both set", "Unset the one that is not meant."
        )
    return Credential(Secret(value), f"from {variable}")


def from_file(path: Path, origin: str) -> Credential:
    """The secret that a file holds, as its only text.

    Raises:
        ConfigError: the file is not there, cannot be read, is empty or holds no text.
    """
    what = f"the secret file {path} ({origin})"
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
            mode = path.stat().st_mode
        value = content.decode("utf-8-sig").strip()
    except OSError as error:
        raise ConfigError(
            f"{what} cannot be read: {error.strerror}", "Name a file that you may read."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{what} holds no text", "Write the secret into it, alone.") from None
    if len(content) > LARGEST:
        raise ConfigError(f"{what} is too large for a secret", "Write the secret into it, alone.")
    if not value:
        raise ConfigError(f"{what} is empty", "Write the secret into it, alone.")
    return Credential(Secret(value), f"from the file {path}", exposed(path, mode))


def exposed(path: Path, mode: int) -> str:
    """What to say of a file with a secret that everybody on the machine can read, or nothing."""
    if not stat.S_ISREG(mode) or not mode & stat.S_IROTH:
        return ""
    return f"{path} holds a secret and can be read by every user of this machine: chmod 600 {path}"


def from_keyring(service: str, name: str) -> Credential | None:
    """The secret that the system's keyring keeps for a service under a name; None without.

    Raises:
        ConfigError: the package is not installed, or there is no keyring that opens.
    """
    try:
        keyring: Any = importlib.import_module("keyring")
        errors: Any = importlib.import_module("keyring.errors")
    except ImportError:
        raise ConfigError(
            f"neon.keyring is {service!r}, but the package keyring is not installed",
            "Install neonsync with it: pip install 'neonsync[keyring]'.",
        ) from None
    try:
        value = keyring.get_password(service, name)
    except errors.KeyringError as error:
        raise ConfigError(
            f"the keyring did not give {name} of {service!r}: {error}",
            f"Unlock it, or export {name} instead.",
        ) from None
    if not value or not value.strip():
        return None
    return Credential(Secret(value.strip()), f"from the keyring, service {service}")
