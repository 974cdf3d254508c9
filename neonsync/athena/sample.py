"""A look into a few of the lake's own files: for free, as far as they are Parquet."""

from __future__ import annotations

from collections.abc import Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.parquet as pq

from neonsync.athena.catalogue import CatalogueTable
from neonsync.athena.client import Athena
from neonsync.athena.export import read_footer
from neonsync.athena.filters import ALL_DATES
from neonsync.athena.objects import RangedFile, S3Object
from neonsync.athena.partitions import Partition, files_to_read
from neonsync.athena.s3 import S3
from neonsync.errors import ExportError, NeonsyncError

FILES = 4
ROWS = 2_000_000
FOOTERS = 16
"""Files whose footers are read; more would tell little more, and each costs a request."""
_SIDE_BY_SIDE = 8


@dataclass(frozen=True)
class Sample:
    """What the footers of some files tell: their rows; ``bytes`` are those of the whole files."""

    footers: tuple[pq.FileMetaData, ...]
    bytes: int

    @property
    def files(self) -> int:
        """How many files."""
        return len(self.footers)

    @property
    def rows(self) -> int:
        """Their rows."""
        return sum(footer.num_rows for footer in self.footers)

    def rows_in(self, size: int) -> int:
        """The rows of files of so many bytes together, as far as these tell."""
        return round(self.rows * size / self.bytes)

    def bytes_of(self, columns: Set[str]) -> int:
        """What a query of some columns reads of them."""
        names = {name.lower() for name in columns}
        return sum(_bytes_of(footer, names) for footer in self.footers)


def sample_footers(s3: S3, files: Sequence[S3Object]) -> Sample | None:
    """Read some footers, of files spread evenly; None when one is no Parquet, or there are none."""
    chosen = _spread(files, FOOTERS)
    try:
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as threads:
            footers = tuple(threads.map(partial(read_footer, s3), chosen))
    except ExportError:
        return None
    return Sample(footers, sum(file.size for file in chosen)) if chosen else None


def values_in_files(
    athena: Athena, table: CatalogueTable, partitions: Sequence[Partition], column: str
) -> set[str]:
    """The values of a column in a few files, those of the newest partitions first.

    Empty when the files cannot be read, or are not Parquet: it is only a look.
    """
    newest = sorted(partitions, key=lambda partition: partition.values)[-FILES:]
    found: set[str] = set()
    try:
        files = files_to_read(athena, table, newest, None, ALL_DATES, None)
        for file in _spread(files.objects, FILES):
            parquet = pq.ParquetFile(
                cast(IO[bytes], RangedFile(athena.s3, file)),
                metadata=read_footer(athena.s3, file),
            )
            names = {name.lower(): name for name in parquet.schema_arrow.names}
            if parquet.metadata.num_rows <= ROWS and column in names:
                values: Any = parquet.read([names[column]]).column(0).unique().drop_null()
                found |= set(values.cast(pa.string()).to_pylist())
    except (NeonsyncError, pa.ArrowException):
        return set()
    return found


def _spread(files: Sequence[S3Object], count: int) -> list[S3Object]:
    """``count`` files of a list, evenly spread over it."""
    if len(files) <= count:
        return list(files)
    return [files[position * (len(files) - 1) // (count - 1)] for position in range(count)]


def _bytes_of(footer: pq.FileMetaData, columns: set[str]) -> int:
    """Compressed bytes of the wanted top-level columns."""
    total = 0
    for index in range(footer.num_row_groups):
        group = footer.row_group(index)
        for number in range(group.num_columns):
            column = group.column(number)
            if column.path_in_schema.split(".")[0].lower() in columns:
                total += column.total_compressed_size
    return total
