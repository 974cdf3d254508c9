"""The row digest in Postgres's SQL, over staging or a published table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psycopg import sql

from neonsync.columns import SqlType
from neonsync.digest import DigestSums, Field, Frame, Rule
from neonsync.postgres.connect import Connection
from neonsync.postgres.days import day_of_row
from neonsync.postgres.staging import SCHEMA
from neonsync.tables import Day, TableSpec

_FIELDS_TOGETHER = 40
"""In one concat: a function takes 100 arguments at the most."""
_TIME = "HH24:MI:SS.US"
_WHOLE = {"smallint", "integer", "bigint"}


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
    types: dict[str, SqlType] | None = None,
) -> Sums:
    """Rows and digests of a table by day, in one pass; all under None without a day.

    ``relation`` is what stands after FROM. ``types`` are the columns' types where they are others
    than planned.
    """
    cursor = await connection.execute(
        sql.SQL("SELECT {day}, count(*), {digest} FROM {relation} GROUP BY 1").format(
            day=sql.SQL("NULL::text") if day is None else day_of_row(day),
            digest=sql.SQL("0")
            if frame is None
            else sql.SQL("sum({})").format(row_digest(frame, types)),
            relation=relation,
        )
    )
    rows: Counter[str | None] = Counter()
    digests = DigestSums()
    for date, count, digest in await cursor.fetchall():
        rows[date] = int(count)
        if frame is not None:
            digests.add([(date, int(digest))])
    return Sums(rows, digests)


def published_rows(
    spec: TableSpec, staging: str | None, dates: Collection[str | None] | None
) -> sql.Composable:
    """A target's rows as they stand after FROM: of some dates, and those that stand in staging.

    Without ``staging`` all rows are meant, without ``dates`` all dates.
    """
    target = sql.Identifier(spec.schema, spec.target)
    conditions: list[sql.Composable] = []
    if dates is not None and spec.day is not None:
        known = sql.SQL(", ").join(sql.Literal(date) for date in [*dates] or [None])
        within = sql.SQL("{} IN ({})").format(day_of_row(spec.day), known)
        if None in dates:
            within += sql.SQL(" OR {} IS NULL").format(day_of_row(spec.day))
        conditions.append(within)
    if staging is not None:
        same_key = sql.SQL(" AND ").join(
            sql.SQL("s.{0} = t.{0}").format(sql.Identifier(name)) for name in spec.key
        )
        conditions.append(
            sql.SQL("EXISTS (SELECT FROM {} AS s WHERE {})").format(
                sql.Identifier(SCHEMA, staging), same_key
            )
        )
    if not conditions:
        return target
    where = sql.SQL(" AND ").join(sql.SQL("({})").format(each) for each in conditions)
    return sql.SQL("{} AS t WHERE {}").format(target, where)


def row_digest(frame: Frame, types: dict[str, SqlType] | None = None) -> sql.Composed:
    """The digest of a row: a bigint."""
    text = _joined([field_text(field, types) for field in frame.fields])
    return sql.SQL("('x' || substr(md5({}), 1, 16))::bit(64)::bigint").format(text)


def field_text(field: Field, types: dict[str, SqlType] | None = None) -> sql.Composable:
    """How a column stands in the frame; the text of a NULL is NULL, which concat leaves empty.

    A target may have another type than planned, which holds every value: the frame is that of the
    planned one, but for a value that only the other holds.
    """
    column = sql.Identifier(field.name)
    own, planned = (types or {}).get(field.name, field.type), field.type
    if own == planned or field.rule in (Rule.TEXT, Rule.PADDED, Rule.PRESENCE):
        return _form(field, column)
    if field.rule is Rule.DECIMAL and own.base == "numeric":
        rounded = sql.SQL("round({}, {})").format(column, sql.Literal(planned.modifiers[1]))
        return _if_equal(column, rounded, rounded)
    if own.base == planned.base or {own.base, planned.base} <= _WHOLE:
        return _form(field, column)
    cast = sql.SQL("{}::{}").format(column, sql.SQL(str(planned)))
    if own.base in ("text", "varchar", "char"):
        return _form(field, cast)
    return _if_equal(column, cast, _form(field, cast))


def _form(field: Field, value: sql.Composable) -> sql.Composable:
    text = _FORMS.get(field.rule, "{}")
    if field.rule is Rule.MOMENT and field.type.base == "timestamptz":
        text = "timestamptz_send({})"
    return sql.SQL(text).format(value)


def _if_equal(
    column: sql.Composable, changed: sql.Composable, text: sql.Composable
) -> sql.Composed:
    """The text, where the changed value is the column's; else one that no frame of Athena's has."""
    return sql.SQL("CASE WHEN {0} = {1} THEN ({2})::text ELSE '!' || {0}::text END").format(
        column, changed, text
    )


_FORMS = {
    Rule.TEXT: "concat(octet_length({0}), ':', {0})",
    # To text first: a char compares and counts without its blanks, and is sent with them.
    Rule.PADDED: "concat(octet_length(rtrim({0}::text, ' ')), ':', rtrim({0}::text, ' '))",
    Rule.DOUBLE: "CASE WHEN {0} = 'NaN' THEN 'NaN' ELSE float8send({0})::text END",
    Rule.REAL: "CASE WHEN {0} = 'NaN' THEN 'NaN' ELSE float4send({0})::text END",
    Rule.DAY: "{} - DATE '1970-01-01'",
    Rule.MOMENT: "timestamp_send({})",
    Rule.FINE_MOMENT: f"to_char({{}}, 'YYYY-MM-DD {_TIME}')",
    Rule.CLOCK: f"to_char({{}}::interval, '{_TIME}')",
    Rule.PRESENCE: "CASE WHEN {} IS NOT NULL THEN '+' END",
}


def _joined(texts: Sequence[sql.Composable]) -> sql.Composable:
    """All texts with the separator between them, in few enough arguments."""
    if len(texts) > _FIELDS_TOGETHER:
        groups = range(0, len(texts), _FIELDS_TOGETHER)
        texts = [_joined(texts[first : first + _FIELDS_TOGETHER]) for first in groups]
    return sql.SQL("concat({})").format(sql.SQL(", '|', ").join(texts))
