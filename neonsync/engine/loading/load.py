"""Load: chunks of Parquet through COPY into staging, each with its ledger row or not at all."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

import psycopg
import pyarrow as pa
from psycopg import sql

from neonsync.engine import retry
from neonsync.engine.concurrency import side_by_side
from neonsync.engine.context import RunContext
from neonsync.engine.events import ChunkLoaded, ChunksPlanned, Level, RowsCopied
from neonsync.engine.loading.rows import Rows
from neonsync.engine.plan import TablePlan
from neonsync.engine.runs import ledger
from neonsync.engine.runs.ledger import Chunk, ExportRecord, LoadedChunks, Seen
from neonsync.errors import DatabaseAccessError, LoadError, NeonsyncError
from neonsync.postgres import staging
from neonsync.postgres.catalog import TargetTable, has_columns, read_table, same_shape
from neonsync.postgres.connect import Connection, is_connection_lost
from neonsync.postgres.copy import (
    BatchEncoder,
    EncodedBatch,
    copy_error,
    copy_statement,
    in_groups,
)
from neonsync.postgres.refusals import message
from neonsync.tables import ColumnSpec


async def prepare_staging(
    context: RunContext,
    table: TablePlan,
    record: ExportRecord,
    source: Rows,
    target: TargetTable | None,
    columns: tuple[ColumnSpec, ...],
) -> None:
    """Make the staging table, or keep the one that an earlier attempt left, if it can be trusted.

    It can when it holds as many rows as the ledger has recorded, all of them from this export,
    and still has the shape that will be published, or the columns that are written into the
    target: those may have changed since. Else both start anew.
    """

    async def prepare(connection: Connection) -> None:
        async with connection.transaction():
            await context.lease.guard(connection)
            recorded = await ledger.read_chunks(connection, context.lease.run_id, record.target)
            there = await read_table(connection, staging.SCHEMA, record.staging)
            if recorded.chunks:
                why = await _why_anew(connection, record, recorded, there, source)
                if there is not None and not _fits(there, record, target, columns):
                    why = "the target has other columns than then"
                if not why:
                    return
                context.notice(
                    f"{record.target}: what an earlier attempt has loaded is of no use, as {why}; "
                    "loading it anew",
                    Level.WARNING,
                )
            await staging.drop(connection, record.staging)
            if recorded.chunks:
                await ledger.forget_chunks(connection, context.lease.run_id, record.target)
            if record.method == "swap":
                await staging.create_for_swap(
                    connection, record.staging, table.spec, target, columns
                )
            else:
                await staging.create_for_merge(connection, record.staging, columns)

    await context.with_connection(prepare)


async def _why_anew(
    connection: Connection,
    record: ExportRecord,
    recorded: LoadedChunks,
    there: TargetTable | None,
    source: Rows,
) -> str:
    """Why a staging table cannot be trusted; empty when it can."""
    if there is None:
        return "its staging table is gone"
    if not recorded.pieces <= source.keys():
        return "it came from other files than the export has now"
    staged = await _count(connection, record.staging)
    if staged != recorded.rows:
        return f"staging holds {staged:,} rows, and the ledger says {recorded.rows:,}"
    return ""


def _fits(
    there: TargetTable,
    record: ExportRecord,
    target: TargetTable | None,
    columns: tuple[ColumnSpec, ...],
) -> bool:
    """Whether a staging table has the columns that the target wants of it."""
    if record.method == "swap":
        return target is None or same_shape(there, target)
    return has_columns(there, columns)


async def _count(connection: Connection, name: str) -> int:
    cursor = await connection.execute(
        sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(staging.SCHEMA, name))
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def load(
    context: RunContext,
    table: TablePlan,
    record: ExportRecord,
    source: Rows,
    columns: tuple[ColumnSpec, ...],
) -> None:
    """Load every chunk that the ledger does not have, over a few connections.

    Raises:
        LoadError: a value cannot be held exactly.
        ServerError: Postgres has no room, no right or no time.
        LeaseLostError: another run took over.
        DatabaseAccessError: the database stays away.
    """
    name = table.spec.qualified
    # Arrow's own keeps what was freed: 25 MB more, and not for speed.
    pa.set_memory_pool(pa.system_memory_pool())
    loaded = await context.with_connection(
        lambda connection: ledger.read_chunks(connection, context.lease.run_id, record.target)
    )
    chunks = source.chunks(loaded.pieces)
    context.emit(
        ChunksPlanned(name, source.rows, len(chunks) + loaded.chunks, loaded.rows, loaded.chunks)
    )
    if loaded.chunks:
        pieces = f"{loaded.chunks:,} chunk{'' if loaded.chunks == 1 else 's'}"
        context.notice(f"{name}: {loaded.rows:,} rows in {pieces} are loaded already; going on")
    waiting = deque(chunks)
    workers = min(context.plan.settings.jobs, len(chunks))
    await side_by_side(
        _Loader(context, table, record, source, columns).work(waiting) for _ in range(workers)
    )


class _Loader:
    """Loads chunks of one table; several loaders take them from the same queue.

    Each reads and encodes in one thread, always the same: what a thread has freed, malloc gives
    to no other, so that the memory of a few batches would be kept by each of many threads.
    """

    def __init__(
        self,
        context: RunContext,
        table: TablePlan,
        record: ExportRecord,
        source: Rows,
        columns: tuple[ColumnSpec, ...],
    ) -> None:
        self._context = context
        self._spec = table.spec
        self._record = record
        self._columns = columns
        self._source = source
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="encode")

    async def work(self, waiting: deque[Chunk]) -> None:
        """Load chunks until none is waiting, over one connection as long as it holds."""
        try:
            await self._work(waiting)
        finally:
            self._thread.shutdown(wait=False)

    async def _work(self, waiting: deque[Chunk]) -> None:
        attempts: Counter[str] = Counter()
        while waiting:
            chunk = waiting.popleft()
            try:
                async with self._context.loading, self._context.connection() as connection:
                    await self._load(connection, chunk)
                    while waiting:
                        chunk = waiting.popleft()
                        await self._load(connection, chunk)
            except (psycopg.Error, NeonsyncError) as error:
                attempts[chunk.key] += 1
                seconds = retry.pause(error, attempts[chunk.key], retry.CHUNK)
                if seconds is None:
                    if isinstance(error, NeonsyncError):
                        raise
                    raise await self._chunk_error(error, chunk) from error
                waiting.append(chunk)
                self._context.notice(
                    f"{self._spec.qualified}: {retry.what_broke(error)}; loading the chunk again",
                    Level.WARNING,
                )
                await asyncio.sleep(seconds)

    async def _load(self, connection: Connection, chunk: Chunk) -> None:
        async with self._context.memory.taken(self._source.memory(chunk)):
            await self._load_chunk(connection, chunk)
        self._context.emit(ChunkLoaded(self._spec.qualified, chunk.rows, chunk.bytes))

    async def _chunk_error(self, error: psycopg.Error, chunk: Chunk) -> NeonsyncError:
        """What a chunk that is given up ends the table with."""
        if is_connection_lost(error):
            return DatabaseAccessError(
                f"the connection was lost {retry.CHUNK.attempts} times while a chunk of "
                f"{self._spec.qualified} was loaded: {message(error)}",
                "Run the same command again; it goes on with this chunk.",
            )
        if isinstance(error, psycopg.DataError):
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._find, chunk)
            except LoadError as found:
                return found
            except NeonsyncError:
                pass  # what Postgres has said is the reason all the same
        show = self._context.plan.settings.show_values
        return copy_error(self._spec, error, show_values=show)

    def _find(self, chunk: Chunk) -> None:
        """Look for the value that Postgres has refused, which does not know the files.

        Raises:
            LoadError: here it is.
        """
        encoder = BatchEncoder(self._spec, self._columns, self._source.frame, found=True)
        for batch, origin in self._source.batches(chunk):
            encoder.fit(batch, origin)

    async def _load_chunk(self, connection: Connection, chunk: Chunk) -> None:
        context, target = self._context, self._record.target
        seen = Seen()
        try:
            async with connection.transaction():
                await context.lease.guard(connection)
                await ledger.store_chunk(connection, context.lease, target, chunk)
                await self._copy(connection, chunk, seen)
                await ledger.store_chunk(connection, context.lease, target, chunk, seen)
        except psycopg.errors.UniqueViolation:
            # Its COMMIT had succeeded, and only the answer was lost: the rows are there once.
            return
        except BaseException:
            context.emit(RowsCopied(self._spec.qualified, -seen.dates.total()))
            raise

    async def _copy(self, connection: Connection, chunk: Chunk, seen: Seen) -> None:
        """Send a chunk's rows, and note what goes by."""
        encoder = BatchEncoder(self._spec, self._columns, self._source.frame)
        statement = copy_statement(self._record.staging, self._columns)
        async with connection.cursor() as cursor, cursor.copy(statement) as copy:
            await copy.write(encoder.header())
            encoded = self._encoded(encoder, chunk)
            async with contextlib.aclosing(_ahead(encoded, self._thread)) as batches:
                async for batch in batches:
                    # psycopg sends slices: of a view they are no copies.
                    await copy.write(memoryview(batch.data))
                    seen.dates.update(batch.dates)
                    seen.digests.add(batch.digests.items())
                    seen.changes.update(batch.changes)
                    self._context.emit(RowsCopied(self._spec.qualified, batch.rows))
            await copy.write(encoder.trailer())
        if seen.dates.total() != chunk.rows:
            raise AssertionError(f"{seen.dates.total()} rows came out of a chunk of {chunk.rows}")

    def _encoded(self, encoder: BatchEncoder, chunk: Chunk) -> Iterator[EncodedBatch]:
        read = self._source.batches(chunk)
        for group in in_groups(read):
            yield encoder.encode(encoder.fit_together(group))


async def _ahead(batches: Iterator[EncodedBatch], thread: Executor) -> AsyncGenerator[EncodedBatch]:
    """Draw from a blocking iterator in a thread, one item ahead of the consumer.

    While a batch is on its way to the server the next is read and encoded; never more than two
    are in memory. A thread that reads when the consumer gives up ends with that one batch.
    """

    def draw() -> EncodedBatch | None:
        return next(batches, None)

    loop = asyncio.get_running_loop()
    upcoming = loop.run_in_executor(thread, draw)
    try:
        while (batch := await upcoming) is not None:
            upcoming = loop.run_in_executor(thread, draw)
            yield batch
    finally:
        # Nobody waits for it any more: its error, if it has one, is of no interest.
        upcoming.add_done_callback(lambda done: done.cancelled() or done.exception())
        upcoming.cancel()
