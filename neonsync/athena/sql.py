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


def select_columns(
    relation: str, expressions: Sequence[tuple[str, str]], conditions: Sequence[str] = ()
) -> str:
    """The SELECT of an export: ``(expression, name)`` pairs, each named as in the target.

    ``relation`` is what stands after FROM.
    """
    items = ",\n  ".join(
        expression if expression == identifier(name) else f"{expression} AS {identifier(name)}"
        for expression, name in expressions
    )
    return f"SELECT\n  {items}\nFROM {relation}{where(conditions)}"


def where(conditions: Sequence[str]) -> str:
    """A WHERE clause of all conditions on a line of its own, or nothing."""
    return "\nWHERE " + "\n  AND ".join(conditions) if conditions else ""


def subquery(select: str) -> str:
    """A SELECT of a user's, to stand after FROM."""
    return f"(\n{select}\n) AS query"


def no_rows(relation: str) -> str:
    """A SELECT of all columns and no rows: it scans nothing, and tells the columns' types."""
    return f"SELECT * FROM {relation} LIMIT 0"


def distinct_values(relation: str, column: str) -> str:
    """The values of a column, as text."""
    return (
        f"SELECT DISTINCT CAST({identifier(column)} AS varchar) AS value\nFROM {relation}"
        f"\nWHERE {identifier(column)} IS NOT NULL"
    )


def unload(select: str, prefix: str) -> str:
    """UNLOAD of a SELECT to Parquet files below a prefix that must be empty."""
    return (
        f"UNLOAD (\n{select}\n)\nTO {literal(prefix)}\nWITH (format = 'PARQUET', "
        "compression = 'SNAPPY')"
    )


def numbered(
    relation: str, key: Sequence[str], order: Sequence[str], conditions: Sequence[str] = ()
) -> str:
    """A relation whose rows of one key are numbered from 1 on, to stand after FROM.

    ``key`` and ``order`` are expressions; an order goes on with DESC or ASC as it needs.
    """
    return (
        "(\n"
        f"SELECT *, row_number() OVER (PARTITION BY {', '.join(key)} ORDER BY {', '.join(order)})"
        f" AS {identifier(NUMBER)}\nFROM {relation}{where(conditions)}\n) AS numbered"
    )


NUMBER = "neonsync number"
"""The column of ``numbered``."""
FIRST_OF_ITS_KEY = f"{identifier(NUMBER)} = 1"
"""The condition that leaves one row for each key."""


def count_by(
    relation: str,
    day: str | None,
    state: str | None,
    conditions: Sequence[str] = (),
    *,
    kept: str = "",
    losses: Sequence[str] = (),
) -> str:
    """Athena's own word on the source, in one scan: rows by day and rows by state.

    ``day`` and ``state`` are expressions of type varchar; ``kept`` is the condition of the rows
    that count, all of them without one. The answer has the columns ``kind`` (date, state or all),
    ``value`` (NULL for a NULL) and ``n``, and then for each condition of ``losses`` the number of
    rows for which it holds.
    """
    source = f"FROM {relation}{where(conditions)}"
    counted = "count_if({})" if kept else "count(*)"
    if day is None and state is None:
        more = "".join(f", count_if({condition})" for condition in losses)
        return (
            "SELECT 'all' AS kind, CAST(NULL AS varchar) AS value, "
            f"{counted.format(kept)} AS n{more}\n{source}"
        )
    items = [
        f"{day or 'CAST(NULL AS varchar)'} AS d",
        f"{state or 'CAST(NULL AS varchar)'} AS s",
        *([f"{kept} AS kept"] if kept else []),
        *(f"{condition} AS loss{number}" for number, condition in enumerate(losses)),
    ]
    more = "".join(f", count_if(loss{number})" for number, _ in enumerate(losses))
    return (
        "SELECT\n"
        "  CASE WHEN grouping(d) = 0 THEN 'date' WHEN grouping(s) = 0 THEN 'state' ELSE 'all' END"
        " AS kind,\n"
        "  CASE WHEN grouping(d) = 0 THEN d WHEN grouping(s) = 0 THEN s END AS value,\n"
        f"  {counted.format('kept')} AS n{more}\n"
        f"FROM (SELECT {', '.join(items)} {source}) AS counted\n"
        "GROUP BY GROUPING SETS ((), (d), (s))"
    )


def joined_days(expressions: Sequence[str]) -> str:
    """The day of a row as text, as ``postgres.days`` writes it: what proofs count by."""
    return " || '-' || ".join(map(as_text, expressions))


def as_text(expression: str) -> str:
    """A value as text, without the blanks that char(n) is padded with."""
    # rtrim would take tabs and line ends as well, which Postgres and Arrow keep.
    return f"trim(TRAILING ' ' FROM CAST({expression} AS varchar))"


def result_type(type_: str, precision: int | None, scale: int | None) -> str:
    """A result column's type with its modifiers, as the catalogue would write it."""
    if type_ == "decimal":
        return f"decimal({precision or 38},{scale or 0})"
    if type_ in ("varchar", "char") and precision:
        return f"{type_}({precision})"
    return type_
