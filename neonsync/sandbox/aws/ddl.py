"""The statements that change the catalogue: databases, tables, partitions, properties."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from neonsync.sandbox.aws import keys
from neonsync.sandbox.aws.catalogue import (
    PARQUET_INPUT,
    PARQUET_OUTPUT,
    PARQUET_SERDE,
    Catalogue,
    Column,
    Database,
    Partition,
    Table,
)
from neonsync.sandbox.aws.errors import ApiError, QueryFailed, not_supported
from neonsync.sandbox.aws.files import object_path
from neonsync.sandbox.aws.sources import is_view
from neonsync.sandbox.aws.types import duckdb_type
from neonsync.sandbox.aws.words import Words


class Ddl:
    """Runs one statement at a time on the catalogue."""

    def __init__(self, catalogue: Catalogue, s3_root: Path, database: str) -> None:
        self._catalogue = catalogue
        self._s3_root = s3_root
        self._database = database.lower()

    def run(self, text: str) -> list[str]:
        """Run a statement; returns the lines of its answer. Raises QueryFailed."""
        words = Words(text)
        try:
            return self._run(words)
        except ApiError as error:
            raise QueryFailed(f"FAILED: SemanticException {error.message}") from error

    def place(self, name: str) -> tuple[str, str]:
        """The database and the table that a name means."""
        parts = name.split(".")
        if len(parts) == 3 and parts[0] == "awsdatacatalog":
            parts = parts[1:]
        if len(parts) > 2:
            raise not_supported(f"the catalog {parts[0]}")
        return (parts[0], parts[1]) if len(parts) == 2 else (self._database, parts[0])

    def _run(self, words: Words) -> list[str]:
        if words.take("CREATE", "EXTERNAL", "TABLE"):
            self._create_table(words)
        elif words.take("CREATE", "DATABASE") or words.take("CREATE", "SCHEMA"):
            self._create_database(words)
        elif words.take("DROP", "DATABASE") or words.take("DROP", "SCHEMA"):
            self._drop_database(words)
        elif words.take("DROP", "TABLE"):
            self._drop(words, views=False)
        elif words.take("DROP", "VIEW"):
            self._drop(words, views=True)
        elif words.take("ALTER", "TABLE"):
            self._alter(words)
        elif words.take("MSCK", "REPAIR", "TABLE"):
            return self._repair(words)
        elif words.take("CREATE", "TABLE"):
            raise not_supported("CREATE TABLE that is neither EXTERNAL nor AS a query")
        else:
            first = words.next
            words.take(first)
            raise not_supported(f"{first} {words.next}".strip())
        return []

    def _create_database(self, words: Words) -> None:
        maybe = words.take("IF", "NOT", "EXISTS")
        name = words.name()
        comment = words.text() if words.take("COMMENT") else ""
        location = words.text() if words.take("LOCATION") else ""
        words.end()
        if any(found.name == name for found in self._catalogue.databases()):
            if maybe:
                return
            raise _exists(f"Database {name} already exists")
        self._catalogue.put_database(
            Database(name, description=comment, location=location, created=time.time())
        )

    def _drop_database(self, words: Words) -> None:
        maybe = words.take("IF", "EXISTS")
        name = words.name()
        cascade = words.take("CASCADE") or (words.take("RESTRICT") and False)
        words.end()
        found = [each for each in self._catalogue.databases() if each.name == name]
        if not found and maybe:
            return
        if found and found[0].tables and not cascade:
            raise QueryFailed(
                "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec."
                f"DDLTask. InvalidOperationException(message:Database {name} is not empty. One or "
                "more tables exist.)"
            )
        self._catalogue.drop_database(name)

    def _create_table(self, words: Words) -> None:
        maybe = words.take("IF", "NOT", "EXISTS")
        database, name = self.place(words.full_name())
        columns = _columns(words)
        comment = words.text() if words.take("COMMENT") else ""
        partition_keys = _columns(words) if words.take("PARTITIONED", "BY") else ()
        form = {"input": "", "output": "", "serde": ""}
        if words.take("ROW", "FORMAT", "SERDE"):
            form["serde"] = words.text()
            if words.take("WITH", "SERDEPROPERTIES"):
                words.pairs()
        if words.take("STORED", "AS", "INPUTFORMAT"):
            form["input"] = words.text()
            words.expect("OUTPUTFORMAT")
            form["output"] = words.text()
        elif words.take("STORED", "AS"):
            form["input"] = words.name()
        location = words.text() if words.take("LOCATION") else ""
        parameters = words.pairs() if words.take("TBLPROPERTIES") else {}
        words.end()
        if "parquet" not in form["input"].lower():
            raise not_supported(f"a table in format {form['input'].upper() or 'TEXTFILE'}")
        if not location:
            raise QueryFailed("FAILED: SemanticException no location is given for the table")
        object_path(self._s3_root, location)
        if self._catalogue.find(database, name):
            if maybe:
                return
            raise _exists("Table already exists.")
        table = Table(
            name,
            columns,
            partition_keys,
            location,
            parameters={"EXTERNAL": "TRUE", **parameters},
            input_format=PARQUET_INPUT,
            output_format=PARQUET_OUTPUT,
            serde=PARQUET_SERDE,
            description=comment,
            created=time.time(),
        )
        self._catalogue.put_table(database, table)

    def _drop(self, words: Words, *, views: bool) -> None:
        maybe = words.take("IF", "EXISTS")
        database, name = self.place(words.full_name())
        words.end()
        table = self._catalogue.find(database, name)
        if table is None:
            if maybe:
                return
            raise _missing(f"{database}.{name}")
        if is_view(table) != views:
            kind, other = ("view", "table") if views else ("table", "view")
            raise QueryFailed(
                f"FAILED: SemanticException [Error 10018]: cannot drop a {other} with DROP "
                f"{kind.upper()}"
            )
        self._catalogue.drop_table(database, name)

    def _alter(self, words: Words) -> None:
        database, name = self.place(words.full_name())
        table = self._catalogue.find(database, name)
        if table is None:
            raise _missing(f"{database}.{name}")
        if words.take("SET", "TBLPROPERTIES"):
            table = replace(table, parameters={**table.parameters, **words.pairs()})
        elif words.take("SET", "LOCATION"):
            table = replace(table, location=words.text())
        elif words.take("ADD", "COLUMNS"):
            table = replace(table, columns=(*table.columns, *_columns(words)))
        elif words.take("ADD"):
            self._add_partitions(words, database, table)
            return
        elif words.take("DROP"):
            self._drop_partitions(words, database, table)
            return
        else:
            raise not_supported(f"ALTER TABLE … {words.next}")
        words.end()
        self._catalogue.put_table(database, table)

    def _add_partitions(self, words: Words, database: str, table: Table) -> None:
        maybe = words.take("IF", "NOT", "EXISTS")
        new = []
        while words.next:
            values = _partition_values(words, table)
            location = words.text() if words.take("LOCATION") else _folder(table, values)
            new.append(Partition(values, f"{location.rstrip('/')}/", time.time()))
        old = {partition.values for partition in table.partitions}
        if not maybe and any(partition.values in old for partition in new):
            raise _exists("Partition already exists.")
        self._catalogue.add_partitions(database, table.name, new)

    def _drop_partitions(self, words: Words, database: str, table: Table) -> None:
        maybe = words.take("IF", "EXISTS")
        gone = [_partition_values(words, table)]
        while words.take(","):
            gone.append(_partition_values(words, table))
        words.end()
        known = {partition.values for partition in table.partitions}
        if not maybe and not known.issuperset(gone):
            raise QueryFailed("FAILED: SemanticException [Error 10006]: Partition not found")
        kept = tuple(each for each in table.partitions if each.values not in gone)
        self._catalogue.put_table(database, replace(table, partitions=kept))

    def _repair(self, words: Words) -> list[str]:
        """Add the partitions whose folders (``day=2026-01-31/``) the catalogue lacks."""
        database, name = self.place(words.full_name())
        words.end()
        table = self._catalogue.find(database, name)
        if table is None:
            raise _missing(f"{database}.{name}")
        found = dict.fromkeys(self._folders(table))
        known = {partition.values for partition in table.partitions}
        fresh = [values for values in found if values not in known]
        new = [Partition(values, f"{_folder(table, values)}/", time.time()) for values in fresh]
        self._catalogue.add_partitions(database, name, new)
        if not fresh:
            return []
        paths = [f"{name}:{_path(table, values)}" for values in fresh]
        added = [f"Repair: Added partition to metastore {name}:{_path(table, v)}" for v in fresh]
        return ["\t".join(["Partitions not in metastore:", *paths]), *added]

    def _folders(self, table: Table) -> Iterator[tuple[str, ...]]:
        names = [key.name for key in table.partition_keys]
        for key, _file in keys.objects_in(object_path(self._s3_root, table.location)):
            parts = [part.partition("=") for part in key.split("/")[: len(names)]]
            if [part[0].lower() for part in parts] == names and "/" in key:
                yield tuple(unquote(part[2]) for part in parts)


def _columns(words: Words) -> tuple[Column, ...]:
    words.expect("(")
    found = []
    while True:
        name = words.name()
        kind = words.type()
        duckdb_type(kind)
        found.append(Column(name, kind, words.text() if words.take("COMMENT") else ""))
        if not words.take(","):
            words.expect(")")
            return tuple(found)


def _partition_values(words: Words, table: Table) -> tuple[str, ...]:
    words.expect("PARTITION")
    given = {key.lower(): value for key, value in words.pairs().items()}
    names = [key.name for key in table.partition_keys]
    if sorted(given) != sorted(names):
        raise QueryFailed(
            f"FAILED: SemanticException partition spec {given} doesn't contain all ({len(names)}) "
            "partition columns"
        )
    return tuple(given[name] for name in names)


def _path(table: Table, values: tuple[str, ...]) -> str:
    pairs = zip(table.partition_keys, values, strict=True)
    return "/".join(f"{key.name}={value}" for key, value in pairs)


def _folder(table: Table, values: tuple[str, ...]) -> str:
    return f"{table.location.rstrip('/')}/{_path(table, values)}"


def _missing(name: str) -> QueryFailed:
    return QueryFailed(
        f"FAILED: SemanticException [Error 10001]: Table not found {name}", error_type=1003
    )


def _exists(message: str) -> QueryFailed:
    return QueryFailed(
        "FAILED: Execution Error, return code 1 from org.apache.hadoop.hive.ql.exec.DDLTask. "
        f"AlreadyExistsException(message:{message})"
    )
