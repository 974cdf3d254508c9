"""One DuckDB for one query: the catalogue's tables as views over their Parquet files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
from sqlglot import exp

from neonsync.sandbox.aws import projection
from neonsync.sandbox.aws.catalogue import Catalogue, Partition, Table
from neonsync.sandbox.aws.errors import QueryFailed, not_supported
from neonsync.sandbox.aws.files import data_files
from neonsync.sandbox.aws.sql import macros
from neonsync.sandbox.aws.sql.dialect import Translator
from neonsync.sandbox.aws.sql.labels import Label, Labels
from neonsync.sandbox.aws.sql.reasons import position
from neonsync.sandbox.aws.sql.typed import Probes
from neonsync.sandbox.aws.types import duckdb_type, stored_value

CATALOG = "awsdatacatalog"
_PARQUET = "parquet"


@dataclass(frozen=True)
class DataFile:
    """A file of a table, with the values of its partition."""

    path: Path
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class ScannedTable:
    """A table that the query reads, and all its files."""

    name: str
    """The quoted name in the session's DuckDB."""
    table: Table
    files: tuple[DataFile, ...]


@dataclass(frozen=True)
class Prepared:
    """A query in DuckDB's SQL, bound but not run, and the labels of its columns."""

    sql: str
    relation: duckdb.DuckDBPyRelation
    labels: tuple[Label | None, ...]


class Session:
    """An in-memory DuckDB whose world is the tables that one query names.

    One for each query: an interrupt then stops that query and no other.
    """

    def __init__(self, catalogue: Catalogue, s3_root: Path, database: str, scratch: Path) -> None:
        self._catalogue = catalogue
        self._s3_root = s3_root
        self._database = database.lower()
        self.scanned: list[ScannedTable] = []
        self.connection = duckdb.connect(
            ":memory:",
            config={"threads": 2, "memory_limit": "1GB", "temp_directory": str(scratch)},
        )
        self.connection.execute("SET TimeZone = 'UTC'")
        macros.install(self.connection)
        self.connection.execute(f"ATTACH ':memory:' AS {CATALOG}")
        # A query reaches the objects of the sandbox and no other file of this machine.
        directories = ", ".join(_literal(f"{path}/") for path in (s3_root, scratch))
        self.connection.execute(f"SET allowed_directories = [{directories}]")
        self.connection.execute("SET enable_external_access = false")

    def prepare(self, query: exp.Query, text: str) -> Prepared:
        """Make the views that the query needs; returns it in DuckDB's SQL, bound.

        Raises QueryFailed, with Athena's words, for tables that do not exist.
        """
        self._create_schema(self._database)
        self.connection.execute(
            f"SET search_path = '{CATALOG}.{_quoted(self._database)},memory.main'"
        )
        self._find_tables(query, text)
        tree = query.copy()
        labels = Labels(tree, self._hive_type)
        probes = Probes(self.connection)
        Translator(labels, probes, text).translate(tree)
        # Types are asked of tables without rows: binding them opens no file.
        for scanned in self.scanned:
            self.connection.execute(f"CREATE TABLE {scanned.name} ({_columns_sql(scanned.table)})")
        sql = probes.settle(tree)
        for scanned in self.scanned:
            self.connection.execute(f"DROP TABLE {scanned.name}")
            self.connection.execute(f"CREATE VIEW {scanned.name} AS {_view_sql(scanned)}")
        relation = self.connection.sql(sql)
        found = Labels(query, self._hive_type).outputs(relation.columns)
        return Prepared(sql, relation, tuple(found))

    def interrupt(self) -> None:
        """Stop what the connection is executing; from any thread."""
        self.connection.interrupt()

    def close(self) -> None:
        """Release the memory."""
        self.connection.close()

    def _find_tables(self, query: exp.Query, text: str) -> None:
        local = {cte.alias.lower() for cte in query.find_all(exp.CTE)}
        for node in query.find_all(exp.Table):
            if not node.name or (not node.db and node.name.lower() in local):
                continue
            self._find_table(node, text)

    def _find_table(self, node: exp.Table, text: str) -> None:
        catalog = node.catalog.lower() or CATALOG
        database = node.db.lower() or self._database
        name = node.name.lower()
        where = position(node, text)
        if database == "information_schema":
            raise not_supported("information_schema")
        table = self._catalogue.find(database, name) if catalog == CATALOG else None
        if table is None:
            raise QueryFailed(
                f"TABLE_NOT_FOUND: {where}: Table '{catalog}.{database}.{name}' does not exist",
                error_type=1003,
            )
        full = f"{CATALOG}.{_quoted(database)}.{_quoted(name)}"
        if any(known.name == full for known in self.scanned):
            return
        table = replace(table, partitions=projection.partitions(table, self._s3_root))
        if _PARQUET not in table.input_format.lower():
            raise not_supported(f"the format of table {database}.{name}")
        self._create_schema(database)
        self.scanned.append(ScannedTable(full, table, tuple(self._files(table))))

    def _hive_type(self, node: exp.Table, column: str) -> str | None:
        table = self._catalogue.find(node.db.lower() or self._database, node.name)
        every = (*table.columns, *table.partition_keys) if table else ()
        return next((c.type for c in every if c.name == column.lower()), None)

    def _create_schema(self, database: str) -> None:
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.{_quoted(database)}")

    def _files(self, table: Table) -> list[DataFile]:
        if not table.partition_keys:
            return [DataFile(path) for path in data_files(self._s3_root, table.location)]
        return [
            DataFile(path, partition.values)
            for partition in table.partitions
            for path in data_files(self._s3_root, partition.location)
        ]


def is_hive_style(table: Table, partition: Partition) -> bool:
    """Whether the partition's directory says its values (``day=2026-01-31/``)."""
    parts = partition.location.rstrip("/").split("/")[-len(table.partition_keys) :]
    names = [key.name for key in table.partition_keys]
    return parts == [f"{n}={v}" for n, v in zip(names, partition.values, strict=True)]


def _view_sql(scanned: ScannedTable) -> str:
    """The SELECT of a table's view: its columns in the catalogue's order, names and types."""
    table = scanned.table
    every = (*table.columns, *table.partition_keys)
    if not scanned.files:
        nulls = (f"CAST(NULL AS {duckdb_type(c.type)}) AS {_quoted(c.name)}" for c in every)
        return f"SELECT {', '.join(nulls)} WHERE false"
    if table.partition_keys and not all(is_hive_style(table, p) for p in table.partitions):
        groups: dict[tuple[str, ...], list[DataFile]] = {}
        for file in scanned.files:
            groups.setdefault(file.values, []).append(file)
        return " UNION ALL ".join(_part_sql(table, files) for files in groups.values())
    keys = {key.name: duckdb_type(key.type) for key in table.partition_keys}
    hive = ", ".join(f"{_literal(name)}: {kind}" for name, kind in keys.items())
    partitioning = f", hive_partitioning = true, hive_types = {{{hive}}}" if keys else ""
    names = ", ".join(_quoted(name) for name in keys)
    source = _read_parquet(list(scanned.files), partitioning)
    return f"SELECT {_stored(table)}{', ' if keys else ''}{names} FROM {source}"  # noqa: S608


def _columns_sql(table: Table) -> str:
    every = (*table.columns, *table.partition_keys)
    return ", ".join(f"{_quoted(c.name)} {duckdb_type(c.type)}" for c in every)


def _part_sql(table: Table, files: list[DataFile]) -> str:
    """The SELECT of one partition whose directory does not say its values."""
    values = (
        f"CAST({_literal(value)} AS {duckdb_type(key.type)}) AS {_quoted(key.name)}"
        for key, value in zip(table.partition_keys, files[0].values, strict=True)
    )
    return f"SELECT {_stored(table)}, {', '.join(values)} FROM {_read_parquet(files, '')}"  # noqa: S608


def _stored(table: Table) -> str:
    return ", ".join(
        f"{stored_value(_quoted(c.name), c.type)} AS {_quoted(c.name)}" for c in table.columns
    )


def _read_parquet(files: list[DataFile], options: str) -> str:
    paths = ", ".join(_literal(str(file.path)) for file in files)
    return (
        f"read_parquet([{paths}], union_by_name = true{options or ', hive_partitioning = false'})"
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
