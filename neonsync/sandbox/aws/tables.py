"""A table's files, and the DuckDB view that reads them as the catalogue describes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import duckdb

from neonsync.sandbox.aws import projection
from neonsync.sandbox.aws.catalogue import Partition, Table
from neonsync.sandbox.aws.files import data_files
from neonsync.sandbox.aws.types import duckdb_type, stored_value

# The columns that a SELECT may name and that no * contains, with their DuckDB types.
HIDDEN = {
    "$path": "VARCHAR",
    "$file_size": "BIGINT",
    "$file_modified_time": "TIMESTAMP WITH TIME ZONE",
}
# What stands for NULL in the values of a partition.
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class DataFile:
    """A file of a table: where it is, its address, and the values of its partition."""

    path: Path
    address: str
    values: tuple[str | None, ...] = ()
    by_folders: bool = False
    """Whether its folders' names say the values (``day=2026-01-31/``)."""


@dataclass(frozen=True)
class ScannedTable:
    """A table that a query reads, its name in the session's DuckDB, and all its files."""

    name: str
    table: Table
    files: tuple[DataFile, ...]


def files_of(table: Table, s3_root: Path) -> tuple[DataFile, ...]:
    """All files of a table; raises QueryFailed for what lies outside the buckets."""
    if not table.partition_keys:
        return tuple(
            DataFile(path, _address(table.location, key))
            for key, path in data_files(s3_root, table.location)
        )
    resolve = cache(Path.resolve)  # the partitions of a table share their folders
    return tuple(
        DataFile(path, _address(partition.location, key), _values(partition), by_folders)
        for partition in projection.partitions(table, s3_root)
        for by_folders in [_is_hive_style(table, partition)]
        for key, path in data_files(s3_root, partition.location, resolve)
    )


def columns_sql(table: Table, hidden: bool) -> str:
    """The column list of a CREATE TABLE like this one."""
    every = [(c.name, duckdb_type(c.type)) for c in (*table.columns, *table.partition_keys)]
    every += HIDDEN.items() if hidden else ()
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in every)


def file_columns(connection: duckdb.DuckDBPyConnection, files: list[DataFile]) -> set[str]:
    """The columns that any of the files has, in lower case."""
    source = _read_parquet(files, "hive_partitioning = false")
    return {name.lower() for name in connection.sql(f"SELECT * FROM {source}").columns}  # noqa: S608


def view_sql(
    table: Table, files: Iterable[DataFile], hidden: bool, present: set[str] | None = None
) -> str:
    """The SELECT of a table's view: its columns in the catalogue's order, names and types.

    ``present``: the columns that the files have, where not all of the table's; the rest is NULL.
    """
    read = list(files)
    every = [(c.name, duckdb_type(c.type)) for c in (*table.columns, *table.partition_keys)]
    every += HIDDEN.items() if hidden else ()
    if not read:
        nulls = (f"CAST(NULL AS {kind}) AS {quoted(name)}" for name, kind in every)
        return f"SELECT {', '.join(nulls)} WHERE false"
    if hidden or not all(file.by_folders for file in read):
        return _mapped_sql(table, read, hidden, present)
    types = {key.name: duckdb_type(key.type) for key in table.partition_keys}
    hive = ", ".join(f"{literal(name)}: {kind}" for name, kind in types.items())
    items = [*_stored(table, present), *map(quoted, types)]
    options = f"hive_partitioning = true, hive_types = {{{hive}}}"
    return f"SELECT {', '.join(items)} FROM {_read_parquet(read, options)}"  # noqa: S608


def quoted(name: str) -> str:
    """A quoted identifier of DuckDB's."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | None) -> str:
    """A string literal, or NULL."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def _mapped_sql(table: Table, files: list[DataFile], hidden: bool, present: set[str] | None) -> str:
    """The SELECT where each file's values must be looked up by its path."""
    kinds = [(f"k{n}", k.name, duckdb_type(k.type)) for n, k in enumerate(table.partition_keys)]
    items = [*_stored(table, present)]
    items += [f"CAST(m.{place} AS {kind}) AS {quoted(name)}" for place, name, kind in kinds]
    source = _read_parquet(files, "hive_partitioning = false, filename = 'neonsync file'")
    if not kinds and not hidden:
        return f"SELECT {', '.join(items)} FROM {source}"  # noqa: S608
    if hidden:
        items += [f"CAST(m.h{n} AS {k}) AS {quoted(h)}" for n, (h, k) in enumerate(HIDDEN.items())]
    rows = []
    for file in files:
        cells = [str(file.path), *file.values, *(_hidden(file) if hidden else ())]
        rows.append(f"({', '.join(map(literal, cells))})")
    places = ["file", *(place for place, _, _ in kinds)]
    places += [f"h{n}" for n in range(len(HIDDEN))] if hidden else []
    return (
        f"SELECT {', '.join(items)} FROM {source} AS f "  # noqa: S608
        f'JOIN (VALUES {", ".join(rows)}) AS m({", ".join(places)}) ON f."neonsync file" = m.file'
    )


def _hidden(file: DataFile) -> tuple[str, str, str]:
    facts = file.path.stat()
    moment = datetime.fromtimestamp(int(facts.st_mtime), UTC)
    return file.address, str(facts.st_size), moment.isoformat(" ")


def _address(location: str, key: str) -> str:
    return f"{location.rstrip('/')}/{key}"


def _values(partition: Partition) -> tuple[str | None, ...]:
    return tuple(None if value == NO_VALUE else value for value in partition.values)


def _is_hive_style(table: Table, partition: Partition) -> bool:
    parts = partition.location.rstrip("/").split("/")[-len(table.partition_keys) :]
    names = [key.name for key in table.partition_keys]
    return parts == [f"{n}={v}" for n, v in zip(names, partition.values, strict=True)]


def _stored(table: Table, present: set[str] | None) -> list[str]:
    return [
        f"{stored_value(_source(c.name, present), c.type)} AS {quoted(c.name)}"
        for c in table.columns
    ]


def _source(name: str, present: set[str] | None) -> str:
    return quoted(name) if present is None or name in present else "NULL"


def _read_parquet(files: list[DataFile], options: str) -> str:
    paths = ", ".join(literal(str(file.path)) for file in files)
    return f"read_parquet([{paths}], union_by_name = true, {options})"
