"""How a column leaves Athena: its SQL inside the UNLOAD, and the type that it has in the files."""

from __future__ import annotations

import re

from neonsync.columns import (
    BY_ATHENA,
    FLOATS,
    INTEGERS,
    MOST_TIME_DIGITS,
    TEXTS,
    TIMES,
    SqlType,
)
from neonsync.errors import SourceError

# Leaves of a nested type as Hive writes it, which Trino cannot cast to JSON; a struct's field
# name is followed by a colon and is none.
_NOT_IN_JSON = re.compile(r"[<,:]\s*(binary|varbinary|time|uuid|uniontype<.*)\s*(?=[>,]|$)")
_MAP_KEY = re.compile(r"\bmap<\s*([a-z0-9_]+)")
_JSON_KEYS = frozenset(
    {"boolean", "tinyint", "smallint", "int", "integer", "bigint"}
    | {"real", "float", "double", "decimal", "string", "varchar"}
)
_WRITTEN_OUT = ("boolean", *INTEGERS, *FLOATS, "decimal", "date", "timestamp", "uuid", "time")


def export_expression(
    quoted: str, athena: SqlType, postgres: SqlType, column: str, *, lenient: bool = False
) -> str:
    """Athena's SQL for one exported column: the quoted name, or a cast of it.

    A cast stands only where Parquet or Arrow would not carry the value to the target's type. No
    cast shortens a text: Athena would cut it in silence, while Postgres refuses it. ``lenient``
    makes NULL of what does not cast, where else the query would fail; see ``can_fail``.

    Raises:
        SourceError: no way leads from the one type to the other.
    """
    source, target = athena.base, postgres.base
    cast = "TRY_CAST" if lenient else "CAST"
    _check_nested(athena, column)
    if source.startswith("timestamp") and target in ("timestamp", "timestamptz"):
        return _moment(quoted, athena)
    if source in ("array", "map", "row") and target in ("jsonb", "text"):
        return f"json_format(CAST({quoted} AS json))"
    if source == "json" and target in ("jsonb", "text"):
        return f"json_format({quoted})"
    if source in ("uuid", "time") and target in (source, "text"):
        return f"CAST({quoted} AS varchar)"
    if _carries_itself(source, target):
        return quoted
    if target == "numeric" and source in (*INTEGERS, *FLOATS, *TEXTS):
        return f"{cast}({quoted} AS decimal({','.join(map(str, postgres.modifiers))}))"
    if source in TEXTS and target in ("smallint", "integer", "bigint", "date", "boolean"):
        return f"{cast}({quoted} AS {target})"
    if source in (*INTEGERS, *TEXTS, "decimal") and target == "double precision":
        return f"{cast}({quoted} AS double)"
    if source == "timestamp" and target == "date":
        return f"CAST({quoted} AS date)"
    if source in _WRITTEN_OUT and target in ("text", "varchar"):
        return f"CAST({quoted} AS varchar)"
    raise SourceError(
        f'column "{column}" is {athena} in Athena and {postgres} in the target: '
        "there is no exact way from the one to the other",
        "Declare the target column with a matching type.",
    )


def can_fail(athena: SqlType, postgres: SqlType) -> bool:
    """Whether the cast of ``export_expression`` fails for some values, as NaN for a numeric."""
    source, target = athena.base, postgres.base
    if _carries_itself(source, target):
        return False
    return (target == "numeric" and source in (*INTEGERS, *FLOATS, *TEXTS)) or (
        source in TEXTS
        and target in ("smallint", "integer", "bigint", "date", "boolean", "double precision")
    )


def _moment(quoted: str, athena: SqlType) -> str:
    """A timestamp in UTC: as itself where Parquet carries it, else as text, with all digits."""
    zoned = f"{quoted} AT TIME ZONE 'UTC'"
    if not athena.modifiers:
        return f"CAST({zoned} AS timestamp)" if athena.base != "timestamp" else quoted
    digits = min(athena.modifiers[0], MOST_TIME_DIGITS)
    moment = zoned if athena.base != "timestamp" else quoted
    return f"CAST(CAST({moment} AS timestamp({digits})) AS varchar)"


def day_expression(quoted: str, athena: SqlType) -> str:
    """Athena's SQL for the day in UTC of what arrives as a timestamp: a date, or its text."""
    if athena.base == "timestamp with time zone":
        return f"CAST({quoted} AT TIME ZONE 'UTC' AS date)"
    if athena.base in TEXTS:
        return f"substr({quoted}, 1, 10)"
    return f"CAST({quoted} AS date)"


def _carries_itself(source: str, target: str) -> bool:
    """Whether Parquet brings the value as it is, for Arrow to cast exactly or to refuse."""
    kind = BY_ATHENA.get(source)
    return (
        (kind is not None and kind.postgres == target)
        or (source in (*INTEGERS, "decimal") and target in ("smallint", "integer", "bigint"))
        or (source == "real" and target == "double precision")
        or (source in TEXTS and target in ("text", "varchar", "char", "uuid", "time", "jsonb"))
        or (source in TEXTS and target in ("timestamp", "timestamptz"))
        or (source in ("date", "timestamp") and target in ("timestamp", "timestamptz"))
    )


def _check_nested(athena: SqlType, column: str) -> None:
    """Refuse a nested type of which Trino makes no JSON, before a query is paid for.

    Raises:
        SourceError: a leaf or a map's key has no JSON form.
    """
    found = _NOT_IN_JSON.search(athena.detail.lower())
    keys = [key for key in _MAP_KEY.findall(athena.detail.lower()) if key not in _JSON_KEYS]
    if found or keys:
        what = f"{found[1]} inside" if found else f"keys of type {keys[0]}"
        raise SourceError(
            f'column "{column}" is {athena}, and Athena makes no JSON of {what}',
            "Leave it out with exclude, or cast it in a query of your own.",
        )


def rounding_note(column: str, athena: SqlType, postgres: SqlType) -> str | None:
    """What a cast on the way gives up, in words, or None for a way that keeps every value.

    Such a way is taken because the target's type was declared so, but never in silence.
    """
    source, target = athena.base, postgres.base
    if source in TIMES and athena.modifiers and athena.modifiers[0] > MOST_TIME_DIGITS:
        return f'"{column}" is {athena} in Athena and rounded to microseconds'
    if target == "numeric" and source in (*FLOATS, *TEXTS):
        return f'"{column}" is {athena} in Athena and rounded to {postgres}'
    if source == "timestamp" and target == "date":
        return f'"{column}" is {athena} in Athena and loses its time of day'
    if target == "double precision" and source in ("bigint", "decimal", *TEXTS):
        return f'"{column}" is {athena} in Athena and keeps 15 digits as {postgres}'
    return None


def exported_type(athena: SqlType, postgres: SqlType) -> SqlType:
    """The Athena type of what ``export_expression`` makes, for a target planned to be ``postgres``.

    Moments that travel as text, with all their digits, keep their own; so do uuid and time.
    """
    source, target = athena.base, postgres.base
    if source.startswith("timestamp") and target in ("timestamp", "timestamptz"):
        return SqlType("timestamp", athena.modifiers)
    if source in ("array", "map", "row", "json"):
        return SqlType("string")
    if target == "date":
        return SqlType("date")
    if source in ("uuid", "time") or _carries_itself(source, target):
        return athena
    if target == "numeric":
        return SqlType("decimal", postgres.modifiers)
    if target == "double precision":
        return SqlType("double")
    if target in ("smallint", "integer", "bigint", "boolean"):
        return SqlType(target)
    return SqlType("string")
