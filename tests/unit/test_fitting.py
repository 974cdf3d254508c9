"""What does not fit its column: refused with its values, made NULL, or stripped; and counted."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from neonsync.columns import arrow_type, parse_postgres
from neonsync.errors import LoadError
from neonsync.postgres.fitting import Change, Fitting
from neonsync.tables import ColumnSpec, Day, DayForm, OnBadValue, TableSpec

NUL = "hold U+0000, which Postgres has no place for"


def spec(policy: str, **columns: str) -> TableSpec:
    """A table whose key is id, whose day is day, and whose state is state."""
    return TableSpec(
        source="lake.t",
        target="t",
        schema="public",
        columns=tuple(ColumnSpec(name, parse_postgres(type_)) for name, type_ in columns.items()),
        key=("id",),
        key_name="t_pkey",
        day=Day(("day",), DayForm.DASHED),
        state_column="state",
        required_columns=("id",),
        on_bad_value=OnBadValue(policy),
    )


def fit(
    policy: str, array: Any, type_: str, name: str = "a", *, nullable: bool = True
) -> tuple[list[Any], Counter[Change]]:
    column = ColumnSpec(name, parse_postgres(type_), nullable)
    table = spec(policy, **{name: type_})
    fitted, changes = Fitting(table).fit(array, arrow_type(column.type, name), column, "s3://f")
    assert fitted.type == arrow_type(column.type, name)
    return fitted.to_pylist(), changes


def refused(policy: str, array: Any, type_: str, name: str = "a", **more: Any) -> LoadError:
    with pytest.raises(LoadError) as caught:
        fit(policy, array, type_, name, **more)
    assert f'lake.t, column "{name}", file s3://f' in caught.value.message
    return caught.value


TEXTS = pa.array(["a", "b\x00c\x00", None, "\x00", ""])


@pytest.mark.parametrize("type_", ["text", "varchar(9)", "char(9)"])
def test_nul_characters_are_refused_stripped_or_made_null(type_: str) -> None:
    error = refused("fail", TEXTS, type_)
    assert f"values {NUL} (2 of them), as 'b\\x00c\\x00', '\\x00'" in error.message
    assert "on_bad_value" in error.remedy
    assert fit("strip", TEXTS, type_) == (
        ["a", "bc", None, "", ""],
        Counter({Change("a", "stripped", NUL): 2}),
    )
    assert fit("null", TEXTS, type_) == (
        ["a", None, None, None, ""],
        Counter({Change("a", "null", NUL): 2}),
    )


def test_a_slice_is_looked_at_alone() -> None:
    assert fit("fail", TEXTS.slice(2, 1), "text") == ([None], Counter())
    assert fit("fail", TEXTS.slice(4), "text") == ([""], Counter())
    assert fit("fail", pa.array([], pa.string()), "text") == ([], Counter())
    assert fit("fail", pa.array([None], pa.string()), "jsonb") == ([None], Counter())
    refused("fail", TEXTS.slice(1, 2), "text")


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        (r'"a\u0000b"', '"ab"'),
        (r'"\u0000\u0000\u0000"', '""'),
        (r'"\\\u0000"', r'"\\"'),
        (r'"\\\\\u0000u0000"', r'"\\\\u0000"'),
        (r'{"k\u0000": ["\u0000"]}', '{"k": [""]}'),
        ('"raw\x00"', '"raw"'),
        ('"\n\\u0000"', '"\n"'),
        # A backslash of its own, and five more characters.
        (r'"a\\u0000b"', None),
        (r'"\\\\u0000"', None),
        (r'"\u00001"', '"1"'),
        (r'"\u0001"', None),
        ("null", None),
    ],
)
def test_an_escaped_nul_in_json_is_found_and_a_written_out_one_is_not(
    text: str, stripped: str | None
) -> None:
    changes = Counter({Change("a", "stripped", NUL): 1} if stripped else {})
    assert fit("strip", pa.array([text]), "jsonb") == ([stripped or text], changes)
    nulled, _ = fit("null", pa.array([text]), "jsonb")
    assert nulled == [None if stripped else text]


def test_texts_without_nul_cost_no_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pc, "match_substring", None)
    monkeypatch.setattr(pc, "match_substring_regex", None)
    assert fit("fail", pa.array(["a", "é", None]), "text")[0] == ["a", "é", None]
    assert fit("fail", pa.array(['{"a": 1}']), "jsonb")[0] == ['{"a": 1}']


def test_a_text_that_is_too_long_is_never_cut() -> None:
    # In characters, not in bytes; and blanks are characters too.
    array = pa.array(["abc", "abcd", "ab  ", "\U0001f600" * 3])
    assert "longer than varchar(3) (2 of them), as 'abcd', 'ab  '" in (
        refused("strip", array, "varchar(3)").message
    )
    nulled = ["abc", None, None, "\U0001f600" * 3]
    for type_ in ("varchar(3)", "char(3)"):
        changes = Counter({Change("a", "null", f"are longer than {type_}"): 2})
        assert fit("null", array, type_) == (nulled, changes)


def test_a_text_with_both_faults_is_stripped_first() -> None:
    fitted, changes = fit("strip", pa.array(["abc\x00"]), "varchar(3)")
    assert (fitted, changes.total()) == (["abc"], 1)
    fitted, changes = fit("null", pa.array(["abc\x00"]), "varchar(3)")
    assert (fitted, changes.total()) == ([None], 1)


@pytest.mark.parametrize(
    ("values", "type_", "wrong"),
    [
        ([1, 40_000, -40_000, 32_767], "smallint", [1, 2]),
        ([2**40, None, 1], "integer", [0]),
        (["12151fd2-7586-11e9-8f9e-2a86e4085a59", "no", ""], "uuid", [1, 2]),
        (["10:00:00", "24:00:01", "x"], "time", [1, 2]),
        (["2026-01-31 10:00:00", "2026-02-30 10:00:00"], "timestamp", [1]),
        (["2026-01-31 10:00:00.123456", "2026-01-31 10:00:00.1234567"], "timestamptz", [1]),
    ],
)
def test_what_does_not_cast_is_found_among_the_others(
    values: list[Any], type_: str, wrong: list[int]
) -> None:
    # Among many: they are found by halving.
    many = pa.array([*values, *[None] * 1000, *values])
    assert f"values do not fit {type_}, as" in refused("fail", many, type_).message
    fitted, changes = fit("null", many, type_)
    assert changes == Counter({Change("a", "null", f"do not fit {type_}"): 2 * len(wrong)})
    for half in (fitted[: len(values)], fitted[-len(values) :]):
        lost = [n for n, v in enumerate(values) if v is not None and half[n] is None]
        assert lost == wrong


def test_decimals_lose_no_digit() -> None:
    array = pa.array([Decimal("1.50"), Decimal("1.55"), Decimal("1000.00")], pa.decimal128(38, 2))
    assert fit("null", array, "numeric(4,1)")[0] == [Decimal("1.5"), None, None]


def test_a_moment_that_python_has_no_type_for_is_shown_all_the_same() -> None:
    year_10000 = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp() + 86_400) * 10**6 + 1
    error = refused("fail", pa.array([year_10000], pa.timestamp("us")), "timestamp(3)")
    assert "more digits of a second than timestamp(3) keeps (1 of them), as" in error.message


def test_keys_and_days_are_never_made_null_and_what_is_counted_is_never_stripped() -> None:
    for name in ("id", "day"):
        assert "cannot be NULL" in refused("null", TEXTS, "text", name).remedy
    assert "cannot be NULL" in refused("null", TEXTS, "text", nullable=False).remedy
    for name in ("day", "state"):
        assert "counted by the column" in refused("strip", TEXTS, "text", name).remedy
    assert fit("strip", pa.array(["\x00k"]), "text", "id")[0] == ["k"]
    assert fit("null", TEXTS, "text", "state")[0] == ["a", None, None, None, ""]


def test_a_cast_that_arrow_does_not_have_makes_nothing_null() -> None:
    days = pa.array([1, 2], pa.int32()).cast(pa.date32())
    assert "do not fit boolean" in refused("null", days, "boolean").message
