"""The one table of types: what Athena calls it, what Postgres calls it, what Arrow carries.

The way of a value is Athena type -> (cast in Athena's SQL, where needed) -> Parquet -> Arrow
type of the staging column -> Postgres type. The Arrow type is given by the Postgres type alone:
binary COPY loads a value of another type with the same width silently wrong, so every batch is
cast to exactly this type before it is encoded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from neonsync.errors import SourceError, TargetError

_TYPE = re.compile(
    r"^\s*([a-z][a-z0-9_ ]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?(\s+[a-z ]+)?\s*$"
)


@dataclass(frozen=True)
class SqlType:
    """A scalar type with its modifiers: ``numeric`` with ``(10, 2)``, ``text`` with none."""

    base: str
    modifiers: tuple[int, ...] = ()

    def __str__(self) -> str:
        if not self.modifiers:
            return self.base
        return f"{self.base}({','.join(map(str, self.modifiers))})"


@dataclass(frozen=True)
class _Kind:
    """One line of the type table."""

    athena: tuple[str, ...]
    postgres: str
    arrow: Callable[[SqlType], pa.DataType]


def _decimal(pg: SqlType) -> pa.DataType:
    if len(pg.modifiers) != 2:
        raise TargetError(
            "a numeric column without precision and scale cannot be loaded exactly",
            "Declare it as numeric(p,s) with p of 38 at most.",
        )
    return pa.decimal128(*pg.modifiers)


_KINDS = (
    _Kind(("boolean",), "boolean", lambda _: pa.bool_()),
    _Kind(("tinyint", "smallint"), "smallint", lambda _: pa.int16()),
    _Kind(("integer",), "integer", lambda _: pa.int32()),
    _Kind(("bigint",), "bigint", lambda _: pa.int64()),
    _Kind(("real",), "real", lambda _: pa.float32()),
    _Kind(("double",), "double precision", lambda _: pa.float64()),
    _Kind(("decimal",), "numeric", _decimal),
    _Kind(("string",), "text", lambda _: pa.string()),
    _Kind(("varchar",), "varchar", lambda _: pa.string()),
    _Kind(("char",), "char", lambda _: pa.string()),
    _Kind(("varbinary",), "bytea", lambda _: pa.binary()),
    _Kind(("date",), "date", lambda _: pa.date32()),
    _Kind(("timestamp",), "timestamp", lambda _: pa.timestamp("us")),
    _Kind(("timestamp with time zone",), "timestamptz", lambda _: pa.timestamp("us", tz="UTC")),
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
    "bpchar": "char",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}

_INTEGERS = ("tinyint", "smallint", "integer", "bigint")
_FLOATS = ("real", "double")
_TEXTS = ("string", "varchar", "char")


def _parse(text: str, aliases: dict[str, str]) -> SqlType:
    match = _TYPE.match(text.lower())
    if match is None:
        return SqlType(text.lower())
    base = match[1] + (" " + match[4].strip() if match[4] else "")
    modifiers = tuple(int(part) for part in (match[2], match[3]) if part is not None)
    base = aliases.get(base, base)
    if base.startswith("timestamp"):
        modifiers = ()  # the precision of fractions changes neither the Arrow nor the SQL type
    return SqlType(base, modifiers)


def parse_athena(text: str) -> SqlType:
    """An Athena (Hive or Trino) type name as the catalogue gives it, in canonical form."""
    return _parse(text, _ATHENA_ALIASES)


def parse_postgres(text: str) -> SqlType:
    """A Postgres type name as a user or ``format_type`` writes it, in canonical form."""
    return _parse(text, _POSTGRES_ALIASES)


def default_postgres(athena: SqlType, column: str) -> SqlType:
    """The Postgres type that holds every value of an Athena type.

    Raises:
        SourceError: the type is not in the table; the message names the column.
    """
    kind = _BY_ATHENA.get(athena.base)
    if kind is None:
        raise SourceError(
            f'column "{column}" has the Athena type {athena}, which neonsync cannot copy yet',
            "Leave the column out, or cast it in a view of the lake.",
        )
    return SqlType(kind.postgres, athena.modifiers)


def arrow_type(postgres: SqlType, column: str) -> pa.DataType:
    """The only Arrow type that may be encoded for a column of this Postgres type.

    Raises:
        TargetError: the type is not in the table; the message names the column.
    """
    kind = _BY_POSTGRES.get(postgres.base)
    if kind is None:
        raise TargetError(
            f'column "{column}" has the Postgres type {postgres}, which neonsync cannot load yet',
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


def export_expression(quoted: str, athena: SqlType, postgres: SqlType, column: str) -> str:
    """Athena's SQL for one exported column: the quoted name, or a cast of it.

    A cast stands only where Parquet or Arrow would not carry the value to the target's type. No
    cast shortens a text: Athena would cut it in silence, while Postgres refuses it.

    Raises:
        SourceError: no way leads from the one type to the other.
    """
    source, target = athena.base, postgres.base
    if source == "timestamp with time zone" and target in ("timestamp", "timestamptz"):
        return f"CAST({quoted} AT TIME ZONE 'UTC' AS timestamp)"
    same_kind = _BY_ATHENA.get(source) is not None and _BY_ATHENA[source].postgres == target
    if (
        same_kind
        or (source in _INTEGERS and target in ("smallint", "integer", "bigint"))
        or (source == "real" and target == "double precision")
        or (source in _TEXTS and target in ("text", "varchar", "char"))
        or (source == "timestamp" and target == "timestamptz")
    ):
        return quoted
    if target == "numeric" and source in (*_INTEGERS, *_FLOATS, *_TEXTS):
        return f"CAST({quoted} AS decimal({','.join(map(str, postgres.modifiers))}))"
    if source in _TEXTS and target in ("smallint", "integer", "bigint", "date", "boolean"):
        return f"CAST({quoted} AS {target})"
    if source in (*_INTEGERS, *_TEXTS) and target == "double precision":
        return f"CAST({quoted} AS double)"
    if source == "timestamp" and target == "date":
        return f"CAST({quoted} AS date)"
    raise SourceError(
        f'column "{column}" is {athena} in Athena and {postgres} in the target: '
        "there is no exact way from the one to the other",
        "Declare the target column with a matching type.",
    )


def rounding_note(column: str, athena: SqlType, postgres: SqlType) -> str | None:
    """What a cast on the way gives up, in words, or None for a way that keeps every value.

    Such a way is taken because the target's type was declared so, but never in silence.
    """
    source, target = athena.base, postgres.base
    if target == "numeric" and source in (*_FLOATS, *_TEXTS):
        return f'"{column}" is {athena} in Athena and rounded to {postgres}'
    if source == "timestamp" and target == "date":
        return f'"{column}" is {athena} in Athena and loses its time of day'
    if target == "double precision" and source in ("bigint", *_TEXTS):
        return f'"{column}" is {athena} in Athena and keeps 15 digits as {postgres}'
    return None
