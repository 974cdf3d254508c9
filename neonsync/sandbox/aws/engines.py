"""DuckDBs ready for a query: to make one takes longer than most queries of a small lake."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from neonsync.sandbox.aws.sql import macros
from neonsync.sandbox.aws.tables import literal

CATALOG = "awsdatacatalog"
_KEPT = 4
# A query may leave functions behind; after so many queries a DuckDB has enough of them.
_QUERIES = 200
# What a query may change.
_SETTINGS = ("search_path", "preserve_insertion_order", "disabled_optimizers")


@dataclass
class Engine:
    """An in-memory DuckDB, how many queries it has had, and what they are in its SQL.

    A query comes again and again, and to translate it takes longer than to run it on a small lake.
    """

    connection: duckdb.DuckDBPyConnection
    queries: int = 0
    # By the query and the columns of its tables. The functions of a translation stay here, too.
    translated: dict[tuple[str, str, str], str] = field(default_factory=dict)


class Engines:
    """DuckDBs of one sandbox, each lent to one query at a time and emptied after it."""

    def __init__(self, s3_root: Path, scratch: Path) -> None:
        self._s3_root = s3_root
        self._scratch = scratch
        self._lock = threading.Lock()
        self._idle: list[Engine] = []

    def take(self) -> Engine:
        """An empty DuckDB with Athena's functions, which reaches the sandbox's objects only."""
        with self._lock:
            engine = self._idle.pop() if self._idle else None
        return engine or Engine(self._made())

    def give(self, engine: Engine, *, sound: bool) -> None:
        """Take a DuckDB back; one that is not ``sound``, or cannot be emptied, is closed."""
        engine.queries += 1
        if sound and engine.queries < _QUERIES and self._emptied(engine.connection):
            with self._lock:
                if len(self._idle) < _KEPT:
                    self._idle.append(engine)
                    return
        engine.connection.close()

    def close(self) -> None:
        """Release the memory of those that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for engine in idle:
            engine.connection.close()

    @staticmethod
    def _emptied(connection: duckdb.DuckDBPyConnection) -> bool:
        try:
            for setting in _SETTINGS:
                connection.execute(f"RESET {setting}")
            connection.execute(f"DETACH {CATALOG}")
            connection.execute(f"ATTACH ':memory:' AS {CATALOG}")
        except duckdb.Error:
            return False
        return True

    def _made(self) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect(
            ":memory:",
            config={"threads": 2, "memory_limit": "1GB", "temp_directory": str(self._scratch)},
        )
        connection.execute("SET TimeZone = 'UTC'")
        macros.install(connection)
        connection.execute(f"ATTACH ':memory:' AS {CATALOG}")
        # A query reaches the objects of the sandbox and no other file of this machine.
        directories = ", ".join(literal(f"{path}/") for path in (self._s3_root, self._scratch))
        connection.execute(f"SET allowed_directories = [{directories}]")
        connection.execute("SET enable_external_access = false")
        return connection
