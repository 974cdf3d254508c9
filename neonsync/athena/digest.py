"""The row digest in Athena's SQL: it is computed inside the UNLOAD and travels with the rows."""

from __future__ import annotations

from collections.abc import Sequence

from neonsync.athena.sql import identifier
from neonsync.columns import SqlType
from neonsync.digest import LONG, Field, Frame, Rule

_FIELDS_TOGETHER = 40
"""In one concat, which takes 127 arguments at the most."""
_CLOCK_LETTERS = len("12:34:56.789000")
_MOMENT_LETTERS = len("2026-01-31 12:34:56.789000")


def with_digest(select: str, frame: Frame) -> str:
    """An export's SELECT with the digest of each of its rows as one more column."""
    return (
        f"SELECT exported.*,\n  {row_digest(frame)} AS {identifier(frame.alias)}\n"
        f"FROM (\n{select}\n) AS exported"
    )


def row_digest(frame: Frame) -> str:
    """The digest of a row of exported columns: a bigint."""
    text = _joined([field_text(field) for field in frame.fields])
    return f"from_big_endian_64(substr(md5(to_utf8({text})), 1, 8))"


def field_text(field: Field) -> str:
    """How an exported column stands in the frame: never NULL."""
    column = identifier(field.exported)
    match field.rule:
        case Rule.TEXT | Rule.PADDED:
            return _counted(text_of(field))
        case Rule.BOOLEAN:
            return f"CASE WHEN {column} THEN 't' WHEN NOT {column} THEN 'f' ELSE '' END"
        case Rule.PRESENCE:
            return f"CASE WHEN {column} IS NULL THEN '' ELSE '+' END"
        case Rule.UUID:
            return f"coalesce(lower({column}), '')"
        case Rule.FINE_MOMENT:
            return f"coalesce(rpad({column}, {_MOMENT_LETTERS}, '0'), '')"
        case Rule.CLOCK:
            clock = f"CASE WHEN strpos({column}, '.') = 0 THEN {column} || '.' ELSE {column} END"
            return f"coalesce(rpad({clock}, {_CLOCK_LETTERS}, '0'), '')"
        case Rule.WHOLE:
            fits = field.source.base != "decimal"
            whole = column if fits else f"TRY_CAST({column} AS bigint)"
            return f"coalesce(CAST({whole} AS varchar), '')"
        case Rule.DECIMAL:
            return f"coalesce(CAST({decimal(column, field)} AS varchar), '')"
        case Rule.DAY:
            days = f"date_diff('day', DATE '1970-01-01', {column})"
            return f"coalesce(CAST({days} AS varchar), '')"
        case Rule.BINARY:
            hashed = f"'\\x#' || lower(to_hex(md5({column})))"
            return (
                f"CASE WHEN length({column}) > {LONG} THEN {hashed} "
                f"ELSE coalesce({_hex(column)}, '') END"
            )
        case Rule.MOMENT:
            moment = f"CAST({column} AS timestamp)" if field.source.base == "date" else column
            start = "TIMESTAMP '2000-01-01 00:00:00'"
            micros = f"date_diff('millisecond', {start}, {moment}) * 1000"
            return f"coalesce({_hex(f'to_big_endian_64({micros})')}, '')"
        case Rule.DOUBLE | Rule.REAL:
            wide = field.rule is Rule.DOUBLE
            number = f"CAST({column} AS double)" if wide and field.source.base == "real" else column
            sent = _hex(f"to_ieee754_{64 if wide else 32}({number})")
            return f"coalesce(CASE WHEN is_nan({number}) THEN 'NaN' ELSE {sent} END, '')"


def _counted(text: str) -> str:
    size = f"CAST(length(to_utf8({text})) AS varchar)"
    hashed = f"'#' || lower(to_hex(md5(to_utf8({text}))))"
    return (
        f"CASE WHEN length(to_utf8({text})) > {LONG} THEN {size} || ':' || {hashed} "
        f"ELSE coalesce({size} || ':' || {text}, ':') END"
    )


def _hex(binary: str) -> str:
    return f"'\\x' || lower(to_hex({binary}))"


def text_of(field: Field) -> str:
    """A column that becomes a text, as text; a char without the blanks at its end."""
    column = identifier(field.exported)
    if field.rule is Rule.PADDED:  # rtrim would take tabs as well
        return f"trim(TRAILING ' ' FROM CAST({column} AS varchar))"
    return column if field.source.base in ("string", "varchar") else f"CAST({column} AS varchar)"


def decimal(column: str, field: Field) -> str:
    """A number as the decimal that its column shall hold.

    What does not fit is refused by the loader, or made NULL: it must not fail the query."""
    if field.source.base != "decimal" or field.source == SqlType("decimal", field.type.modifiers):
        return column
    wanted = ",".join(map(str, field.type.modifiers))
    return f"TRY_CAST({column} AS decimal({wanted}))"


def _joined(texts: Sequence[str]) -> str:
    """All texts with the separator between them, in few enough arguments."""
    if len(texts) > _FIELDS_TOGETHER:
        groups = range(0, len(texts), _FIELDS_TOGETHER)
        texts = [_joined(texts[first : first + _FIELDS_TOGETHER]) for first in groups]
    if len(texts) == 1:
        return texts[0]
    return "concat(\n    " + ", '|',\n    ".join(texts) + ")"
