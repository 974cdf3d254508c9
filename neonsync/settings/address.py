"""NEON_CONNECTION_STRING: what is taken from it, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from neonsync.errors import ConfigError
from neonsync.secret import Secret
from neonsync.settings.values import LOOPBACK

_FORM = "It must look like postgresql://role:…@host/database?sslmode=require."
_ENCRYPTED = ("require", "verify-ca", "verify-full")
_UNENCRYPTED = ("disable", "allow", "prefer")
# What would lead the connection elsewhere than the host that everybody sees.
_DETOURS = ("host", "hostaddr", "port", "dbname", "user", "service")


@dataclass(frozen=True)
class Address:
    """A checked connection string; ``secret`` is what to connect with, always encrypted."""

    secret: Secret
    host: str
    database: str
    role: str


def parse_address(given: Secret, origin: str) -> Address:
    """Check a connection string. Messages hold no part of it but host and parameter names.

    One without an ``sslmode`` gets ``require``: libpq's own default takes no encryption for an
    answer.

    Raises:
        ConfigError: it is not an address of a database, or would travel unencrypted.
    """
    what = f"the connection string ({origin})"
    value = given.reveal().strip()
    if not value.startswith(("postgresql://", "postgres://")):
        raise ConfigError(
            f"{what} does not begin with postgresql://",
            "Copy it from the Neon console, without quotes. " + _FORM,
        )
    if not value.isprintable() or " " in value:
        raise ConfigError(
            f"{what} holds blanks or line breaks", "Copy it again, as one line. " + _FORM
        )
    _refuse_bare(value, what)
    try:
        parts = urlsplit(value)
        _ = parts.port
        parameters = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        raise ConfigError(f"{what} is not an address", _FORM) from None
    host = (parts.hostname or "").lower()
    address = Address(given, host, unquote(parts.path.lstrip("/")), unquote(parts.username or ""))
    if not host or "%" in host or "," in host:
        count = "several hosts" if "," in host else "no host"
        raise ConfigError(f"{what} names {count}", "Name the branch's one host. " + _FORM)
    for name, missing in (("role", not address.role), ("database", not address.database)):
        if missing:
            raise ConfigError(f"{what} names no {name}", _FORM)
    # Where the host's name does not resolve, as a sandbox's, hostaddr says that it is this machine.
    local = host in LOOPBACK or any(
        name == "hostaddr" and value in LOOPBACK for name, value in parameters
    )
    for name, value in parameters:
        if name in _DETOURS and not (name == "hostaddr" and value in LOOPBACK):
            raise ConfigError(
                f"{what} has the parameter {name!r}, which stands in its address already",
                "Leave the parameter out. " + _FORM,
            )
    modes = [value for name, value in parameters if name == "sslmode"]
    if not modes:
        if local:
            return address
        joint = "&" if parts.query else "?"
        encrypted = Secret(f"{given.reveal().strip().rstrip('?')}{joint}sslmode=require")
        return Address(encrypted, host, address.database, address.role)
    for mode in modes:
        if mode not in _ENCRYPTED + _UNENCRYPTED:
            raise ConfigError(
                f"{what} has an sslmode that there is not",
                f"Write sslmode=require; there are {', '.join(_UNENCRYPTED + _ENCRYPTED)}.",
            )
        if mode in _UNENCRYPTED and not local:
            raise ConfigError(
                f"{what} has sslmode={mode}: password and rows could travel unencrypted to {host}",
                "Write sslmode=require; only this machine itself is reached without.",
            )
    return address


def _refuse_bare(value: str, what: str) -> None:
    """Refuse characters that libpq and others would read different addresses out of."""
    authority = value.partition("://")[2].partition("/")[0]
    for character, code, there in (
        ("#", "%23", "#" in value),
        ("@", "%40", authority.count("@") > 1),
    ):
        if there:
            raise ConfigError(
                f"{what} has a {character} that is not part of its form",
                f"In a password, write {code} for it. " + _FORM,
            )
