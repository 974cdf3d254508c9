"""Room: what a run will need of the branch at its height, as far as types and statistics tell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from neonsync.columns import SqlType
from neonsync.postgres.catalog import wanted_indexes
from neonsync.postgres.connect import Connection
from neonsync.tables import TableSpec

_ROW_BYTES = 28
"""A row's header and its pointer (Postgres, Database Page Layout)."""
_ENTRY_BYTES = 16
_INDEX_SLACK = 1.3
"""B-tree pages are left a tenth empty, and have levels above them."""
_WIDTHS = {
    **dict.fromkeys(("boolean",), 1),
    **dict.fromkeys(("smallint",), 2),
    **dict.fromkeys(("integer", "real", "date"), 4),
    **dict.fromkeys(("bigint", "double precision", "timestamp", "timestamptz", "time"), 8),
    **dict.fromkeys(("numeric",), 10),
    **dict.fromkeys(("uuid",), 16),
    **dict.fromkeys(("jsonb", "bytea"), 64),
}
_TEXT_WIDTH = 24


@dataclass(frozen=True)
class Measure:
    """Bytes of a row in a table and in its indexes together, and the rows that it holds."""

    row: float
    indexes: float
    rows: int = 0


@dataclass(frozen=True)
class Room:
    """Bytes that a run needs at its height, that the branch holds, and that it may hold.

    Each is None when it is not known; ``limit`` also when there is none.
    """

    needed: int | None
    used: int | None = None
    limit: int | None = None

    @property
    def lacking(self) -> int:
        """The bytes that are missing, 0 when it fits or nobody knows."""
        if self.needed is None or self.limit is None:
            return 0
        return max(self.needed + (self.used or 0) - self.limit, 0)


def guess(spec: TableSpec) -> Measure:
    """The sizes by the types of the columns alone."""
    widths = {column.name: _width(column.type) for column in spec.columns}
    made = (spec.generated_id, spec.created_column, spec.updated_column)
    widths.update({name: 8 for name in made if name})
    indexes = sum(
        (_ENTRY_BYTES + sum(widths.get(name, _TEXT_WIDTH) for name in shape.columns or ()))
        for shape in wanted_indexes(spec)
    )
    return Measure(_ROW_BYTES + sum(widths.values()), indexes * _INDEX_SLACK)


async def measure(connection: Connection, spec: TableSpec, oid: int | None) -> Measure:
    """The sizes as the target shows them; by the types where it has no rows, or no statistics."""
    if oid is None:
        return guess(spec)
    cursor = await connection.execute(
        "SELECT pg_table_size(oid), pg_indexes_size(oid), reltuples::bigint"
        " FROM pg_class WHERE oid = %s::oid",
        (oid,),
    )
    row = await cursor.fetchone()
    table, indexes, rows = row if row is not None else (0, 0, 0)
    return Measure(table / rows, indexes / rows, rows) if rows > 0 else guess(spec)


def needed(method: str, rows: int, size: Measure, *, rewritten: bool) -> int:
    """Bytes that a table needs at its height: its staging, and what is written from there."""
    whole = size.row + size.indexes
    match method:
        case "merge":
            return round(rows * size.row + max(rows - size.rows, 0) * whole)
        case "replace" if rewritten:
            return round(rows * (size.row + whole))
        case "swap" | "replace":
            return round(rows * whole)
    return 0


def in_all(tables: Iterable[int | None]) -> int | None:
    """The sum; None when a part of it is not known."""
    parts = list(tables)
    return None if None in parts else sum(part for part in parts if part is not None)


def _width(type_: SqlType) -> int:
    if type_.base in _WIDTHS:
        return _WIDTHS[type_.base]
    length = type_.modifiers[0] if type_.modifiers else _TEXT_WIDTH
    return min(length, _TEXT_WIDTH)
