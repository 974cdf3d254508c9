"""Which texts Postgres takes for jsonb: what it would say of each, without asking it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa

MOST_WHOLE_DIGITS = 131_072
MOST_PLACES = 16_383
"""Of a numeric without limits, which a number of jsonb is (Postgres's documentation)."""


def not_json(array: Any) -> Any:
    """A mask of the texts that are no JSON; NULLs are none of them. Some microseconds each."""
    wrong = [text is not None and not _is_json(text) for text in array.to_pylist()]
    return pa.array(wrong, pa.bool_())


def _is_json(text: str) -> bool:
    try:
        value = json.loads(text, parse_constant=_refuse, parse_int=_number, parse_float=_number)
        if "\\u" in text:
            # Half of a surrogate pair, which Postgres refuses, and Python when it encodes it.
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        return False
    except RecursionError:
        return True  # only Postgres can tell
    return True


def _number(text: str) -> str:
    """A number as it is, which Python's own may not hold."""
    number = Decimal(text)
    exponent = number.as_tuple().exponent
    whole = number.adjusted() + 1 if number else 0
    if whole > MOST_WHOLE_DIGITS or (isinstance(exponent, int) and -exponent > MOST_PLACES):
        raise ValueError("the number is too long")
    return text


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")
