"""The scenarios of made rows, as a person would see them in a plot, measured."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from decimal import Decimal
from statistics import fmean

import pytest

from neonsync.tables import ColumnRule, DayForm
from neonsync.testdata import Scenario, TableGenerator
from tests.unit.made import forecast, made, made_table, only, values, whole

ALL = {scenario.value for scenario in Scenario}


def _daily(generator: TableGenerator, measure: str, day: str) -> dict[str, list[float]]:
    """The mean of a measure on each day, the oldest first, by scenario."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in whole(generator).to_pylist():
        if row[measure] is not None:
            found[row["test_scenario"]][str(row[day])[:10]].append(float(row[measure]))
    return {name: [fmean(days[day]) for day in sorted(days)] for name, days in found.items()}


def _orders() -> TableGenerator:
    columns = {"id": "bigint", "at": "timestamptz", "total": "double precision"}
    form = DayForm.TIMESTAMP
    return only(made_table("orders", columns, ["id"], 6_000, day="at", form=form, days=60))


@pytest.mark.parametrize(
    ("make", "measure", "day"),
    [(forecast, "y_50", "business_date"), (_orders, "total", "at")],
    ids=["forecast", "orders"],
)
def test_scenarios_look_like_their_names(
    make: Callable[[], TableGenerator], measure: str, day: str
) -> None:
    daily = _daily(make(), measure, day)
    assert set(daily) == ALL
    high, low, base = (daily[n] for n in ("high-demand", "low-demand", "baseline"))
    assert fmean(high) > 1.2 * fmean(base)
    assert fmean(base) > 1.2 * fmean(low)
    assert min(high) > max(base)
    assert min(base) > max(low)
    season = daily["seasonal-peak"]
    third = len(season) // 3
    outer, middle = season[:third] + season[-third:], season[third:-third]
    assert fmean(middle) > 1.5 * fmean(outer)
    assert max(middle) == max(season)
    assert min(middle) > fmean(outer)
    assert season[0] < fmean(base) * 0.8
    assert season[-1] < fmean(base) * 0.8


def test_the_baseline_has_a_weekly_rhythm_about_the_middle() -> None:
    base = _daily(forecast(), "y_50", "business_date")["baseline"]
    assert 95 < fmean(base) < 105
    # The range's last day, 2026-01-31, is a Saturday.
    saturdays, tuesdays = base[-1::-7], base[-5::-7]
    assert min(saturdays) > max(tuesdays) + 5
    assert max(saturdays) - min(saturdays) < 3


def test_values_stay_within_their_bounds_without_being_cut_off() -> None:
    numbers = values(forecast(60_000), "y_50")
    assert min(numbers) > 50
    assert max(numbers) < 150


def test_rows_are_spread_evenly_and_an_entity_keeps_its_scenario() -> None:
    table = whole(forecast())
    counts = Counter(table.column("test_scenario").to_pylist())
    assert set(counts) == ALL
    assert max(counts.values()) - min(counts.values()) <= 150
    pairs = set(
        zip(
            table.column("restaurant_id").to_pylist(),
            table.column("test_scenario").to_pylist(),
            strict=True,
        )
    )
    assert len(pairs) == 50


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 6, 9, 50, 121])
def test_all_scenarios_are_there_even_in_few_rows(rows: int) -> None:
    names = values(forecast(rows), "test_scenario")
    assert len(set(names)) == min(4, rows)


def test_scenarios_do_not_go_by_what_repeats_every_four_entities() -> None:
    rules = {"region": ColumnRule(values=("N", "E", "S", "W"), follows="shop")}
    columns = {"shop": "integer", "region": "text not null", "day": "date", "y": "numeric(9,2)"}
    table = made_table("t", columns, ["shop", "day"], 6_000, day="day", rules=rules)
    pairs = zip(values(only(table), "region"), values(only(table), "test_scenario"), strict=True)
    assert len(set(pairs)) == 16


@pytest.mark.parametrize("scenario", sorted(ALL))
def test_one_scenario_alone_marks_all_rows(scenario: str) -> None:
    generator = forecast(600, scenario=scenario)
    assert set(values(generator, "test_scenario")) == {scenario}
    assert generator.days() == forecast(600).days()


def test_an_entity_has_the_same_scenario_in_each_table() -> None:
    one = made_table("one", {"shop": "integer", "day": "date"}, ["shop", "day"], 600, day="day")
    two = made_table("two", {"shop": "integer"}, ["shop"], 20)
    data = made(one, two)
    pairs = [
        dict(zip(values(table, "shop"), values(table, "test_scenario"), strict=True))
        for table in (data.table("public.one"), data.table("public.two"))
    ]
    assert pairs[0] == pairs[1]


def test_a_key_that_begins_with_few_values_has_all_scenarios_nonetheless() -> None:
    columns = {"active": "boolean", "day": "date", "id": "integer"}
    table = made_table("t", columns, ["active", "day", "id"], 40, day="day")
    assert set(values(only(table), "test_scenario")) == ALL
    flags = made_table("f", {"a": "boolean", "b": "boolean", "c": "boolean"}, ["a", "b", "c"], 8)
    assert set(values(only(flags), "test_scenario")) == ALL


def test_demand_shapes_numerics_and_floats_by_default_and_others_when_told() -> None:
    columns = {
        "shop": "integer",
        "day": "date",
        "money": "numeric(9,2) not null",
        "weight": "real not null",
        "sold": "integer not null",
        "stock": "integer not null",
        "fixed": "numeric(5,2) not null",
    }
    rules = {
        "sold": ColumnRule(demand=True, low=0, high=1_000),
        "fixed": ColumnRule(demand=False, low=0, high=100),
    }
    table = made_table("t", columns, ["shop", "day"], 6_000, day="day", rules=rules)
    rows = whole(only(table)).to_pylist()

    def mean(column: str, scenario: str) -> float:
        return fmean(float(row[column]) for row in rows if row["test_scenario"] == scenario)

    for column in ("money", "weight", "sold"):
        assert mean(column, "high-demand") > 2 * mean(column, "low-demand")
    for column in ("stock", "fixed"):
        assert mean(column, "high-demand") < 1.2 * mean(column, "low-demand")


def test_nothing_is_shaped_in_a_table_without_a_day() -> None:
    rows = whole(only(made_table("t", {"id": "integer", "y": "numeric(9,2)"}, ["id"], 4_000)))
    by_scenario = defaultdict(list)
    for row in rows.to_pylist():
        by_scenario[row["test_scenario"]].append(row["y"] or Decimal(500))
    means = [fmean(numbers) for numbers in by_scenario.values()]
    assert max(means) < 1.2 * min(means)


def test_a_range_of_one_day_has_all_scenarios_within_bounds() -> None:
    columns = {"shop": "integer", "day": "date", "y": "numeric(9,2) not null"}
    rules = {"y": ColumnRule(low=10, high=20)}
    table = made_table("t", columns, ["shop", "day"], 40, day="day", days=1, rules=rules)
    generator = only(table)
    assert generator.days() == {"2026-01-31": 40}
    assert all(10 <= number <= 20 for number in values(generator, "y"))
