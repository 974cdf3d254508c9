"""Names that fit: Postgres cuts what is longer than 63 bytes, in silence."""

from __future__ import annotations

import hashlib

NAME_BYTES = 63
"""NAMEDATALEN less one (Postgres, Identifiers and Key Words)."""


def cut(name: str, length: int = NAME_BYTES) -> str:
    """What Postgres makes of a name: its first 63 bytes, never half a character."""
    return name.encode()[:length].decode(errors="ignore")


def fitted(name: str, suffix: str) -> str:
    """A name with a suffix that always fits: what is too long gives way to a digest of it."""
    whole = name + suffix
    if len(whole.encode()) <= NAME_BYTES:
        return whole
    digest = hashlib.sha256(whole.encode()).hexdigest()[:8]
    tail = cut(suffix[::-1], 20)[::-1]
    return f"{cut(name, NAME_BYTES - 9 - len(tail.encode()))}_{digest}{tail}"
