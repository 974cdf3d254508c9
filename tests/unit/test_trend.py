"""Which changes of a table since its last runs are told, and which are not."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from neonsync.settings import QualitySettings
from neonsync.validation.metrics import (
    ColumnMetrics,
    DayRows,
    TableMetrics,
    TopValue,
    parse_metrics,
)
from neonsync.validation.result import Status
from neonsync.validation.trend import earlier, percent, quality

LIMITS = QualitySettings()


def state(*values: str | None, share: float = 0.25, **more: Any) -> ColumnMetrics:
    top = tuple(TopValue(value, share) for value in values)
    return ColumnMetrics("state", "text", 0.0, top=top, **{"top_whole": True, **more})


def metrics(rows: int = 1_000, *columns: ColumnMetrics, **more: Any) -> TableMetrics:
    given = {"source_rows": rows, "scope": "", "measured_rows": rows, "seconds": 0.1, **more}
    return TableMetrics("public.t", rows, columns=columns, **given)


def told(
    now: TableMetrics, *before: TableMetrics, limits: QualitySettings = LIMITS
) -> list[tuple[str, str]]:
    result = quality(now, earlier(now, before[::-1]), limits)
    changes = [(each["what"], each["column"]) for each in result.details["changes"]]
    assert (result.status is Status.WARNING) is bool(changes)
    assert bool(result.remedy) is bool(changes)
    return changes


@pytest.mark.parametrize(("rows", "drops"), [(800, False), (799, True), (5_000, False), (0, True)])
def test_fewer_rows_are_told_beyond_the_limit(rows: int, drops: bool) -> None:
    wanted = [("rows", ""), ("source_rows", "")] if drops else []
    assert told(metrics(rows), metrics(1_000)) == wanted


def test_one_odd_run_does_not_decide() -> None:
    assert told(metrics(1_000), metrics(9_000), metrics(1_000), metrics(1_000)) == []


def test_rows_in_athena_are_compared_within_the_same_filters_and_the_table_always() -> None:
    part, whole = metrics(100, scope="the last 7 days"), metrics(1_000)
    more = [replace(part, rows=number) for number in range(7)]
    assert earlier(part, [*more, whole]).alike == more[:1:-1]
    assert earlier(part, [*more, whole]).runs == [whole, *more[:2:-1]]
    narrow = metrics(1_000, state("CA", "ZZ"), source_rows=10, scope="the last 7 days")
    assert told(narrow, metrics(1_000, state("CA"))) == [("categories", "state")]
    assert told(replace(narrow, source_rows=7), narrow) == [("source_rows", "")]


@pytest.mark.parametrize(
    ("share", "jumps"), [(0.12, False), (0.13, True), (0.0, False), (None, False)]
)
def test_more_nulls_are_told_beyond_the_limit(share: float | None, jumps: bool) -> None:
    now = metrics(10, ColumnMetrics("c", "integer", share))
    before = metrics(10, ColumnMetrics("c", "integer", 0.02))
    assert told(now, before) == ([("nulls", "c")] if jumps else [])


def test_a_column_that_was_not_there_has_no_trend() -> None:
    assert told(metrics(10, state("CA")), metrics(10)) == []


def test_a_new_value_is_told_with_its_name() -> None:
    now, before = metrics(10, state("CA", "ZZ", None)), metrics(10, state("CA"))
    result = quality(now, earlier(now, [before]), LIMITS)
    assert result.message == "new in state: ZZ"
    assert result.details["changes"][0]["now"] == "ZZ"


def test_new_values_are_told_of_a_column_that_has_too_many_to_be_listed_now() -> None:
    before = metrics(600, state("a", "b", "c", None))
    many = state(top_whole=False, distinct=30)
    result = quality(metrics(600, many), earlier(metrics(600), [before]), LIMITS)
    assert result.message == "new in state: about 30 different values, 4 before"
    # As many as there were, which are not listed since the rows are few now.
    assert told(metrics(20, replace(many, distinct=3)), before)[2:] == []
    assert told(metrics(600, replace(many, private=True)), before) == []


def test_a_column_that_has_come_to_have_many_values_is_told_of_once() -> None:
    few, many = metrics(600, state("a", "b")), metrics(600, state(top_whole=False, distinct=42))
    assert told(many, few) == [("categories", "state")]
    assert told(many, many, few) == []
    assert told(metrics(600, state("c")), many, few) == [], "what the last run had is not known"
    unmeasured = metrics(600, state(top_whole=False))
    assert told(many, unmeasured, few) == [("categories", "state")]


def test_nothing_is_new_in_a_run_that_has_written_nothing() -> None:
    before = metrics(10, state("CA"))
    assert told(metrics(10, state("CA", "ZZ"), written=False), before) == []
    many = state(top_whole=False, distinct=42)
    assert told(metrics(10, many, written=False), before) == []


def by_day(**rows: int) -> tuple[DayRows, ...]:
    return tuple(DayRows(f"2026-1-{day[1:]}", count) for day, count in rows.items())


def test_a_date_that_has_lost_rows_since_the_last_run_is_told() -> None:
    before = metrics(days=by_day(d1=100, d2=100, d3=100, d9=100, d10=10))
    now = metrics(days=by_day(d2=80, d3=79, d9=101))  # the first has left, as a lake may let it
    result = quality(now, earlier(now, [before]), LIMITS)
    assert (
        result.message
        == "fewer rows on 2 dates: 2026-1-3 has 79, 100 before, 2026-1-10 has 0, 10 before"
    )
    change = result.details["changes"][0]
    assert (change["what"], change["before"]) == ("days", "2026-1-3: 100, 2026-1-10: 10")
    assert told(now, now, before) == [], "the last run decides"
    assert told(now, before, limits=QualitySettings(volume_drop=100)) == []


def test_a_date_that_has_lost_rows_in_athena_is_told_within_the_same_filters() -> None:
    now = metrics(source_days=by_day(d1=2), scope="CA")
    before = replace(now, source_days=by_day(d1=100))
    result = quality(now, earlier(now, [before]), LIMITS)
    assert result.message == "fewer rows in Athena on 1 date: 2026-1-1 has 2, 100 before"
    assert told(now, replace(before, scope="")) == []


def test_a_value_of_any_of_the_last_runs_is_not_new() -> None:
    assert told(metrics(10, state("TX")), metrics(10, state("CA")), metrics(10, state("TX"))) == []


def test_where_not_all_values_were_known_none_is_new() -> None:
    before = metrics(10, state("CA", top_whole=False))
    assert told(metrics(10, state("ZZ")), before) == []


def test_a_rare_value_of_a_sample_is_not_told() -> None:
    before = metrics(9_000, state("CA"), measured_rows=1_000)
    rare = metrics(9_000, state("ZZ", share=0.0005), measured_rows=1_000)
    assert told(rare, before) == []
    assert told(metrics(9_000, state("ZZ", share=0.0005)), before) == [("categories", "state")]


def test_each_limit_can_be_lifted() -> None:
    now = metrics(1, ColumnMetrics("c", "text", 1.0), state("ZZ"))
    before = metrics(1_000, ColumnMetrics("c", "text", 0.0), state("CA"))
    assert len(told(now, before)) == 4
    none = QualitySettings(volume_drop=100, null_jump=100, new_category=False)
    assert told(now, before, limits=none) == []


def test_metrics_are_read_again_as_they_were_kept() -> None:
    days = (DayRows("2026-01-01", 10), DayRows(None, 1))
    whole = metrics(10, state("CA", None), days=days, source_days=days[:1])
    document = json.loads(json.dumps(whole.as_json()))
    assert parse_metrics(document) == whole
    earlier_version = {name: each for name, each in document.items() if name != "source_days"}
    assert parse_metrics(earlier_version) == replace(whole, source_days=())
    later = {**document, "more": 1, "columns": [{**document["columns"][0], "more": 2}]}
    assert parse_metrics(later) == whole


@pytest.mark.parametrize("document", [{}, {"columns": 1}, {"columns": [], "days": []}, {"a": None}])
def test_what_are_no_metrics_is_passed_over(document: dict[str, Any]) -> None:
    assert parse_metrics(document) is None


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0 %"), (0.5, "50 %"), (0.1234, "12.3 %"), (0.0001, "< 0.1 %"), (1, "100 %")],
)
def test_a_share_for_people(share: float, text: str) -> None:
    assert percent(share) == text
