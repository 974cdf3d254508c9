"""Reading the documents of a run, of whatever version: what is not there is empty, never invented.

All text is made inert here: no secret and no control character comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from math import isfinite
from typing import Any

from neonsync.report.wording import DASH, printable
from neonsync.secret import redact


def mode_of(document: Mapping[str, Any]) -> str:
    """The mode of the run."""
    return str((document.get("branchInfo") or {}).get("mode", ""))


def items(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects of a list of the document; none where it has no such list."""
    return [each for each in listed(document, key) if isinstance(each, Mapping)]


def listed(document: Mapping[str, Any], key: str) -> list[Any]:
    """A list of the document; an empty one where it has none."""
    value = document.get(key)
    return value if isinstance(value, list) else []


def text_in(document: Mapping[str, Any], key: str) -> str:
    """A text of the document, inert; empty where it has none."""
    value = document.get(key)
    return "" if value is None else inert(value)


def inert_lines(value: object) -> str:
    """A statement: its own lines stay lines."""
    return "\n".join(inert(line) for line in str(value or "").splitlines())


def inert(value: object) -> str:
    """A value's text without secrets and control characters."""
    return printable(redact(str(value)))


def shown(value: object) -> str:
    """A value for people: numbers with commas, lists in a line, a dash for nothing."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Mapping):
        return ", ".join(f"{inert(key)} {shown(each)}" for key, each in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(shown, value))
    return inert(value)


def part(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object of the document; an empty one where it has none."""
    value = document.get(key)
    return value if isinstance(value, Mapping) else {}


def number_in(document: Mapping[str, Any], key: str) -> int:
    """A whole number of the document, 0 where it has none."""
    return int(float_in(document, key))


def float_in(document: Mapping[str, Any], key: str) -> float:
    """A number of the document, 0 where it has none."""
    value = document.get(key)
    return value if isinstance(value, int | float) and isfinite(value) else 0


def day_of(value: object) -> date | None:
    """The day that a text begins with: 2026-01-31, 20260131, 2026-1-31; None where it does not."""
    if not isinstance(value, str):
        return None
    try:
        return date.fromisoformat(value[:10])
    except ValueError:
        pass
    try:
        year, month, day = map(int, value.split("-"))
        return date(year, month, day)
    except ValueError:
        return None
