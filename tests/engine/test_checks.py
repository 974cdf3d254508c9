"""The checks of a published table: what each finds, and that one gone wrong hinders no other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from psycopg.errors import InvalidTextRepresentation

from neonsync.columns import parse_postgres
from neonsync.postgres.connect import Database, connected
from neonsync.postgres.refusals import message
from neonsync.secret import Secret
from neonsync.tables import (
    CheckKind,
    ColumnSpec,
    Day,
    DayForm,
    DeclaredCheck,
    IndexSpec,
    Severity,
    TableSpec,
)
from neonsync.validation.checks import run_checks
from neonsync.validation.result import CheckResult, Expected, Status
from tests.conftest import Target

COLUMNS = {"id": "integer", "day": "date", "state": "char(3)", "n": "integer", "code": "text"}
SPEC = TableSpec(
    source="things",
    target="things",
    columns=tuple(ColumnSpec(name, parse_postgres(kind)) for name, kind in COLUMNS.items()),
    key=("id",),
    key_name="things_pkey",
    day=Day(("day",), DayForm.DATE),
    state_column="state",
    required_columns=("id", "state"),
    indexes=(IndexSpec("things_day", ("day",)),),
)
FIRST = date(2026, 1, 1)
MADE = (
    "CREATE TABLE things (id int PRIMARY KEY, day date, state char(3), n int, code text);"
    "CREATE INDEX things_day ON things (day);"
    "INSERT INTO things SELECT g, date '2026-01-01' + g % 10, CASE g % 2 WHEN 0 THEN 'CA' ELSE"
    " 'TX' END, g, 'c' || g FROM generate_series(1, 100) AS g"
)
EXPECTED = Expected(
    rows=100,
    states=frozenset({"CA", "TX"}),
    dates=Counter({str(FIRST + timedelta(number)): 10 for number in range(10)}),
    complete=True,
)


@pytest.fixture
def things(target: Target) -> Target:
    target.sql(MADE)
    return target


async def look(
    target: Target,
    *checks: DeclaredCheck,
    expected: Expected | None = EXPECTED,
    spec: TableSpec = SPEC,
    limit: float = 30.0,
    private: Sequence[str] = (),
) -> dict[str, CheckResult]:
    async with connected(Database(Secret(target.uri))) as connection:
        results = await run_checks(connection, spec, expected, checks, limit, private)
    return {result.check: result for result in results}


def check(kind: str, columns: Sequence[str] = (), name: str = "it", **more: Any) -> DeclaredCheck:
    return DeclaredCheck("public.things", name, CheckKind(kind), columns=tuple(columns), **more)


def bad(results: dict[str, CheckResult]) -> dict[str, str]:
    return {
        name: result.message
        for name, result in results.items()
        if result.status is not Status.PASSED
    }


async def test_each_of_the_seven_tells_what_it_measured_and_expected(things: Target) -> None:
    results = await look(things)

    assert bad(results) == {}
    pairs = {
        "table_existence": ("present", "present"),
        "data_integrity": (0, 0),
        "completeness": (12, 12),
    }
    for name, pair in pairs.items():
        assert (results[name].details["expected"], results[name].details["measured"]) == pair
    assert results["record_count"].details == {"measured": 100, "source": 100}
    warns = {name for name, each in results.items() if each.severity is Severity.WARN}
    assert warns == {"index_verification", "performance"}
    assert all(result.seconds > 0 and not result.remedy for result in results.values())


async def test_what_is_lacking_is_named_and_has_a_remedy(things: Target) -> None:
    things.sql("DELETE FROM things WHERE day = '2026-01-10' OR id = 11")
    results = await look(things)

    completeness = results["completeness"]
    assert bad(results).keys() == {"record_count", "date_range", "completeness"}
    assert completeness.details["missing_dates"] == ["2026-01-10"]
    assert completeness.details["differing_dates"] == {"2026-01-02": 1}
    assert (completeness.details["expected"], completeness.details["measured"]) == (12, 10)
    assert results["date_range"].message.endswith("Athena has 2026-01-01 to 2026-01-10")
    assert all(results[name].remedy for name in bad(results))

    things.sql("DELETE FROM things WHERE state = 'TX'")
    lacking = (await look(things))["completeness"]
    assert lacking.details["missing_states"] == ["TX"]
    assert "the table lacks 1 state of the source, as TX" in lacking.message


async def test_days_that_the_source_itself_has_no_rows_of_are_named_and_fail_nothing(
    things: Target,
) -> None:
    gone = {"2026-01-03", "2026-01-05", "2026-01-06"}
    things.sql("DELETE FROM things WHERE day = ANY(%s::date[])", list(gone))
    dates = Counter({day: count for day, count in EXPECTED.dates.items() if day not in gone})
    expected = replace(EXPECTED, rows=70, dates=dates)
    results = await look(things, expected=expected)
    assert bad(results) == {}
    assert results["completeness"].message == (
        "all rows are there of 7 dates and 2 states of the source; the source itself has no row on "
        "3 days in between, as 2026-01-03, 2026-01-05 to 2026-01-06"
    )
    details = results["completeness"].details
    assert (details["gaps"], details["gap_days"]) == (
        ["2026-01-03", "2026-01-05 to 2026-01-06"],
        3,
    )
    of_some_days = await look(things, expected=replace(expected, scattered=True))
    assert of_some_days["completeness"].details["gaps"] == []
    every_day = (
        "SELECT d FROM generate_series((SELECT min(day) FROM things),"
        " (SELECT max(day) FROM things), interval '1 day') AS d"
        " WHERE NOT EXISTS (SELECT FROM things WHERE day = d)"
    )
    declared = await look(things, check("sql", text=every_day), expected=expected)
    assert declared["it"].details["measured"] == 3


async def test_more_rows_than_the_source_has_are_no_lack_where_they_are_kept(
    things: Target,
) -> None:
    things.sql("INSERT INTO things VALUES (101, '2026-01-02', 'CA'), (102, '2025-01-02', 'CA')")
    kept = Expected(100, EXPECTED.states, EXPECTED.dates, complete=False)
    assert bad(await look(things, expected=kept)) == {}
    assert (await look(things))["completeness"].details["differing_dates"] == {"2026-01-02": -1}


async def test_days_of_any_form_are_held_against_the_sources(things: Target) -> None:
    things.sql(
        "ALTER TABLE things ALTER day TYPE timestamp USING day + time '10:00' + n * '1 s'::interval"
    )
    day = Day(("day",), DayForm.TIMESTAMP)
    spec = TableSpec(**{**SPEC.__dict__, "day": day, "indexes": ()})
    assert bad(await look(things, spec=spec)) == {}
    parts = Expected(100, EXPECTED.states, Counter({"100-1-1": 10, None: 3}), complete=True)
    spec = TableSpec(**{**SPEC.__dict__, "day": Day(("n", "id", "id"), DayForm.PARTS)})
    things.sql("UPDATE things SET n = NULL WHERE id > 97")
    lacking = (await look(things, spec=spec, expected=parts))["completeness"]
    assert lacking.details["missing_dates"] == ["100-1-1"]
    assert lacking.details["differing_dates"] == {}


async def test_a_run_that_brings_no_rows_judges_none(things: Target) -> None:
    things.sql("TRUNCATE things")
    results = await look(things, check("sql", text="SELECT 1"), expected=None)
    assert bad(results) == {}
    assert "completeness" not in results
    assert "judges none" in results["it"].message


async def test_the_sample_tells_of_its_index_and_its_buffers(things: Target) -> None:
    things.sql(
        "INSERT INTO things SELECT g, date '2020-01-01' + g % 2000, 'CA' FROM"
        " generate_series(200, 20000) AS g; ANALYZE things"
    )
    used = (await look(things))["performance"].details
    assert used["indexes"] == ["things_day"]
    assert used["index_used"] is True
    assert used["buffers"]["hit"] + used["buffers"]["read"] > 0
    assert 0 < used["seconds"] < used["limit_seconds"]

    things.sql("DROP INDEX things_day")
    unused = (await look(things))["performance"]
    assert unused.details["index_used"] is False
    assert "without an index" in unused.message


VIOLATED = [
    (check("not_null", ["n", "code"]), 2, "n, code not NULL"),
    (check("unique", ["n", "code"]), 1, "n, code unique together"),
    (check("accepted_values", ["state"], values=("CA", "TX")), 1, "state one of 2 values"),
    (check("between", ["n"], values=(1, 100)), 2, "n between 1 and 100"),
    (check("between", ["day"], values=(FIRST, date(2026, 2, 1))), 1, "day between"),
    (check("regex", ["code"], text="^c[0-9]+%?$"), 1, "code matches ^c[0-9]+%?$"),
    (check("references", ["n"], text="public.parents.id"), 2, "n stands in public.parents.id"),
    (check("expression", text="n > 0 OR code LIKE '%y' -- why"), 1, "n > 0"),
    (check("sql", text="SELECT id FROM things WHERE n = 0 -- why"), 1, "its query finds nothing"),
    (check("sql", text="SELECT count(*) AS violations FROM things WHERE n = 0"), 1, "its query"),
    (check("sql", text="WITH x AS (SELECT 1) SELECT 1, 1 FROM x"), 1, "its query"),
]


async def test_each_kind_counts_what_violates_it_and_holds_where_nothing_does(
    things: Target,
) -> None:
    things.sql("CREATE TABLE parents (id int); INSERT INTO parents SELECT generate_series(0, 99)")
    checks = [
        DeclaredCheck(**{**each.__dict__, "name": f"{number} {each.kind}"})
        for number, (each, _, _) in enumerate(VIOLATED)
    ]
    before = await look(things, *checks)
    assert bad(before).keys() == {"6 references", "10 sql"}, "100 has no parent; 1 is a row"
    things.sql(
        "INSERT INTO things VALUES (201, '2026-01-01', 'ZZ', 0, 'c1z'), (202, NULL, NULL, NULL,"
        " NULL), (203, '2030-01-01', 'CA', 3, NULL), (204, '2026-01-01', 'CA', 4, 'c4'),"
        " (205, '2026-01-01', 'CA', 101, 'c5%')"
    )
    after = await look(things, *checks)
    for each, (_, count, words) in zip(checks, VIOLATED, strict=True):
        result = after[each.name]
        assert result.status is Status.FAILED, each.name
        assert (result.details["measured"], result.details["expected"]) == (count, 0), each.name
        assert words in result.message, each.name
        assert result.rule == each.kind
        assert result.remedy
        assert "examples" not in result.details
        assert "things" in result.neon_sql or each.kind is CheckKind.SQL
        assert "violates" not in before[each.name].message or each.name in bad(before)


async def test_a_query_may_count_to_zero_and_a_zero_row_is_still_a_row(things: Target) -> None:
    counted = check("sql", name="sum", text="SELECT sum(n) AS violations FROM things WHERE false")
    row = check("sql", name="row", text="SELECT 0 AS id")
    results = await look(things, counted, row)
    assert bad(results).keys() == {"row"}


async def test_violating_rows_are_shown_where_that_is_wanted(things: Target) -> None:
    things.sql("UPDATE things SET n = -id, code = NULL WHERE id <= 30")
    many = check("expression", text="n > 0", show_values=True)
    key = check("between", ["n"], "n", values=(-29, 99), show_values=True)
    results = await look(things, many, key)
    assert len(results["it"].details["examples"]) == 20
    assert results["it"].details["measured"] == 30
    assert set(results["it"].details["examples"][0]) == set(COLUMNS)
    shown = results["n"].details["examples"]
    assert sorted(each["id"] for each in shown) == ["100", "30"]
    assert all(each.keys() == {"id", "n"} for each in shown)


async def test_values_of_a_private_column_are_shown_by_no_check(things: Target) -> None:
    every = check("expression", text="code IS NULL", show_values=True)
    result = (await look(things, every, private=["code"]))["it"]
    assert {each["code"] for each in result.details["examples"]} == {"(private)"}
    assert {each["n"] for each in result.details["examples"]} != {"(private)"}


async def test_an_empty_table_of_an_empty_source_lacks_nothing(things: Target) -> None:
    things.sql("TRUNCATE things")
    nothing = Expected(0, frozenset(), Counter(), complete=True)
    results = await look(things, check("unique", ["n"]), expected=nothing)
    assert bad(results) == {
        "record_count": "the table is empty",
        "date_range": "there is no date",
    }
    assert results["completeness"].details["measured"] == 0


async def test_a_table_without_date_and_state_is_complete_by_its_count(things: Target) -> None:
    bare = TableSpec(**{**SPEC.__dict__, "day": None, "state_column": None})
    expected = Expected(100, frozenset(), Counter({None: 100}), complete=True)
    results = await look(things, spec=bare, expected=expected)
    assert bad(results) == {}
    assert "completeness" not in results


async def test_a_warning_is_one_where_that_was_declared(things: Target) -> None:
    things.sql("UPDATE things SET n = NULL WHERE id = 1")
    results = await look(things, check("not_null", ["n"], severity=Severity.WARN))
    assert (results["it"].status, results["it"].severity) == (Status.WARNING, Severity.WARN)


async def test_no_setting_of_a_check_outlives_it(things: Target) -> None:
    lifts = "SELECT set_config('statement_timeout', '0', false) WHERE false"
    slow = check("sql", name="slow", text="SELECT pg_sleep(60)")
    results = await look(things, check("sql", text=lifts), slow, limit=0.3)
    assert results["slow"].status is Status.WARNING


@pytest.mark.parametrize(("age", "status"), [(2, "passed"), (3, "failed"), (-5, "passed")])
async def test_the_newest_date_may_be_so_old_as_declared(
    things: Target, age: int, status: str
) -> None:
    today = datetime.now(UTC).date()
    things.sql("DELETE FROM things WHERE id > 1")
    things.sql("UPDATE things SET day = %s", today - timedelta(age))
    results = await look(things, check("fresh_days", days=2))
    assert results["it"].status.value == status
    assert results["it"].details["expected"] == 2
    # The day may have changed since the test has asked for it.
    assert results["it"].details["measured"] in (age, age + 1)
    assert str(today - timedelta(age)) in results["it"].message


async def test_no_date_is_not_fresh(things: Target) -> None:
    things.sql("UPDATE things SET day = NULL")
    result = (await look(things, check("fresh_days", days=2)))["it"]
    assert (result.status, result.message) == (
        Status.FAILED,
        "there is no date; it may be 2 days old",
    )


def test_a_quoted_value_is_left_out_of_a_message() -> None:
    error = InvalidTextRepresentation('invalid input syntax for type integer: "secret"')
    assert "secret" not in message(error)
