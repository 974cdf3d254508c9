"""How the branch is reached: the secrets from their layers, and whether they suffice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from neonsync.errors import ConfigError
from neonsync.secret import Secret, secrets_of
from neonsync.settings.address import Address, parse_address
from neonsync.settings.credentials import (
    Credential,
    exposed,
    from_environment,
    from_file,
    from_keyring,
)
from neonsync.settings.options import API_KEY, CONNECTION_STRING
from neonsync.settings.resolve import Rank, Resolution

_BOTH_WAYS = (
    f"Export {API_KEY} (Neon console, Account settings, API keys) with NEON_PROJECT_ID; "
    f"or export {CONNECTION_STRING} alone (the branch's page, Connect)."
)


@dataclass(frozen=True)
class Access:
    """The key, and the address of a connection string; each None when it was not given."""

    api_key: Secret | None = None
    address: Address | None = None

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Whatever of it must not be shown."""
        return secrets_of(self.api_key, self.address.secret if self.address is not None else None)


def find_access(result: Resolution, environ: Mapping[str, str]) -> Access:
    """Take the secrets from the highest layer that has them; mistakes go to ``result``."""
    key: Secret | None = None
    address: Address | None = None

    def take_key() -> None:
        nonlocal key
        found = _find(result, environ, API_KEY)
        if found is not None:
            _check_key(found)
            key = found.secret

    def take_address() -> None:
        nonlocal address
        found = _find(result, environ, CONNECTION_STRING)
        if found is not None:
            address = parse_address(found.secret, found.origin)

    result.attempt(take_key)
    result.attempt(take_address)
    if key is not None and address is not None:
        _fill(result, address)
    return Access(key, address)


def missing(result: Resolution, access: Access) -> ConfigError | None:
    """What is still needed to reach a branch, or None."""
    if access.api_key is None and access.address is None:
        looked = ""
        if service := result.values.get("neon.keyring"):
            looked = f", and the keyring has neither for the service {service!r}"
        return ConfigError(
            f"neither {API_KEY} nor {CONNECTION_STRING} is set: no branch can be reached{looked}",
            _BOTH_WAYS,
        )
    if access.api_key is not None and not result.values.get("neon.project_id"):
        return ConfigError(
            f"NEON_PROJECT_ID is not set: {API_KEY} needs it to find the branch",
            "Take the project id from the Neon console's address bar, or set neon.project_id"
            + (f"; or unset {API_KEY} to go by {CONNECTION_STRING}." if access.address else "."),
        )
    return None


def _find(result: Resolution, environ: Mapping[str, str], variable: str) -> Credential | None:
    """The variable, or what the files lead to; its origin is noted."""
    name = "neon." + variable.removeprefix("NEON_").lower()
    result.origins[name] = "not set"
    found = from_environment(variable, environ) or _from_files(result, name, variable)
    if found is None:
        return None
    result.origins[name] = found.origin
    if found.notice:
        result.notices.append(found.notice)
    return found


def _from_files(result: Resolution, name: str, variable: str) -> Credential | None:
    """What the highest layer below the variable has: a file, the old script's file, the keyring."""
    file, keyring = result.found[f"{name}_file"], result.found["neon.keyring"]
    path = str(result.values.get(f"{name}_file", ""))
    service = str(result.values.get("neon.keyring", ""))

    def by_file() -> Credential | None:
        whole = _folder(result, file.rank) / path
        result.origins[name] = f"from the file {whole}"
        return from_file(whole, file.origin)

    def by_keyring() -> Credential | None:
        return from_keyring(service, variable)

    ways = [(file.rank, by_file)] if path else []
    old = result.project
    if old is not None and old.connection_string is not None and variable == CONNECTION_STRING:
        found = Credential(
            old.connection_string, f"from {old.path}", exposed(old.path, old.path.stat().st_mode)
        )
        ways.append((Rank.PROJECT, lambda: found))
    if service:
        ways.append((keyring.rank, by_keyring))
    for _, way in sorted(ways, key=lambda each: each[0]):
        if (credential := way()) is not None:
            return credential
    return None


def _folder(result: Resolution, rank: Rank) -> Path:
    """Where a relative path starts: at the file that it stands in."""
    place = {Rank.PROJECT: result.places.project, Rank.USER: result.places.user}.get(rank)
    return place.parent if place is not None else Path()


def _check_key(found: Credential) -> None:
    key = found.secret.reveal()
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError(
            f"{API_KEY} ({found.origin}) holds characters that no API key has",
            "Take it over again, without line breaks, quotes or blanks.",
        )


def _fill(result: Resolution, address: Address) -> None:
    """Take database and role, and nothing else, from the address.

    The host comes from Neon's API for the branch that was asked for: an address and a branch
    name that disagree are how the wrong branch gets overwritten.
    """
    origin = result.origins["neon.connection_string"]
    for name, value in (("neon.database", address.database), ("neon.role", address.role)):
        if not result.values.get(name):
            result.values[name] = value
            result.origins[name] = origin
