"""``on_missing``: rows that the source no longer has go with the run, within its scope only."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from neonsync.errors import ConfigError, DeletionRefusedError, ExitCode, RefusedError, TargetError
from neonsync.report.documents import report
from neonsync.report.summary import summary
from tests.conftest import ROWS, Lake, Outcome, Target
from tests.engine.test_main_job import lake_rows, target_rows

DELETE = {"on_missing": "delete"}
DAY = date(2026, 1, 1)


def strangers(target: Target, count: int, state: str = "ZZ", day: str = "2020-01-01") -> None:
    """Add rows that the lake does not have."""
    target.sql(
        "INSERT INTO forecast_data (restaurant_id, inventory_item_id, business_date, state, y_50)"
        " SELECT -n, 1, %s::date, %s, 1 FROM generate_series(1, %s) AS n",
        day,
        state,
        count,
    )


def ok(outcome: Outcome) -> Outcome:
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error or outcome.result.checks
    return outcome


async def test_rows_that_the_source_no_longer_has_go_and_are_counted(target: Target) -> None:
    ok(await target.sync(**DELETE))
    strangers(target, 40)
    kept = target.sql("SELECT id, xmin::text FROM forecast_data WHERE state <> 'ZZ' ORDER BY id")

    outcome = ok(await target.sync(**DELETE))

    (published,) = outcome.result.published
    assert (published.method, published.deleted, published.unchanged) == ("merge", 40, ROWS)
    assert target_rows(target) == lake_rows(target.world)
    rows = target.sql("SELECT id, xmin::text FROM forecast_data ORDER BY id")
    assert rows == kept, "nothing else was touched"
    # A state that has vanished from the lake is no fault any more: its rows went with it.
    assert {check.status.value for check in outcome.result.checks} == {"passed"}
    assert report(outcome.result)["rows"]["deleted"] == 40
    assert "40 deleted, which the source no longer has" in summary(outcome.result, ".")


async def test_without_it_they_stay_and_the_check_says_how_to_let_them_go(target: Target) -> None:
    ok(await target.sync())
    strangers(target, 3)

    outcome = await target.sync()

    assert outcome.result.published[0].deleted == 0
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS + 3
    (failed,) = [check for check in outcome.result.checks if check.status == "failed"]
    assert "--on-missing delete" in failed.remedy


async def test_only_rows_within_the_filters_go(target: Target) -> None:
    ok(await target.sync())
    recent = target.value("SELECT max(business_date) FROM forecast_data")
    strangers(target, 5, "CA", str(recent))
    target.sql("UPDATE forecast_data SET inventory_item_id = 2 WHERE restaurant_id < 0")
    strangers(target, 7, "TX", str(recent))
    target.sql(
        "UPDATE forecast_data SET inventory_item_id = 3 WHERE state = 'TX' AND restaurant_id < 0"
    )
    strangers(target, 2, "CA", "2020-01-01")
    days = {"filters.from": str(recent - timedelta(days=9)), "filters.to": str(recent)}

    outcome = ok(await target.sync(**DELETE, **days, **{"filters.states": "CA"}))

    assert outcome.result.published[0].deleted == 5
    left = target.sql(
        "SELECT state, count(*) FROM forecast_data WHERE restaurant_id < 0 GROUP BY 1 ORDER BY 1"
    )
    assert left == [("CA", 2), ("TX", 7)]
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS + 9


async def test_more_than_a_tenth_needs_a_confirmation_and_nothing_is_paid_twice(
    target: Target,
) -> None:
    ok(await target.sync())
    strangers(target, 3_000)
    target.sql("UPDATE forecast_data SET y_50 = 0 WHERE id = 1")
    before = target.sql("SELECT * FROM forecast_data ORDER BY id")

    refused = await target.sync(**DELETE)

    assert isinstance(refused.result.error, DeletionRefusedError)
    assert refused.result.exit_code is ExitCode.REFUSED
    assert "3,000 of the 12,000 rows" in str(refused.result.error)
    assert "(25.0 %)" in str(refused.result.error)
    assert "every table is as it was" in str(refused.result.error)
    assert "--allow-delete 26" in refused.result.error.remedy
    assert target.sql("SELECT * FROM forecast_data ORDER BY id") == before

    done = ok(await target.sync(**DELETE, allow_delete=26))

    assert done.result.run_id == refused.result.run_id
    assert done.result.published[0].deleted == 3_000
    exported = [query for query in done.result.queries if query.purpose == "export"]
    assert [query.resumed for query in exported] == [True]
    assert target_rows(target) == lake_rows(target.world)


async def test_an_export_without_rows_never_deletes(target: Target) -> None:
    target.configure(
        'on_missing = "delete"\nallow_delete = 100\n'
        '[[tables]]\nquery = "SELECT 1 AS id WHERE 1 = 0"\ntarget = "t"\nkey = ["id"]\n'
    )
    target.sql("CREATE TABLE t (id integer PRIMARY KEY)")
    target.sql("INSERT INTO t VALUES (1), (2)")

    outcome = await target.sync()

    assert isinstance(outcome.result.error, RefusedError)
    assert "an export without rows never deletes" in str(outcome.result.error)
    assert target.value("SELECT count(*) FROM t") == 2


async def test_children_go_before_the_parents_that_they_refer_to(
    target: Target, lake: Lake
) -> None:
    customers = lake.write("customers", pd.DataFrame({"id": range(30)}))
    orders = lake.write("orders", pd.DataFrame({"id": range(60), "customer": [1, 2] * 30}))
    target.configure(
        f'on_missing = "delete"\n[[tables]]\nsource = "{orders}"\ntarget = "orders"\n'
        'key = ["id"]\nreferences = { customer = "customers.id" }\n'
        f'[[tables]]\nsource = "{customers}"\ntarget = "customers"\nkey = ["id"]\n'
    )
    ok(await target.sync())
    target.sql("ALTER TABLE orders ADD FOREIGN KEY (customer) REFERENCES customers")
    target.sql("INSERT INTO customers VALUES (1000)")
    target.sql("INSERT INTO orders VALUES (1000, 1000)")
    target.sql("UPDATE orders SET customer = 1000 WHERE id = 0")

    outcome = ok(await target.sync())

    assert [entry.deleted for entry in outcome.result.published] == [1, 1]
    assert target.value("SELECT customer FROM orders WHERE id = 0") == 1


@pytest.mark.parametrize("action", ["CASCADE", "SET NULL", "RESTRICT"])
async def test_no_row_of_another_table_is_taken_along(target: Target, action: str) -> None:
    ok(await target.sync())
    strangers(target, 2)
    target.sql(f"CREATE TABLE notes (forecast bigint REFERENCES forecast_data ON DELETE {action})")
    target.sql("INSERT INTO notes SELECT id FROM forecast_data WHERE state = 'ZZ' LIMIT 1")

    outcome = await target.sync(**DELETE)

    assert outcome.result.exit_code is ExitCode.REFUSED
    assert "1 rows of public.notes refer by notes_forecast_fkey" in str(outcome.result.error)
    assert target.value("SELECT count(forecast) FROM notes") == 1
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS + 2


@pytest.mark.parametrize(
    ("obstacle", "said"),
    [
        ("CREATE RULE r AS ON DELETE TO forecast_data DO INSTEAD NOTHING", "rules on DELETE"),
        ("CREATE TABLE heir () INHERITS (forecast_data)", "other tables inherit from it"),
    ],
)
async def test_what_cannot_be_deleted_is_refused_before_it_is_paid_for(
    target: Target, obstacle: str, said: str
) -> None:
    ok(await target.sync())
    target.sql(obstacle)

    outcome = await target.sync(**DELETE)

    assert isinstance(outcome.result.error, TargetError)
    assert said in str(outcome.result.error)
    assert outcome.result.queries == ()


async def test_a_trigger_that_keeps_rows_stops_the_run(target: Target) -> None:
    ok(await target.sync())
    strangers(target, 2)
    target.sql(
        "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
    )
    target.sql(
        "CREATE TRIGGER keep BEFORE DELETE ON forecast_data FOR EACH ROW EXECUTE FUNCTION keep()"
    )

    outcome = await target.sync(**DELETE)

    assert "2 rows of public.forecast_data that were deleted are still there" in str(
        outcome.result.error
    )
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS + 2


@pytest.mark.parametrize("mode", ["schema-only", "test-data"])
async def test_other_modes_delete_no_real_row(target: Target, mode: str) -> None:
    with pytest.raises(ConfigError, match="--on-missing is for the mode full"):
        target.settings(mode=mode, **DELETE)
    ok(await target.sync())
    strangers(target, 2)
    target.configure('on_missing = "delete"\nallow_delete = 100\n')

    outcome = await target.sync(mode=mode)

    assert target.value("SELECT count(*) FROM forecast_data") == ROWS + 2
    assert any("on_missing = delete has no effect" in text for text in outcome.result.notices)


FORMS: dict[str, tuple[Any, dict[str, str], str]] = {
    "date": (lambda d: {"dt": d}, {"dt": "date"}, ""),
    "dashed": (lambda d: {"dt": d.isoformat()}, {"dt": "string"}, ""),
    "plain": (lambda d: {"dt": d.strftime("%Y%m%d")}, {"dt": "string"}, ""),
    "plain to a date": (
        lambda d: {"dt": d.strftime("%Y%m%d")},
        {"dt": "string"},
        'types = { dt = "date" }',
    ),
    "number": (lambda d: {"dt": int(d.strftime("%Y%m%d"))}, {"dt": "int"}, 'date_column = "dt"'),
    "timestamp": (
        lambda d: {"dt": datetime(d.year, d.month, d.day, 23, 59)},
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
        "",
    ),
}


@pytest.mark.parametrize("form", FORMS)
async def test_the_days_of_a_scope_are_told_in_every_form(
    target: Target, lake: Lake, form: str
) -> None:
    """Of 40 days the last ten are synced, after each day has got a row that the lake has not."""
    make, types, entry = FORMS[form]
    days = [DAY + timedelta(days=number) for number in range(40)]
    rows = [{"id": n * 100 + k, **make(d)} for n, d in enumerate(days) for k in range(20)]
    name = lake.write(
        form.replace(" ", "_"), pd.DataFrame(rows), partition_cols=list(types), dtype=types
    )
    target.configure(f'[[tables]]\nsource = "{name}"\nkey = ["id"]\n{entry}\n')
    ok(await target.sync())
    columns = ", ".join(f'"{column}"' for column in types)
    target.sql(
        f'INSERT INTO "{name}" (id, {columns})'
        f' SELECT id + 50, {columns} FROM "{name}" WHERE id % 100 = 0'
    )
    first, last = days[25], days[34]

    outcome = ok(
        await target.sync(**DELETE, **{"filters.from": str(first), "filters.to": str(last)})
    )

    assert outcome.result.published[0].deleted == 10
    left = {n for (n,) in target.sql(f'SELECT id / 100 FROM "{name}" WHERE id % 100 = 50')}
    assert left == {n for n in range(40) if not 25 <= n <= 34}


@pytest.mark.parametrize(
    ("entry", "filters", "said"),
    [
        (
            'exclude = ["at"]\ndate_column = "at"\ndate_format = "2026-01-31"',
            {"filters.days": "3"},
            "no column for the date",
        ),
        (
            'exclude = ["state"]\nstate_column = "state"',
            {"filters.states": "CA"},
            "no column for the state",
        ),
        (
            'date_column = "at"\ndate_format = "2026-01-31"\ntypes = { at = "date" }',
            {"filters.days": "3"},
            "write their dates too differently",
        ),
        (
            'state_column = "state"\ntypes = { state = "char(3)" }',
            {"filters.states": "CA"},
            "write their states too differently",
        ),
    ],
)
def test_a_scope_that_the_target_does_not_tell_is_refused(
    planner: Target, lake: Lake, entry: str, filters: dict[str, str], said: str
) -> None:
    frame = pd.DataFrame({"id": [1], "at": ["2026-1-5"], "state": ["CA"]})
    name = lake.write("untold", frame)
    planner.configure(f'[[tables]]\nsource = "{name}"\nkey = ["id"]\n{entry}\n')
    assert planner.plan(**filters).tables
    with pytest.raises(ConfigError, match=said):
        planner.plan(**filters, **DELETE)
