"""Which dates a repair asks for: those that a filter finds, else the whole scope."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from neonsync.athena.catalogue import CatalogueColumn
from neonsync.columns import SqlType
from neonsync.engine.plan import TablePlan
from neonsync.engine.planning.resolve import resolve
from neonsync.engine.proof.calendar_days import calendar_days, day_of
from neonsync.engine.proof.compared import Comparison, Comparisons, DateDifference
from neonsync.services.repair import Repair, repairs
from neonsync.settings import Filters, Settings
from neonsync.tables import DayForm, Mode, TableConfig, Validation


def planned(type_: str, *, declared: str = "", written: str = "") -> TablePlan:
    """A table whose column ``day`` is of a type of the lake's."""
    config = TableConfig(
        source="s",
        key=("id",),
        date_column=("day",),
        date_format=written,
        types={"day": SqlType(declared)} if declared else {},
    )
    columns = [
        CatalogueColumn("id", SqlType("bigint")),
        CatalogueColumn("day", SqlType(type_)),
    ]
    resolved = resolve(config, Mode.FULL, columns)
    return TablePlan(resolved.spec, resolved)


@pytest.mark.parametrize(
    ("text", "form", "found"),
    [
        ("2026-01-31", DayForm.DATE, True),
        ("2026-1-31", DayForm.DASHED, False),
        ("20260131", DayForm.DASHED, False),
        ("2026-W05-6", DayForm.DASHED, False),
        ("20260131", DayForm.PLAIN, True),
        ("2026-01-31", DayForm.PLAIN, False),
        ("20260131", DayForm.NUMBER, True),
        ("2026-1-31", DayForm.PARTS, True),
        ("2026-001-31", DayForm.PARTS, False),
        ("2026-13-31", DayForm.PARTS, False),
        ("infinity", DayForm.DATE, False),
        ("", DayForm.DATE, False),
    ],
)
def test_a_day_is_one_that_its_form_writes_as_the_same_text(
    text: str, form: DayForm, found: bool
) -> None:
    assert day_of(text, form) == (date(2026, 1, 31) if found else None)


def test_one_date_that_no_filter_finds_leaves_the_whole_scope() -> None:
    table = planned("date")
    assert calendar_days(table, ["2026-01-02", "2026-01-01"]) == [
        date(2026, 1, 1),
        date(2026, 1, 2),
    ]
    assert calendar_days(table, ["2026-01-02", None]) == []
    # A text 2026-1-5 of the lake is the same date in the target, and no filter's.
    unpadded = planned("string", declared="date", written="2026-01-31")
    assert calendar_days(unpadded, ["2026-01-05"]) == []


def repaired(dates: list[str | None], *lacking: str) -> Repair:
    table = planned("date")
    found = Comparison(
        table.spec.qualified,
        "",
        Validation.EXACT,
        differing=tuple(DateDifference(each, 1, 0) for each in dates),
        lacking=lacking,
    )
    plan: Any = SimpleNamespace(tables=(table,))
    (repair,) = repairs(_settings(), plan, Comparisons((found,), 0, 0.0))
    return repair


def _settings() -> Settings:
    from neonsync.settings import load_settings

    return load_settings(
        flags={"branch": "b"},
        environ={"ATHENA_DATABASE": "d", "NEON_CONNECTION_STRING": "postgresql://u:p@h/d"},
        config=None,
    )


def test_scattered_dates_become_the_range_that_bounds_them() -> None:
    first = date(2024, 1, 1)
    some = repaired([str(first + timedelta(days=2 * n)) for n in range(200)])
    assert len(some.settings.filters.dates) == 200
    many = repaired([str(first + timedelta(days=2 * n)) for n in range(201)])
    assert many.settings.filters == Filters(
        tables=("public.s",), first=first, last=first + timedelta(days=400)
    )
    assert "from 2024-01-01 to 2025-02-04: the 201 dates" in str(many)
    run = repaired([str(first + timedelta(days=n)) for n in range(400)])
    assert (run.bounds, len(run.settings.filters.dates)) == (None, 400)


def test_a_column_that_is_missing_is_missing_on_every_date() -> None:
    assert repaired(["2026-01-01"], "note").settings.filters == Filters(tables=("public.s",))
    assert repaired(["2026-01-01"]).dates == 1
