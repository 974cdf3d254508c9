"""Times: Neon's, people's and HTTP's. All are in UTC, and aware of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 604800}
_DURATION = re.compile(r"(\d{1,6})([mhdw])", re.ASCII)


def read_moment(value: Any) -> datetime | None:
    """A moment of an answer; None for whatever is none."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    # Neon writes Z; one without a zone is taken for UTC rather than for this machine's time.
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def write_moment(moment: datetime) -> str:
    """A moment as RFC 3339 has it, to the millisecond, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_http_date(value: str) -> datetime | None:
    """A date of an HTTP header; None for whatever is none."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_duration(text: str) -> timedelta:
    """A duration that somebody wrote: 90m, 12h, 7d, 2w.

    Raises:
        ValueError: it is none, or no time at all; the message says what it must look like.
    """
    found = _DURATION.fullmatch(text.strip().lower())
    if found is None:
        raise ValueError("must be a number with a unit, like 90m, 12h, 7d or 2w")
    seconds = int(found[1]) * _UNITS[found[2]]
    if seconds == 0:
        raise ValueError("must be longer than nothing")
    return timedelta(seconds=seconds)


def parse_moment(text: str) -> datetime:
    """A moment that somebody wrote: 2026-01-31T09:30:00Z, a date alone is its first moment.

    Raises:
        ValueError: it is none, or has a time without a zone.
    """
    given = text.strip()
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError("must be a time like 2026-01-31T09:30:00Z, or a date") from None
    if moment.tzinfo is None:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", given, re.ASCII):
            raise ValueError("must tell its zone, as in 2026-01-31T09:30:00Z or +02:00 at its end")
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def in_words(span: timedelta) -> str:
    """A span as people say it, in its largest unit: 3 days, 5 hours."""
    seconds = max(0, int(span.total_seconds()))
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (count := seconds // size) >= 1:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


def time_left(span: timedelta) -> str:
    """A span to come in words, by ``units_left``: 7 days, 36 hours."""
    number, unit = units_left(span)
    return f"{number} {unit}{'' if number == 1 else 's'}"


def units_left(span: timedelta) -> tuple[int, str]:
    """A span to come, to the nearest day, hour, minute or second: so many, and of which.

    What lives 7 days has 7 left in its first hour, not 6. In hours below two days: of 47, a day
    would hide nearly another one.
    """
    for unit, seconds, fewest in (("day", 86400, 2), ("hour", 3600, 1), ("minute", 60, 1)):
        if span >= timedelta(seconds=seconds * fewest):
            return round(span / timedelta(seconds=seconds)), unit
    return max(round(span.total_seconds()), 0), "second"
