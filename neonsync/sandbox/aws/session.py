"""One DuckDB for one query: the catalogue's tables as views over their Parquet files."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
from sqlglot import exp

from neonsync.sandbox.aws import tables
from neonsync.sandbox.aws.catalogue import Catalogue
from neonsync.sandbox.aws.engines import CATALOG, Engines
from neonsync.sandbox.aws.errors import not_supported
from neonsync.sandbox.aws.scan import Scan, scans_of
from neonsync.sandbox.aws.sources import Sources
from neonsync.sandbox.aws.sql.dialect import Translator
from neonsync.sandbox.aws.sql.labels import Label, Labels
from neonsync.sandbox.aws.sql.probes import Probes
from neonsync.sandbox.aws.tables import ScannedTable, quoted

_PARQUET = "parquet"


@dataclass(frozen=True)
class Prepared:
    """A query in DuckDB's SQL, bound but not run; the labels of its columns; what it scans."""

    sql: str
    relation: duckdb.DuckDBPyRelation
    labels: tuple[Label | None, ...]
    scans: tuple[Scan, ...]

    @property
    def scanned_bytes(self) -> int:
        """The bytes that go on the bill."""
        return sum(scan.bytes for scan in self.scans)

    @property
    def input_rows(self) -> int:
        """The rows that are read."""
        return sum(scan.rows for scan in self.scans)


class Session:
    """A DuckDB whose world is the tables that one query names.

    It is this query's alone as long as it runs: an interrupt stops that query and no other.
    """

    def __init__(
        self, catalogue: Catalogue, s3_root: Path, database: str, engines: Engines
    ) -> None:
        self._catalogue = catalogue
        self._s3_root = s3_root
        self._database = database.lower()
        self._engines = engines
        self._engine = engines.take()
        self._lock = threading.Lock()
        self._closed = self._interrupted = False
        self.connection = self._engine.connection

    def prepare(self, query: exp.Query, text: str) -> Prepared:
        """Make the views that the query needs; returns it in DuckDB's SQL, bound.

        Raises QueryFailed, with Athena's words, for tables that do not exist.
        """
        connection = self.connection
        self._create_schema(self._database)
        connection.execute(f"SET search_path = '{CATALOG}.{quoted(self._database)},memory.main'")
        sources = Sources(self._catalogue, self._database, text)
        plain = sources.inlined(query)
        scanned = [self._scanned(*name) for name in sources.tables(plain)]
        hidden = hide_hidden(plain)
        # Types are asked of tables without rows: binding and planning them opens no file.
        for each in scanned:
            columns = tables.columns_sql(each.table, hidden)
            connection.execute(f"CREATE TABLE {each.name} ({columns})")
        sql = self._translated(plain, text, sources, scanned)
        scans = scans_of(connection, sql, scanned)
        for each in scanned:
            needed = {file for scan in scans if scan.table is each for file in scan.files}
            files = [file for file in each.files if file in needed]
            connection.execute(f"DROP TABLE {each.name}")
            self._create_view(each, files, hidden)
        relation = connection.sql(sql)
        found = Labels(plain, sources.hive_type).outputs(relation.columns)
        return Prepared(sql, relation, tuple(found), tuple(scans))

    def interrupt(self) -> None:
        """Stop what the connection is executing; from any thread."""
        with self._lock:
            if not self._closed:  # else another query may have the connection by now
                self._interrupted = True
                self.connection.interrupt()

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._closed = True
        self._engines.give(self._engine, sound=not self._interrupted)

    def _translated(
        self, plain: exp.Query, text: str, sources: Sources, scanned: Sequence[ScannedTable]
    ) -> str:
        """The query in DuckDB's SQL; its tables are there, without rows."""
        columns = [(each.name, each.table.columns, each.table.partition_keys) for each in scanned]
        key = (self._database, plain.sql(dialect="trino"), str(columns))
        known = self._engine.translated
        if key not in known:
            tree = plain.copy()
            labels, probes = Labels(tree, sources.hive_type), Probes(self.connection)
            Translator(labels, probes, text).translate(tree)
            known[key] = probes.settle(tree)
        return known[key]

    def _scanned(self, database: str, name: str) -> ScannedTable:
        table = self._catalogue.table(database, name)
        if _PARQUET not in table.input_format.lower():
            raise not_supported(f"the format of table {database}.{name}")
        self._create_schema(database)
        full = f"{CATALOG}.{quoted(database)}.{quoted(name)}"
        return ScannedTable(full, table, tables.files_of(table, self._s3_root))

    def _create_view(
        self, scanned: ScannedTable, files: list[tables.DataFile], hidden: bool
    ) -> None:
        view = f"CREATE VIEW {scanned.name} AS "
        try:
            self.connection.execute(view + tables.view_sql(scanned.table, files, hidden))
        except duckdb.BinderException:
            # A table may have columns that none of its files has yet.
            present = tables.file_columns(self.connection, files)
            self.connection.execute(view + tables.view_sql(scanned.table, files, hidden, present))

    def _create_schema(self, database: str) -> None:
        self.connection.execute(f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.{quoted(database)}")


def hide_hidden(query: exp.Query) -> bool:
    """Whether a query names hidden columns; if so, its ``*`` leave them out."""
    if not any(column.name.lower() in tables.HIDDEN for column in query.find_all(exp.Column)):
        return False
    for select in query.find_all(exp.Select):
        sources = [source for source in (select.args.get("from_"),) if source is not None]
        sources += select.args.get("joins") or []
        if not any(isinstance(source.this, exp.Table) for source in sources):
            continue
        for star in select.selects:
            if isinstance(star, exp.Star):
                star.set("except_", [exp.to_identifier(n, quoted=True) for n in tables.HIDDEN])
            elif star.is_star:
                raise not_supported(f"{star.sql(dialect='trino')} beside a hidden column")
    return True
