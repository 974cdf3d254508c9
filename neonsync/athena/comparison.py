"""Athena's side of a comparison with a live table: digests by date, and of single rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from neonsync.athena.aggregates import DAY
from neonsync.athena.digest import field_text, row_digest
from neonsync.athena.sql import identifier, literal, where
from neonsync.digest import Field, Frame

KEY_SEPARATOR = "|"


def digests_by_day(select: str, frame: Frame | None) -> str:
    """Rows and the sum of their digests, by the column ``DAY`` of a SELECT; 0 without a frame."""
    day = identifier(DAY)
    digest = f"sum(CAST({row_digest(frame)} AS decimal(38,0)))" if frame is not None else "0"
    return (
        f"SELECT\n  {day} AS day,\n  CAST(count(*) AS varchar) AS n,\n"
        f"  CAST({digest} AS varchar) AS digest\nFROM (\n{select}\n) AS exported\nGROUP BY {day}"
    )


def digests_of_rows(
    select: str, frame: Frame, key: Sequence[Field], days: Collection[str | None]
) -> str:
    """Of each row of these days its key's fields in the frame, then its digest."""
    wanted = [field_text(field) for field in key]
    wanted.append(f"CAST({row_digest(frame)} AS varchar)")
    return _rows(select, wanted, [_among(days)])


def fields_of_rows(
    select: str,
    frame: Frame,
    key: Sequence[Field],
    days: Collection[str | None],
    keys: Collection[Sequence[str]],
) -> str:
    """Of the rows of these keys the key's fields, then all fields of the frame."""
    key_texts = [field_text(field) for field in key]
    wanted = [*key_texts, *(field_text(field) for field in frame.fields)]
    whole = f" || '{KEY_SEPARATOR}' || ".join(f"({text})" for text in key_texts)
    listed = ", ".join(literal(KEY_SEPARATOR.join(each)) for each in keys)
    return _rows(select, wanted, [_among(days), f"{whole} IN ({listed})"])


def without_nul(select: str, columns: Sequence[str], stripped: Collection[str]) -> str:
    """A SELECT of some columns, of which texts are ``stripped`` of U+0000, and of their day."""
    items = []
    for name in (*columns, DAY):
        column = identifier(name)
        text = f"replace(CAST({column} AS varchar), chr(0), '') AS {column}"
        items.append(text if name in stripped else column)
    listed = ",\n  ".join(items)
    return f"SELECT\n  {listed}\nFROM (\n{select}\n) AS unstripped"


def _rows(select: str, wanted: Sequence[str], conditions: Sequence[str]) -> str:
    named = ",\n  ".join(f"{text} AS c{number}" for number, text in enumerate(wanted))
    return f"SELECT\n  {named}\nFROM (\n{select}\n) AS exported{where(conditions)}"


def _among(days: Collection[str | None]) -> str:
    column = identifier(DAY)
    known = [literal(day) for day in days if day is not None]
    choices = [f"{column} IN ({', '.join(known)})"] if known else []
    choices += [f"{column} IS NULL"] if None in days else []
    return f"({' OR '.join(choices)})"
