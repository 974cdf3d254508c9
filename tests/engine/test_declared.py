"""Checks that a project declares: how they end a run, in which modes, and for which columns."""

from __future__ import annotations

import json

import pytest

from neonsync.errors import ConfigError, ExitCode
from neonsync.report.documents import validation_report
from tests.conftest import Target
from tests.docs.test_reports import keep_to_the_schemas

CHECK = '[[checks]]\ntable = "forecast_data"\n'
NOTHING = f'{CHECK}name = "none"\nexpression = "y_50 < 0"\n'
ORDER = f'{CHECK}name = "order"\nexpression = "y_05 <= y_50 AND y_50 <= y_95"\n'
FRESH = f"{CHECK}fresh_days = 0\n"
WRONG = f'{CHECK}name = "wrong"\nsql = "SELECT nothing FROM nowhere"\n'
RENAMED = """
[[tables]]
source = "forecast"
target = "renamed"
key = ["restaurant_id", "inventory_item_id", "business_date"]
date_column = "business_date"
rename = { y_50 = "median", state = "region" }
[[checks]]
table = "forecast"
column = "y_50"
between = [0, 1000000]
[[checks]]
table = "renamed"
not_null = ["region", "median"]
"""


async def test_an_error_ends_the_run_with_4_and_everything_is_reported(target: Target) -> None:
    target.configure(ORDER + NOTHING + WRONG + FRESH)
    result = keep_to_the_schemas((await target.sync()).result)

    assert (result.status, result.exit_code) == ("invalid", ExitCode.VALIDATION)
    checks = {check.check: check for check in result.checks}
    assert list(checks)[8:] == ["order", "none", "wrong", "freshness"]
    assert checks["order"].status.value == "passed"
    assert checks["none"].message == "9,000 rows violate: y_50 < 0"
    assert 'relation "nowhere" does not exist' in checks["wrong"].message
    assert checks["freshness"].status.value in ("passed", "failed")
    (shown,) = [each for each in validation_report(result)["checks"] if each["check"] == "none"]
    assert (shown["rule"], shown["severity"]) == ("expression", "error")
    assert target.value(shown["neonSql"]) == 9_000


async def test_a_warning_lets_the_run_pass(target: Target) -> None:
    target.configure(f'{NOTHING}severity = "warn"\nshow_values = true\n')
    result = keep_to_the_schemas((await target.sync()).result)

    assert (result.status, result.exit_code) == ("succeeded", ExitCode.OK)
    (check,) = [check for check in result.checks if check.status.value == "warning"]
    assert len(check.details["examples"]) == 20
    assert json.dumps(validation_report(result)["summary"]) == (
        '{"totalChecks": 9, "passed": 8, "failed": 0, "warnings": 1}'
    )


async def test_checks_are_judged_in_their_modes(target: Target) -> None:
    target.configure(NOTHING + f'{ORDER}modes = ["test-data"]\n')
    made = (await target.sync(mode="test-data", **{"test_data.rows": 100})).result
    assert [check.check for check in made.checks if check.rule] == ["order"]
    assert made.exit_code is ExitCode.OK
    schema = (await target.sync(mode="schema-only")).result
    assert [check.check for check in schema.checks if check.rule] == []


def test_columns_are_named_as_in_the_lake_or_in_the_branch(planner: Target) -> None:
    planner.configure(RENAMED)
    (table,) = planner.plan().tables
    assert [check.columns for check in table.checks] == [("median",), ("region", "median")]


@pytest.mark.parametrize(
    ("check", "words", "remedy"),
    [
        ('not_null = "y_51"', "names the column 'y_51'", "'y_5"),
        ("fresh_days = 1", "has no date_column", "date_column"),
    ],
)
def test_what_a_table_cannot_be_checked_for_is_said_by_the_plan(
    planner: Target, check: str, words: str, remedy: str
) -> None:
    # A query has no partitions that would tell a date.
    tables = '[[tables]]\nquery = "SELECT 1 AS id, 2 AS y_50"\ntarget = "q"\nkey = ["id"]\n'
    planner.configure(f'{tables}[[checks]]\ntable = "q"\n{check}\n')
    with pytest.raises(ConfigError) as caught:
        planner.plan()
    assert words in caught.value.message
    assert remedy in caught.value.remedy


def test_a_private_column_that_is_not_copied_is_a_mistake(planner: Target) -> None:
    planner.configure(RENAMED.replace("[[checks]]", 'private = ["y_05x"]\n[[checks]]', 1))
    with pytest.raises(ConfigError) as caught:
        planner.plan()
    assert "private of forecast names the column 'y_05x'" in caught.value.message
    assert caught.value.remedy == "Did you mean 'y_05'?"
