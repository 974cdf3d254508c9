"""Filters: how lists and days are written, and which layer's days count."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from neonsync.errors import ConfigError
from neonsync.settings import Settings, load_settings

ENOUGH = {"NEON_API_KEY": "napi_0123456789abcdef", "NEON_PROJECT_ID": "quiet-moon-1"}


def load(
    tmp_path: Path, toml: str = "", environ: dict[str, str] | None = None, **flags: Any
) -> Settings:
    config = tmp_path / "given.toml"
    config.write_text(toml)
    dotted = {name.replace("__", "."): value for name, value in flags.items()}
    return load_settings(flags=dotted, environ={**ENOUGH, **(environ or {})}, config=config)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("CA,TX", ("CA", "TX")),
        (" CA , TX ,", ("CA", "TX")),
        ('""', ()),
        ([], ()),
        ('CA,"a,b"', ("CA", "a,b")),
        ('CA, "a,b"', ("CA", "a,b")),
        ('"say ""hi"""', ('say "hi"',)),
        ("O'Brien,Île,%,--", ("O'Brien", "Île", "%", "--")),
        ("CA,CA", ("CA",)),
        (["a,b", "CA"], ("a,b", "CA")),
    ],
)
def test_a_list_is_written_with_commas_or_as_one(
    tmp_path: Path, written: Any, meant: tuple[str, ...]
) -> None:
    assert load(tmp_path, filters__states=written).filters.states == meant


@pytest.mark.parametrize("word", ["all", "ALL", " all ", ""])
def test_the_old_filters_word_for_everything_is_no_filter(tmp_path: Path, word: str) -> None:
    assert load(tmp_path, environ={"TABLE_FILTER": word}).filters.words == ()


def test_a_state_may_be_called_all(tmp_path: Path) -> None:
    assert load(tmp_path, filters__states="all").filters.states == ("all",)


def test_a_quoted_nothing_lifts_the_filter_of_a_lower_layer(tmp_path: Path) -> None:
    toml = '[filters]\ntable_filter = "CA"\nstates = ["TX"]\ndays = 3\n'
    seen = load(
        tmp_path, toml, filters__table_filter='""', filters__states='""', filters__days="0"
    ).filters
    assert (seen.words, seen.states, seen.days) == ((), (), None)


@pytest.mark.parametrize(("written", "meant"), [("0", None), ("30", 30), (30, 30)])
def test_days_are_a_whole_number_and_0_is_all(tmp_path: Path, written: Any, meant: Any) -> None:
    assert load(tmp_path, filters__days=written).filters.days == meant


def test_bounds_are_taken_as_texts_and_as_dates_of_toml(tmp_path: Path) -> None:
    seen = load(tmp_path, '[filters]\nfrom = 2026-01-31\nto = "2026-02-28"\n').filters
    assert (seen.first, seen.last) == (date(2026, 1, 31), date(2026, 2, 28))


def test_one_day_may_be_both_bounds(tmp_path: Path) -> None:
    seen = load(tmp_path, filters__from="2026-01-31", filters__to="2026-01-31").filters
    assert seen.first == seen.last == date(2026, 1, 31)


def test_a_bound_from_a_flag_beats_the_days_of_the_environment(tmp_path: Path) -> None:
    seen = load(tmp_path, environ={"DATE_RANGE_DAYS": "30"}, filters__from="2026-01-01")
    assert seen.filters.days is None
    assert seen.filters.first == date(2026, 1, 1)
    assert seen.origins["filters.days"] == "set aside by the bound from --from"


def test_days_from_a_flag_beat_the_bounds_of_the_file(tmp_path: Path) -> None:
    toml = "[filters]\nfrom = 2026-01-01\nto = 2026-01-31\n"
    seen = load(tmp_path, toml, filters__days="7")
    assert (seen.filters.days, seen.filters.first, seen.filters.last) == (7, None, None)
    assert seen.origins["filters.to"] == "set aside by filters.days from --days"


def test_0_days_in_a_higher_layer_lift_the_bounds_of_the_file(tmp_path: Path) -> None:
    toml = "[filters]\nfrom = 2026-01-01\n"
    assert load(tmp_path, toml, {"DATE_RANGE_DAYS": "0"}).filters.first is None


def test_0_days_beside_bounds_in_one_layer_ask_for_nothing(tmp_path: Path) -> None:
    seen = load(tmp_path, "[filters]\ndays = 0\nfrom = 2026-01-01\n").filters
    assert (seen.days, seen.first) == (None, date(2026, 1, 1))


def test_bounds_may_come_from_two_layers(tmp_path: Path) -> None:
    seen = load(tmp_path, "[filters]\nfrom = 2026-01-01\n", filters__to="2026-01-31").filters
    assert (seen.first, seen.last) == (date(2026, 1, 1), date(2026, 1, 31))


def test_bounds_of_two_layers_the_wrong_way_round_are_named_with_both(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, "[filters]\nfrom = 2026-02-01\n", filters__to="2026-01-31")
    assert "2026-02-01 (from " in str(caught.value)
    assert "2026-01-31 (from --to)" in str(caught.value)


def test_test_data_of_the_file_waits_for_its_mode_but_a_flag_wants_it_now(tmp_path: Path) -> None:
    toml = "[test_data]\nrows = 5\nseed = 7\nscenario = 'baseline'\n"
    assert load(tmp_path, toml).test_data.rows == 5
    seen = load(tmp_path, toml, mode="test-data", test_data__rows=9).test_data
    assert (seen.rows, seen.seed, seen.scenario) == (9, 7, "baseline")
    with pytest.raises(ConfigError, match="--rows is for the mode test-data") as caught:
        load(tmp_path, toml, test_data__rows=9)
    assert "--mode test-data" in caught.value.remedy


def test_a_dry_run_is_asked_for_by_its_flag(tmp_path: Path) -> None:
    assert load(tmp_path, dry_run=True).dry_run
    assert not load(tmp_path, dry_run=None).dry_run


def test_days_beside_empty_bounds_in_one_layer_count(tmp_path: Path) -> None:
    seen = load(tmp_path, '[filters]\ndays = 30\nfrom = ""\nto = ""\n').filters
    assert (seen.days, seen.first, seen.last) == (30, None, None)
