"""Where the rows of a table come from, cut into chunks: what Athena exported, or the generator."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from neonsync.athena.export import Chunk as ExportedChunk
from neonsync.athena.export import Export, piece_keys, plan_chunks
from neonsync.athena.reading import VALUE_BYTES, memory_of, read_batches
from neonsync.athena.s3 import S3
from neonsync.athena.unscaled import scaled
from neonsync.columns import SqlType
from neonsync.digest import Frame
from neonsync.engine.runs.ledger import Chunk
from neonsync.testdata import TableGenerator

MADE_CHUNK_ROWS = 250_000
MADE_BATCH_ROWS = 65_536


class Rows(Protocol):
    """All rows of a table; the cut into chunks depends on nothing but them."""

    @property
    def rows(self) -> int:
        """How many."""

    @property
    def files(self) -> int:
        """From how many files."""

    @property
    def frame(self) -> Frame | None:
        """That of the digest which each row brings as its last column; None without one."""

    def keys(self) -> frozenset[str]:
        """The keys of all pieces: what the ledger must hold when all is loaded."""

    def chunks(self, loaded: frozenset[str]) -> Sequence[Chunk]:
        """What is still to load."""

    def memory(self, chunk: Any) -> int:
        """About the most bytes that the reading and encoding of a chunk takes."""

    def batches(self, chunk: Any) -> Iterator[tuple[pa.RecordBatch, str]]:
        """A chunk's rows, with the spec's columns in order, a digest at the end where they bring
        one, and where each batch comes from."""


@dataclass(frozen=True)
class ExportedRows:
    """The files of an UNLOAD. ``columns`` are their names in the files, in the spec's order.

    ``types`` are Athena's types, by these names. ``frame`` is that of the digest which each row
    brings; None where it brings none.
    """

    s3: S3
    export: Export
    columns: tuple[str, ...]
    types: Mapping[str, SqlType]
    frame: Frame | None = None

    @property
    def rows(self) -> int:
        """Rows by the footers."""
        return self.export.rows

    @property
    def files(self) -> int:
        """Files of the manifest."""
        return len(self.export.files)

    def keys(self) -> frozenset[str]:
        """Row groups of file versions."""
        return piece_keys(self.export)

    def chunks(self, loaded: frozenset[str]) -> Sequence[ExportedChunk]:
        """About 64 MB or 250,000 rows each."""
        return plan_chunks(self.export, loaded=loaded)

    def memory(self, chunk: ExportedChunk) -> int:
        """That of its largest piece."""
        columns = len(self.columns) + (self.frame is not None)
        files = self.export.by_address
        return max(memory_of(piece, files[piece.file.address], columns) for piece in chunk.pieces)

    def batches(self, chunk: ExportedChunk) -> Iterator[tuple[pa.RecordBatch, str]]:
        """Read the chunk's row groups."""
        columns = [*self.columns, *([self.frame.alias] if self.frame else [])]
        for piece in chunk.pieces:
            exported = self.export.by_address[piece.file.address]
            for batch in read_batches(self.s3, piece, exported, columns):
                yield scaled(batch.select(columns), self.types), piece.file.address


@dataclass(frozen=True)
class MadeChunk:
    """Rows ``first`` up to ``first + rows - 1`` of the generator."""

    first: int
    rows: int
    bytes: int = 0

    @property
    def key(self) -> str:
        """The row numbers."""
        return f"rows {self.first}-{self.first + self.rows - 1}"

    @property
    def keys(self) -> tuple[str, ...]:
        """One piece."""
        return (self.key,)


@dataclass(frozen=True)
class MadeRows:
    """Rows of the generator: the same ones whenever and in whatever order they are made.

    ``columns`` are those that are loaded: a target may lack some.
    """

    generator: TableGenerator
    columns: tuple[str, ...]

    @property
    def rows(self) -> int:
        """As many as were promised."""
        return self.generator.rows

    @property
    def files(self) -> int:
        """None."""
        return 0

    @property
    def frame(self) -> None:
        """Made rows bring no digest."""
        return None

    def keys(self) -> frozenset[str]:
        """Ranges of row numbers."""
        return frozenset(chunk.key for chunk in self.chunks(frozenset()))

    def chunks(self, loaded: frozenset[str]) -> Sequence[MadeChunk]:
        """Ranges of row numbers that are not loaded."""
        starts = range(0, self.rows, MADE_CHUNK_ROWS)
        chunks = (MadeChunk(first, min(MADE_CHUNK_ROWS, self.rows - first)) for first in starts)
        return [chunk for chunk in chunks if chunk.key not in loaded]

    def memory(self, chunk: MadeChunk) -> int:
        """Some batches of it."""
        return 3 * min(chunk.rows, MADE_BATCH_ROWS) * len(self.columns) * VALUE_BYTES

    def batches(self, chunk: MadeChunk) -> Iterator[tuple[pa.RecordBatch, str]]:
        """Make the chunk's rows."""
        end = chunk.first + chunk.rows
        for first in range(chunk.first, end, MADE_BATCH_ROWS):
            batch = self.generator.batch(first, min(MADE_BATCH_ROWS, end - first))
            yield batch.select(list(self.columns)), chunk.key
