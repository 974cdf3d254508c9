"""Values that Postgres cannot hold, and rows of one key: refused, or dealt with as configured."""

from __future__ import annotations

import json
import math
from typing import Any

import pandas as pd
import pytest

from neonsync.engine.audit import ChangedValues
from neonsync.errors import ConfigError, ExportError, LoadError
from tests.conftest import Lake, Outcome, Target


def entry(table: str, **more: Any) -> str:
    """The configuration of one table, whose target is called t."""
    lines = [f'source = "{table}"', 'target = "t"', 'key = ["id"]']
    types = more.pop("types", None)
    lines += [f"{name} = {json.dumps(value)}" for name, value in more.items()]
    if types:
        lines += ["[tables.types]", *(f'{name} = "{type_}"' for name, type_ in types.items())]
    return "[[tables]]\n" + "\n".join(lines)


def frame(**columns: list[Any]) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({"id": range(count), **columns})


async def synced(target: Target, **flags: Any) -> Outcome:
    outcome = await target.sync(**flags)
    assert outcome.result.error is None, outcome.result.error
    return outcome


def changed(outcome: Outcome) -> tuple[ChangedValues, ...]:
    return outcome.result.proofs["public.t"].changes


NUL = "hold U+0000, which Postgres has no place for"


async def test_a_nul_character_stops_the_table_and_is_shown(target: Target, lake: Lake) -> None:
    table = lake.write("nul", frame(name=["a", "b\x00c", None]))
    target.configure(entry(table))
    outcome = await target.sync()
    error = outcome.result.error
    assert isinstance(error, LoadError)
    assert '"name"' in error.message
    assert r"'b\x00c'" in error.message
    assert ".parquet" in error.message or "file" in error.message
    assert "on_bad_value" in error.remedy
    assert not target.sql("SELECT to_regclass('public.t')")[0][0]


async def test_nul_characters_are_stripped_and_counted(target: Target, lake: Lake) -> None:
    table = lake.write("nul", frame(name=["a", "b\x00c\x00", None, "\x00"]))
    target.configure(entry(table, on_bad_value="strip"))
    outcome = await synced(target)
    assert target.sql("SELECT name FROM t ORDER BY id") == [("a",), ("bc",), (None,), ("",)]
    assert changed(outcome) == (ChangedValues("name", "stripped", NUL, 2),)
    assert any('2 values of "name" hold U+0000' in note for note in outcome.result.notices)


async def test_nul_characters_become_null_where_that_is_wanted(target: Target, lake: Lake) -> None:
    table = lake.write("nul", frame(name=["a", "b\x00c"]))
    target.configure('on_bad_value = "null"\n' + entry(table))
    assert changed(await synced(target)) == (ChangedValues("name", "null", NUL, 1),)
    assert target.sql("SELECT name FROM t ORDER BY id") == [("a",), (None,)]


async def test_stripping_leaves_other_bad_values_refused(target: Target, lake: Lake) -> None:
    table = lake.write("long", frame(name=["abc", "abcd"]))
    target.configure(entry(table, on_bad_value="strip", types={"name": "varchar(3)"}))
    error = (await target.sync()).result.error
    assert isinstance(error, LoadError)
    assert "longer than varchar(3) (1 of them), as 'abcd'" in error.message


async def test_an_escaped_nul_in_json_is_found_and_a_written_out_one_is_not(
    target: Target, lake: Lake
) -> None:
    table = lake.write("texts", frame(j=[r'"a\u0000b"', r'"a\\u0000b"', r'"\u0000\u0000"', "1"]))
    target.configure(entry(table, on_bad_value="strip", types={"j": "jsonb"}))
    outcome = await synced(target)
    assert target.sql("SELECT j #>> '{}' FROM t ORDER BY id") == [
        ("ab",),
        (r"a\u0000b",),
        ("",),
        ("1",),
    ]
    assert changed(outcome) == (ChangedValues("j", "stripped", NUL, 2),)


async def test_numbers_that_overflow_become_null(target: Target, lake: Lake) -> None:
    table = lake.write("numbers", frame(n=[1, 40_000, -40_000, 32_767]))
    target.configure(entry(table, types={"n": "smallint"}))
    error = (await target.sync()).result.error
    assert isinstance(error, LoadError)
    assert "do not fit smallint, as" in error.message
    assert "40000" in error.message
    target.configure(entry(table, on_bad_value="null", types={"n": "smallint"}))
    outcome = await synced(target)
    assert target.sql("SELECT n FROM t ORDER BY id") == [(1,), (None,), (None,), (32_767,)]
    assert changed(outcome) == (ChangedValues("n", "null", "do not fit smallint", 2),)


async def test_what_athena_cannot_cast_becomes_null_and_is_counted(
    target: Target, lake: Lake
) -> None:
    values = [1.5, math.nan, math.inf, 1e12, None]
    table = lake.write("numbers", frame(x=values, d=["2026-01-31", "no", None, "", "2026-02-30"]))
    types = {"x": "numeric(10,2)", "d": "date"}
    target.configure(entry(table, types=types))
    assert isinstance((await target.sync()).result.error, ExportError)
    target.configure(entry(table, on_bad_value="null", types=types))
    outcome = await synced(target)
    assert [str(x) for (x,) in target.sql("SELECT x FROM t ORDER BY id")] == ["1.50", *["None"] * 4]
    assert target.value("SELECT count(d) FROM t") == 1
    # pandas writes its NaN as NULL, which is no bad value.
    why = "do not cast to the target's type"
    assert changed(outcome) == (
        ChangedValues("d", "null", why, 3),
        ChangedValues("x", "null", why, 2),
    )


async def test_a_key_is_never_made_null(target: Target, lake: Lake) -> None:
    table = lake.write("key", pd.DataFrame({"id": ["a", "b\x00"], "n": [1, 2]}))
    target.configure(entry(table, on_bad_value="null"))
    error = (await target.sync()).result.error
    assert isinstance(error, LoadError)
    assert "cannot be NULL" in error.remedy


async def test_the_reports_tell_of_each_change(target: Target, lake: Lake) -> None:
    from neonsync.report.documents import report

    table = lake.write("nul", frame(name=["b\x00c"]))
    target.configure(entry(table, on_bad_value="strip"))
    outcome = await synced(target)
    (shown,) = report(outcome.result)["tables"]
    assert shown["proof"]["changes"] == (
        {"column": "name", "action": "stripped", "reason": NUL, "values": 1},
    )


ROWS = pd.DataFrame(
    {
        "id": [1, 1, 2, 3, 3, 3],
        "day": pd.to_datetime(["2026-01-01", "2026-01-02"] + ["2026-01-01"] * 4).date,
        "seen": [1, 2, 5, 7, None, 6],
        "name": ["old", "new", "only", "last", "none", "first"],
    }
)


async def test_rows_with_one_key_are_refused_with_some_of_them(target: Target, lake: Lake) -> None:
    table = lake.write("twice", ROWS)
    target.configure(entry(table))
    error = (await target.sync()).result.error
    assert isinstance(error, LoadError)
    assert "same key (id)" in error.message


@pytest.mark.parametrize(
    ("which", "names"),
    [("last", ["new", "only", "last"]), ("first", ["old", "only", "first"])],
)
async def test_one_row_of_each_key_is_taken_and_the_others_counted(
    target: Target, lake: Lake, which: str, names: list[str]
) -> None:
    table = lake.write("twice", ROWS)
    target.configure(entry(table, on_duplicate=which, order_column="seen", date_column="day"))
    outcome = await synced(target)
    assert [name for (name,) in target.sql("SELECT name FROM t ORDER BY id")] == names
    assert outcome.result.proofs["public.t"].duplicates == 3
    assert any("3 rows of the source were left out" in note for note in outcome.result.notices)
    again = await synced(target)
    assert again.result.published[0].unchanged == 3


async def test_the_last_row_is_that_of_the_scope(target: Target, lake: Lake) -> None:
    table = lake.write("twice", ROWS)
    target.configure(entry(table, on_duplicate="last", order_column="seen", date_column="day"))
    await synced(target, **{"filters.to": "2026-01-01"})
    assert target.value("SELECT name FROM t WHERE id = 1") == "old"


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
