"""The scenarios: what the demand of an entity does over the days.

All arithmetic is on whole numbers: a sine differs in its last digit from machine to machine.
"""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum

import numpy as np

from neonsync.errors import ConfigError
from neonsync.testdata.hashing import Ints, below, draw, stream_key

ALL = "all"
ONE = 1 << 30
"""The top of a column's range in the units of levels; its bottom is 0."""


class Scenario(StrEnum):
    """What a made row's demand looks like."""

    BASELINE = "baseline"
    HIGH_DEMAND = "high-demand"
    LOW_DEMAND = "low-demand"
    SEASONAL_PEAK = "seasonal-peak"


SCENARIOS = tuple(Scenario)

# In thousandths of the range: the level without rhythm, and the strength of the week's rhythm.
_LEVEL = {Scenario.BASELINE: 500, Scenario.HIGH_DEMAND: 840, Scenario.LOW_DEMAND: 160}
_RHYTHM = {
    Scenario.BASELINE: 90,
    Scenario.HIGH_DEMAND: 40,
    Scenario.LOW_DEMAND: 40,
    Scenario.SEASONAL_PEAK: 20,
}
_SEASON_LOW, _SEASON_RISE = 120, 760
# How a day of the week differs from the mean, Monday first, in hundredths of the rhythm: weekends
# are busy, the week's beginning is not. They sum up to nearly nothing.
_WEEK = (-80, -90, -60, -10, 70, 100, 60)
# Strengths of what a series keeps over all its days, and of what differs from row to row. Together
# with the rhythm they leave the levels apart: no row of one touches the next scenario's.
_SERIES_NOISE, _ROW_NOISE = 30, 50


def chosen_scenarios(name: str) -> tuple[Scenario, ...]:
    """The scenarios of a run that asks for ``name``.

    Raises:
        ConfigError: there is no such scenario.
    """
    if name == ALL:
        return SCENARIOS
    if name in SCENARIOS:
        return (Scenario(name),)
    raise ConfigError(
        f"there is no scenario {name!r}", f"There are: {', '.join((ALL, *SCENARIOS))}."
    )


def scenario_of(entities: Ints, seed: int, choice: tuple[Scenario, ...]) -> Ints:
    """The number of each entity's scenario in ``SCENARIOS``.

    Each four entities in a row have all four, turned by chance: otherwise an attribute that
    repeats every four entities, as a state may, would always meet the same scenario.
    """
    if len(choice) == 1:
        return np.full(len(entities), SCENARIOS.index(choice[0]), np.int64)
    key = stream_key(seed, "scenario")
    return (entities + below(draw(key, entities // 4), 4)) % len(SCENARIOS)


def levels(days: int, last_day: date) -> Ints:
    """The level of demand, 0 to ``ONE``, by scenario and by days back from ``last_day``."""
    table = np.empty((len(SCENARIOS), days), np.int64)
    for back in range(days):
        weekday = (last_day - timedelta(days=back)).weekday()
        for number, scenario in enumerate(SCENARIOS):
            table[number, back] = _level(scenario, back, days) + _part(
                _WEEK[weekday] * _RHYTHM[scenario], 100_000
            )
    return table


def noise(row_key: int, rows: Ints, series_key: int, series: Ints | None) -> Ints:
    """What a row differs by from its scenario's level; a series keeps a part over its days."""
    spread = _part(_ROW_NOISE, 1000)
    total = below(draw(row_key, rows), 2 * spread + 1) - spread
    if series is not None:
        spread = _part(_SERIES_NOISE, 1000)
        total += below(draw(series_key, series), 2 * spread + 1) - spread
    return total


def _level(scenario: Scenario, back: int, days: int) -> int:
    if scenario is not Scenario.SEASONAL_PEAK:
        return _part(_LEVEL[scenario], 1000)
    # (4p(1-p)) squared for p from 0 to 1: flat at the peak, steep on both sides.
    span, place = (days - 1, back) if days > 1 else (4, 1)
    arch = ONE * 4 * place * (span - place) // span**2
    return _part(_SEASON_LOW, 1000) + _SEASON_RISE * (arch * arch // ONE) // 1000


def _part(share: int, of: int) -> int:
    return ONE * share // of
