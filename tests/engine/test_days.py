"""The days that rows are counted by, in Postgres."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from psycopg import sql

from neonsync.columns import SqlType
from neonsync.digest import MODULUS, Field, Frame, Rule, row_digest
from neonsync.postgres.digest import sum_by_day
from neonsync.tables import Day, DayForm
from tests.conftest import Target

DAYS: list[tuple[DayForm, str, tuple[Any, ...], dict[str | None, int]]] = [
    (DayForm.DATE, "date", ("2026-01-31", "2026-01-31", None), {"2026-01-31": 2, None: 1}),
    (DayForm.DATE, "date", ("infinity", "0044-03-15 BC"), {"infinity": 1, "0044-03-15 BC": 1}),
    # A target's own column of another type than planned: blanks make no other day.
    (DayForm.DATE, "text", ("2026-01-31", "2026-01-31 ", "x"), {"2026-01-31": 2, "x": 1}),
    (DayForm.TIMESTAMP, "timestamp", ("2026-01-31", "2026-01-31 23:59"), {"2026-01-31": 2}),
    (DayForm.DASHED, "text", ("2026-01-31 ", "2026-01-31 23:59"), {"2026-01-31": 2}),
    (DayForm.PLAIN, "char(9)", ("20260131", "20260201"), {"20260131": 1, "20260201": 1}),
    (DayForm.NUMBER, "integer", (20260131, 20260131, None), {"20260131": 2, None: 1}),
]


@pytest.mark.parametrize(("form", "type_", "values", "days"), DAYS)
async def test_rows_are_summed_by_day_however_it_is_written(
    target: Target,
    form: DayForm,
    type_: str,
    values: tuple[Any, ...],
    days: dict[str | None, int],
) -> None:
    whole = Frame((Field("n", "n", Rule.WHOLE, SqlType("bigint"), SqlType("bigint")),))
    async with await psycopg.AsyncConnection.connect(target.uri) as connection:
        await connection.execute(
            sql.SQL("CREATE TEMP TABLE t (n bigint, d {})").format(sql.SQL(type_))
        )
        for value in values:
            await connection.execute("INSERT INTO t VALUES (1, %s)", (value,))
        found = await sum_by_day(connection, sql.Identifier("t"), Day(("d",), form), whole)
    assert found.rows == days
    digest = row_digest(whole, (1,))
    assert found.digests == {day: digest * count % MODULUS for day, count in days.items()}
