"""The one table of types: what Athena calls it, what Postgres calls it, what Arrow carries.

The way of a value is Athena type -> (cast in Athena's SQL, where needed) -> Parquet -> Arrow
type of the staging column -> Postgres type. The Arrow type is given by the Postgres type alone:
binary COPY loads a value of another type with the same width silently wrong, so every batch is
cast to exactly this type before it is encoded.

Types that Parquet does not carry (json, uuid, time) and nested ones (array, map, row) leave Athena
as text, and become themselves again in Postgres. Decimals travel as whole numbers: see
``athena.unscaled``.
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
BY_ATHENA = {name: kind for kind in _KINDS for name in kind.athena}
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

TIMES = ("time", "timestamp", "timestamp with time zone")
UNLOADED_DIGITS = 3
"""The fraction digits of a timestamp that UNLOAD writes to Parquet; it refuses more."""
MOST_TIME_DIGITS = 6  # microseconds, as Postgres has them
INTEGERS = ("tinyint", "smallint", "integer", "bigint")
MOST_DIGITS = 38
"""The digits of Athena's widest decimal, and of Arrow's decimal128."""
FLOATS = ("real", "double")
TEXTS = ("string", "varchar", "char")
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
    if type_.base in TIMES:
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
        MOST_TIME_DIGITS,
    ):
        return SqlType(type_.base)
    # SQL's char is char(1); Postgres's bpchar without a length has none.
    return SqlType("char", (1,)) if type_ == SqlType("char") else type_


def default_postgres(athena: SqlType, column: str) -> SqlType:
    """The Postgres type that holds every value of an Athena type.

    Raises:
        SourceError: the type is not in the table; the message names the column.
    """
    kind = BY_ATHENA.get(athena.base)
    if kind is None:
        raise SourceError(
            f'column "{column}" has the Athena type {athena}, which neonsync cannot copy',
            "Leave it out with exclude, or cast it in a query of your own.",
        )
    return SqlType(kind.postgres, () if athena.base in TIMES else athena.modifiers)


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
