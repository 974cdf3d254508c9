"""One INSERT after the other, as the old script did; in one transaction, which favours it."""

from __future__ import annotations

from benchmarks.peers.common import Order, answer
from benchmarks.peers.statements import connect, upsert


def load(order: Order) -> None:
    """A round trip for each row."""
    statement = upsert(order)
    with connect(order) as connection:
        for row in order.tuples():
            connection.execute(statement, row)


if __name__ == "__main__":
    answer(load)
