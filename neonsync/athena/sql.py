"""Athena's SQL, composed: identifiers are quoted, values are literals made here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


def identifier(name: str) -> str:
    """A quoted identifier of the DML dialect."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted string literal; Trino knows no backslash escapes."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(frozen=True)
class SourceTable:
    """A table of the lake by its full name."""

    catalog: str
    database: str
    name: str

    @property
    def quoted(self) -> str:
        """The name as it stands in SQL."""
        return ".".join(identifier(part) for part in (self.catalog, self.database, self.name))

    def __str__(self) -> str:
        return f"{self.database}.{self.name}"


def select_columns(table: SourceTable, expressions: Sequence[tuple[str, str]]) -> str:
    """The SELECT of an export: ``(expression, name)`` pairs, each named as in the target."""
    items = ",\n  ".join(
        expression if expression == identifier(name) else f"{expression} AS {identifier(name)}"
        for expression, name in expressions
    )
    return f"SELECT\n  {items}\nFROM {table.quoted}"


def unload(select: str, prefix: str) -> str:
    """UNLOAD of a SELECT to Parquet files below a prefix that must be empty."""
    return (
        f"UNLOAD (\n{select}\n)\nTO {literal(prefix)}\nWITH (format = 'PARQUET', "
        "compression = 'SNAPPY')"
    )


def count_by(table: SourceTable, date: str | None, state: str | None) -> str:
    """Athena's own word on the source, in one scan: rows by date and rows by state.

    ``date`` and ``state`` are expressions, not names. The answer has the columns ``kind`` (date,
    state or all), ``value`` (as text, NULL for a NULL) and ``n``.
    """
    if date is None and state is None:
        return (
            "SELECT 'all' AS kind, CAST(NULL AS varchar) AS value, count(*) AS n\n"
            f"FROM {table.quoted}"
        )
    items = [
        f"CAST({date} AS varchar) AS d" if date else "CAST(NULL AS varchar) AS d",
        f"{state} AS s" if state else "CAST(NULL AS varchar) AS s",
    ]
    sets = "GROUPING SETS ((), (d), (s))"
    return (
        "SELECT\n"
        "  CASE WHEN grouping(d) = 0 THEN 'date' WHEN grouping(s) = 0 THEN 'state' ELSE 'all' END"
        " AS kind,\n"
        "  CASE WHEN grouping(d) = 0 THEN d WHEN grouping(s) = 0 THEN s END AS value,\n"
        "  count(*) AS n\n"
        f"FROM (SELECT {', '.join(items)} FROM {table.quoted}) AS counted\n"
        f"GROUP BY {sets}"
    )
