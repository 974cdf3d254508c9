"""Checks that a user declares: what must hold for each row of a table of the branch."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from neonsync.tables.spec import Mode


class Severity(StrEnum):
    """What a check that does not hold makes of the run: a failed one, or one with a warning."""

    ERROR = "error"
    WARN = "warn"


class CheckKind(StrEnum):
    """What is looked at. A NULL satisfies all but ``NOT_NULL``, as a constraint has it."""

    NOT_NULL = "not_null"
    UNIQUE = "unique"
    ACCEPTED_VALUES = "accepted_values"
    BETWEEN = "between"
    REGEX = "regex"
    REFERENCES = "references"
    EXPRESSION = "expression"
    """A condition in Postgres's SQL that each row satisfies."""
    SQL = "sql"
    """A query that finds nothing, or counts nothing in a column ``violations``."""
    FRESH_DAYS = "fresh_days"
    """The newest date is at most so many days before today (UTC)."""


@dataclass(frozen=True)
class DeclaredCheck:
    """One ``[[checks]]`` entry, of the table ``schema.table`` of the branch.

    ``columns`` are those of the check: some for not_null, those that are unique together, else one
    or none. ``values`` are the accepted ones, or the bounds, both included. ``text`` is the regular
    expression, the condition, the query, or ``schema.table.column`` for references. ``days`` is for
    fresh_days. It is judged in ``modes`` only. ``show_values`` lets reports show rows that violate
    it; else they tell how many there are.
    """

    table: str
    name: str
    kind: CheckKind
    severity: Severity = Severity.ERROR
    columns: tuple[str, ...] = ()
    values: tuple[Any, ...] = ()
    text: str = ""
    days: int = 0
    modes: tuple[Mode, ...] = (Mode.FULL,)
    show_values: bool = False
