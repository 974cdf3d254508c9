"""Identifiers in the way Neon makes them: two words and a random tail."""

from __future__ import annotations

import secrets
import string

_ADJECTIVES = ("bold", "calm", "cool", "hidden", "late", "misty", "quiet", "shy", "still", "wild")
_NOUNS = ("brook", "cloud", "dew", "field", "forest", "glade", "lake", "meadow", "moon", "river")
_TAIL = string.ascii_lowercase + string.digits


def project_id() -> str:
    """For example ``quiet-moon-12345678``."""
    return f"{_two_words()}-{secrets.randbelow(90_000_000) + 10_000_000}"


def branch_id() -> str:
    """For example ``br-misty-lake-a1b2c3d4``."""
    return f"br-{_two_words()}-{''.join(secrets.choice(_TAIL) for _ in range(8))}"


def endpoint_id() -> str:
    """For example ``ep-cool-frost-0a1b2c3d``."""
    return f"ep-{_two_words()}-{secrets.token_hex(4)}"


def password() -> str:
    """A role's password, in Neon's form: safe inside an address."""
    return f"npg_{secrets.token_hex(12)}"


def _two_words() -> str:
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}"
