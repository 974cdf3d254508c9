"""How many bytes a query scans: the plan says which tables, columns and partitions.

The plan is made on tables without rows. Partitions are left out by conditions in the form that
prunes for real: a partition column compared with constants. One inside a cast or a function
leaves none out, as in Athena.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from neonsync.sandbox.aws.partition_filter import indices_where
from neonsync.sandbox.aws.tables import DataFile, ScannedTable

_MOST_FOOTERS = 64
# Rows that are not there would make the plan say that nothing needs to be read.
_ON_EMPTY = "statistics_propagation,empty_result_pullup"
_SIMPLE = (
    *(exp.And, exp.Or, exp.Not, exp.Paren, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE),
    *(exp.In, exp.Is, exp.Null, exp.Column, exp.Identifier, exp.Literal, exp.DataType, exp.Boolean),
    *(exp.Neg, exp.Between, exp.DataTypeParam),
)


@dataclass(frozen=True)
class Scan:
    """One reading of a table: the files that are left and the columns that are read."""

    table: ScannedTable
    files: tuple[DataFile, ...]
    columns: frozenset[str]

    @cached_property
    def _facts(self) -> tuple[int, int]:
        """Bytes and rows; estimated from a sample where there are many files."""
        if not self.files:
            return 0, 0
        step = max(1, len(self.files) // _MOST_FOOTERS)
        footers = [_footer(file.path) for file in self.files[::step]]
        sizes = sum(_column_bytes(footer, self.columns) for footer in footers)
        rows = sum(footer.num_rows for footer in footers)
        share = len(self.files) / len(footers)
        return int(sizes * share), int(rows * share)

    @property
    def bytes(self) -> int:
        """The columns' compressed bytes."""
        return self._facts[0]

    @property
    def rows(self) -> int:
        """The rows of the files."""
        return self._facts[1]


@dataclass
class _Node:
    """A scan in the plan, with the conditions that stand in it and right above it."""

    table: str
    columns: list[str]
    conditions: list[str] = field(default_factory=list)


def scans_of(
    connection: duckdb.DuckDBPyConnection, sql: str, tables: Sequence[ScannedTable]
) -> list[Scan]:
    """The scans of a query whose tables exist in the connection, without rows."""
    known = {_bare(table.name): table for table in tables}
    if not known:
        return []
    connection.execute(f"SET disabled_optimizers = '{_ON_EMPTY}'")
    rows = connection.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()
    connection.execute("SET disabled_optimizers = ''")
    plan = json.loads(rows[0][1])
    return [
        _scan(connection, node, known[node.table])
        for node in _scan_nodes(plan, [])
        if node.table in known
    ]


def _scan_nodes(nodes: list[dict[str, Any]], above: list[str]) -> Iterator[_Node]:
    for node in nodes:
        facts = node["extra_info"]
        children = node.get("children", [])
        if "Table" in facts:
            filters = _texts(facts.get("Filters"))
            needed = [text for text in filters if not text.startswith("optional: ")]
            columns = _texts(facts.get("Projections")) + _names_in(filters)
            yield _Node(_bare(facts["Table"]), columns, needed + above)
        conditions = _texts(facts.get("Expression")) if node["name"].strip() == "FILTER" else []
        yield from _scan_nodes(children, conditions)


def _scan(connection: duckdb.DuckDBPyConnection, node: _Node, scanned: ScannedTable) -> Scan:
    stored = {column.name for column in scanned.table.columns}
    keys = {key.name for key in scanned.table.partition_keys}
    read = {name.partition(".")[0].strip('"').lower() for name in node.columns}
    conditions = [
        simple for text in node.conditions for simple in _conjuncts(text) if _prunes(simple, keys)
    ]
    files = scanned.files
    if conditions and files:
        where = " AND ".join(f"({each.sql(dialect='duckdb')})" for each in conditions)
        # The same values come with many files.
        values = list(dict.fromkeys(file.values for file in files))
        found = indices_where(connection, scanned.table.partition_keys, values, where)  # type: ignore[arg-type]
        kept = {values[index] for index in found}
        files = tuple(file for file in files if file.values in kept)
    return Scan(scanned, files, frozenset(read & stored))


def _conjuncts(text: str) -> list[exp.Expr]:
    try:
        tree: exp.Expr = sqlglot.parse_one(text, read="duckdb")
    except SqlglotError:
        return []
    tree = tree.unnest()
    return [each.unnest() for each in tree.flatten()] if isinstance(tree, exp.And) else [tree]


def _prunes(condition: exp.Expr, keys: set[str]) -> bool:
    columns = {column.name.lower() for column in condition.find_all(exp.Column)}
    return bool(columns) and columns <= keys and all(map(_is_simple, condition.walk()))


def _is_simple(node: exp.Expr) -> bool:
    if isinstance(node, exp.Cast):
        return isinstance(node.this, exp.Literal)
    return isinstance(node, _SIMPLE)


def _texts(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _names_in(texts: list[str]) -> list[str]:
    return [name for text in texts for name in re.findall(r"\w+", text)]


def _footer(path: Path) -> pq.FileMetaData:
    facts = path.stat()
    return _read_footer(path, facts.st_ino, facts.st_mtime_ns, facts.st_size)


@lru_cache(1024)
def _read_footer(path: Path, *_: int) -> pq.FileMetaData:
    """Queries read the same files again and again; a file that is replaced has other facts."""
    return pq.read_metadata(path)


def _bare(name: str) -> str:
    return name.replace('"', "")


def _column_bytes(metadata: pq.FileMetaData, columns: frozenset[str]) -> int:
    chunks = (
        metadata.row_group(group).column(index)
        for group in range(metadata.num_row_groups)
        for index in range(metadata.num_columns)
    )
    return sum(
        chunk.total_compressed_size
        for chunk in chunks
        if chunk.path_in_schema.partition(".")[0].lower() in columns
    )
