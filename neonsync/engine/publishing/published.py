"""What publishing a table did to its rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Published:
    """How a table was published, and what that did to its rows.

    ``removed`` counts the rows that gave way: made ones to real ones; with the method replace the
    old ones, where foreign keys lead to the table those that its source does not have. ``deleted``
    counts rows that the source no longer has, where ``on_missing`` lets them go. ``touched``
    are the dates of the rows that a merge has inserted or updated.
    """

    table: str
    method: str
    inserted: int
    updated: int
    unchanged: int
    removed: int = 0
    deleted: int = 0
    touched: tuple[str | None, ...] = ()

    def figures(self) -> dict[str, Any]:
        """All but the dates, which are for the proof alone."""
        return {name: value for name, value in asdict(self).items() if name != "touched"}


def describe(published: Published) -> str:
    """A publishing in one line, for people."""
    if published.method == "create":
        return f"{published.table}: created, without rows"
    if published.method == "keep":
        return f"{published.table}: there already, its rows are as they were"
    if published.method == "swap":
        return f"{published.table}: {published.inserted:,} rows swapped in"
    if published.method == "replace":
        kept = ""
        if published.updated or published.unchanged:
            # Foreign keys lead to it, so that rows that stay were not written anew.
            kept = f", {published.updated:,} updated, {published.unchanged:,} unchanged"
        return (
            f"{published.table}: replaced, {published.inserted:,} rows in, "
            f"{published.removed:,} old ones out{kept}"
        )
    gone = f", {published.removed:,} made rows removed" if published.removed else ""
    if published.deleted:
        gone += f", {published.deleted:,} deleted, which the source no longer has"
    if not (published.inserted or published.updated or published.deleted):
        return f"{published.table}: {published.unchanged:,} rows unchanged, nothing written{gone}"
    return (
        f"{published.table}: {published.inserted:,} inserted, {published.updated:,} updated, "
        f"{published.unchanged:,} unchanged{gone}"
    )
