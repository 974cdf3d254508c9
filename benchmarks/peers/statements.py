"""INSERT … ON CONFLICT by psycopg: by ``executemany``, and row by row."""

from __future__ import annotations

import psycopg
from psycopg import sql

from benchmarks.lake import COLUMNS
from benchmarks.peers.common import Order


def upsert(order: Order) -> sql.Composed:
    """One row's statement."""
    values = [name for name in COLUMNS if name not in order.key]
    return sql.SQL("INSERT INTO {} ({}) VALUES ({}) ON CONFLICT ({}) DO UPDATE SET {}").format(
        sql.Identifier(order.schema, order.table),
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS)),
        sql.SQL(", ").join([sql.Placeholder()] * len(COLUMNS)),
        sql.SQL(", ").join(map(sql.Identifier, order.key)),
        sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in values
        ),
    )


def connect(order: Order) -> psycopg.Connection[tuple[object, ...]]:
    """A connection whose transaction is committed at its end."""
    return psycopg.connect(order.uri)
