"""What a benchmark does to the plain Postgres, and asks of it."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import psutil
import psycopg
from psycopg import sql

from benchmarks.plain_postgres import SUPERUSER, Served

_TAIL = re.compile(r"^CREATE (UNIQUE )?INDEX .*? ON .*? (USING .*)$")


@dataclass
class Spent:
    """Seconds by the clock, and of the server's processors."""

    wall: float = 0.0
    server_cpu: float = 0.0


@dataclass(frozen=True)
class Written:
    """What tells whether rows were written: counters of the statistics, and the newest row's."""

    inserted: int
    updated: int
    deleted: int
    newest: int


@dataclass(frozen=True)
class Server:
    """The server, by both of its roles."""

    served: Served

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """A connection as the role that owns the database, in autocommit."""
        return psycopg.connect(self.served.uri(), autocommit=True)

    def execute(self, statement: sql.Composed | str) -> list[tuple[object, ...]]:
        """Run a statement as the owner; its rows."""
        with self.connect() as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def checkpoint(self) -> None:
        """Write everything out, so that what follows pays for itself alone."""
        with psycopg.connect(self.served.uri(SUPERUSER), autocommit=True) as connection:
            connection.execute("CHECKPOINT")

    def drop(self, *tables: str) -> None:
        """Drop tables that may be there, and settle."""
        for table in tables:
            self.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(table)))
        self.checkpoint()

    def make_like(self, table: str, other: str, *, indexes: bool, schema: str = "public") -> None:
        """Make an empty table in the shape of another."""
        self.execute(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {}; CREATE TABLE {} (LIKE {} {})").format(
                sql.Identifier(schema),
                sql.Identifier(schema, table),
                sql.Identifier(other),
                sql.SQL("INCLUDING ALL" if indexes else "INCLUDING ALL EXCLUDING INDEXES"),
            )
        )

    def index_tails(self, table: str) -> list[tuple[bool, str]]:
        """The indexes of a table: whether unique, and what follows the table's name; big first."""
        rows = self.execute(
            sql.SQL(
                "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = {}::regclass"
                " ORDER BY pg_relation_size(indexrelid) DESC"
            ).format(sql.Literal(table))
        )
        found = [_TAIL.match(str(row[0])) for row in rows]
        return [(bool(each[1]), each[2]) for each in found if each]

    def written(self, table: str) -> Written:
        """The counters of a table as they are once all sessions have told theirs."""
        name = sql.Literal(table)
        ((inserted, updated, deleted, newest),) = self.execute(
            sql.SQL(
                "SELECT n_tup_ins, n_tup_upd, n_tup_del,"
                " (SELECT coalesce(max(xmin::text::bigint), 0) FROM {})"
                " FROM pg_stat_user_tables WHERE relid = {}::regclass"
            ).format(sql.Identifier(table), name)
        )
        return Written(*(int(str(each)) for each in (inserted, updated, deleted, newest)))

    @contextlib.contextmanager
    def spending(self) -> Iterator[Spent]:
        """Measure a piece of work."""
        spent = Spent()
        cpu, began = self._cpu(), time.perf_counter()
        yield spent
        spent.wall = time.perf_counter() - began
        spent.server_cpu = self._cpu() - cpu

    def _cpu(self) -> float:
        """Of the postmaster, its children, and those that have ended."""
        postmaster = psutil.Process(self.served.pid)
        own = postmaster.cpu_times()
        total: float = own.user + own.system + own.children_user + own.children_system
        for child in postmaster.children():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                total += times.user + times.system
        return total


def names(columns: Sequence[str]) -> sql.Composed:
    """Columns, for a list in SQL."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))
