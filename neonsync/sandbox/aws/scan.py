"""How many bytes a query scans: DuckDB's plan says which files and columns, footers how large."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow.parquet as pq

from neonsync.sandbox.aws.partition_filter import indices_where
from neonsync.sandbox.aws.session import DataFile, ScannedTable, Session

_MOST_FOOTERS = 64


def scanned_bytes(session: Session, sql: str) -> int:
    """The compressed bytes of the referenced columns in the files that are not pruned."""
    rows = session.connection.execute(f"EXPLAIN (FORMAT json) {sql}").fetchall()
    scans = list(_scans(json.loads(rows[0][1])))
    return sum(_bytes_of(session, scan) for scan in scans)


def _scans(nodes: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for node in nodes:
        if "PARQUET" in node["name"]:
            yield node["extra_info"]
        yield from _scans(node.get("children", []))


def _bytes_of(session: Session, scan: dict[str, Any]) -> int:
    projected = scan.get("Projections") or []
    columns = set(projected if isinstance(projected, list) else [projected])
    words = set(re.findall(r"\w+", str(scan.get("Filters", ""))))
    total = int(str(scan.get("Scanning Files", "0/0")).partition("/")[2])
    for scanned in session.scanned:
        known = {column.name for column in scanned.table.columns}
        keys = {key.name for key in scanned.table.partition_keys}
        if columns <= known | keys and total in (0, len(scanned.files)):
            files = _unpruned(session.connection, scanned, scan.get("File Filters"))
            return _stored_bytes(files, (columns | words) & known)
    return 0


def _unpruned(
    connection: duckdb.DuckDBPyConnection, scanned: ScannedTable, condition: str | list[str] | None
) -> list[DataFile]:
    """The files whose partition values meet the condition that DuckDB pushed down."""
    if not condition:
        return list(scanned.files)
    text = " AND ".join(condition) if isinstance(condition, list) else condition
    values = [file.values for file in scanned.files]
    found = indices_where(connection, scanned.table.partition_keys, values, text)
    return [scanned.files[index] for index in found]


def _stored_bytes(files: list[DataFile], columns: set[str]) -> int:
    """The columns' compressed bytes; estimated from a sample where there are many files."""
    if not files or not columns:
        return 0
    step = max(1, len(files) // _MOST_FOOTERS)
    sample = files[::step]
    share = sum(_column_bytes(file, columns) for file in sample)
    return share * len(files) // len(sample)


def _column_bytes(file: DataFile, columns: set[str]) -> int:
    metadata = pq.read_metadata(file.path)
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
