"""Checks that the user has declared: how many rows violate each, and which where that may be shown.

What the user has written as SQL stands inside of a SELECT of ours, and is sent by itself: it can
neither write, nor end the transaction that keeps it from writing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from psycopg import sql

from neonsync.postgres.connect import Connection
from neonsync.postgres.refusals import PRIVATE
from neonsync.tables import CheckKind, DeclaredCheck
from neonsync.validation.dates import ago, newest_day, rows_by_day
from neonsync.validation.result import NOT_JUDGED, VALUES_SHOWN, CheckResult, Status, Subject

VIOLATIONS = "violations"
"""The one column of a query that counts, rather than finds, what violates the check."""
_TEXT_SHOWN = 80


async def declared(subject: Subject, check: DeclaredCheck) -> CheckResult:
    """Run a check, and say how many rows violate it.

    Raises:
        psycopg.Error: Postgres does not take its SQL, or a value of the table spoils it.
    """
    if subject.expected is None:
        return subject.result(check.name, Status.PASSED, NOT_JUDGED, {})
    if check.kind is CheckKind.FRESH_DAYS:
        return await _freshness(subject, check)
    found = violating(check, subject.name, subject.spec.key)
    (measured,) = await subject.row(await counting(subject.connection, check, found))
    measured = measured or 0
    details: dict[str, Any] = {"expected": 0, "measured": measured, "holds": describe(check)}
    if measured and check.show_values:
        details["examples"] = await _examples(subject, found)
    what = "key" if check.kind is CheckKind.UNIQUE else "row"
    things = f"{measured:,} {what}{'' if measured == 1 else 's'}"
    verb = "violates" if measured == 1 else "violate"
    return subject.result(
        check.name,
        Status.FAILED if measured else Status.PASSED,
        f"{things} {verb}: {describe(check)}" if measured else f"holds: {describe(check)}",
        details,
        "Correct the rows where they come from, then run again."
        + ("" if check.show_values else " show_values = true shows some of them."),
    )


def describe(check: DeclaredCheck) -> str:
    """What must hold, in words."""
    columns = ", ".join(check.columns)
    match check.kind:
        case CheckKind.NOT_NULL:
            return f"{columns} not NULL"
        case CheckKind.UNIQUE:
            return f"{columns} unique" + (" together" if len(check.columns) > 1 else "")
        case CheckKind.ACCEPTED_VALUES:
            return f"{columns} one of {len(check.values):,} values"
        case CheckKind.BETWEEN:
            return f"{columns} between {check.values[0]} and {check.values[1]}"
        case CheckKind.REGEX:
            return f"{columns} matches {_short(check.text)}"
        case CheckKind.REFERENCES:
            return f"{columns} stands in {check.text}"
        case CheckKind.EXPRESSION:
            return _short(check.text)
        case CheckKind.SQL:
            return "its query finds nothing"
        case CheckKind.FRESH_DAYS:
            return f"the newest date is at most {check.days:,} days ago"


async def _freshness(subject: Subject, check: DeclaredCheck) -> CheckResult:
    newest = newest_day(await rows_by_day(subject), subject.spec)
    today = datetime.now(UTC).date()
    age = (today - newest).days if newest else None
    details = {
        "expected": check.days,
        "measured": age,
        "newest": str(newest) if newest else None,
        "today": str(today),
        "holds": describe(check),
    }
    ok = age is not None and age <= check.days
    told = f"the newest date is {newest}, {ago(newest, today)}" if newest else "there is no date"
    return subject.result(
        check.name,
        Status.PASSED if ok else Status.FAILED,
        told if ok else f"{told}; it may be {check.days:,} days old",
        details,
        "Look why the lake has no newer rows, or which filters the run had.",
    )


async def counting(
    connection: Connection, check: DeclaredCheck, found: sql.Composed
) -> sql.Composed:
    """How many rows violate a check, as a query; ``found`` are these rows.

    Raises:
        psycopg.Error: Postgres does not take the check's SQL.
    """
    if check.kind is CheckKind.SQL and await _columns_of(connection, found) == [VIOLATIONS]:
        # A whole number, or an error of Postgres: sums are of intervals and NaN as well.
        return sql.SQL("SELECT sum({})::bigint FROM (\n{}\n) AS found").format(
            sql.Identifier(VIOLATIONS), sql.SQL(check.text)
        )
    return sql.SQL("SELECT count(*) FROM (\n{}\n) AS violating").format(found)


async def _columns_of(connection: Connection, statement: sql.Composed) -> list[str]:
    """The names of a query's columns, without running it."""
    cursor = await connection.execute(
        sql.SQL("SELECT * FROM (\n{}\n) AS asked LIMIT 0").format(statement), binary=True
    )
    return [column.name for column in cursor.description or ()]


def violating(
    check: DeclaredCheck,
    table: sql.Identifier,
    key: Sequence[str],
    relation: sql.Composable | None = None,
) -> sql.Composed:
    """The rows that violate a check; of unique, one for each value that stands twice.

    ``relation`` is what they are rows of, and called ``table``, where it is not the table itself.
    """
    if check.kind is CheckKind.SQL:
        return sql.SQL("SELECT * FROM (\n{}\n) AS found").format(sql.SQL(check.text))
    columns = [sql.Identifier(name) for name in check.columns]
    if check.kind is CheckKind.UNIQUE:
        return sql.SQL(
            "SELECT {columns}, count(*) AS rows FROM {table} WHERE {there}"
            " GROUP BY {columns} HAVING count(*) > 1"
        ).format(
            columns=sql.SQL(", ").join(columns),
            table=relation or table,
            there=sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(each) for each in columns),
        )
    return sql.SQL("SELECT {shown} FROM {table} WHERE {condition}").format(
        shown=sql.SQL(", ").join(map(sql.Identifier, dict.fromkeys((*key, *check.columns))))
        if check.kind is not CheckKind.EXPRESSION
        else sql.SQL("*"),
        table=relation or table,
        condition=_condition(check, columns, table),
    )


def _condition(
    check: DeclaredCheck, columns: list[sql.Identifier], table: sql.Identifier
) -> sql.Composable:
    """What is true of a row that violates a check, and NULL or false of any other."""
    literals = [sql.Literal(value) for value in check.values]
    match check.kind:
        case CheckKind.NOT_NULL:
            return sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(each) for each in columns)
        case CheckKind.ACCEPTED_VALUES:
            return sql.SQL("{} NOT IN ({})").format(columns[0], sql.SQL(", ").join(literals))
        case CheckKind.BETWEEN:
            return sql.SQL("{} NOT BETWEEN {} AND {}").format(columns[0], *literals)
        case CheckKind.REGEX:
            return sql.SQL("{}::text !~ {}").format(columns[0], sql.Literal(check.text))
        case CheckKind.REFERENCES:
            schema, parent, parent_column = check.text.split(".")
            return sql.SQL(
                "{child} IS NOT NULL AND NOT EXISTS"
                " (SELECT FROM {parent} AS parent WHERE parent.{parent_column} = {table}.{child})"
            ).format(
                child=columns[0],
                parent=sql.Identifier(schema, parent),
                parent_column=sql.Identifier(parent_column),
                table=table,
            )
        case _:
            # On lines of its own: a comment at its end must not swallow what follows.
            return sql.SQL("(\n{}\n) IS FALSE").format(sql.SQL(check.text))


async def _examples(subject: Subject, violating: sql.Composed) -> list[dict[str, Any]]:
    """Some of the rows that violate a check; values as texts, as a report can hold them."""
    statement = sql.SQL(
        "SELECT to_jsonb(violating)::text FROM (\n{}\n) AS violating LIMIT {}"
    ).format(violating, sql.Literal(VALUES_SHOWN))
    rows: list[dict[str, Any]] = [json.loads(text) for (text,) in await subject.rows(statement)]
    return [
        {name: _shown(value, name in subject.private) for name, value in row.items()}
        for row in rows
    ]


def _shown(value: Any, private: bool) -> str | None:
    if value is None:
        return None
    if private:
        return PRIVATE
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT_SHOWN else f"{line[:_TEXT_SHOWN]}…"
