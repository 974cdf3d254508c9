"""The Glue catalogue: databases, tables and partitions, kept in one JSON file."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from neonsync.sandbox.aws.errors import ApiError

PARQUET_INPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
PARQUET_OUTPUT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
PARQUET_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


@dataclass(frozen=True)
class Column:
    """A column in Hive's spelling of types, e.g. ``decimal(10,2)``."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True)
class Partition:
    """The values of the partition keys, as text, and where the partition's files are."""

    values: tuple[str, ...]
    location: str


@dataclass(frozen=True)
class Table:
    """An external table on Parquet files."""

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


@dataclass(frozen=True)
class Database:
    """A named set of tables."""

    name: str
    tables: dict[str, Table] = field(default_factory=dict)
    description: str = ""


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
            fresh = tuple(partition for partition in new if partition.values not in known)
            self.put_table(database, replace(found, partitions=found.partitions + fresh))
            return [partition for partition in new if partition.values in known]

    def _save(self) -> None:
        content = {name: asdict(database) for name, database in self._databases.items()}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(json.dumps(content, indent=1), encoding="utf-8")
        temporary.replace(self._path)


def not_found(message: str) -> ApiError:
    """Glue's answer for what does not exist."""
    return ApiError("EntityNotFoundException", message)


def _load(path: Path) -> dict[str, Database]:
    if not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    return {name: _database(raw) for name, raw in content.items()}


def _database(raw: dict[str, Any]) -> Database:
    tables = {name: _table(table) for name, table in raw["tables"].items()}
    return Database(raw["name"], tables, raw["description"])


def _table(raw: dict[str, Any]) -> Table:
    known = {
        **raw,
        "columns": tuple(Column(**column) for column in raw["columns"]),
        "partition_keys": tuple(Column(**column) for column in raw["partition_keys"]),
        "partitions": tuple(
            Partition(tuple(item["values"]), item["location"]) for item in raw["partitions"]
        ),
    }
    return Table(**known)
