"""A declared check that is wrong, writes, or takes too long: it alone fails, and the rest run."""

from __future__ import annotations

import pytest

from neonsync.validation.result import Status
from tests.conftest import Target
from tests.engine.test_checks import MADE, check, look


@pytest.fixture
def things(target: Target) -> Target:
    target.sql(MADE)
    return target


WRONG = {
    "syntax": ("expression", "n >", "syntax error"),
    "column": ("expression", "nn > 0", 'column "nn" does not exist (Perhaps you meant'),
    "no condition": ("expression", "n", "must be type boolean"),
    "value": ("expression", "code::int > 0", 'invalid input syntax for type integer: "…"'),
    "no query": ("sql", "COMMIT", "syntax error"),
    "two": ("sql", "SELECT 1; DELETE FROM things", "syntax error"),
    "closed": (
        "sql",
        "SELECT 1) AS q) AS r; COMMIT; DELETE FROM things; SELECT 1 FROM (SELECT 1 FROM (SELECT 1",
        "multiple commands",
    ),
    "closed condition": (
        "expression",
        "true) IS FALSE) AS q; COMMIT; DELETE FROM things; SELECT 1 FROM (SELECT 1 WHERE (true",
        "multiple commands",
    ),
    "writes": ("sql", "SELECT wipe()", "read-only transaction"),
    "deletes": ("sql", "WITH d AS (DELETE FROM things RETURNING 1) SELECT * FROM d", "top level"),
    "spans": ("sql", "SELECT interval '1 day' AS violations", "cannot cast type interval"),
    "leaves": ("sql", "SELECT set_config('transaction_read_only', 'off', true)", "read-write mode"),
}


async def test_a_check_whose_sql_is_wrong_or_writes_fails_and_the_rest_run(things: Target) -> None:
    things.sql(
        "CREATE FUNCTION wipe() RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM things; SELECT 1'"
    )
    checks = [check(kind, name=name, text=text) for name, (kind, text, _) in WRONG.items()]
    after = check("not_null", ["id"], "after them")
    results = await look(things, *checks, after)

    assert things.value("SELECT count(*) FROM things") == 100
    assert results["after them"].status is Status.PASSED
    for name, (_, _, words) in WRONG.items():
        assert results[name].status is Status.FAILED
        assert words in results[name].message, name
        assert results[name].message.startswith("the check failed: ")
        assert results[name].remedy
        assert "c1" not in results[name].message, "no value of a row"


async def test_a_check_that_takes_too_long_is_a_warning_and_the_rest_run(things: Target) -> None:
    slow = check("sql", name="slow", text="SELECT pg_sleep(60)")
    results = await look(things, slow, check("not_null", ["id"]), limit=0.5)
    assert results["slow"].message == "not judged: a query took longer than 0.5 s"
    assert results["slow"].status is Status.WARNING
    assert "check_timeout" in results["slow"].remedy
    assert results["it"].status is Status.PASSED
