"""Quality metrics: what is measured of a published table, kept by run, and told when it changes."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from neonsync.engine.publishing.quality import kept_metrics, read_metrics
from neonsync.errors import ExitCode
from neonsync.postgres.connect import Database, connected
from neonsync.report.metrics_trend import runs_of_branch
from neonsync.secret import Secret
from neonsync.validation.metrics import ColumnMetrics, TableMetrics
from neonsync.validation.result import CheckResult
from tests.conftest import Lake, Outcome, Target
from tests.docs.test_reports import keep_to_the_schemas

ROWS = 400


def frame(rows: int = ROWS, **changes: Any) -> pd.DataFrame:
    columns = {
        "id": range(rows),
        "kind": ["a" if number % 4 else "b" for number in range(rows)],
        "open": [number % 2 == 0 for number in range(rows)],
        "size": [None if number % 10 == 0 else number / 2 for number in range(rows)],
        "huge": [1.7e308] * rows,
        "note": [f"note {number}" for number in range(rows)],
        "mail": [f"p{number % 3}@example.com" for number in range(rows)],
        "day": ["2026-01-01" if number % 2 else "2026-01-02" for number in range(rows)],
    }
    return pd.DataFrame({**columns, **changes})


def configure(target: Target, table: str, *lines: str, before: str = "") -> None:
    entry = f'[[tables]]\nsource = "{table}"\ntarget = "t"\nkey = ["id"]\nprivate = ["mail"]\n'
    dates = 'date_column = "day"\ndate_format = "2026-01-31"\n'
    target.configure("\n".join((before, entry + dates, *lines)))


def metrics_of(outcome: Outcome) -> TableMetrics:
    (found,) = outcome.result.quality
    return found


def column(metrics: TableMetrics, name: str) -> ColumnMetrics:
    found = metrics.column(name)
    assert found is not None
    return found


def quality_of(outcome: Outcome) -> CheckResult | None:
    return next((check for check in outcome.result.checks if check.check == "quality"), None)


@pytest.fixture
def first(target: Target, lake: Lake) -> str:
    table = lake.write("measured", frame())
    configure(target, table)
    return table


async def test_each_column_is_measured_by_its_type(target: Target, first: str) -> None:
    outcome = await target.sync()
    keep_to_the_schemas(outcome.result)
    found = metrics_of(outcome)

    assert (found.rows, found.source_rows, found.measured_rows) == (ROWS, ROWS, ROWS)
    assert [(each.day, each.rows) for each in found.days] == [
        ("2026-01-01", 200),
        ("2026-01-02", 200),
    ]
    number = column(found, "id")
    assert (number.low, number.high, number.mean, number.distinct) == ("0", "399", 199.5, ROWS)
    size = column(found, "size")
    assert (size.null_share, size.low, size.length) == (0.1, "0.5", None)
    kind = column(found, "kind")
    assert [(top.value, top.share) for top in kind.top] == [("a", 0.75), ("b", 0.25)]
    assert kind.top_whole
    assert {top.value for top in column(found, "open").top} == {"true", "false"}
    assert column(found, "open").mean == 0.5
    note = column(found, "note")
    assert (note.low, note.high, note.top) == (None, None, ()), "free text is nobody's business"
    assert (note.longest, note.length) == (8, 7.725)
    assert column(found, "huge").mean is None
    mail = column(found, "mail")
    assert mail.private
    assert (mail.null_share, mail.distinct, mail.length, mail.top) == (0.0, 3, None, ())
    assert "example.com" not in str(found)
    assert quality_of(outcome) is None, "there is nothing to compare with"


async def test_times_have_a_mean_of_their_own_type(target: Target, lake: Lake) -> None:
    early, late = pd.Timestamp("2026-01-01 10:00:00"), pd.Timestamp("2026-01-02 12:00:01")
    table = lake.write(
        "times",
        pd.DataFrame({"id": [1, 2, 3], "at": [early, late, None], "day": [early, late, None]}),
        dtype={"day": "date"},
    )
    target.configure(
        f'[[tables]]\nquery = "SELECT id, at, day, CAST(at AS time) AS clock,'
        f' CAST(at AS timestamp with time zone) AS zoned FROM lake.{table}"\n'
        'target = "t"\nkey = ["id"]\n'
    )
    outcome = await target.sync()
    keep_to_the_schemas(outcome.result)
    means = {each.column: each.mean for each in metrics_of(outcome).columns}
    assert means == {
        "id": 2.0,
        "at": "2026-01-01 23:00:00",
        "day": "2026-01-01",
        "clock": "11:00:00",
        "zoned": "2026-01-01 23:00:00+00",
    }
    target.sql("INSERT INTO t VALUES (9, 'infinity', '-infinity', NULL, '-infinity')")
    target.sql("INSERT INTO t VALUES (10, '-infinity', 'infinity', NULL, 'infinity')")
    again = {each.column: each.mean for each in metrics_of(await target.sync()).columns}
    assert (again["at"], again["day"], again["zoned"], again["clock"]) == (
        None,
        None,
        None,
        "11:00:00",
    )


async def test_the_next_run_is_compared_with_the_last_and_both_are_kept(
    target: Target, lake: Lake, first: str
) -> None:
    await target.sync()
    same = quality_of(await target.sync())
    assert same is not None
    assert (same.status.value, same.details["runs"]) == ("passed", 1)

    fewer = lake.write("measured", frame(300, kind=["zz"] * 300, size=[None] * 150 + [1.0] * 150))
    configure(target, fewer, 'on_missing = "delete"', before="allow_delete = 50\n")
    outcome = await target.sync()
    keep_to_the_schemas(outcome.result)
    check = quality_of(outcome)

    assert outcome.result.exit_code is ExitCode.OK, "a warning fails nothing"
    assert check is not None
    assert check.status.value == "warning"
    assert check.message == (
        "300 rows, 25 % fewer than 400 before; 300 rows in Athena, 25 % fewer than 400 before; "
        "fewer rows on 2 dates: 2026-01-01 has 150, 200 before, 2026-01-02 has 150, 200 before; "
        "fewer rows in Athena on 2 dates: 2026-01-01 has 150, 200 before, "
        "2026-01-02 has 150, 200 before; "
        "size is NULL in 50 % of the rows, in 10 % before; new in kind: zz"
    )
    assert target.sql("SELECT count(*), count(DISTINCT run_id) FROM neonsync.metrics") == [(3, 3)]
    database = Database(Secret(target.uri))
    async with connected(database) as connection:
        last = await read_metrics(connection, "public.t")
    assert [each.rows for each in last] == [400, 400, 300]
    assert last[-1] == metrics_of(outcome)

    for name in ("t", "public.t"):
        kept = await kept_metrics(database, name)
        assert [each.metrics for each in kept] == last
    assert kept[-1].run_id == outcome.result.run_id
    assert {each.branch for each in kept} == {target.name}
    assert await kept_metrics(database, "_") == []
    judged = runs_of_branch(kept, target.settings().quality)
    assert [run.status for run in judged] == ["", "passed", "warning"]
    assert judged[-1].said == check.message


async def test_values_that_are_all_new_and_too_many_to_be_listed_are_told(
    target: Target, lake: Lake, first: str
) -> None:
    await target.sync()
    kinds = [f"z{number % 30}" for number in range(ROWS)]
    configure(target, lake.write("measured", frame(kind=kinds)))
    check = quality_of(await target.sync())
    assert check is not None
    assert check.message.startswith("new in kind: z")
    assert check.message.count("z") == 20
    assert check.message.endswith(", of about 30 different values")


async def test_values_that_are_too_many_to_be_counted_are_told_without_their_names(
    target: Target, lake: Lake, first: str
) -> None:
    await target.sync()
    kinds = [f"n{number}" for number in range(ROWS)]
    configure(target, lake.write("measured", frame(kind=kinds)))
    outcome = await target.sync()
    check = quality_of(outcome)
    assert check is not None
    assert check.message == "new in kind: about 400 different values, 2 before"
    assert column(metrics_of(outcome), "kind").top == (), "they tell persons apart"


async def test_a_wider_run_after_a_filtered_one_is_told_of_once(
    target: Target, lake: Lake, first: str
) -> None:
    kinds = [f"k{number // 2 % 42}" for number in range(ROWS)]
    rows = frame(kind=kinds)
    narrow = rows[rows.kind.isin([f"k{number}" for number in range(6)])]
    configure(target, lake.write("measured", narrow), before="[quality]\nvolume_drop = 100\n")
    await target.sync()
    configure(target, lake.write("measured", rows), before="[quality]\nvolume_drop = 100\n")
    said = []
    for _ in range(3):
        check = quality_of(await target.sync())
        assert check is not None
        said.append((check.status.value, "new in kind: " in check.message))
    target.sql("UPDATE t SET kind = 'by hand' WHERE id = 1")
    outcome = await target.sync()
    assert [found.written for found in outcome.result.quality] == [True]
    check = quality_of(outcome)
    assert check is not None
    said.append((check.status.value, "new in kind: " in check.message))
    assert said == [("warning", True), *[("passed", False)] * 3]


async def test_values_that_others_have_written_are_none_of_a_run_that_writes_nothing(
    target: Target, first: str
) -> None:
    await target.sync()
    target.sql("INSERT INTO t SELECT 1000 + g, 'by hand' FROM generate_series(1, 40) AS g")
    outcome = await target.sync()
    keep_to_the_schemas(outcome.result)
    (found,) = outcome.result.quality
    assert {top.value for top in column(found, "kind").top} == {"a", "b", "by hand"}
    assert not found.written
    check = quality_of(outcome)
    assert check is not None
    assert "new in kind" not in check.message


async def test_a_date_that_athena_has_lost_rows_of_is_told_though_the_table_keeps_them(
    target: Target, lake: Lake, first: str
) -> None:
    await target.sync()
    rows = frame()
    left = rows[(rows.day != "2026-01-02") | (rows.id < 20)]
    configure(target, lake.write("measured", left), before="[quality]\nvolume_drop = 60\n")
    outcome = await target.sync()
    keep_to_the_schemas(outcome.result)
    check = quality_of(outcome)
    assert check is not None
    assert check.message == "fewer rows in Athena on 1 date: 2026-01-02 has 10, 200 before"


async def test_limits_and_metrics_are_settings(target: Target, lake: Lake, first: str) -> None:
    await target.sync()
    lifted = "[quality]\nvolume_drop = 100\nnull_jump = 100\nnew_category = false\n"
    configure(target, lake.write("measured", frame(10, kind=["zz"] * 10)), before=lifted)
    check = quality_of(await target.sync())
    assert check is not None
    assert check.status.value == "passed"
    configure(target, first, before="[quality]\nmetrics = false\n")
    outcome = await target.sync()
    assert outcome.result.quality == ()
    assert quality_of(outcome) is None


async def test_other_modes_measure_nothing(target: Target, first: str) -> None:
    assert (await target.sync(mode="schema-only")).result.quality == ()
    assert (await target.sync(mode="test-data", **{"test_data.rows": 50})).result.quality == ()


async def test_a_large_table_is_measured_by_a_sample(
    target: Target, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await target.sync()
    target.sql(
        "INSERT INTO t SELECT g, 'a', true, 1, 1, 'n', 'm', '2026-01-03' FROM"
        " generate_series(1000, 40000) AS g"
    )
    monkeypatch.setattr("neonsync.validation.measure.ROWS_MEASURED", 10_000)
    found = metrics_of(await target.sync())
    assert found.sampled
    assert 0 < found.measured_rows < found.rows == 39_401
    assert sum(each.rows for each in found.days) == found.rows, "dates are counted whole"


async def test_what_goes_wrong_with_it_fails_no_run(
    target: Target, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    target.sql(
        "CREATE SCHEMA IF NOT EXISTS neonsync; CREATE VIEW neonsync.metrics AS"
        " SELECT NULL AS run_id, NULL AS target, now() AS measured_at, NULL::jsonb AS metrics"
    )
    outcome = await target.sync()
    assert outcome.result.exit_code is ExitCode.OK
    (said,) = [each for each in outcome.result.notices if "quality metrics" in each]
    assert "were not kept" in said
    assert "metrics = false" in said
    monkeypatch.setattr("neonsync.validation.measure._NUMBERS", ("text",))
    outcome = await target.sync()
    assert outcome.result.exit_code is ExitCode.OK
    (said,) = [each for each in outcome.result.notices if "quality metrics" in each]
    assert "were not measured" in said


async def test_a_narrower_filter_is_no_drop_in_volume(target: Target, first: str) -> None:
    assert quality_of(await target.sync()) is None
    narrow = {"filters.from": "2026-01-02", "filters.to": "2026-01-02"}
    outcome = await target.sync(**narrow)
    found = metrics_of(outcome)
    assert (found.rows, found.source_rows, found.scope) == (ROWS, ROWS // 2, "2026-01-02")
    check = quality_of(outcome)
    assert check is not None
    assert check.status.value == "passed"
    moving = await target.sync(**{"filters.days": "36500"})
    assert metrics_of(moving).scope == "the last 36,500 days"


async def test_runs_by_ever_other_dates_are_held_against_each_other(
    target: Target, lake: Lake, first: str
) -> None:
    await target.sync(**{"filters.from": "2026-01-01", "filters.to": "2026-01-01"})
    worse = lake.write("measured", frame(ROWS, kind=["zz"] * ROWS))
    configure(target, worse)
    outcome = await target.sync(**{"filters.from": "2026-01-02", "filters.to": "2026-01-02"})
    check = quality_of(outcome)
    assert check is not None
    assert "new in kind: zz" in check.message
