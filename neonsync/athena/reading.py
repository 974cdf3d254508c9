"""The rows of exported files, in batches; and what their reading takes in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from neonsync.athena.export import ExportedFile, Piece
from neonsync.athena.objects import RangedFile
from neonsync.athena.s3 import S3
from neonsync.athena.spill import SLICE_BATCHES, batches_by_columns
from neonsync.errors import ExportError

PRELOAD_BYTES = 80 * 1024 * 1024
BUFFER_BYTES = 1024 * 1024
BATCH_ROWS = 65_536
BATCH_BYTES = 4 * 1024 * 1024
VALUE_BYTES = 16
"""About the least that a value takes in memory; a dictionary makes it look smaller in the file."""
COLUMN_BYTES = 2 * 1024 * 1024
"""Of an open column: a page and a dictionary, of 1 MB each as they are written everywhere."""
MOST_OPEN_BYTES = 32 * 1024 * 1024
"""Row groups that have more open when they are read by rows are read by columns."""
MOST_SPILLED = 4
"""So many times its size in the file may a row group take on the disk, at the most."""
AHEAD_BYTES = 8 * 1024 * 1024
"""Those are read so much at once from S3."""


def read_batches(
    s3: S3, piece: Piece, exported: ExportedFile, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """The rows of a piece, in batches, with the columns in any order.

    ``memory_of`` says what that takes in memory.

    Raises:
        InterruptedReadError: S3 broke off.
        ExportError: the file has changed, or is damaged; or there is no room on the disk for the
            columns of a wide table.
    """
    metadata = exported.metadata
    by_columns = _by_columns(piece, metadata, len(columns))
    source: RangedFile | pa.BufferReader
    buffer = 0
    if exported.content:
        source = pa.BufferReader(exported.content)  # Arrow reads it without Python
    else:
        source = RangedFile(s3, piece.file)
        if by_columns:
            source.read_ahead(AHEAD_BYTES, piece.start + piece.length)
            buffer = BUFFER_BYTES
        elif piece.length <= PRELOAD_BYTES:
            source.preload(piece.start, piece.length)
        else:
            buffer = BUFFER_BYTES  # each column has one of its own
    groups = list(range(piece.first, piece.last + 1))
    batch_rows = _batch_rows(piece, metadata)
    try:
        # Athena writes timestamps as INT96, which would else arrive as nanoseconds and wrap.
        file = pq.ParquetFile(
            cast(IO[bytes], source),
            metadata=metadata,
            pre_buffer=False,
            buffer_size=buffer,
            coerce_int96_timestamp_unit="us",
        )
        if by_columns:
            for group in groups:
                yield from batches_by_columns(file, group, columns, batch_rows)
        else:
            yield from file.iter_batches(batch_rows, groups, list(columns), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise ExportError(
            f"{piece.file.address} cannot be read: {' '.join(str(error).split())}",
            "The file is damaged. Run again for a fresh export.",
        ) from error


def memory_of(piece: Piece, exported: ExportedFile, columns: int) -> int:
    """About the most bytes that the reading of a piece takes, with a few batches of it."""
    if _by_columns(piece, exported.metadata, columns):
        # malloc has not always given back what was read ahead when it gives the next of it.
        reading = 2 * AHEAD_BYTES + 2 * COLUMN_BYTES + SLICE_BATCHES * BATCH_BYTES
    else:
        held = piece.length if piece.length <= PRELOAD_BYTES else columns * BUFFER_BYTES
        reading = held + _open_bytes(piece, exported.metadata, columns)
    return reading + 4 * BATCH_BYTES


def _by_columns(piece: Piece, metadata: pq.FileMetaData, columns: int) -> bool:
    """Whether a piece is read column by column, by way of the disk.

    Not where dictionaries make little of much: the disk would have to hold it all.
    """
    if _open_bytes(piece, metadata, columns) <= MOST_OPEN_BYTES:
        return False
    decoded = _row_bytes(piece, metadata) * piece.rows
    return decoded <= MOST_SPILLED * _uncompressed(piece, metadata)


def _open_bytes(piece: Piece, metadata: pq.FileMetaData, columns: int) -> int:
    """About the most that a reader by rows has open: all columns, or all of the row group."""
    groups = range(piece.first, piece.last + 1)
    largest = max(metadata.row_group(index).total_byte_size for index in groups)
    return min(columns * COLUMN_BYTES, 2 * largest)


def _batch_rows(piece: Piece, metadata: pq.FileMetaData) -> int:
    """As many rows as take about 4 MB."""
    return min(max(int(BATCH_BYTES / _row_bytes(piece, metadata)), 1), BATCH_ROWS)


def _row_bytes(piece: Piece, metadata: pq.FileMetaData) -> float:
    """About the bytes of a decoded row: by its size in the file, or by the least and greatest text.

    A text that stands in a dictionary takes a byte or two in the file, however long it is.
    """
    group = metadata.row_group(piece.first)
    texts = 0.0
    for number in range(group.num_columns):
        column = group.column(number)
        found = column.statistics
        if column.physical_type == "BYTE_ARRAY" and found is not None and found.has_min_max:
            texts += len((found.min_raw or b"") + (found.max_raw or b"")) / 2
    whole = _uncompressed(piece, metadata) / max(piece.rows, 1)
    return max(whole, texts, VALUE_BYTES * metadata.num_columns)


def _uncompressed(piece: Piece, metadata: pq.FileMetaData) -> int:
    groups = range(piece.first, piece.last + 1)
    return sum(metadata.row_group(index).total_byte_size for index in groups)
