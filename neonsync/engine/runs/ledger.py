"""The ledger of a run's work, in the branch itself: exports and chunks."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import astuple, dataclass, field
from typing import Protocol

from neonsync.digest import DigestSums
from neonsync.engine.runs.lease import Lease
from neonsync.postgres.connect import Connection
from neonsync.postgres.fitting import Change


class Chunk(Protocol):
    """What is loaded and recorded together; ``keys`` name its pieces in the ledger."""

    @property
    def key(self) -> str:
        """What names the chunk: no other has the same."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of its pieces."""

    @property
    def rows(self) -> int:
        """Its rows."""

    @property
    def bytes(self) -> int:
        """Its compressed bytes; 0 where nothing is read."""


@dataclass(frozen=True)
class ExportRecord:
    """What the ledger knows of a table's UNLOAD and staging."""

    target: str
    attempt: int
    prefix: str
    token: str
    query_id: str | None
    results: tuple[str, ...]
    staging: str
    method: str


async def read_export(connection: Connection, run_id: str, target: str) -> ExportRecord | None:
    """The export of a table, or None."""
    return next((e for e in await read_exports(connection, run_id) if e.target == target), None)


async def read_exports(connection: Connection, run_id: str) -> list[ExportRecord]:
    """All exports of a run."""
    cursor = await connection.execute(
        "SELECT target, attempt, prefix, token, query_id, results, staging, method"
        " FROM neonsync.exports WHERE run_id = %s ORDER BY target",
        (run_id,),
    )
    return [
        ExportRecord(target, attempt, prefix, token, query_id, tuple(results), staging, method)
        for target, attempt, prefix, token, query_id, results, staging, method in (
            await cursor.fetchall()
        )
    ]


async def store_export(connection: Connection, lease: Lease, record: ExportRecord) -> None:
    """Store an export before its query is started; an earlier one and its chunks are forgotten."""
    async with connection.transaction():
        await lease.guard(connection)
        await connection.execute(
            "DELETE FROM neonsync.exports WHERE run_id = %s AND target = %s",
            (lease.run_id, record.target),
        )
        await connection.execute(
            "INSERT INTO neonsync.exports"
            " (run_id, target, attempt, prefix, token, query_id, results, staging, method)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                lease.run_id,
                record.target,
                record.attempt,
                record.prefix,
                record.token,
                record.query_id,
                list(record.results),
                record.staging,
                record.method,
            ),
        )


async def store_query(
    connection: Connection,
    lease: Lease,
    record: ExportRecord,
    query_id: str,
    results: tuple[str, ...],
) -> None:
    """Store the query's id as soon as Athena has given it, and where its result files lie."""
    async with connection.transaction():
        await lease.guard(connection)
        await connection.execute(
            "UPDATE neonsync.exports SET query_id = %s, results = %s"
            " WHERE run_id = %s AND target = %s AND token = %s",
            (query_id, list(results), lease.run_id, record.target, record.token),
        )


async def store_method(connection: Connection, lease: Lease, record: ExportRecord) -> None:
    """Store that a table will be published in another way than was recorded."""
    await connection.execute(
        "UPDATE neonsync.exports SET method = %s WHERE run_id = %s AND target = %s",
        (record.method, lease.run_id, record.target),
    )


async def forget_export(connection: Connection, run_id: str, target: str) -> None:
    """Remove an export whose files are gone, and its chunks."""
    await connection.execute(
        "DELETE FROM neonsync.exports WHERE run_id = %s AND target = %s", (run_id, target)
    )


async def forget_chunks(connection: Connection, run_id: str, target: str) -> None:
    """Remove the chunks of a table, whose staging table is made anew."""
    await connection.execute(
        "DELETE FROM neonsync.chunks WHERE run_id = %s AND target = %s", (run_id, target)
    )


@dataclass
class Seen:
    """What went by when a chunk was loaded: rows and digests by date, and values changed."""

    dates: Counter[str | None] = field(default_factory=Counter)
    digests: DigestSums = field(default_factory=DigestSums)
    changes: Counter[Change] = field(default_factory=Counter)


async def store_chunk(
    connection: Connection,
    lease: Lease,
    target: str,
    chunk: Chunk,
    seen: Seen | None = None,
) -> None:
    """Write a chunk's row, in the transaction of its COPY.

    Called first without ``seen``, so that a chunk that is loaded already fails at once, and again
    with it when the rows have been seen.
    """
    if seen is None:
        await connection.execute(
            "INSERT INTO neonsync.chunks (run_id, target, chunk, pieces, rows, bytes, dates)"
            " VALUES (%s, %s, %s, %s, %s, %s, '[]')",
            (
                lease.run_id,
                target,
                chunk.key,
                list(chunk.keys),
                chunk.rows,
                chunk.bytes,
            ),
        )
        return
    await connection.execute(
        "UPDATE neonsync.chunks SET dates = %s, digests = %s, changes = %s"
        " WHERE run_id = %s AND target = %s AND chunk = %s",
        (
            json.dumps(list(seen.dates.items())),
            json.dumps(list(seen.digests.items())),
            json.dumps([[*astuple(change), count] for change, count in seen.changes.items()]),
            lease.run_id,
            target,
            chunk.key,
        ),
    )


@dataclass(frozen=True)
class LoadedChunks:
    """All chunks of a table that are committed."""

    pieces: frozenset[str]
    chunks: int
    rows: int
    dates: Counter[str | None]
    digests: DigestSums
    changes: Counter[Change]


async def read_chunks(connection: Connection, run_id: str, target: str) -> LoadedChunks:
    """Sum up what is loaded of a table."""
    cursor = await connection.execute(
        "SELECT pieces, rows, dates, digests, changes FROM neonsync.chunks"
        " WHERE run_id = %s AND target = %s",
        (run_id, target),
    )
    pieces: set[str] = set()
    dates: Counter[str | None] = Counter()
    digests = DigestSums()
    changes: Counter[Change] = Counter()
    rows = chunks = 0
    for (
        chunk_pieces,
        chunk_rows,
        chunk_dates,
        chunk_digests,
        chunk_changes,
    ) in await cursor.fetchall():
        pieces.update(chunk_pieces)
        chunks += 1
        rows += chunk_rows
        for date, count in chunk_dates:
            dates[date] += count
        digests.add(chunk_digests)
        for column, action, reason, count in chunk_changes:
            changes[Change(column, action, reason)] += count
    return LoadedChunks(frozenset(pieces), chunks, rows, dates, digests, changes)
