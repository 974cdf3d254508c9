"""The measures of a proof by aggregates, in Postgres's SQL."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import sql

from neonsync.aggregates import Figures, Kind, Measure
from neonsync.digest import Rule
from neonsync.postgres.connect import Connection
from neonsync.postgres.days import day_of_row
from neonsync.tables import Day


async def aggregates_by_day(
    connection: Connection, relation: sql.Composable, day: Day | None, measures: Sequence[Measure]
) -> Figures:
    """The figures of a table, by day; all under None without a day."""
    figures = sql.SQL(", ").join(sql.SQL("({})::text").format(_figure(each)) for each in measures)
    cursor = await connection.execute(
        sql.SQL("SELECT {}, {} FROM {} GROUP BY 1").format(
            sql.SQL("NULL::text") if day is None else day_of_row(day), figures, relation
        )
    )
    return {date: tuple(found) for date, *found in await cursor.fetchall()}


def _figure(measure: Measure) -> sql.Composed:
    field = measure.field
    column = sql.Identifier(field.name)
    match measure.kind:
        case Kind.NON_NULLS:
            return sql.SQL("count({})").format(column)
        case Kind.TRUE:
            return sql.SQL("count(*) FILTER (WHERE {}::text = 'true')").format(column)
        case Kind.BYTES if field.rule is Rule.PADDED:
            return sql.SQL("sum(octet_length(rtrim({}::text, ' ')))").format(column)
        case Kind.BYTES:
            return sql.SQL("sum(octet_length({}::text))").format(column)
        case Kind.SUM:
            return sql.SQL("sum({}::numeric)").format(column)
        case Kind.LOW | Kind.HIGH:
            bound = sql.SQL("min({})" if measure.kind is Kind.LOW else "max({})").format(column)
            if field.rule is Rule.DAY:
                return sql.SQL("{}::date - DATE '1970-01-01'").format(bound)
            return sql.SQL(
                "trunc(extract(epoch FROM {}::timestamp - TIMESTAMP '2000-01-01') * 1000)"
            ).format(bound)
