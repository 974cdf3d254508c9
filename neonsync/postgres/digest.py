"""The row digest in Postgres's SQL, over staging or a published table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import sql

from neonsync.digest import LONG, SEPARATOR, DigestSums, Field, Frame, Rule
from neonsync.postgres.connect import Connection
from neonsync.postgres.days import day_of_row, grouped_by
from neonsync.postgres.staging import SCHEMA
from neonsync.tables import Day, TableSpec

_FIELDS_TOGETHER = 40
"""In one format: a function takes 100 arguments at the most, and a text is two."""
_TIME = "HH24:MI:SS.US"


@dataclass(frozen=True)
class Sums:
    """Rows by date, and the sum of their digests, from 0 to 2^64-1; none without a frame."""

    rows: Counter[str | None]
    digests: DigestSums


async def sum_by_day(
    connection: Connection,
    relation: sql.Composable,
    day: Day | None,
    frame: Frame | None,
) -> Sums:
    """Rows and digests of a table by day, in one pass; all under None without a day."""
    cursor = await connection.execute(by_day(relation, day, frame))
    rows: Counter[str | None] = Counter()
    digests = DigestSums()
    for date, count, digest in await cursor.fetchall():
        rows[date] += int(count)
        if frame is not None:
            digests.add([(date, int(digest))])
    return Sums(rows, digests)


def by_day(relation: sql.Composable, day: Day | None, frame: Frame | None) -> sql.Composed:
    """The statement that ``sum_by_day`` asks; ``relation`` is what stands after FROM."""
    value, text = grouped_by(day)
    return sql.SQL("SELECT {text}, count(*), {digest} FROM {relation} GROUP BY {value}").format(
        text=text,
        digest=sql.SQL("0") if frame is None else sql.SQL("sum({})").format(row_digest(frame)),
        relation=relation,
        value=value,
    )


def published_rows(
    spec: TableSpec, staging: str, dates: Collection[str | None] | None
) -> sql.Composable:
    """The target's rows that stand in staging, on some dates or on all, as they stand after FROM.

    The dates are those of staging, so that few rows are found by their keys and no scan of the
    target is needed.
    """
    keys = sql.SQL(", ").join(map(sql.Identifier, spec.key))
    same_key = sql.SQL(" AND ").join(
        sql.SQL("s.{0} = t.{0}").format(sql.Identifier(name)) for name in spec.key
    )
    within: sql.Composable = sql.SQL("")
    if dates is not None and spec.day is not None:
        day = day_of_row(spec.day)
        known = sql.SQL(", ").join(sql.Literal(date) for date in dates)
        empty = sql.SQL("{} IS NULL" if None in dates else "false").format(day)
        within = sql.SQL(" WHERE {} IN ({}) OR {}").format(day, known, empty)
    return sql.SQL(
        "(SELECT t.* FROM (SELECT {keys} FROM {staging}{within}) AS s"
        " JOIN {target} AS t ON {same_key}) AS t"
    ).format(
        keys=keys,
        staging=sql.Identifier(SCHEMA, staging),
        within=within,
        target=sql.Identifier(spec.schema, spec.target),
        same_key=same_key,
    )


def row_digest(frame: Frame) -> sql.Composed:
    """The digest of a row: a bigint."""
    # Of the hash's 128 bits the cast takes the first 64.
    return sql.SQL("('x' || md5({}))::bit(64)::bigint").format(_joined(frame.fields))


def field_text(field: Field) -> sql.Composable:
    """How a column stands in the frame; the text of a NULL may be NULL, which stands for nothing.

    A value that Athena has none like gets a text that stands in no frame of Athena's.
    """
    values = _values(field)
    return values[0] if len(values) == 1 else _formatted([values])


def _joined(fields: Sequence[Field]) -> sql.Composed:
    """The texts of all fields with the separator between them, in few enough arguments."""
    if len(fields) <= _FIELDS_TOGETHER:
        return _formatted([_values(field) for field in fields])
    groups = range(0, len(fields), _FIELDS_TOGETHER)
    return _formatted([[_joined(fields[first : first + _FIELDS_TOGETHER])] for first in groups])


def _formatted(fields: Sequence[Sequence[sql.Composable]]) -> sql.Composed:
    """Fields of one or more values, in one text.

    By format, which leaves a NULL empty as concat does, and takes a third less than concat with
    each separator as an argument.
    """
    pattern = SEPARATOR.join(":".join("%s" for _ in values) for values in fields)
    arguments = [value for values in fields for value in values]
    return sql.SQL("format({}, {})").format(sql.Literal(pattern), sql.SQL(", ").join(arguments))


def _values(field: Field) -> list[sql.Composable]:
    """What stands in the frame for a column, with a colon between two."""
    name = sql.Identifier(field.name)
    return [sql.SQL(form).format(name) for form in _forms(field)]


def _forms(field: Field) -> tuple[str, ...]:
    match field.rule:
        case Rule.TEXT:
            return _counted("{0}::text")
        case Rule.PADDED:
            # To text first: a char compares and counts without its blanks, and is sent with them.
            return _counted("rtrim({0}::text, ' ')")
        case Rule.MOMENT if field.type.base == "timestamptz":
            return ("timestamptz_send({0})",)
        case rule:
            return (_FORMS.get(rule, "{0}"),)


def _counted(text: str) -> tuple[str, str]:
    size = f"octet_length({text})"
    return size, f"CASE WHEN {size} > {LONG} THEN '#' || md5({text}) ELSE {text} END"


_FORMS = {
    Rule.BINARY: (
        f"CASE WHEN octet_length({{0}}) > {LONG} THEN '\\x#' || md5({{0}}) ELSE {{0}}::text END"
    ),
    Rule.DOUBLE: "CASE WHEN {0} = 'NaN' THEN 'NaN' ELSE float8send({0})::text END",
    Rule.REAL: "CASE WHEN {0} = 'NaN' THEN 'NaN' ELSE float4send({0})::text END",
    Rule.DAY: (
        "CASE WHEN isfinite({0}) THEN ({0} - DATE '1970-01-01')::text ELSE '!' || {0}::text END"
    ),
    Rule.MOMENT: "timestamp_send({0})",
    # to_char knows no infinity, and writes a year before Christ without saying so.
    Rule.FINE_MOMENT: (
        "CASE WHEN isfinite({0}) AND {0} >= '0001-01-01'"
        f" THEN to_char({{0}}, 'YYYY-MM-DD {_TIME}') ELSE '!' || {{0}}::text END"
    ),
    Rule.CLOCK: f"to_char({{0}}::interval, '{_TIME}')",
    Rule.PRESENCE: "CASE WHEN {0} IS NOT NULL THEN '+' END",
}
