"""What the tests of third-party clients share: the environment that leads them to the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.aws_fixtures import Aws, serving, small_lake

# The rows of the lake's table all_types, as Python's own types, whatever a client makes of them.
ALL_TYPES: list[dict[str, Any]] = [
    {
        "c_boolean": True,
        "c_tinyint": 12,
        "c_smallint": 1234,
        "c_int": 123456,
        "c_bigint": 12345678901,
        "c_float": 1.5,
        "c_double": 2.25,
        "c_decimal": Decimal("1234.500000000000000000"),
        "c_string": "plain",
        "c_varchar": "twenty at most",
        "c_char": "abcde",
        "c_binary": b"bytes",
        "c_date": date(2026, 1, 31),
        "c_timestamp": datetime(2026, 1, 31, 12, 34, 56, 789000),
        "c_array": [1, 2, 3],
        "c_map": {"a": 1, "b": 2},
        "c_struct": {"a": 1, "b": "one"},
    },
    {
        "c_boolean": False,
        "c_tinyint": -128,
        "c_smallint": -32768,
        "c_int": -(2**31),
        "c_bigint": -(2**63),
        "c_float": 3.4028234663852886e38,
        "c_double": 5e-324,
        "c_decimal": Decimal("-99999999999999999999.999999999999999999"),
        "c_string": 'tab\t"quote" \\ newline\n ünïcödé 🍕',
        "c_varchar": "",
        "c_char": "x",
        "c_binary": b"\x00\xff\x10",
        "c_date": date(1582, 10, 15),
        "c_timestamp": datetime(1970, 1, 1),
        "c_array": [None],
        "c_map": {},
        "c_struct": {"a": None, "b": ""},
    },
]
ALL_TYPES.append(dict.fromkeys(ALL_TYPES[0]))
NESTED = ("c_array", "c_map", "c_struct")


def environment(aws: Aws) -> dict[str, str]:
    """The variables that lead any client of AWS to a sandbox."""
    return {
        "AWS_ENDPOINT_URL": aws.service.endpoint_url,
        "AWS_ACCESS_KEY_ID": aws.keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": aws.keys.secret_access_key,
        "AWS_DEFAULT_REGION": aws.service.region,
        "AWS_REGION": aws.service.region,
        # No file of the machine's user has a say.
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


@contextmanager
def reachable(root: Path) -> Iterator[Aws]:
    """A service on a small lake, which clients in this process find by the environment."""
    with serving(small_lake(root)) as aws, pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in environment(aws).items():
            patch.setenv(name, value)
        yield aws


def same(found: Any, expected: Any) -> bool:
    """Whether a client's value is the expected one; floats of 32 bits may be written shorter."""
    if isinstance(expected, float) and isinstance(found, float):
        return found == expected or abs(found / expected - 1) < 1e-7
    return type(found) is type(expected) and bool(found == expected)


def assert_rows(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Compare value by value, so that a failure names the row and the column."""
    assert len(found) == len(expected)
    for number, (row, wanted) in enumerate(zip(found, expected, strict=True)):
        assert list(row) == list(wanted)
        for name, value in wanted.items():
            assert same(row[name], value), f"row {number}, {name}: {row[name]!r} != {value!r}"
