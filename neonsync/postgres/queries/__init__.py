"""Long queries, each in a file of its own that begins with what it answers."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def query(name: str) -> bytes:
    """The text of ``<name>.sql``. Bytes, as psycopg takes them for a trusted constant."""
    return resources.files(__name__).joinpath(f"{name}.sql").read_bytes()
