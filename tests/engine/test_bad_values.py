"""Values that Postgres cannot hold, and rows of one key: refused, or dealt with as configured.

What is done to which value is tested in tests/unit/test_fitting.py; here are whole runs.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import Any

import pandas as pd
import pytest

from neonsync.engine import stage
from neonsync.engine.context import RunContext
from neonsync.engine.plan import TablePlan
from neonsync.engine.proof.audit import ChangedValues
from neonsync.errors import ConfigError, DatabaseAccessError, ExitCode, ExportError, LoadError
from neonsync.report.documents import report
from tests.conftest import Lake, Outcome, Target


def entry(table: str, name: str = "t", **more: Any) -> str:
    """The configuration of one table, whose target is called so."""
    lines = [f'source = "{table}"', f'target = "{name}"', 'key = ["id"]']
    types = more.pop("types", None)
    lines += [f"{setting} = {json.dumps(value)}" for setting, value in more.items()]
    if types:
        lines += ["[tables.types]", *(f'{column} = "{type_}"' for column, type_ in types.items())]
    return "\n".join(["[[tables]]", *lines, ""])


def frame(**columns: list[Any]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({"id": range(count), **columns})


async def synced(target: Target, **flags: Any) -> Outcome:
    outcome = await target.sync(**flags)
    assert outcome.result.exit_code is ExitCode.OK, outcome.result.error or outcome.result.checks
    return outcome


async def cut_off(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that loses its database when all is loaded."""

    loaded: set[str] = set()
    everything = asyncio.Event()

    async def lost(context: RunContext, table: TablePlan, *_: object) -> None:
        loaded.add(table.spec.qualified)
        if len(loaded) == len(context.plan.tables):
            everything.set()
        await everything.wait()
        raise DatabaseAccessError("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(stage, "audit", lost)
        assert isinstance((await target.sync()).result.error, DatabaseAccessError)


async def test_below_exact_columns_of_changed_values_are_told_as_not_compared(
    target: Target, lake: Lake
) -> None:
    table = lake.write("stripped", frame(name=["a\x00b", "c"], x=[1.5, 2.5], other=["a", "b"]))
    target.configure(entry(table, on_bad_value="strip"))
    result = (await synced(target, validation="aggregate")).result
    proof = result.proofs["public.t"]
    assert (proof.skipped, proof.not_compared) == (("name",), ("x",))
    assert "public.t: not compared, as values were changed in them: name" in result.notices
    assert "public.t: of x only the presence of a value is compared" in result.notices
    assert (await synced(target)).result.proofs["public.t"].skipped == ()


NUL = "hold U+0000, which Postgres has no place for"
CAST = "do not cast to the target's type"


async def test_values_are_changed_as_configured_and_counted_once_in_a_resumed_run(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    nulled = lake.write(
        "nulled",
        frame(
            name=["a", "b\x00c", None, "", "e"],
            n=[1, 40_000, -40_000, 32_767, 0],
            # pandas writes its NaN as NULL, which is no bad value.
            x=[1.5, math.nan, math.inf, 1e12, None],
            d=["2026-01-31", "no", None, "", "2026-02-30"],
        ),
    )
    stripped = lake.write(
        "stripped", frame(name=["b\x00c\x00", None, "\x00"], j=[r'"\u0000"', r'"\\u0000"', "1"])
    )
    types = {"n": "smallint", "x": "numeric(10,2)", "d": "date"}
    target.configure(
        'on_bad_value = "null"\n'
        + entry(nulled, "nulled", types=types)
        + entry(stripped, "stripped", on_bad_value="strip", types={"j": "jsonb"})
    )
    await cut_off(target, monkeypatch)
    outcome = await synced(target)
    assert outcome.result.attempt_resumed
    assert target.sql("SELECT name, n, x::text, d::text FROM nulled ORDER BY id") == [
        ("a", 1, "1.50", "2026-01-31"),
        (None, None, None, None),
        (None, None, None, None),
        ("", 32_767, None, None),
        ("e", 0, None, None),
    ]
    assert outcome.result.proofs["public.nulled"].changes == (
        ChangedValues("d", "null", CAST, 3),
        ChangedValues("n", "null", "do not fit smallint", 2),
        ChangedValues("name", "null", NUL, 1),
        ChangedValues("x", "null", CAST, 2),
    )
    assert target.sql("SELECT name, j #>> '{}' FROM stripped ORDER BY id") == [
        ("bc", ""),
        (None, r"\u0000"),
        ("", "1"),
    ]
    assert f'2 values of "name" {NUL}, and were stripped' in "\n".join(outcome.result.notices)
    shown = next(table for table in report(outcome.result)["tables"] if "j" in str(table["proof"]))
    assert shown["proof"]["changes"] == (
        {"column": "j", "action": "stripped", "reason": NUL, "values": 1},
        {"column": "name", "action": "stripped", "reason": NUL, "values": 2},
    )


async def test_without_a_policy_the_table_stops_and_the_target_stays_as_it_was(
    target: Target, lake: Lake
) -> None:
    target.configure(entry(lake.write("nul", frame(name=["a", "b\x00c", None]))))
    error = (await target.sync()).result.error
    assert isinstance(error, LoadError)
    assert '"name"' in error.message
    assert r"'b\x00c'" in error.message
    assert ", file s3://" in error.message

    texts = lake.write("texts", frame(d=["2026-01-31", "no"]))
    target.configure(entry(texts, types={"d": "date"}))
    assert isinstance((await target.sync()).result.error, ExportError)

    target.configure(entry(lake.write("twice", ROWS)))
    error = (await target.sync()).result.error
    assert isinstance(error, LoadError)
    assert "same key (id): 2 keys stand more than once, as (" in error.message
    assert "on_duplicate" in error.remedy
    assert target.value("SELECT to_regclass('public.t')") is None


async def test_a_text_that_is_no_json_is_named_or_becomes_null(target: Target, lake: Lake) -> None:
    texts = ['{"a": 1}', "not json", None, "NaN", '"\\ud800"', f"[{'9' * 5_000}]"]
    source = lake.write("documents", frame(j=texts))
    target.configure(entry(source, types={"j": "jsonb"}))
    error = (await target.sync()).result.error

    assert isinstance(error, LoadError)
    assert 'column "j", file s3://' in error.message
    assert re.search(r"are no JSON \(\d of them\), as ('not json'|'NaN'|'\"\\)", error.message)

    target.configure(entry(source, types={"j": "jsonb"}, on_bad_value="null"))
    outcome = await synced(target)
    assert target.value("SELECT count(*) FROM t WHERE j IS NULL") == 4
    (change,) = outcome.result.proofs["public.t"].changes
    assert (change.column, change.values, change.reason) == ("j", 3, "are no JSON")


async def test_what_a_unique_index_forbids_is_counted_and_shown_as_configured(
    target: Target, lake: Lake
) -> None:
    rows = frame(id=[1, 2, 3, 4, 5], name=["a", "a", "b", None, None], ssn=list("77788"))
    source = lake.write("people", rows)
    target.sql("CREATE TABLE t (id bigint PRIMARY KEY, name text, ssn text UNIQUE)")
    target.configure(entry(source, private=["ssn"]))
    private = (await target.sync()).result.error

    target.sql("DROP TABLE t")
    target.sql("CREATE TABLE t (id bigint PRIMARY KEY, name text UNIQUE, ssn text)")
    counted = (await target.sync()).result.error
    shown = (await target.sync(show_values=True)).result.error

    assert isinstance(private, LoadError)
    assert private.message.endswith("(ssn): 2 keys stand more than once; every table is as it was")
    assert isinstance(counted, LoadError)
    assert "(name): 1 key stands more than once;" in counted.message
    assert isinstance(shown, LoadError)
    assert "(name): 1 key stands more than once, as (a)" in shown.message
    assert "drop the unique index" in shown.remedy
    assert target.value("SELECT count(*) FROM t") == 0


ROWS = pd.DataFrame(
    {
        "id": [1, 1, 2, 3, 3, 3],
        "day": pd.to_datetime(["2026-01-01", "2026-01-02"] + ["2026-01-01"] * 4).date,
        "seen": [1, 2, 5, 7, None, 6],
        "name": ["old", "new", "only", "last", "none", "first"],
        "n": ["no", "1", "no", "3", "no", "no"],
    }
)


async def test_one_row_of_each_key_is_taken_within_the_scope_and_the_others_counted(
    target: Target, lake: Lake
) -> None:
    table = lake.write("twice", ROWS)
    common = {
        "order_column": "seen",
        "date_column": "day",
        "on_bad_value": "null",
        "types": {"n": "integer"},
    }
    target.configure(
        entry(table, "lasts", on_duplicate="last", **common)
        + entry(table, "firsts", on_duplicate="first", **common)
    )

    def names(table: str) -> list[str]:
        return [name for (name,) in target.sql(f"SELECT name FROM {table} ORDER BY id")]

    outcome = await synced(target, **{"filters.to": "2026-01-01"})
    assert names("lasts") == ["old", "only", "last"]
    assert outcome.result.proofs["public.lasts"].duplicates == 2

    outcome = await synced(target)
    assert names("lasts") == ["new", "only", "last"]
    assert names("firsts") == ["old", "only", "first"]
    proofs, notices = outcome.result.proofs, outcome.result.notices
    assert {proofs[f"public.{table}"].duplicates for table in ("lasts", "firsts")} == {3}
    assert any("3 rows of the source were left out" in note for note in notices)
    # Values of the rows that were left out are none that were changed.
    assert proofs["public.lasts"].changes == (ChangedValues("n", "null", CAST, 1),)
    assert proofs["public.firsts"].changes == (ChangedValues("n", "null", CAST, 3),)
    # The same row is the last one in each run.
    unchanged = {entry.table: entry.unchanged for entry in outcome.result.published}
    assert unchanged == {"public.lasts": 2, "public.firsts": 3}


@pytest.mark.parametrize(
    ("more", "said"), [({}, "no order_column"), ({"order_column": "x"}, "'x', which is not there")]
)
def test_which_row_is_the_last_must_be_known(
    planner: Target, lake: Lake, more: dict[str, str], said: str
) -> None:
    table = lake.write("twice", ROWS)
    planner.configure(entry(table, on_duplicate="last", **more))
    with pytest.raises(ConfigError, match=said):
        planner.plan()


def test_a_changed_policy_does_not_continue_an_older_run(planner: Target, lake: Lake) -> None:
    table = lake.write("plain", frame(seen=[1]))
    prints = set()
    for more in (
        {},
        {"on_bad_value": "null"},
        {"on_bad_value": "strip"},
        {"on_drift": "add"},
        {"on_duplicate": "last", "order_column": "seen"},
        {"on_duplicate": "first", "order_column": "seen"},
    ):
        planner.configure(entry(table, **more))
        prints.add(planner.plan().fingerprint)
    assert len(prints) == 6
