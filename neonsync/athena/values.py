"""A SELECT whose rows stand in the query itself: no table is needed, and nothing is scanned."""

from __future__ import annotations

from collections.abc import Sequence

from neonsync.athena.sql import identifier

MOST_QUERY_BYTES = 262_144
"""The longest query text that Athena takes (AWS's docs)."""


def select_values(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """The SELECT of these rows; each cell is an expression, cast to the type of its column."""
    head = f"SELECT {', '.join(map(identifier, names))}"
    cells = ",\n".join(f"  ({', '.join(row)})" for row in rows)
    return f"{head}\nFROM (VALUES\n{cells}\n) AS made ({', '.join(map(identifier, names))})"
