"""What counts as JSON: what Postgres takes for jsonb."""

from __future__ import annotations

import psycopg
import pyarrow as pa
import pytest

from neonsync.postgres.json_texts import not_json
from tests.conftest import Target

TEXTS = [
    *("{}", "[]", '"a"', "1", "-0.0", "1e400", "null", " true\n", '{"a": 1, "a": 2}', "1E5"),
    *("", " ", "nul", "NaN", "Infinity", "-Infinity", "01", "+1", "1.", ".5", "1e", "0x1", "1_0"),
    *("{a: 1}", "{'a': 1}", '{"a": 1,}', "[1,]", "[1 2]", "[] []", "{} x", "// a", '"a', '"\\x"'),
    *('"\\ud83d\\ude00"', '"\\ud83d"', '"\\ude00"', '"\\ude00\\ud83d"', '"\\\\ud83d"', '"\\u12"'),
    *('"a\tb"', '"a\nb"', '"a\x7fb"', "\ufeff{}", "\u00a0{}", '"é\u2028"', "9" * 5_000),
    '{"\\ud83d": 1}',
    *("1e131071", "1e131072", "1e200000", "-1e131072", "0e200000", "1e-16383", "1e-16384"),
    *("9" * 131_072, "9" * 131_073, f"0.{'0' * 16_382}1", f"0.{'0' * 16_383}1", "0e-20000"),
    "10e131070",
    "[" * 500 + "]" * 500,
]


def test_a_text_is_json_where_postgres_says_so(planner: Target) -> None:
    refused = []
    with psycopg.connect(planner.uri, autocommit=True) as connection:
        for text in TEXTS:
            try:
                connection.execute("SELECT %s::jsonb", (text,))
            except psycopg.DataError:
                refused.append(text)

    found = not_json(pa.array(TEXTS)).to_pylist()

    assert [text for text, bad in zip(TEXTS, found, strict=True) if bad] == refused
    assert refused


@pytest.mark.parametrize("texts", [[], [None, None]])
def test_null_is_none_that_is_bad(texts: list[str | None]) -> None:
    assert not any(not_json(pa.array(texts, pa.string())).to_pylist())
