"""What UNLOAD left in S3: the manifest, and the Parquet files in it, cut into chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, cast

import pyarrow as pa
import pyarrow.parquet as pq

from neonsync.athena.objects import RangedFile, S3Object, delete_objects, list_prefix, read_text
from neonsync.athena.s3 import S3
from neonsync.errors import ExportError

CHUNK_BYTES = 64 * 1024 * 1024
CHUNK_ROWS = 250_000
FOOTER_BYTES = 256 * 1024
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


def read_export(s3: S3, prefix: str, manifest_location: str | None) -> Export:
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


def delete_export(s3: S3, prefix: str, result_addresses: Sequence[str]) -> int:
    """Delete what an UNLOAD left: all below its own prefix, its manifest and metadata."""
    found = [entry.address for entry in list_prefix(s3, prefix)]
    return delete_objects(s3, [*found, *result_addresses])


def read_footer(s3: S3, source: S3Object) -> pq.FileMetaData:
    """A file's footer, by one request when it is of ordinary size.

    Raises:
        ExportError: it is no whole Parquet file.
    """
    return _read_file(s3, source, keep=False).metadata


def _read_file(s3: S3, source: S3Object, keep: bool) -> ExportedFile:
    file = RangedFile(s3, source)
    length = min(FOOTER_BYTES, source.size)
    content = b""
    try:
        if length:
            content = file.preload(source.size - length, length)
        # Arrow reads bytes without Python, and a file of ours with some calls of it.
        whole = 0 < source.size == length
        metadata = pq.read_metadata(pa.BufferReader(content) if whole else cast(IO[bytes], file))
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
