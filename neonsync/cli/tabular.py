"""Tables of texts; on a terminal that is too narrow, what is left over stands below each row."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from neonsync.report.wording import printable
from neonsync.secret import Secret, redact

_GAP = "  "
_INDENT = "    "
_USUAL_WIDTH = 80


@dataclass(frozen=True)
class Row:
    """Cells that every table shows, those that only a wide one has room for, and these in words."""

    cells: tuple[str, ...]
    more: tuple[str, ...] = ()
    words: str = ""


def as_table(
    header: Row,
    rows: Sequence[Row],
    width: int = 0,
    *,
    names: int = 0,
    secrets: Sequence[Secret] = (),
) -> list[str]:
    """Rows in columns that stand below each other, without secrets.

    ``width`` is that of the terminal, 0 for lines of any length. ``names`` is the column with
    names, which may be long.
    """
    # Before anything is broken: of a secret in two parts, neither is found.
    header, *rows = [_safe(row, secrets) for row in (header, *rows)]
    whole = [[*row.cells, *row.more] for row in (header, *rows)]
    widths = _widths(whole)
    if not width or sum(widths) + len(_GAP) * (len(widths) - 1) <= width:
        return [_line(cells, widths) for cells in whole]
    return list(_folded([header, *rows], width, names))


def terminal_width(stream: TextIO | None = None) -> int:
    """Columns of the terminal that a stream leads to, or stdout; 0 where it leads elsewhere.

    COLUMNS goes first, as in shutil, which asks stdout alone, be it a pipe or not.
    """
    stream = stream or sys.stdout
    if not stream.isatty():
        return 0
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH


def wrapped(lines: Iterable[str], width: int) -> Iterator[str]:
    """Lines that break between words, below where they begin; 0 for lines of any length."""
    for line in lines:
        if not width or len(line) <= width:
            yield line
            continue
        indent = line[: len(line) - len(line.lstrip())]
        yield from textwrap.wrap(
            line.lstrip(),
            max(width, 20),
            initial_indent=indent,
            subsequent_indent=f"{indent}  ",
            break_long_words=False,
            break_on_hyphens=False,
        )


def _folded(rows: Sequence[Row], width: int, names: int) -> Iterator[str]:
    short = [list(row.cells) for row in rows]
    widths = _widths(short)
    room = width - sum(widths) + widths[names] - len(_GAP) * (len(widths) - 1)
    widths[names] = min(widths[names], max(room, len(short[0][names])))
    for row, cells in zip(rows, short, strict=True):
        if len(cells[names]) > widths[names]:
            yield cells[names]  # whole, so that it can be copied
            cells[names] = ""
        yield _line(cells, widths)
        yield from textwrap.wrap(
            row.words,
            max(width, 20),
            initial_indent=_INDENT,
            subsequent_indent=_INDENT,
            break_long_words=False,  # a terminal's own break is none to who copies
            break_on_hyphens=False,
        )


def _safe(row: Row, secrets: Sequence[Secret]) -> Row:
    def safe(text: str) -> str:
        return printable(redact(text, *secrets))

    return Row(tuple(map(safe, row.cells)), tuple(map(safe, row.more)), safe(row.words))


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(c.ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip()
