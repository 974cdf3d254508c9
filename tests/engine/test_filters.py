"""Filters: tables, states and days, in Athena's SQL, with what they save and what they refuse."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from neonsync.engine.events import Level, Notice
from neonsync.errors import ConfigError, ExitCode
from neonsync.report.documents import report, validation_report
from neonsync.report.summary import summary
from neonsync.validation.result import Status
from tests.conftest import ROWS, Lake, Target
from tests.docs.test_reports import keep_to_the_schemas

DAYS = 90
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


async def test_days_and_states_of_the_old_filter(target: Target) -> None:
    outcome = await target.sync(**{"filters.table_filter": "forecast,CA, TX", "filters.days": "30"})
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.checks
    assert target.sql("SELECT array_agg(DISTINCT state ORDER BY state) FROM forecast_data") == [
        (["CA", "TX"],)
    ]
    assert target.sql("SELECT min(business_date), max(business_date) FROM forecast_data") == [
        (YESTERDAY - timedelta(days=29), YESTERDAY)
    ]


async def test_another_filter_adds_to_what_is_there(target: Target) -> None:
    await target.sync(**{"filters.states": "CA"})
    california = target.value("SELECT count(*) FROM forecast_data")
    outcome = await target.sync(**{"filters.states": "TX", "filters.days": "30"})
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.checks
    assert target.value("SELECT count(*) FROM forecast_data WHERE state = 'CA'") == california
    integrity = next(c for c in outcome.result.checks if c.check == "data_integrity")
    assert integrity.details["unknown_states_judged"] is False
    whole = await target.sync()
    assert whole.result.exit_code is ExitCode.OK
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS


async def test_a_range_of_dates_holds_both_of_its_ends(target: Target) -> None:
    first, last = YESTERDAY - timedelta(days=9), YESTERDAY - timedelta(days=5)
    outcome = await target.sync(**{"filters.from": str(first), "filters.to": str(last)})
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.checks
    days = target.sql("SELECT DISTINCT business_date FROM forecast_data ORDER BY 1")
    assert [day for (day,) in days] == [first + timedelta(days=n) for n in range(5)]


async def test_dates_that_the_lake_does_not_have_are_told_by_the_run_and_its_reports(
    target: Target,
) -> None:
    await target.sync(**{"filters.days": "30"})
    nothing = {"filters.from": "2020-01-01", "filters.to": "2020-01-31"}
    outcome = await target.sync(**nothing)
    result = outcome.result
    keep_to_the_schemas(result)
    assert result.exit_code is ExitCode.OK
    (told,) = [each for each in result.notices if "forecast has no date of" in each]
    assert told.startswith("forecast has no date of 2020-01-01 to 2020-01-31; it has 90 dates, ")
    assert Notice(Level.WARNING, told) in outcome.events
    (check,) = [each for each in result.checks if each.status is not Status.PASSED]
    assert (check.check, check.status) == ("completeness", Status.WARNING)
    said = "the source has no row of 2020-01-01 to 2020-01-31: there was nothing to copy"
    assert check.message == said
    shown = summary(result, "")
    assert f"    warning: public.forecast_data: completeness: {said}\n" in shown
    assert report(result)["notices"] == list(result.notices)
    assert validation_report(result)["summary"]["warnings"] == 1


async def test_dates_of_which_the_lake_has_only_some_are_told_in_the_summary(
    target: Target,
) -> None:
    first, last = YESTERDAY - timedelta(days=DAYS - 1), YESTERDAY
    asked = {"filters.from": str(first - timedelta(days=3)), "filters.to": "2100-01-01"}
    result = (await target.sync(**asked)).result
    keep_to_the_schemas(result)
    (check,) = [each for each in result.checks if each.check == "completeness"]
    before = f"{first - timedelta(days=3)} to {first - timedelta(days=1)}"
    after = f"{last + timedelta(days=1)} to 2100-01-01"
    assert (check.status, check.details["beyond"]) == (Status.PASSED, [before, after])
    line = f"\n  Athena has no row on {before} and {after}, of the dates asked for\n"
    assert line in summary(result, "")
    whole = (await target.sync(**{"filters.from": str(first), "filters.to": str(last)})).result
    assert "of the dates asked for" not in summary(whole, "")


async def test_a_run_that_is_filtered_to_nothing_leaves_the_table_empty(target: Target) -> None:
    outcome = await target.sync(**{"filters.from": "1999-01-01", "filters.to": "1999-12-31"})
    assert outcome.result.exit_code is ExitCode.VALIDATION
    assert target.value("SELECT count(*) FROM forecast_data") == 0


def _frame(day: Any) -> pd.DataFrame:
    """90 days of 40 rows; ``day`` makes the date columns of a day."""
    rows = [
        {"id": number * 100 + row, "payload": f"{number}-{row}" * 20, **day(when)}
        for number in range(DAYS)
        for when in [YESTERDAY - timedelta(days=DAYS - 1 - number)]
        for row in range(40)
    ]
    return pd.DataFrame(rows)


PARTITIONS: dict[str, tuple[Any, dict[str, str], str]] = {
    "date": (lambda d: {"dt": d}, {"dt": "date"}, ""),
    "dashed": (lambda d: {"dt": d.isoformat()}, {"dt": "string"}, ""),
    "plain": (lambda d: {"dt": d.strftime("%Y%m%d")}, {"dt": "string"}, ""),
    "number": (lambda d: {"dt": int(d.strftime("%Y%m%d"))}, {"dt": "int"}, 'date_column = "dt"'),
    "timestamp": (
        lambda d: {"dt": datetime(d.year, d.month, d.day)},
        {"dt": "timestamp"},
        'date_column = "dt"',
    ),
    "parts": (
        lambda d: {"year": d.year, "month": d.month, "day": d.day},
        {"year": "int", "month": "int", "day": "int"},
        "",
    ),
    "padded parts": (
        lambda d: {"year": f"{d:%Y}", "month": f"{d:%m}", "day": f"{d:%d}"},
        {"year": "string", "month": "string", "day": "string"},
        'date_column = ["year", "month", "day"]',
    ),
}


@pytest.mark.parametrize("form", PARTITIONS)
async def test_one_of_ninety_days_scans_at_most_a_twentieth(
    target: Target, lake: Lake, form: str
) -> None:
    make, types, entry = PARTITIONS[form]
    frame = _frame(make)
    name = lake.write(form.replace(" ", "_"), frame, partition_cols=list(types), dtype=types)
    target.configure(f'[[tables]]\nsource = "{name}"\nkey = ["id"]\n{entry}\n')
    whole = await target.sync()
    assert whole.result.exit_code is ExitCode.OK, whole.result.error
    assert whole.result.proofs[f"public.{name}"].dates == DAYS
    target.sql(f'DROP TABLE "{name}"')
    day = str(YESTERDAY)
    one = await target.sync(**{"filters.from": day, "filters.to": day})
    assert one.result.exit_code is ExitCode.OK, one.result.error
    assert target.sql(f'SELECT count(*), min(id) FROM "{name}"') == [(40, (DAYS - 1) * 100)]
    assert 0 < one.result.scanned_bytes <= whole.result.scanned_bytes * 0.05
    if form != "padded parts":  # texts of unknown width are listed, in an OR
        open_end = await target.sync(**{"filters.days": "1"})
        assert 0 < open_end.result.scanned_bytes <= whole.result.scanned_bytes * 0.05


async def test_days_in_the_midst_of_a_row_are_filtered_too(target: Target, lake: Lake) -> None:
    """A timestamp that is no partition, to its last moment."""
    frame = pd.DataFrame(
        {
            "id": range(4),
            "at": [datetime(2026, 1, 30 + n // 2, 0 if n % 2 else 23, 59) for n in range(4)],
        }
    )
    name = lake.write("moments", frame)
    target.configure(f'[[tables]]\nsource = "{name}"\nkey = ["id"]\ndate_column = "at"\n')
    outcome = await target.sync(**{"filters.from": "2026-01-31", "filters.to": "2026-01-31"})
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert target.sql(f"SELECT id FROM {name} ORDER BY id") == [(2,), (3,)]


async def test_plain_dates_become_dates_where_the_target_says_so(
    target: Target, lake: Lake
) -> None:
    frame = pd.DataFrame({"id": [1, 2], "dt": ["20260131", "20260201"]})
    name = lake.write("plain", frame, partition_cols=["dt"])
    target.configure(f'[[tables]]\nsource = "{name}"\nkey = ["id"]\n[tables.types]\ndt = "date"\n')
    outcome = await target.sync(**{"filters.to": "2026-01-31"})
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert target.sql(f"SELECT * FROM {name}") == [(1, date(2026, 1, 31))]


async def test_a_hostile_state_is_a_value_like_any_other(target: Target, lake: Lake) -> None:
    hostile = "'; DROP TABLE x; --"
    frame = pd.DataFrame({"id": [1, 2, 3], "state": ["CA", hostile, 'a"b,c\\']})
    name = lake.write("states", frame)
    target.configure(f'[[tables]]\nsource = "{name}"\nkey = ["id"]\nstate_column = "state"\n')
    target.sql("CREATE TABLE x (a int)")
    outcome = await target.sync(**{"filters.states": hostile})
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert target.sql(f"SELECT * FROM {name}") == [(2, hostile)]
    assert target.value("SELECT to_regclass('x') IS NOT NULL")


async def test_a_table_may_be_copied_whole_whatever_is_asked_for(
    target: Target, lake: Lake
) -> None:
    name = lake.write("items", pd.DataFrame({"id": range(30)}))
    forecast = (
        'source = "forecast"\nstate_column = "state"\n'
        'key = ["restaurant_id", "inventory_item_id", "business_date"]\n'
    )
    target.configure(f'[[tables]]\n{forecast}[[tables]]\nsource = "{name}"\nkey = ["id"]\n')
    with pytest.raises(ConfigError, match=f"{name} has no date_column"):
        target.plan(**{"filters.days": "3"})
    with pytest.raises(ConfigError, match=f"{name} has no state_column"):
        target.plan(**{"filters.states": "CA"})
    target.config.write_text(target.config.read_text() + "whole = true\n")
    outcome = await target.sync(**{"filters.days": "3", "filters.states": "CA"})
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error
    assert target.value(f"SELECT count(*) FROM {name}") == 30
    assert target.sql("SELECT DISTINCT state FROM forecast") == [("CA",)]


@pytest.mark.parametrize(
    ("filters", "said", "remedy"),
    [
        (
            {"table_filter": "itms"},
            "'itms' is no table, and no state: no table of the run has",
            "mean items?",
        ),
        # Whichever states are asked for beside it.
        (
            {"table_filter": "itms", "states": "CA"},
            "'itms' is no table, and no state: no table of the run has",
            "mean items?",
        ),
        ({"table_filter": "items", "states": "CA"}, "states are asked for (CA)", "state_column"),
    ],
)
def test_a_misspelt_table_is_named_before_the_states_that_nothing_has(
    planner: Target, filters: dict[str, str], said: str, remedy: str
) -> None:
    planner.configure('[[tables]]\nsource = "items"\nkey = ["id"]\n')
    with pytest.raises(ConfigError) as caught:
        planner.plan(**{f"filters.{name}": value for name, value in filters.items()})
    assert said in caught.value.message
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(("count", "said"), [(1, "It has"), (2, "They have")])
def test_that_no_table_has_any_state_is_said_of_all(
    planner: Target, lake: Lake, count: int, said: str
) -> None:
    frame = pd.DataFrame({"id": [1], "state": pd.Series([None], dtype="string")})
    names = [lake.write(f"stateless{number}", frame) for number in range(count)]
    planner.configure(
        "".join(
            f'[[tables]]\nsource = "{name}"\nkey = ["id"]\nstate_column = "state"\n'
            for name in names
        )
    )
    with pytest.raises(ConfigError) as caught:
        planner.plan(**{"filters.states": "CA"})
    assert caught.value.message.endswith(f"no state of {', '.join(names)}")
    assert caught.value.remedy == f"{said} no states at all."


@pytest.mark.parametrize(
    ("filters", "value", "valid"),
    [
        ({"filters.table_filter": "forecast,XX"}, "'XX' is neither a table nor a state", "CA"),
        ({"filters.states": "California"}, "'California' is no state of forecast", "CA"),
        (
            {"filters.states": "CA,XX"},
            "'XX' is no state of forecast",
            "The states there are: AZ, CA, ",
        ),
        ({"filters.states": "XX,tx"}, "'XX', 'tx' are no states of forecast", "CA"),
        (
            {"filters.states": "tx"},
            "'tx' is no state",
            "Did you mean 'TX'? The states there are: TX,",
        ),
        ({"filters.states": "ca"}, "'ca' is no state", "Did you mean 'CA'?"),
        ({"filters.tables": "forcast"}, "no table 'forcast'", "forecast"),
        ({"filters.table_filter": "'; DROP TABLE x; --"}, "DROP TABLE x", "WA"),
    ],
)
def test_a_word_that_is_nothing_is_refused_with_what_there_is(
    planner: Target, lake: Lake, filters: dict[str, str], value: str, valid: str
) -> None:
    before = lake.files()
    with pytest.raises(ConfigError) as caught:
        planner.plan(**filters)
    assert value in str(caught.value)
    assert valid in caught.value.remedy
    assert lake.files() == before
