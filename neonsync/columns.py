"""The one table of types: what Athena calls it, what Postgres calls it, what Arrow carries.

The way of a value is Athena type -> (cast in Athena's SQL, where needed) -> Parquet -> Arrow
type of the staging column -> Postgres type. The Arrow type is given by the Postgres type alone:
binary COPY loads a value of another type with the same width silently wrong, so every batch is
cast to exactly this type before it is encoded.

Types that Parquet does not carry (json, uuid, time) and nested ones (array, map, row) leave Athena
as text, and become themselves again in Postgres.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neonsync.errors import SourceError, TargetError

if TYPE_CHECKING:
    import pyarrow as pa

_TYPE = re.compile(
    r"^\s*([a-z][a-z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?(\s+[a-z ]+)?\s*$"
)


_NESTED = re.compile(r"^\s*(array|map|struct|row)\s*[<(]")
# Leaves of a nested type as Hive writes it, which Trino cannot cast to JSON; a struct's field
# name is followed by a colon and is none.
_NOT_IN_JSON = re.compile(r"[<,:]\s*(binary|varbinary|time|uuid|uniontype<.*)\s*(?=[>,]|$)")
_MAP_KEY = re.compile(r"\bmap<\s*([a-z0-9_]+)")
_JSON_KEYS = frozenset(
    {"boolean", "tinyint", "smallint", "int", "integer", "bigint"}
    | {"real", "float", "double", "decimal", "string", "varchar"}
)


@dataclass(frozen=True)
class SqlType:
    """A type with its modifiers: ``numeric`` with ``(10, 2)``, ``text`` with none.

    ``detail`` is the whole text of a nested type, as ``array<int>``.
    """

    base: str
    modifiers: tuple[int, ...] = ()
    detail: str = ""

    def __str__(self) -> str:
        if self.detail:
            return self.detail
        if not self.modifiers:
            return self.base
        # timestamp(6) with time zone has them in its midst.
        first, space, rest = self.base.partition(" with ")
        return f"{first}({','.join(map(str, self.modifiers))}){space}{rest}"


@dataclass(frozen=True)
class _Kind:
    """One line of the type table."""

    athena: tuple[str, ...]
    postgres: str
    arrow: Callable[[SqlType], pa.DataType]


def _arrow() -> Any:
    """Imported when the first type is wanted: settings know types by name, and are to be quick."""
    import pyarrow

    return pyarrow


def _decimal(pg: SqlType) -> pa.DataType:
    if len(pg.modifiers) != 2:
        raise TargetError(
            "a numeric column without precision and scale cannot be loaded exactly",
            "Declare it as numeric(p,s) with p of 38 at most.",
        )
    found: pa.DataType = _arrow().decimal128(*pg.modifiers)
    return found


_KINDS = (
    _Kind(("boolean",), "boolean", lambda _: _arrow().bool_()),
    _Kind(("tinyint", "smallint"), "smallint", lambda _: _arrow().int16()),
    _Kind(("integer",), "integer", lambda _: _arrow().int32()),
    _Kind(("bigint",), "bigint", lambda _: _arrow().int64()),
    _Kind(("real",), "real", lambda _: _arrow().float32()),
    _Kind(("double",), "double precision", lambda _: _arrow().float64()),
    _Kind(("decimal",), "numeric", _decimal),
    _Kind(("string",), "text", lambda _: _arrow().string()),
    _Kind(("varchar",), "varchar", lambda _: _arrow().string()),
    _Kind(("char",), "char", lambda _: _arrow().string()),
    _Kind(("varbinary",), "bytea", lambda _: _arrow().binary()),
    _Kind(("date",), "date", lambda _: _arrow().date32()),
    _Kind(("timestamp",), "timestamp", lambda _: _arrow().timestamp("us")),
    _Kind(
        ("timestamp with time zone",), "timestamptz", lambda _: _arrow().timestamp("us", tz="UTC")
    ),
    _Kind(("time",), "time", lambda _: _arrow().time64("us")),
    _Kind(("uuid",), "uuid", lambda _: _arrow().binary(16)),
    _Kind(("json", "array", "map", "row"), "jsonb", lambda _: _arrow().string()),
)
_BY_ATHENA = {name: kind for kind in _KINDS for name in kind.athena}
_BY_POSTGRES = {kind.postgres: kind for kind in _KINDS}

_ATHENA_ALIASES = {"int": "integer", "float": "real", "binary": "varbinary"}
_POSTGRES_ALIASES = {
    "bool": "boolean",
    "int2": "smallint",
    "int4": "integer",
    "int": "integer",
    "int8": "bigint",
    "float4": "real",
    "float8": "double precision",
    "decimal": "numeric",
    "character varying": "varchar",
    "character": "char",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
}

_TIMES = ("time", "timestamp", "timestamp with time zone")
UNLOADED_DIGITS = 3
"""The fraction digits of a timestamp that UNLOAD writes to Parquet; it refuses more."""
_MOST_TIME_DIGITS = 6  # microseconds, as Postgres has them
_INTEGERS = ("tinyint", "smallint", "integer", "bigint")
MOST_DIGITS = 38
"""The digits of Athena's widest decimal, and of Arrow's decimal128."""
_FLOATS = ("real", "double")
_TEXTS = ("string", "varchar", "char")
_WRITTEN_OUT = ("boolean", *_INTEGERS, *_FLOATS, "decimal", "date", "timestamp", "uuid", "time")
_WHOLE = ("smallint", "integer", "bigint")
_KEPT_IN = {
    **dict.fromkeys(_WHOLE, (*_WHOLE, "text", "varchar")),
    "numeric": _WHOLE,
    "real": ("double precision",),
    "boolean": ("text", "varchar"),
    "date": ("timestamp", "timestamptz", "text", "varchar"),
    "timestamp": ("timestamptz",),
    "timestamptz": ("timestamp",),
    # These leave Athena as text.
    **dict.fromkeys(("uuid", "time", "jsonb"), ("text", "varchar")),
    **dict.fromkeys(
        ("text", "varchar", "char"), ("uuid", "time", "date", "timestamp", "timestamptz", "jsonb")
    ),
}
_UNBOUNDED_VARCHAR = 2_147_483_647  # the length that Athena reports for varchar without one


def _parse(text: str, aliases: dict[str, str]) -> SqlType:
    nested = _NESTED.match(text.lower())
    if nested is not None:
        return SqlType("row" if nested[1] == "struct" else nested[1], (), text.strip())
    match = _TYPE.match(text.lower())
    if match is None:
        return SqlType(text.lower())
    base = match[1] + (" " + match[4].strip() if match[4] else "")
    modifiers = tuple(int(part) for part in (match[2], match[3]) if part is not None)
    base = aliases.get(base, base)
    if base == "bpchar":
        base = "char" if modifiers else "text"
    return SqlType(base, modifiers)


def parse_athena(text: str) -> SqlType:
    """An Athena (Hive or Trino) type name as the catalogue gives it, in canonical form."""
    type_ = _parse(text, _ATHENA_ALIASES)
    if type_.base in _TIMES:
        digits = re.search(r"\((\d+)\)", text)
        # What Parquet carries needs no telling apart.
        fine = digits is not None and int(digits[1]) > UNLOADED_DIGITS
        return SqlType(type_.base, (int(digits[1]),) if digits and fine else ())
    if type_.base == "decimal" and len(type_.modifiers) < 2:
        return SqlType("decimal", (*(type_.modifiers or (10,)), 0))  # Hive's default
    if type_.base in ("varchar", "char") and type_.modifiers in ((), (_UNBOUNDED_VARCHAR,)):
        return SqlType("string")
    return type_


def parse_postgres(text: str) -> SqlType:
    """A Postgres type name as a user or ``format_type`` writes it, in canonical form."""
    type_ = _parse(text, _POSTGRES_ALIASES)
    if type_.base in ("time", "timestamp", "timestamptz") and type_.modifiers == (
        _MOST_TIME_DIGITS,
    ):
        return SqlType(type_.base)
    # SQL's char is char(1); Postgres's bpchar without a length has none.
    return SqlType("char", (1,)) if type_ == SqlType("char") else type_


def default_postgres(athena: SqlType, column: str) -> SqlType:
    """The Postgres type that holds every value of an Athena type.

    Raises:
        SourceError: the type is not in the table; the message names the column.
    """
    kind = _BY_ATHENA.get(athena.base)
    if kind is None:
        raise SourceError(
            f'column "{column}" has the Athena type {athena}, which neonsync cannot copy',
            "Leave it out with exclude, or cast it in a query of your own.",
        )
    return SqlType(kind.postgres, () if athena.base in _TIMES else athena.modifiers)


def athena_kind(postgres: SqlType) -> SqlType:
    """An Athena type whose values a Postgres type holds, where no lake says what it is."""
    return SqlType(_BY_POSTGRES[postgres.base].athena[0], postgres.modifiers)


def is_loadable(postgres: SqlType) -> bool:
    """Whether a Postgres type is in the table, and can hold values exactly."""
    return postgres.base in _BY_POSTGRES and (
        postgres.base != "numeric"
        or (
            len(postgres.modifiers) == 2
            and postgres.modifiers[1] <= postgres.modifiers[0] <= MOST_DIGITS
        )
    )


def arrow_type(postgres: SqlType, column: str) -> pa.DataType:
    """The only Arrow type that may be encoded for a column of this Postgres type.

    Raises:
        TargetError: the type is not in the table; the message names the column.
    """
    kind = _BY_POSTGRES.get(postgres.base)
    if kind is None:
        raise TargetError(
            f'column "{column}" has the Postgres type {postgres}, which neonsync cannot load',
            f"Types that it loads: {', '.join(sorted(_BY_POSTGRES))}.",
        )
    return kind.arrow(postgres)


def length_limit(postgres: SqlType) -> int | None:
    """The number of characters that a text column is declared for, or None.

    Postgres clips surplus blanks in silence, so the loader checks lengths itself.
    """
    if postgres.base in ("varchar", "char") and postgres.modifiers:
        return postgres.modifiers[0]
    return None


def fraction_limit(postgres: SqlType) -> int | None:
    """The digits of a second that a time column is declared for, or None for all six.

    Postgres rounds surplus digits in silence, so the loader checks them itself.
    """
    if postgres.base in ("timestamp", "timestamptz", "time") and postgres.modifiers:
        return postgres.modifiers[0]
    return None


def keeps_values(source: SqlType, target: SqlType) -> bool:
    """Whether the loader brings a column of one Postgres type to another: exactly, or not at all.

    For a target that has another type than the plan. Arrow casts more than this, and not all of
    it is exact: it rounds a double to a real, and takes a number for microseconds since 1970.
    """
    return target.base in _KEPT_IN.get(source.base, ()) and is_loadable(target)


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
    if target == "numeric" and source in (*_INTEGERS, *_FLOATS, *_TEXTS):
        return f"{cast}({quoted} AS decimal({','.join(map(str, postgres.modifiers))}))"
    if source in _TEXTS and target in ("smallint", "integer", "bigint", "date", "boolean"):
        return f"{cast}({quoted} AS {target})"
    if source in (*_INTEGERS, *_TEXTS, "decimal") and target == "double precision":
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
    return (target == "numeric" and source in (*_INTEGERS, *_FLOATS, *_TEXTS)) or (
        source in _TEXTS
        and target in ("smallint", "integer", "bigint", "date", "boolean", "double precision")
    )


def _moment(quoted: str, athena: SqlType) -> str:
    """A timestamp in UTC: as itself where Parquet carries it, else as text, with all digits."""
    zoned = f"{quoted} AT TIME ZONE 'UTC'"
    if not athena.modifiers:
        return f"CAST({zoned} AS timestamp)" if athena.base != "timestamp" else quoted
    digits = min(athena.modifiers[0], _MOST_TIME_DIGITS)
    moment = zoned if athena.base != "timestamp" else quoted
    return f"CAST(CAST({moment} AS timestamp({digits})) AS varchar)"


def day_expression(quoted: str, athena: SqlType) -> str:
    """Athena's SQL for the day in UTC of what arrives as a timestamp: a date, or its text."""
    if athena.base == "timestamp with time zone":
        return f"CAST({quoted} AT TIME ZONE 'UTC' AS date)"
    if athena.base in _TEXTS:
        return f"substr({quoted}, 1, 10)"
    return f"CAST({quoted} AS date)"


def _carries_itself(source: str, target: str) -> bool:
    """Whether Parquet brings the value as it is, for Arrow to cast exactly or to refuse."""
    kind = _BY_ATHENA.get(source)
    return (
        (kind is not None and kind.postgres == target)
        or (source in (*_INTEGERS, "decimal") and target in ("smallint", "integer", "bigint"))
        or (source == "real" and target == "double precision")
        or (source in _TEXTS and target in ("text", "varchar", "char", "uuid", "time", "jsonb"))
        or (source in _TEXTS and target in ("timestamp", "timestamptz"))
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
    if source in _TIMES and athena.modifiers and athena.modifiers[0] > _MOST_TIME_DIGITS:
        return f'"{column}" is {athena} in Athena and rounded to microseconds'
    if target == "numeric" and source in (*_FLOATS, *_TEXTS):
        return f'"{column}" is {athena} in Athena and rounded to {postgres}'
    if source == "timestamp" and target == "date":
        return f'"{column}" is {athena} in Athena and loses its time of day'
    if target == "double precision" and source in ("bigint", "decimal", *_TEXTS):
        return f'"{column}" is {athena} in Athena and keeps 15 digits as {postgres}'
    return None
