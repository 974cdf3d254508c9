"""The tables of a plan: a name that a run takes for each alone, and its row in a list. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from neonsync.tui.formatting import DASH, cut, short, size
from neonsync.tui.ports import LakeTable

_WIDE = 40
_NAME_LEAST = 8


def keyed(offered: Sequence[LakeTable]) -> dict[str, LakeTable]:
    """The tables by a name that a run takes for each of them alone.

    That is the source's, unless a source goes into two targets or is called as a target is.
    """
    found: dict[str, LakeTable] = {}
    for table in offered:
        names = [name for name in _names(table) if name]
        alone = [name for name in names if sum(is_named(each, name) for each in offered) == 1]
        found[(alone or names)[0]] = table
    return found


def is_named(table: LakeTable, name: str) -> bool:
    """Whether a run takes the table for a name: as source or target, with or without a schema."""
    return name in _names(table)


def chosen_keys(names: Sequence[str], offered: Sequence[LakeTable]) -> tuple[str, ...]:
    """The keys of the tables that a run takes for these names; no names are all tables."""
    return tuple(
        key
        for key, table in keyed(offered).items()
        if not names or any(is_named(table, name) for name in names)
    )


@dataclass(frozen=True)
class Columns:
    """How a row is laid out: so many cells in all, for a name of at most ``name`` of them.

    ``year`` is the one of today: where there is little room, its dates stand without it.
    """

    width: int
    name: int
    year: int

    @property
    def wide(self) -> bool:
        """Whether there is room for whole dates, and for words beside figures."""
        return self.width >= _WIDE


def table_label(key: str, table: LakeTable, columns: Columns, *, looked: bool) -> str:
    """A row: name, rows or bytes, the newest date; or the name and a problem."""
    if table.problem:
        name = cut(key, max(min(columns.name, columns.width // 2), 8))
        return cut(f"{name} ! {table.problem}", columns.width)
    amount, newest = (_amount(table, columns), _newest(table, columns)) if looked else ("…", "")
    figure, day = (10, 10) if columns.wide else (6, 7)
    if columns.width - figure - day - 2 < min(columns.name, _NAME_LEAST):
        newest, day = "", -1  # names that cannot be told apart are of no use beside a date
    room = min(max(columns.width - figure - day - 2, 4), max(columns.name, _NAME_LEAST))
    return f"{cut(key, room):<{room}} {amount:>{figure}} {newest:<{max(day, 0)}}".rstrip()


def table_note(table: LakeTable, width: int) -> str:
    """What has no room in the row: the target, and the newest date's year where that has room."""
    if table.problem:
        return f"! {table.problem}"
    target = f"→ {table.target}"
    note = f"{table.newest} {target}".lstrip()
    return note if len(note) <= width else target


def _amount(table: LakeTable, columns: Columns) -> str:
    if table.rows is not None:
        return f"{short(table.rows)} rows" if columns.wide else short(table.rows)
    if table.bytes is None:
        return DASH
    return size(table.bytes) if columns.wide else f"{short(table.bytes)}B"


def _newest(table: LakeTable, columns: Columns) -> str:
    newest = table.newest or DASH
    if columns.wide:
        return cut(newest, 10)
    # As 11-22; of another year as 2025-11.
    like = re.fullmatch(r"(\d{4})-(\d{2})-\d{2}", newest)
    if like is None:
        return cut(newest, 7)
    return newest[5:] if like[1] == str(columns.year) else newest[:7]


def _names(table: LakeTable) -> tuple[str, ...]:
    return (
        table.source,
        table.target,
        table.target.rpartition(".")[2],
        table.source.rpartition(".")[2],
    )
