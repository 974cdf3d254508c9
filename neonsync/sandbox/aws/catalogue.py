"""The Glue catalogue: databases, tables and partitions, kept in one JSON file."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from neonsync.sandbox.aws.errors import ApiError

PARQUET_INPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
PARQUET_OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


Json = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column in Hive's spelling of types, e.g. ``decimal(10,2)``; name and type in lower case.

    ``sent`` is the column as a Glue client described it, where one did.
    """

    name: str
    type: str
    comment: str = ""
    sent: Json = field(default_factory=dict, hash=False, compare=False)


@dataclass(frozen=True)
class Partition:
    """The values of the partition keys, as text, and where the partition's files are.

    ``sent`` is the partition as a Glue client described it, where one did.
    """

    values: tuple[str, ...]
    location: str
    created: float = 0.0
    sent: Json = field(default_factory=dict, hash=False, compare=False)


@dataclass(frozen=True)
class Table:
    """A table or a view.

    ``sent`` is the table as a Glue client described it, where one did; what the other fields say
    counts more. ``archive`` holds descriptions of its earlier versions, the oldest first.
    """

    name: str
    columns: tuple[Column, ...]
    partition_keys: tuple[Column, ...] = ()
    location: str = ""
    partitions: tuple[Partition, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    input_format: str = PARQUET_INPUT
    output_format: str = PARQUET_OUTPUT
    serde: str = PARQUET_SERDE
    description: str = ""
    created: float = 0.0
    updated: float = 0.0
    type: str = "EXTERNAL_TABLE"
    view_text: str = ""
    serde_parameters: dict[str, str] = field(default_factory=dict)
    version: int = 0
    archive: tuple[Json, ...] = ()
    sent: Json = field(default_factory=dict, hash=False, compare=False)


@dataclass(frozen=True)
class Database:
    """A named set of tables."""

    name: str
    tables: dict[str, Table] = field(default_factory=dict)
    description: str = ""
    location: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    created: float = 0.0


class Catalogue:
    """The databases of one file; each change is on disk before the call returns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._databases = _load(path)

    def databases(self) -> list[Database]:
        """All databases, by name."""
        with self._lock:
            return [self._databases[name] for name in sorted(self._databases)]

    def database(self, name: str) -> Database:
        """A database; raises EntityNotFoundException."""
        with self._lock:
            try:
                return self._databases[name.lower()]
            except KeyError:
                raise not_found(f"Database {name} not found.") from None

    def tables(self, database: str) -> list[Table]:
        """A database's tables, by name."""
        found = self.database(database).tables
        return [found[name] for name in sorted(found)]

    def table(self, database: str, name: str) -> Table:
        """A table; raises EntityNotFoundException."""
        try:
            return self.database(database).tables[name.lower()]
        except KeyError:
            raise not_found(f"Table {name} not found.") from None

    def find(self, database: str, name: str) -> Table | None:
        """A table, or None."""
        with self._lock:
            found = self._databases.get(database.lower())
        return found.tables.get(name.lower()) if found else None

    def put_database(self, database: Database) -> None:
        """Create a database, or replace it."""
        with self._lock:
            self._databases[database.name] = database
            self._save()

    def drop_database(self, name: str) -> None:
        """Forget a database with its tables; raises EntityNotFoundException."""
        with self._lock:
            del self._databases[self.database(name).name]
            self._save()

    def put_table(self, database: str, table: Table) -> None:
        """Create a table, or replace it."""
        with self._lock:
            home = self.database(database)
            self.put_database(replace(home, tables={**home.tables, table.name: table}))

    def drop_table(self, database: str, name: str) -> None:
        """Forget a table (its files stay); raises EntityNotFoundException."""
        with self._lock:
            self.table(database, name)
            home = self.database(database)
            rest = {key: table for key, table in home.tables.items() if key != name.lower()}
            self.put_database(replace(home, tables=rest))

    def add_partitions(self, database: str, table: str, new: list[Partition]) -> list[Partition]:
        """Add partitions; returns those that existed before and were left alone."""
        with self._lock:
            found = self.table(database, table)
            known = {partition.values for partition in found.partitions}
            fresh = []
            for partition in new:
                if partition.values not in known:
                    known.add(partition.values)
                    fresh.append(partition)
            every = (*found.partitions, *fresh)
            self.put_table(database, replace(found, partitions=every))
            return [partition for partition in new if partition not in fresh]

    def partition(self, database: str, table: str, values: tuple[str, ...]) -> Partition:
        """A partition; raises EntityNotFoundException."""
        for partition in self.table(database, table).partitions:
            if partition.values == values:
                return partition
        raise not_found("Cannot find partition.")

    def replace_partition(
        self, database: str, table: str, values: tuple[str, ...], new: Partition
    ) -> None:
        """Put another partition in the place of one; raises EntityNotFoundException."""
        with self._lock:
            old = self.partition(database, table, values)
            found = self.table(database, table)
            every = tuple(new if partition is old else partition for partition in found.partitions)
            self.put_table(database, replace(found, partitions=every))

    def drop_partitions(
        self, database: str, table: str, values: list[tuple[str, ...]]
    ) -> list[tuple[str, ...]]:
        """Forget partitions (their files stay); returns the values that there were none for."""
        with self._lock:
            found = self.table(database, table)
            known = {partition.values for partition in found.partitions}
            gone = set(values)
            left = tuple(p for p in found.partitions if p.values not in gone)
            self.put_table(database, replace(found, partitions=left))
            return [wanted for wanted in values if wanted not in known]

    def _save(self) -> None:
        # vars, not asdict, and no indentation: a table may have thousands of partitions.
        content = json.dumps(self._databases, default=vars)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(content, encoding="utf-8")
        temporary.replace(self._path)


def not_found(message: str) -> ApiError:
    """Glue's answer for what does not exist."""
    return ApiError("EntityNotFoundException", message)


def _load(path: Path) -> dict[str, Database]:
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: _database(raw) for name, raw in content.items()}


def _database(raw: Json) -> Database:
    return Database(**{**raw, "tables": {n: _table(table) for n, table in raw["tables"].items()}})


def _table(raw: Json) -> Table:
    known = {
        **raw,
        "columns": tuple(Column(**column) for column in raw["columns"]),
        "partition_keys": tuple(Column(**column) for column in raw["partition_keys"]),
        "partitions": tuple(
            Partition(**{**item, "values": tuple(item["values"])}) for item in raw["partitions"]
        ),
        "archive": tuple(raw.get("archive", ())),
    }
    return Table(**known)
