"""Result files: written as Athena's CSV, and read back in pages for GetQueryResults."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from neonsync.sandbox.aws.errors import not_supported
from neonsync.sandbox.aws.files import write_object
from neonsync.sandbox.aws.sql.labels import ZONED, Label
from neonsync.sandbox.aws.sql.text import java_number
from neonsync.sandbox.aws.types import ResultColumn, result_column

Cell = str | None
_FETCH_ROWS = 10_000
_FIELD = re.compile(r'"((?:[^"]|"")*)"|')
# DuckDB's text of these types is Athena's.
_SAME_TEXT = {"tinyint", "smallint", "integer", "bigint", "varchar", "date", "decimal", "boolean"}


@dataclass(frozen=True)
class Page:
    """Rows of a result and the offset at which the next page starts, None at the end."""

    rows: list[list[Cell]]
    next_offset: int | None


def result_columns(
    relation: duckdb.DuckDBPyRelation, labels: Sequence[Label | None]
) -> tuple[ResultColumn, ...]:
    """Athena's description of a relation's columns."""
    described = []
    for name, kind, label in zip(relation.columns, relation.types, labels, strict=True):
        length = (label.kind, label.size) if label is not None and label is not ZONED else None
        column = result_column(name.lower(), kind, length)
        described.append(replace(column, any_zone=label is ZONED))
    return tuple(described)


def rows_as_text(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    columns: Sequence[ResultColumn],
    check: Callable[[], None],
) -> Iterator[list[Cell]]:
    """The query's rows in Athena's text; ``check`` raises to stop between batches."""
    # The names of a result need not be unique, so the columns are taken by their position.
    names = [f"c{index}" for index in range(len(columns))]
    items = [_selected(name, column) for name, column in zip(names, columns, strict=True)]
    cursor = connection.execute(
        f"SELECT {', '.join(items)} FROM ({sql}) AS result({', '.join(names)})"  # noqa: S608
    )
    writers = [_writer(column) for column in columns]
    while batch := cursor.fetchmany(_FETCH_ROWS):
        check()
        for row in batch:
            yield [
                value if writer is None else writer(value)
                for writer, value in zip(writers, row, strict=True)
            ]


def write_csv(path: Path, columns: Sequence[ResultColumn], rows: Iterable[list[Cell]]) -> int:
    """Write a result with its header; returns the number of rows. NULL has no quotes."""
    count = 0
    with write_object(path) as file:
        file.write(_line([column.name for column in columns]))
        for row in rows:
            file.write(_line(row))
            count += 1
    return count


def write_text(path: Path, lines: Iterable[str]) -> int:
    """Write lines as they are, for utilities and manifests; returns their number."""
    count = 0
    with write_object(path) as file:
        for line in lines:
            file.write(f"{line}\n".encode())
            count += 1
    return count


def write_metadata(path: Path, columns: Sequence[ResultColumn]) -> None:
    """Write the columns' names and types beside a result.

    Athena's own file is binary and undocumented; no client reads it.
    """
    with write_object(path) as file:
        file.write(json.dumps([asdict(column) for column in columns]).encode())


def read_csv_page(path: Path, offset: int, most: int) -> Page:
    """Read up to ``most`` rows from a byte offset."""
    rows: list[list[Cell]] = []
    with path.open("rb") as file:
        file.seek(offset)
        while len(rows) < most:
            line = file.readline()
            if not line:
                return Page(rows, None)
            # Inside quotes a row goes on after the end of a line.
            while line.count(b'"') % 2:
                line += file.readline()
            rows.append(_cells(line[:-1].decode()))
        end = file.tell()
        return Page(rows, end if file.read(1) else None)


def read_text_page(path: Path, offset: int, most: int) -> Page:
    """Read up to ``most`` lines from a byte offset, each as a row of one cell."""
    with path.open("rb") as file:
        file.seek(offset)
        rows: list[list[Cell]] = []
        while len(rows) < most and (line := file.readline()):
            rows.append([line[:-1].decode()])
        end = file.tell()
        return Page(rows, end if file.read(1) else None)


def _line(cells: Sequence[Cell]) -> bytes:
    fields = ("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in cells)
    return (",".join(fields) + "\n").encode()


def _cells(line: str) -> list[Cell]:
    cells: list[Cell] = []
    position = 0
    while True:
        match = _FIELD.match(line, position)
        if match is None:
            return cells
        cells.append(None if match[1] is None else match[1].replace('""', '"'))
        position = match.end() + 1
        if position > len(line):
            return cells


def _selected(name: str, column: ResultColumn) -> str:
    """How a column is fetched: as text where DuckDB's is Athena's, or Python's would be worse."""
    if column.type == "timestamp with time zone":
        return f"strftime(timezone('UTC', {name}), '%Y-%m-%d %H:%M:%S.%g') || ' UTC'"
    if column.type == "char":
        return f"rpad({name}, {column.precision}, ' ')"
    if column.type == "time":
        return f"athena_time_text(CAST({name} AS VARCHAR))"
    # Python would show a float with the digits of a double.
    is_text = column.type in _SAME_TEXT or column.type == "float"
    return f"CAST({name} AS VARCHAR)" if is_text else name


def _writer(column: ResultColumn) -> Callable[[Any], Cell] | None:
    """What makes text of a column's values; None where they are text already."""
    if column.any_zone:
        return _unzoned
    if column.type == "float":
        return lambda text: None if text is None else java_number(text)
    if column.type == "timestamp" and column.precision > 3:
        return lambda value: None if value is None else _moment(value, "microseconds")
    return None if column.type in _SAME_TEXT else _text


def _unzoned(value: Any) -> None:
    """NULL, which has no zone; the text of a moment would need its zone."""
    if value is not None:
        raise not_supported("a result column with moments of other zones than UTC")


def _text(value: Any) -> Cell:
    """A value in the text of Athena's results."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return java_number(repr(value))
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex(" ")
    if isinstance(value, datetime):
        return _moment(value, "milliseconds")
    if isinstance(value, dict):
        inner = ", ".join(f"{_inner(key)}={_inner(item)}" for key, item in value.items())
        return "{" + inner + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inner(item) for item in value) + "]"
    return str(value)


def _moment(value: datetime, digits: str) -> str:
    return value.isoformat(" ", timespec=digits)


def _inner(value: Any) -> str:
    text = _text(value)
    return "null" if text is None else text
