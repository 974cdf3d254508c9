"""Measuring a table's quality metrics: two passes over its rows, and what Postgres knows of it.

Of a large table a sample is looked at, except for its rows by date.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Collection, Sequence
from math import isfinite
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from neonsync.postgres.catalog import TableColumn, read_table
from neonsync.postgres.connect import Connection
from neonsync.postgres.refusals import message
from neonsync.tables import TableSpec
from neonsync.validation.dates import rows_by_day
from neonsync.validation.metrics import (
    ColumnMetrics,
    DayRows,
    TableMetrics,
    TopValue,
    in_order,
)
from neonsync.validation.read_only import read_only
from neonsync.validation.result import Subject

ROWS_MEASURED = 500_000
DAYS_KEPT = 400
FEW = 20
"""A column with no more different values than that has its values told."""
MANY = 200
"""One that had so few before is looked at up to here, as those that are new are to be told."""
REPEATED = 10
"""And each of them stands in so many rows, or they might tell persons apart."""
_MOST_SETS = 30  # GROUPING takes 31 at most
_LONGEST_VALUE = 60
_NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
_TIMES = ("date", "timestamp", "timestamptz", "time")
_TEXTS = ("text", "varchar", "char")
_CATEGORIES = (*_TEXTS, "boolean", "smallint", "integer", "bigint")


async def measure(
    connection: Connection,
    spec: TableSpec,
    *,
    source_rows: int,
    source_days: Counter[str | None] | None = None,
    scope: str = "",
    private: Collection[str] = (),
    had_few: Collection[str] = (),
    limit_seconds: float = 0.0,
) -> TableMetrics | None:
    """Measure a table of the branch; None where it is not there.

    ``had_few`` are columns that had few different values before.

    Raises:
        psycopg.Error: Postgres refused, or a query took longer than ``limit_seconds``.
    """
    began = time.monotonic()
    async with read_only(connection, limit_seconds):
        table = await read_table(connection, spec.schema, spec.target)
        if table is None:
            return None
        subject = Subject(connection, spec, table, None)
        days = await rows_by_day(subject)
        rows = days.total() if spec.day is not None else await _count(subject)
        columns = [each for column in spec.columns if (each := table.column(column.name))]
        share = ROWS_MEASURED / rows if rows > ROWS_MEASURED else 1.0
        distinct = await _distinct(subject, rows)
        measured_rows, measured = await _aggregates(subject, columns, private, share)
        few = [
            column.name
            for column in columns
            if column.type.base in _CATEGORIES
            and column.name not in private
            and not (spec.day is not None and column.name in spec.day.columns)
            and 0
            < (distinct.get(column.name) or 0)
            <= min(MANY if column.name in had_few else FEW, rows / REPEATED)
        ][:_MOST_SETS]
        top = await _categories(subject, few, share, measured_rows)
    days_shown = spec.day is not None and not set(spec.day.columns) & set(private)
    return TableMetrics(
        table=spec.qualified,
        rows=rows,
        source_rows=source_rows,
        scope=scope,
        measured_rows=measured_rows if share < 1 else rows,
        seconds=round(time.monotonic() - began, 3),
        columns=tuple(
            ColumnMetrics(
                column=column.name,
                type=str(column.type),
                distinct=distinct.get(column.name),
                private=column.name in private,
                top=top.get(column.name, ())[:FEW],
                top_whole=0 < len(top.get(column.name, ())) <= FEW,
                **measured[column.name],
            )
            for column in columns
        ),
        days=_newest(days) if days_shown else (),
        dates=len(days),
        source_days=_newest(source_days or Counter()) if days_shown else (),
    )


def _newest(days: Counter[str | None]) -> tuple[DayRows, ...]:
    newest = sorted(days.items(), key=lambda item: in_order(item[0]))[-DAYS_KEPT:]
    return tuple(DayRows(day, count) for day, count in newest)


async def _count(subject: Subject) -> int:
    (count,) = await subject.row(sql.SQL("SELECT count(*) FROM {}").format(subject.name))
    return int(count)


async def _distinct(subject: Subject, rows: int) -> dict[str, int]:
    """How many different values a column has, as ANALYZE has estimated it after the publishing."""
    cursor = await subject.connection.execute(
        "SELECT attname, n_distinct FROM pg_stats"
        " WHERE schemaname = %s AND tablename = %s AND NOT inherited",
        (subject.spec.schema, subject.spec.target),
    )
    # What is negative is a share of the rows.
    return {
        name: round(number if number >= 0 else -number * rows)
        for name, number in await cursor.fetchall()
    }


def _sampled(subject: Subject, share: float) -> sql.Composable:
    """The table, or some of its blocks: the same ones each time, while it does not change."""
    if share >= 1:
        return subject.name
    return sql.SQL("{} TABLESAMPLE SYSTEM ({}) REPEATABLE (0)").format(
        subject.name, sql.Literal(round(share * 100, 6))
    )


async def _aggregates(
    subject: Subject, columns: Sequence[TableColumn], private: Collection[str], share: float
) -> tuple[int, dict[str, dict[str, Any]]]:
    """One pass for all columns: the rows that were looked at, and what was found by column."""
    wanted: list[tuple[str, str, sql.Composable]] = []
    for column in columns:
        name = sql.Identifier(column.name)
        wanted.append((column.name, "count", sql.SQL("count({})").format(name)))
        if column.name in private:
            continue
        base = column.type.base
        if base in _NUMBERS or base in _TIMES:
            wanted.append((column.name, "low", sql.SQL("min({})::text").format(name)))
            wanted.append((column.name, "high", sql.SQL("max({})::text").format(name)))
        if mean := _mean(base):
            wanted.append((column.name, "mean", sql.SQL(mean).format(name)))
        if base in _TEXTS or base == "bytea":
            length = sql.SQL("octet_length({})" if base == "bytea" else "length({})").format(name)
            wanted.append((column.name, "length", sql.SQL("avg({})::float8").format(length)))
            wanted.append((column.name, "longest", sql.SQL("max({})").format(length)))
    statement = sql.SQL("SELECT {} FROM {}").format(
        sql.SQL(", ").join([sql.SQL("count(*)"), *(expression for _, _, expression in wanted)]),
        _sampled(subject, share),
    )
    rows, *found = await subject.row(statement)
    measured: dict[str, dict[str, Any]] = {column.name: {} for column in columns}
    for (column_name, what, _), value in zip(wanted, found, strict=True):
        about = measured[column_name]
        if what == "count":
            about["null_share"] = _rounded((rows - value) / rows) if rows else None
        else:
            about[what] = _plain(value)
    return int(rows), measured


def _mean(base: str) -> LiteralString | None:
    """Postgres's expression for the mean of a column of a type, as that is kept; None for none.

    Of a boolean it is the share of rows that are true, of a time one to the second.
    """
    moment = "to_timestamp(avg(extract(epoch FROM {0})::float8))"
    match base:
        case "boolean":
            return "avg({0}::int)::float8"
        case "real" | "double precision":
            # The sum of such numbers may be more than a number can be.
            return (
                "CASE WHEN max(abs({0})) < 1e100"
                " THEN avg(CASE WHEN abs({0}) < 1e100 THEN {0} END) END"
            )
        case "time":
            return "date_trunc('second', avg({0}::interval))::time::text"
        case "date":
            # Whole numbers are added in a third of the time. No number of days is that of infinity.
            days = "CASE WHEN isfinite({0}) THEN {0} - DATE '1970-01-01' END"
            mean = f"(DATE '1970-01-01' + floor(avg({days}))::int)::text"
            return f"CASE WHEN bool_and(isfinite({{0}})) THEN {mean} END"
        case "timestamp":
            mean = f"date_trunc('second', {moment})::timestamp::text"
            return f"CASE WHEN bool_and(isfinite({{0}})) THEN {mean} END"
        case "timestamptz":
            mean = f"date_trunc('second', {moment})::text"
            return f"CASE WHEN bool_and(isfinite({{0}})) THEN {mean} END"
        case _ if base in _NUMBERS:
            return "avg({0})::float8"
        case _:
            return None


async def _categories(
    subject: Subject, names: Sequence[str], share: float, rows: int
) -> dict[str, tuple[TopValue, ...]]:
    """The values of columns that have few, the most frequent first: one pass for all of them."""
    if not names or not rows:
        return {}
    columns = [sql.Identifier(name) for name in names]
    listed = sql.SQL(", ").join(columns)
    statement = sql.SQL(
        "SELECT grouped, {texts}, found FROM (SELECT {columns}, GROUPING({columns}) AS grouped,"
        " count(*) AS found FROM {table} GROUP BY GROUPING SETS ({sets})) AS counted"
        " ORDER BY found DESC"
    ).format(
        texts=sql.SQL(", ").join(sql.SQL("rtrim({}::text)").format(each) for each in columns),
        columns=listed,
        sets=sql.SQL(", ").join(sql.SQL("({})").format(each) for each in columns),
        table=_sampled(subject, share),
    )
    top: dict[str, tuple[TopValue, ...]] = {}
    for grouped, *values, count in await subject.rows(statement):
        # The bits of the columns that a row is not about are set, the last column's is the lowest.
        place = next(
            number for number in range(len(names)) if not grouped >> (len(names) - 1 - number) & 1
        )
        value = values[place]
        value = None if value is None else str(value)[:_LONGEST_VALUE]
        name = names[place]
        if len(top.get(name, ())) <= FEW:
            top[name] = (*top.get(name, ()), TopValue(value, _rounded(count / rows)))
    return top


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return _rounded(value) if isfinite(value) else None
    return value


def _rounded(value: float) -> float:
    """Six digits that tell something: small shares stay, and the reports stay small."""
    return float(f"{value:.6g}")


def why_not(error: psycopg.Error, limit_seconds: float) -> str:
    """Why there are no metrics, for people."""
    if isinstance(error, psycopg.errors.QueryCanceled) and limit_seconds:
        return f"a query took longer than {limit_seconds:g} s"
    return message(error)
