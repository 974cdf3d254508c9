"""A string that does not show itself: passwords, keys, addresses with a password."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

_MASK = "********"
SHORTEST = 6
_QUOTED = r"""'(?:\\.|''|[^'\\])*'?|"(?:\\.|[^"\\])*"?"""
# Passwords inside addresses and key-value conninfo; the name before the value stays readable.
_IN_TEXT = (
    # Up to the last @ of the word: in a password that is not encoded another one may stand. What
    # was taken for a path has lost a slash.
    (re.compile(r"(\b[a-z][a-z0-9+.-]*:/{1,2}[^\s:/@]*):\S*@", re.IGNORECASE), rf"\1:{_MASK}@"),
    # Up to the end of the text where a quote is not closed.
    (
        re.compile(rf"((?:password|passwd|pwd)\s*=\s*)({_QUOTED}|[^\s'\"]\S*)", re.IGNORECASE),
        rf"\1{_MASK}",
    ),
    (re.compile(rf"(\bpassword\s+)({_QUOTED})", re.IGNORECASE), rf"\1{_MASK}"),
    (re.compile(r"\b(napi_|npg_)[A-Za-z0-9_]+"), rf"\1{_MASK}"),
    (re.compile(r"(?i)\b(bearer\s+)[A-Za-z0-9._~+/=-]+"), rf"\1{_MASK}"),
)


class Secret:
    """Holds a value that must never be printed; ``reveal`` is called where it is used."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({_MASK})"

    def __str__(self) -> str:
        return _MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")


def secrets_of(key: Secret | None, address: Secret | None) -> tuple[Secret, ...]:
    """A key and an address, each if it is there, and the passwords in the address."""
    found = [secret for secret in (key, address) if secret is not None]
    if address is not None:
        # libpq gets them as they stand there, and errors may show them either way.
        found += [
            Secret(form)
            for password in _passwords(address.reveal())
            for form in {password, unquote(password)}
            if form
        ]
    return tuple(found)


def _passwords(address: str) -> Iterator[str]:
    """What an address has before its host and among its parameters, as it stands there."""
    # No address is hidden as a whole all the same.
    with contextlib.suppress(ValueError):
        yield urlsplit(address).password or ""
    for parameter in address.partition("?")[2].split("&"):
        name, _, value = parameter.partition("=")
        if unquote(name).endswith(("password", "secret")):
            yield value


def redact(text: str, *secrets: Secret | None) -> str:
    """``text`` without the given secrets, and without anything that looks like one.

    The last guard before a message of a library reaches a log, a report or a screen.
    """
    for secret in secrets:
        # A shorter one would be no secret, and stands in the midst of ordinary words.
        if secret is not None and len(secret.reveal()) >= SHORTEST:
            text = text.replace(secret.reveal(), _MASK)
            text = text.replace(repr(secret.reveal())[1:-1], _MASK)
    for pattern, replacement in _IN_TEXT:
        text = pattern.sub(replacement, text)
    return text


def redacted(value: Any, *secrets: Secret | None) -> Any:
    """A JSON-like value with every text in it redacted, keys too.

    Done on the finished JSON it could break it, or miss a secret that JSON has escaped.
    """
    if isinstance(value, str):
        return redact(value, *secrets)
    if isinstance(value, Mapping):
        return {redact(str(key), *secrets): redacted(item, *secrets) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item, *secrets) for item in value]
    return value
