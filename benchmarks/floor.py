"""The floor: bytes that are encoded already go into a bare table by COPY, then the indexes are
built. No loader can do with less.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import psycopg
from psycopg import sql

from benchmarks.lake import COLUMNS
from benchmarks.server import Server, names

CONNECTIONS = 2
MAINTENANCE_WORK_MEM = "512MB"
Encoded = tuple[bytes, list[bytes], bytes]


@dataclass(frozen=True)
class Floor:
    """Seconds of each part, and of the server's processors in all."""

    copy: float
    indexes: float
    server_cpu: float

    @property
    def seconds(self) -> float:
        """Both parts."""
        return self.copy + self.indexes


def measure(
    server: Server, like: str, tails: Sequence[tuple[bool, str]], encoded: Encoded
) -> Floor:
    """COPY on two connections into a table in the shape of another, then its indexes on two."""
    server.drop("floor")
    server.make_like("floor", like, indexes=False)
    with server.spending() as spent:
        began = time.perf_counter()
        copy(server.served.uri(), "floor", encoded)
        copied = time.perf_counter()
        _index(server, "floor", tails)
        ended = time.perf_counter()
    server.drop("floor")
    return Floor(copied - began, ended - copied, spent.server_cpu)


def copy(uri: str, table: str, encoded: Encoded, connections: int = CONNECTIONS) -> None:
    """Send the batches over some connections, each with one COPY."""
    header, batches, trailer = encoded
    waiting = deque(batches)
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        sql.Identifier(table), names(COLUMNS)
    )

    def work(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        with connection.cursor() as cursor, cursor.copy(statement) as stream:
            stream.write(header)
            while waiting:
                try:
                    batch = waiting.popleft()
                except IndexError:
                    break
                stream.write(memoryview(batch))  # as the loader does: psycopg sends slices
            stream.write(trailer)

    _side_by_side(uri, work, connections)


def _index(server: Server, table: str, tails: Sequence[tuple[bool, str]]) -> None:
    waiting = deque(tails)

    def work(connection: psycopg.Connection[tuple[object, ...]]) -> None:
        connection.execute(
            sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(MAINTENANCE_WORK_MEM))
        )
        while waiting:
            try:
                unique, tail = waiting.popleft()
            except IndexError:
                break
            connection.execute(
                sql.SQL("CREATE {} INDEX ON {} {}").format(
                    sql.SQL("UNIQUE" if unique else ""),
                    sql.Identifier(table),
                    sql.SQL(tail),  # Postgres's own words
                )
            )

    _side_by_side(server.served.uri(), work, CONNECTIONS)


def _side_by_side(
    uri: str, work: Callable[[psycopg.Connection[tuple[object, ...]]], None], count: int
) -> None:
    def connected() -> None:
        with psycopg.connect(uri, autocommit=True) as connection:
            work(connection)

    with ThreadPoolExecutor(count) as pool:
        for done in [pool.submit(connected) for _ in range(count)]:
            done.result()
