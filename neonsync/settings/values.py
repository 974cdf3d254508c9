"""From what a flag, a variable or a file holds to a value; a ValueError says what it must be."""

from __future__ import annotations

import csv
import re
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from neonsync.settings.model import OnError, VerifyTarget
from neonsync.tables import Mode, OnBadValue, OnDrift, OnDuplicate, OnMissing, Publish, Validation

SCENARIOS = ("all", "baseline", "high-demand", "low-demand", "seasonal-peak")
MOST_DAYS = 36_500
"""A hundred years: more is a slip, and would leave the calendar."""
MOST_SECONDS = 86_400
MOST_ROWS = 10_000_000_000
E = TypeVar("E", bound=StrEnum)
NOTHING = '""'
"""A list that is empty on purpose."""
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def text(value: Any) -> str:
    """A text without blanks around it."""
    if not isinstance(value, str):
        raise ValueError("must be a text in quotes")
    if not value.isprintable():
        raise ValueError("must not hold line breaks or other control characters")
    return value.strip()


def path(value: Any) -> str:
    """The path of a file or a folder, with ~ for a home; may be empty."""
    given = text(value)
    try:
        return str(Path(given).expanduser()) if given else ""
    except RuntimeError:
        raise ValueError("must not begin with the home of somebody who is not there") from None


def number(value: Any) -> float:
    """A finite number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError("must be a number")
    try:
        result = float(value)
    except (ValueError, OverflowError):
        raise ValueError("must be a number") from None
    if not 0 <= result < float("inf"):
        raise ValueError("must be a number that is not negative")
    return result


def flag(value: Any) -> bool:
    """True or false; a variable of the environment writes it as a word."""
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if word not in ("true", "false"):
        raise ValueError("must be true or false")
    return word == "true"


def whole(value: Any, low: int, high: int) -> int:
    """A whole number within bounds, both included."""
    # int() takes more than people write: 1_000, other scripts' digits.
    written = isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]{1,30}\s*", value)
    if not written and (isinstance(value, bool) or not isinstance(value, int)):
        raise ValueError(f"must be a whole number from {low} to {high}")
    if not low <= int(value) <= high:
        raise ValueError(f"must be from {low} to {high}")
    return int(value)


def jobs(value: Any) -> int:
    """Connections that load chunks."""
    return whole(value, 1, 32)


def seed(value: Any) -> int:
    """Where the generator starts."""
    return whole(value, 0, 2**63 - 1)


def rows(value: Any) -> int | None:
    """Rows to make for a table; None leaves it to the table."""
    return None if value is None or value == "" else whole(value, 1, MOST_ROWS)


def days(value: Any) -> int | None:
    """Days up to today; 0 is all, which is None."""
    return None if value is None else whole(value, 0, MOST_DAYS) or None


def day(value: Any) -> date | None:
    """A day of the calendar, as 2026-01-31; empty is None."""
    if value is None or value == "":
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip(), re.A):
        raise ValueError("must be a date like 2026-01-31")
    try:
        return date.fromisoformat(value.strip())
    except ValueError:
        raise ValueError("must be a date that the calendar has") from None


def names(value: Any) -> tuple[str, ...]:
    """A list, or a text with commas; an item in double quotes may hold a comma itself."""
    if isinstance(value, str):
        try:
            value = next(csv.reader([value], skipinitialspace=True, strict=True), [])
        except csv.Error as error:
            raise ValueError(
                f"must be a list with commas, with items in double quotes closed: {error}"
            ) from None
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise ValueError("must be a list of names in quotes")
    return tuple(dict.fromkeys(item.strip() for item in value if item.strip()))


def chosen(value: Any) -> tuple[str, ...]:
    """What a filter lets in: as ``names``, but a text must name something.

    A command that has lost the variable in it would mean everything. An item that is empty in
    double quotes says that on purpose, where a file has a filter.
    """
    found = names(value)
    if isinstance(value, str) and not found and value.strip() != NOTHING:
        raise ValueError(f"must name something; leave it out, or write {NOTHING} in it, for all")
    return found


def words(value: Any) -> tuple[str, ...]:
    """The old table filter: as ``chosen``, where ``all`` is none."""
    found = chosen(value)
    if "all" not in (word.lower() for word in found):
        return found
    if len(found) > 1:
        raise ValueError("must be all by itself, or a list without it")
    return ()


def mode(value: Any) -> Mode:
    """What the run does."""
    return _one_of(Mode, value)


def on_bad_value(value: Any) -> OnBadValue:
    """What becomes of a value that Postgres cannot hold."""
    return _one_of(OnBadValue, value)


def on_duplicate(value: Any) -> OnDuplicate:
    """What becomes of rows with the same key."""
    return _one_of(OnDuplicate, value)


def on_drift(value: Any) -> OnDrift:
    """What is done when the columns of source and target have come apart."""
    return _one_of(OnDrift, value)


def publish(value: Any) -> Publish:
    """How the rows of tables get in that do not say themselves."""
    return _one_of(Publish, value)


def on_missing(value: Any) -> OnMissing:
    """What becomes of rows that the source no longer has, in tables that do not say themselves."""
    return _one_of(OnMissing, value)


def validation(value: Any) -> Validation:
    """How much is compared with Athena, in tables that do not say themselves."""
    return _one_of(Validation, value)


def verify_target(value: Any) -> VerifyTarget:
    """Of which published rows the digest is taken once more."""
    return _one_of(VerifyTarget, value)


def on_error(value: Any) -> OnError:
    """Whether a table that fails stops the others."""
    return _one_of(OnError, value)


def percent(value: Any) -> float:
    """A share of a hundred."""
    share = number(value)
    if share > 100:
        raise ValueError("must be from 0 to 100")
    return share


def seconds(value: Any) -> float:
    """A time, up to a day; 0 is no limit."""
    limit = number(value)
    if limit > MOST_SECONDS:
        raise ValueError(f"must be from 0 to {MOST_SECONDS} seconds")
    return limit


def scenario(value: Any) -> str:
    """Which of the scenarios test data is made for."""
    if value not in SCENARIOS:
        raise ValueError(f"must be one of {', '.join(SCENARIOS)}")
    return str(value)


def s3_location(value: Any) -> str:
    """A folder in S3, with its slash; may be empty."""
    location = text(value)
    if not location:
        return ""
    if not location.startswith("s3://") or not urlsplit(location).netloc:
        raise ValueError("must look like s3://bucket/prefix/")
    return location.rstrip("/") + "/"


def api_host(value: Any) -> str:
    """The address of Neon's API, without a slash at its end."""
    host = text(value).rstrip("/")
    try:
        parts = urlsplit(host)
        _ = parts.port
    except ValueError:
        raise ValueError("must be an address like https://host/api/v2") from None
    if parts.username is not None or parts.password is not None:
        raise ValueError("must not hold a user or a password")
    local = parts.scheme == "http" and parts.hostname in LOOPBACK
    if not parts.hostname or (parts.scheme != "https" and not local):
        raise ValueError("must be an https address; http is accepted on loopback only")
    return host


def _one_of(kind: type[E], value: Any) -> E:
    try:
        return kind(text(value))
    except ValueError:
        raise ValueError(f"must be one of {', '.join(kind)}") from None
