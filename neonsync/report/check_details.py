"""The details of a check for people: both sides, what else was found, and its rows. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from neonsync.report.reading import float_in, inert, items, number_in, part, shown, text_in
from neonsync.report.wording import duration

DIGEST, QUALITY = "target_digest", "quality"
SIDES = ("Athena", "Neon")
_LIMITS = ("expected", "measured")
_ASKED = ("record_count", "date_range", "completeness")
"""Checks that hold the branch against Athena's answer; the others know what they want."""
_LABELS = {"limit_seconds": "allowed", "holds": "must hold"}
_SEVERITIES = {"warn": "warn: a finding is a warning", "error": "error: a finding fails the run"}
_LISTED = ("examples", "changes")


def sides(check: Mapping[str, Any]) -> tuple[str, str]:
    """What a check holds against each other: not always Athena's answer and the branch's."""
    name = text_in(check, "check")
    if name == DIGEST:
        return "proved", "found"
    if name == QUALITY:
        return "before", "now"
    made = "promised" in part(check, "details")
    return SIDES if name in _ASKED and not made else _LIMITS


def compared(check: str, details: Mapping[str, Any]) -> tuple[object, object]:
    """What was expected and what was measured, of each check in its own words."""
    if check in ("schema_validation", "index_verification"):
        wanted, missing = details.get("expected"), details.get("missing")
        if isinstance(wanted, Sequence) and isinstance(missing, Sequence):
            return len(wanted), len(wanted) - len(missing)
    if check == "date_range":
        return details.get("source_max"), details.get("max")
    if check == "performance":
        return None, _took(details.get("seconds"))
    if check == DIGEST:
        # Of the digests themselves nobody can tell anything: the dates that agree.
        dates = number_in(details, "dates")
        return dates, dates - number_in(details, "differing_dates")
    for name in ("source", "promised", "expected"):
        if name in details:
            return details[name], details.get("measured")
    return None, details.get("measured")


def facts(check: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """What the columns do not show, with labels."""
    return tuple(_facts(check, text_in(check, "check"), part(check, "details")))


def listings(details: Mapping[str, Any]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What has a line for each thing, below its title: rows that violate, what has changed."""
    found = (
        ("Examples", tuple(map(_example, items(details, "examples")))),
        ("Changes", tuple(map(_change, items(details, "changes")))),
    )
    return tuple((title, lines) for title, lines in found if lines)


def _facts(
    check: Mapping[str, Any], name: str, details: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    rule, severity = text_in(check, "rule"), text_in(check, "severity")
    if rule:
        yield "kind", rule
    if severity and (rule or severity == "warn"):
        yield "severity", _SEVERITIES.get(severity, severity)
    hidden = {"source", "promised", "measured", *_LISTED}
    if name == "date_range":
        hidden |= {"source_max", "max"}
    if name == DIGEST:
        hidden |= {"dates", "expected", "differing_dates"}
    for key, value in details.items():
        if key in hidden or key.endswith("_count") or value in (None, "", [], {}, ()):
            continue
        if key == "expected" and not isinstance(value, list | tuple):
            continue  # as a list the column shows its length alone
        yield _LABELS.get(key, inert(key).replace("_", " ")), shown(value) + _more(key, details)
    if float_in(check, "seconds"):
        yield "took", _took(check["seconds"]) or ""


def _more(key: str, details: Mapping[str, Any]) -> str:
    """How many there are beyond those that are listed."""
    counted = {"differing": "differing_dates"}.get(key, f"{key}_count")
    value = details.get(key)
    if counted not in details or not isinstance(value, list | tuple | Mapping):
        return ""
    left = number_in(details, counted) - len(value)
    return f" and {left:,} more" if left > 0 else ""


def _example(row: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{inert(name)} = {'NULL' if value is None else inert(value)}"
        for name, value in row.items()
    )


def _change(change: Mapping[str, Any]) -> str:
    what, column = text_in(change, "what").replace("_", " "), text_in(change, "column")
    before, now = text_in(change, "before"), text_in(change, "now")
    about = f"{what} of {column}" if column else what
    if what == "categories":
        return f"{about}: {before} known before, new: {now}"
    return f"{about}: {before} before, {now} now"


def _took(seconds: object) -> str | None:
    if not isinstance(seconds, int | float):
        return None
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else duration(seconds)
