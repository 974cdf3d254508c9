"""Which texts Postgres takes for jsonb: what it would say of each, without asking it."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa


def not_json(array: Any) -> Any:
    """A mask of the texts that are no JSON; NULLs are none of them. Some microseconds each."""
    wrong = [text is not None and not _is_json(text) for text in array.to_pylist()]
    return pa.array(wrong, pa.bool_())


def _is_json(text: str) -> bool:
    try:
        # Numbers are as long as they like in Postgres, and not in Python.
        value = json.loads(text, parse_constant=_refuse, parse_int=str, parse_float=str)
        if "\\u" in text:
            # Half of a surrogate pair, which Postgres refuses, and Python when it encodes it.
            json.dumps(value, ensure_ascii=False).encode()
    except ValueError:
        return False
    except RecursionError:
        return True  # only Postgres can tell
    return True


def _refuse(constant: str) -> None:
    raise ValueError(f"JSON has no {constant}")
