"""Postgres quotes rows in its errors; what of that stands in a run's own is decided here."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from neonsync.errors import ExitCode
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import entry

SSN = "123-45-6789"
PEOPLE = pd.DataFrame({"id": [1], "ssn": [SSN], "pay": [-5]})
TABLE = "CREATE TABLE t (id bigint PRIMARY KEY, ssn text, pay bigint{}); "
RAISES = (
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RAISE EXCEPTION 'no % with %', NEW.ssn, NEW.pay; END$$;"
    " CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()"
)
ELSEWHERE = (
    "CREATE TABLE log (ssn text, pay bigint CONSTRAINT pos CHECK (pay > 0));"
    "CREATE FUNCTION copy() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN INSERT INTO log VALUES (NEW.ssn, NEW.pay); RETURN NEW; END$$;"
    " CREATE TRIGGER copy BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION copy()"
)
REFUSALS = {
    "a check while loading": (TABLE.format(" CONSTRAINT pos CHECK (pay > 0)"), '"pos"'),
    "a check while merging": (
        TABLE.format(" CONSTRAINT pos CHECK (pay > 0)") + "INSERT INTO t VALUES (9, 'x', 1)",
        '"pos"',
    ),
    "a unique column": (
        TABLE.format(", UNIQUE (ssn)") + f"INSERT INTO t VALUES (9, '{SSN}', 1)",
        "Key (ssn) already exists",
    ),
    "a trigger's own words": (TABLE.format("") + RAISES, "function refuse() line 1 at RAISE"),
    "a constraint elsewhere": (TABLE.format("") + ELSEWHERE, '"pos"'),
    "an index over an expression": (
        TABLE.format("") + "CREATE INDEX ON t ((ssn::bigint))",
        "invalid input syntax for type bigint",
    ),
}


async def message(target: Target, lake: Lake, **settings: Any) -> str:
    target.configure(entry(lake.write("people", PEOPLE), **settings))
    result = (await target.sync(show_values=True)).result
    assert result.error is not None
    assert result.exit_code is ExitCode.SYNC_FAILED
    return f"{result.error.message} {result.error.remedy}"


@pytest.mark.parametrize("what", REFUSALS)
async def test_what_postgres_refuses_is_named_without_private_values(
    target: Target, lake: Lake, what: str
) -> None:
    statement, named = REFUSALS[what]
    target.sql(statement)
    told = await message(target, lake, private=["ssn", "pay"])
    assert named in told
    assert SSN not in told
    assert "-5" not in told


async def test_a_row_that_is_refused_is_shown_where_values_may_be(
    target: Target, lake: Lake
) -> None:
    target.sql(REFUSALS["a check while merging"][0])
    assert f"Failing row contains (1, {SSN}, -5)" in await message(target, lake)


@pytest.mark.parametrize("merged", [False, True])
async def test_private_keys_that_stand_twice_are_counted_and_not_shown(
    target: Target, lake: Lake, merged: bool
) -> None:
    twice = pd.DataFrame({"ssn": [SSN, SSN], "day": ["2026-01-01"] * 2})
    target.configure(
        f'[[tables]]\nsource = "{lake.write("twice", twice)}"\ntarget = "t"\n'
        'key = ["ssn", "day"]\nprivate = ["ssn"]\n'
    )
    if merged:
        target.sql("CREATE TABLE t (ssn text, day text, PRIMARY KEY (ssn, day))")
        target.sql("INSERT INTO t VALUES ('x', 'y')")
    error = (await target.sync(show_values=True)).result.error
    assert error is not None
    assert "(ssn, day)" in error.message
    assert SSN not in error.message
    if merged:
        assert "1 key stands more than once, as ((private), 2026-01-01)" in error.message


async def test_a_private_value_that_does_not_fit_is_not_shown(target: Target, lake: Lake) -> None:
    told = await message(target, lake, private=["ssn"], types={"ssn": "varchar(3)"})
    assert "values are longer than varchar(3) (1 of them)" in told
    assert SSN not in told
