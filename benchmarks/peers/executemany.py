"""psycopg's ``executemany``, which sends its rows in a pipeline; one transaction."""

from __future__ import annotations

from benchmarks.peers.common import Order, answer
from benchmarks.peers.statements import connect, upsert


def load(order: Order) -> None:
    """All rows with one call."""
    with connect(order) as connection, connection.cursor() as cursor:
        cursor.executemany(upsert(order), order.tuples())


if __name__ == "__main__":
    answer(load)
