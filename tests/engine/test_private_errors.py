"""Postgres quotes rows in its errors; what of that stands in a run's own is decided here."""

from __future__ import annotations

from typing import Any

import pandas as pd
import psycopg
import pytest

from neonsync.engine import retry, stage
from neonsync.errors import ExitCode
from neonsync.retry import Backoff
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import entry

SSN = "123-45-6789"
PEOPLE = pd.DataFrame({"id": [1], "ssn": [SSN], "pay": [-5]})
TABLE = "CREATE TABLE t (id bigint PRIMARY KEY, ssn text, pay bigint{}); "


def raises(body: str) -> str:
    return TABLE.format("") + (
        f"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {body}; END$$;"
        " CREATE TRIGGER refuse BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION refuse()"
    )


RAISE = "RAISE EXCEPTION 'no % with %', NEW.ssn, NEW.pay"
AT_RAISE = "function refuse() line 1 at RAISE"
OF_SSN = (
    "CREATE FUNCTION of_ssn(v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS"
    " $$BEGIN RAISE EXCEPTION 'no %', v USING HINT = v{}; END$$; "
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
    "a trigger's own words": (raises(RAISE), AT_RAISE),
    "words that name themselves a check's": (
        raises(f"{RAISE} USING ERRCODE = 'check_violation', CONSTRAINT = NEW.ssn"),
        AT_RAISE,
    ),
    "words that name themselves a value's": (raises(f"{RAISE} USING ERRCODE = '22023'"), AT_RAISE),
    "words under a code of their own": (raises(f"{RAISE} USING ERRCODE = 'XX123'"), AT_RAISE),
    "a statement that a trigger has composed": (
        raises("EXECUTE 'SELECT ' || NEW.ssn || 'x'"),
        "function refuse() line 1 at EXECUTE",
    ),
    "a function while loading": (
        OF_SSN.format("") + TABLE.format(", CHECK (of_ssn(ssn))"),
        "function of_ssn(text) line 1 at RAISE",
    ),
    "a function while loading, as a check": (
        OF_SSN.format(", ERRCODE = '23514', CONSTRAINT = v, COLUMN = v")
        + TABLE.format(", CHECK (of_ssn(ssn))"),
        "function of_ssn(text) line 1 at RAISE",
    ),
    "a function while building an index": (
        OF_SSN.format("") + TABLE.format("") + "CREATE INDEX ON t (of_ssn(ssn))",
        "function public.of_ssn(text) line 1 at RAISE",
    ),
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
    assert SSN not in str(target.sql("SELECT error FROM neonsync.runs"))


async def test_what_names_itself_a_lost_transaction_is_told_of_as_any_other(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "PUBLISH", Backoff(attempts=1, first=0.0))
    target.sql(raises(f"{RAISE} USING ERRCODE = '40001'"))
    told = await message(target, lake, private=["ssn"])
    assert AT_RAISE in told
    assert SSN not in told


async def test_what_names_itself_a_lost_connection_tells_no_private_value(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retry, "CHUNK", Backoff(attempts=1, first=0.0))
    target.sql(OF_SSN.format(", ERRCODE = '08006'") + TABLE.format(", CHECK (of_ssn(ssn))"))
    target.configure(entry(lake.write("people", PEOPLE), private=["ssn"]))
    error = (await target.sync()).result.error
    assert "function of_ssn(text) line 1 at RAISE" in str(error)
    assert SSN not in str(error)


async def test_what_a_trigger_says_is_told_where_no_column_is_private(
    target: Target, lake: Lake
) -> None:
    target.sql(raises(f"{RAISE} USING ERRCODE = 'XX123'"))
    assert f"no {SSN} with -5" in await message(target, lake)


async def test_an_error_that_nobody_has_foreseen_has_no_row_in_the_ledger(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: Any) -> int:
        with psycopg.connect(target.uri, autocommit=True) as connection:
            connection.execute("CREATE TEMP TABLE x (ssn text CHECK (ssn = ''))")
            connection.execute("INSERT INTO x VALUES (%s)", (SSN,))
        return 0

    monkeypatch.setattr(stage, "build_indexes", refused)
    assert 'violates check constraint "x_ssn_check"' in await message(target, lake)
    kept = target.value("SELECT error FROM neonsync.runs")
    assert 'violates check constraint "x_ssn_check"' in kept
    assert SSN not in kept


async def test_a_check_whose_function_raises_tells_no_private_value(
    target: Target, lake: Lake
) -> None:
    target.sql(OF_SSN.format(""))
    check = '\n[[checks]]\ntable = "t"\nname = "c"\nexpression = "of_ssn(ssn)"\n'
    target.configure(entry(lake.write("people", PEOPLE), private=["ssn"]) + check)
    (found,) = [each for each in (await target.sync()).result.checks if each.check == "c"]
    assert "function of_ssn(text) line 1 at RAISE" in found.message
    assert SSN not in str(found)


@pytest.mark.parametrize("private", [True, False])
async def test_what_athena_cannot_cast_is_quoted_unless_a_column_is_private(
    target: Target, lake: Lake, private: bool
) -> None:
    told = await message(
        target, lake, types={"ssn": "bigint"}, **({"private": ["ssn"]} if private else {})
    )
    assert "INVALID_CAST_ARGUMENT" in told
    assert "Athena console" in told
    assert (SSN in told) is not private


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
