"""What UNLOAD left in S3: the manifest, the Parquet files in it, and their rows in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from neonsync.athena.objects import (
    RangedFile,
    S3Object,
    delete_objects,
    list_prefix,
    read_text,
)
from neonsync.athena.spill import SLICE_BATCHES, batches_by_columns
from neonsync.errors import ExportError

CHUNK_BYTES = 64 * 1024 * 1024
CHUNK_ROWS = 250_000
PRELOAD_BYTES = 80 * 1024 * 1024
BUFFER_BYTES = 1024 * 1024
BATCH_ROWS = 65_536
BATCH_BYTES = 4 * 1024 * 1024
VALUE_BYTES = 16
"""About the least that a value takes in memory; a dictionary makes it look smaller in the file."""
FOOTER_BYTES = 256 * 1024
COLUMN_BYTES = 2 * 1024 * 1024
"""Of an open column: a page and a dictionary, of 1 MB each as they are written everywhere."""
MOST_OPEN_BYTES = 32 * 1024 * 1024
"""Row groups that have more open when they are read by rows are read by columns."""
MOST_SPILLED = 4
"""So many times its size in the file may a row group take on the disk, at the most."""
AHEAD_BYTES = 8 * 1024 * 1024
"""Those are read so much at once from S3."""
KEPT_BYTES = 32 * 1024 * 1024
"""Of so much of an export the small files are kept whole from the reading of their footers."""
FOOTER_THREADS = 8


@dataclass(frozen=True)
class Piece:
    """Row groups ``first`` to ``last`` (inclusive) of one exported file."""

    file: S3Object
    first: int
    last: int
    rows: int
    start: int
    length: int

    @property
    def key(self) -> str:
        """What identifies the piece in the ledger: the file's version and the row groups."""
        return f"{self.file.address}#{self.file.etag}#{self.first}-{self.last}"


@dataclass(frozen=True)
class Chunk:
    """Pieces that are loaded and recorded together: the unit of work and of retry."""

    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        """Rows of all pieces."""
        return sum(piece.rows for piece in self.pieces)

    @property
    def bytes(self) -> int:
        """Compressed bytes of all pieces."""
        return sum(piece.length for piece in self.pieces)

    @property
    def key(self) -> str:
        """The first piece's key: no piece is in two chunks, so it names the chunk."""
        return self.pieces[0].key

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of all pieces."""
        return tuple(piece.key for piece in self.pieces)


@dataclass(frozen=True)
class ExportedFile:
    """A file of the manifest with its footer, and with all of its bytes if they are few."""

    file: S3Object
    metadata: pq.FileMetaData
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Export:
    """All files of one UNLOAD."""

    files: tuple[ExportedFile, ...]

    @property
    def rows(self) -> int:
        """Rows in all files, by their footers."""
        return sum(exported.metadata.num_rows for exported in self.files)

    @property
    def columns(self) -> frozenset[str]:
        """The columns that all files have."""
        named = (frozenset(exported.metadata.schema.names) for exported in self.files)
        return frozenset.intersection(*named)

    @cached_property
    def by_address(self) -> dict[str, ExportedFile]:
        """The files by their addresses."""
        return {exported.file.address: exported for exported in self.files}

    @cached_property
    def pieces(self) -> tuple[Piece, ...]:
        """All row groups, those together that a chunk has room for: each is of one file."""
        return tuple(piece for exported in self.files for piece in _pieces(exported))


def read_export(s3: Any, prefix: str, manifest_location: str | None) -> Export:
    """Read the manifest and the footer of each file that it names.

    Raises:
        ExportError: a file of the manifest is missing, or lies elsewhere, or is no Parquet.
    """
    if manifest_location is None:
        raise ExportError(
            "Athena finished the UNLOAD without naming a manifest",
            "Run again with a fresh export.",
        )
    named = [line.strip() for line in read_text(s3, manifest_location).splitlines()]
    named = [line for line in named if line]
    there = {entry.address: entry for entry in list_prefix(s3, prefix)}
    missing = [address for address in named if address not in there]
    if missing:
        raise ExportError(
            f"{len(missing)} of {len(named)} files of the manifest are not in S3, "
            f"the first is {missing[0]}",
            "Did a lifecycle rule or another job delete them? Run again for a fresh export.",
        )
    if len(set(named)) != len(named):
        raise ExportError("the manifest names a file twice", "Run again for a fresh export.")
    sources = [there[address] for address in named]
    with ThreadPoolExecutor(FOOTER_THREADS, thread_name_prefix="footer") as pool:
        files = pool.map(lambda source, keep: _read_file(s3, source, keep), sources, _kept(sources))
        return Export(tuple(files))


def _kept(sources: Sequence[S3Object]) -> Iterator[bool]:
    """Which files are kept whole: what is read for the footer is all of them."""
    left = KEPT_BYTES
    for source in sources:
        keep = source.size <= min(FOOTER_BYTES, left)
        left -= source.size if keep else 0
        yield keep


def piece_keys(export: Export) -> frozenset[str]:
    """The keys of all pieces of an export: what the ledger must hold when it is loaded."""
    return frozenset(piece.key for piece in export.pieces)


def plan_chunks(export: Export, *, loaded: frozenset[str] = frozenset()) -> list[Chunk]:
    """Cut the export into chunks of about 64 MB or 250,000 rows.

    Large files are cut at row groups, small ones grouped. The cut depends on the export alone,
    so that an attempt that starts again finds the same pieces; those in ``loaded`` are left out.
    """
    chunks: list[Chunk] = []
    current: list[Piece] = []
    rows = size = 0
    for piece in export.pieces:
        if piece.key in loaded:
            continue
        if current and (rows + piece.rows > CHUNK_ROWS or size + piece.length > CHUNK_BYTES):
            chunks.append(Chunk(tuple(current)))
            current, rows, size = [], 0, 0
        current.append(piece)
        rows += piece.rows
        size += piece.length
    if current:
        chunks.append(Chunk(tuple(current)))
    return chunks


def read_batches(
    s3: Any, piece: Piece, exported: ExportedFile, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """The rows of a piece, in batches, with the columns in any order.

    ``memory_of`` says what that takes in memory.

    Raises:
        InterruptedReadError: S3 broke off.
        ExportError: the file has changed, or is damaged; or there is no room on the disk for the
            columns of a wide table.
    """
    metadata = exported.metadata
    source = RangedFile(s3, piece.file)
    by_columns = _by_columns(piece, metadata, len(columns))
    buffer = 0
    if exported.content:
        source.hold(0, exported.content)
    elif by_columns:
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
    decoded = _row_bytes(piece, metadata) * piece.rows
    spilled = decoded <= MOST_SPILLED * _uncompressed(piece, metadata)
    return spilled and _open_bytes(piece, metadata, columns) > MOST_OPEN_BYTES


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


def delete_export(s3: Any, prefix: str, result_addresses: Sequence[str]) -> int:
    """Delete what an UNLOAD left: all below its own prefix, its manifest and metadata."""
    found = [entry.address for entry in list_prefix(s3, prefix)]
    return delete_objects(s3, [*found, *result_addresses])


def read_footer(s3: Any, source: S3Object) -> pq.FileMetaData:
    """A file's footer, by one request when it is of ordinary size.

    Raises:
        ExportError: it is no whole Parquet file.
    """
    return _read_file(s3, source, keep=False).metadata


def _read_file(s3: Any, source: S3Object, keep: bool) -> ExportedFile:
    file = RangedFile(s3, source)
    length = min(FOOTER_BYTES, source.size)
    content = b""
    try:
        if length:
            content = file.preload(source.size - length, length)
        metadata = pq.read_metadata(cast(IO[bytes], file))
        return ExportedFile(source, metadata, content if keep else b"")
    except pa.ArrowException as error:
        raise ExportError(
            f"{source.address} is not a whole Parquet file: {error}",
            "Run again for a fresh export.",
        ) from error


def _pieces(exported: ExportedFile) -> Iterator[Piece]:
    groups = [
        _extent(exported.metadata, index) for index in range(exported.metadata.num_row_groups)
    ]
    first = 0
    while first < len(groups):
        last = first
        rows, start, end = groups[first]
        while (
            last + 1 < len(groups)
            and rows + groups[last + 1][0] <= CHUNK_ROWS
            and groups[last + 1][2] - start <= CHUNK_BYTES
        ):
            last += 1
            rows += groups[last][0]
            end = groups[last][2]
        yield Piece(exported.file, first, last, rows, start, end - start)
        first = last + 1


def _extent(metadata: pq.FileMetaData, index: int) -> tuple[int, int, int]:
    """Rows, first byte and end of a row group."""
    group = metadata.row_group(index)
    columns = [group.column(number) for number in range(group.num_columns)]
    starts = [
        min(offset for offset in (c.dictionary_page_offset, c.data_page_offset) if offset)
        for c in columns
    ]
    ends = [start + c.total_compressed_size for start, c in zip(starts, columns, strict=True)]
    return group.num_rows, min(starts), max(ends)
