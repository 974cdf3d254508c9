"""What the lake offers, as the plan screen asks for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from neonsync.errors import ConfigError, UnknownTableError
from neonsync.services.context import Context
from neonsync.services.lake import Lake
from neonsync.services.values import LakeTable
from tests import conftest
from tests.conftest import ROWS, Target


@pytest.fixture
def service(looking: Context) -> Lake:
    return Lake(looking)


def test_the_tables_are_those_of_the_configuration_and_need_no_service(
    looking: Context, planner: Target
) -> None:
    planner.configure('[[tables]]\nsource = "orders"\nkey = ["id"]\n')
    nowhere = Context({"HOME": looking.environ["HOME"]}, planner.config)
    assert Lake(nowhere).tables() == (LakeTable("orders", "public.orders"),)


def test_a_table_is_looked_at_by_its_files_alone(service: Lake) -> None:
    (table,) = service.tables()
    assert (table.source, table.target) == ("forecast", "public.forecast_data")
    assert (table.rows, table.bytes, table.newest) == (None, None, "")
    seen = service.look(table)
    assert seen.rows == pytest.approx(ROWS, rel=0.05)
    assert seen.bytes is not None
    assert seen.bytes > 10_000
    assert len(seen.newest) == len("2026-01-31")
    assert (seen.date_column, seen.state_column) == ("business_date", "state")


def test_list_and_plan_estimate_a_table_alike(
    lake: conftest.Lake, looking: Context, planner: Target
) -> None:
    # Thirty files whose rows are of very different sizes: a few of them tell another number.
    parts = [part for part in range(30) for _ in range(1 + 40 * (part % 7))]
    frame = pd.DataFrame({"id": range(len(parts)), "part": parts})
    frame["text"] = [f"{number} " * (1 + part * 3) for number, part in enumerate(parts)]
    table = lake.write("uneven", frame, partition_cols=["part"])
    planner.configure(f'[[tables]]\nsource = "{table}"\nkey = ["id"]\n')
    service = Lake(looking)
    listed = service.look(service.tables()[0])
    planned = service.preview(looking.base()).tables[0]
    assert not planned.rows_exact
    assert listed.rows is not None
    assert listed.rows == planned.rows


def test_a_table_that_is_not_there_tells_its_problem(looking: Context, planner: Target) -> None:
    planner.configure('[[tables]]\nsource = "orders_of_nobody"\nkey = ["id"]\n')
    service = Lake(looking)
    (table,) = service.tables()
    assert "no table lake.orders_of_nobody" in service.look(table).problem
    with pytest.raises(UnknownTableError):
        Lake(replace(looking, config=_with_state(planner))).states(())


def _with_state(planner: Target) -> Path:
    planner.configure('[[tables]]\nsource = "orders_x"\nkey = ["id"]\nstate_column = "state"\n')
    return planner.config


def test_states_come_from_files_and_athena_is_not_asked(service: Lake, planner: Target) -> None:
    asked = _queries(planner)
    states = service.states(["forecast"])
    assert "CA" in states
    assert list(states) == sorted(states)
    assert service.states(["another"]) == ()
    assert _queries(planner) == asked


def test_states_come_from_partitions_and_else_from_one_query(
    lake: conftest.Lake, looking: Context, planner: Target
) -> None:
    frame = pd.DataFrame({"id": [1, 2], "state": ["NY", "TX"]})
    by_folder = lake.write("folders", frame, partition_cols=["state"])
    entry = '[[tables]]\nsource = "{}"\nkey = ["id"]\nstate_column = "state"\n'
    planner.configure(entry.format(by_folder))
    asked = _queries(planner)
    assert Lake(looking).states(()) == ("NY", "TX")
    assert _queries(planner) == asked
    query = f'[[tables]]\nquery = "SELECT * FROM {by_folder}"\ntarget = "q"\nkey = ["id"]\n'
    planner.configure(query + 'state_column = "state"\n')
    assert Lake(looking).states(("q",)) == ("NY", "TX")


def test_the_newest_day_is_that_of_the_partitions_whatever_else_they_are_by(
    lake: conftest.Lake, looking: Context, planner: Target
) -> None:
    frame = pd.DataFrame({"id": [1, 2], "state": ["NY", "TX"], "day": ["2026-02-03", "2026-01-01"]})
    table = lake.write("folders", frame, partition_cols=["state", "day"])
    planner.configure(f'[[tables]]\nsource = "{table}"\nkey = ["id"]\ndate_column = "day"\n')
    service = Lake(looking)
    assert service.look(service.tables()[0]).newest == "2026-02-03"


def test_a_preview_has_the_price_the_method_and_the_sql(service: Lake, looking: Context) -> None:
    seen = service.preview(replace(looking.base(), days=3))
    (table,) = seen.tables
    assert (seen.branch, table.method, table.target) == (
        "untouched",
        "swap",
        "public.forecast_data",
    )
    assert table.rows == seen.rows
    assert seen.price is not None
    assert seen.price > 0
    assert "Athena SQL, export:" in seen.text
    assert table.dates.startswith("3 of the lake's 90 dates: ")
    assert seen.warnings == ()
    none = service.preview(replace(looking.base(), first=date(2100, 1, 1)))
    assert [text.partition(";")[0] for text in none.warnings] == [
        "forecast has no date of 2100-01-01 to …"
    ]
    made = service.preview(replace(looking.base(), mode="test-data", rows=7))
    assert (made.rows, made.price, made.billed_bytes) == (7, 0.0, 0)


def test_a_guarded_branch_is_looked_at_before_anything_is_confirmed(
    service: Lake, looking: Context
) -> None:
    main = replace(looking.base(), branch="main")
    needs = "a run into it needs --confirm main"
    assert needs in service.preview(main).text
    for other in (replace(main, confirm=("main",)), replace(main, via_branch=True)):
        seen = service.preview(other)
        assert seen.branch == "main"
        assert needs not in seen.text


def test_a_preview_is_refused_for_what_a_run_is_refused_for(
    service: Lake, looking: Context
) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        service.preview(replace(looking.base(), branch="nowhere"))


def _queries(target: Target) -> list[str]:
    import boto3

    athena = boto3.client(
        "athena", region_name="us-east-1", endpoint_url=target.environment["AWS_ENDPOINT_URL"]
    )
    found: list[str] = athena.list_query_executions()["QueryExecutionIds"]
    return found
