"""How a branch and its address are said."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

from neonsync.neon.models import Branch
from neonsync.secret import Secret

_MASK = "********"


def said(branch: Branch) -> str:
    """A branch in a sentence."""
    return f"{branch.name} ({branch.id})"


def masked(uri: Secret) -> str:
    """An address whose password is not shown."""
    parts = urlsplit(uri.reveal())
    credentials, at, place = parts.netloc.rpartition("@")
    user, colon, _ = credentials.partition(":")
    netloc = f"{user}{colon}{quote(_MASK, safe='*') if colon else ''}{at}{place}"
    return urlunsplit(parts._replace(netloc=netloc))
