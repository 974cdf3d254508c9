"""A row group by way of the disk: decoded column by column, and read back by rows.

A reader that goes by rows has a page and a dictionary of each column open; with 100 columns that
was 230 MB. Here one column is open at a time, and what it holds goes to a temporary file.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from neonsync.errors import ExportError

SLICE_BATCHES = 4
"""So many batches of a column are written and read as one: small ones cost 20 % of the load."""


@dataclass(frozen=True)
class _Place:
    """Where a slice of a column stands in the temporary file."""

    offset: int
    length: int


def batches_by_columns(
    file: pq.ParquetFile, group: int, columns: Sequence[str], batch_rows: int
) -> Iterator[pa.RecordBatch]:
    """The rows of a row group in batches, with the columns in the file's order.

    Raises:
        ExportError: there is no room on the disk.
    """
    rows = SLICE_BATCHES * batch_rows
    fields = [field for field in file.schema_arrow if field.name in columns]
    with _temporary_file() as spilled:
        places = [
            [
                _append(spilled, batch)
                for batch in file.iter_batches(rows, [group], [field.name], use_threads=False)
            ]
            for field in fields
        ]
        with _disk():
            spilled.flush()
        for places_of_slice in zip(*places, strict=True):
            arrays = [
                _read(spilled, place, field)
                for place, field in zip(places_of_slice, fields, strict=True)
            ]
            whole = pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))
            for start in range(0, whole.num_rows, batch_rows):
                yield whole.slice(start, batch_rows)


def _append(spilled: IO[bytes], batch: pa.RecordBatch) -> _Place:
    data = batch.serialize()
    with _disk():
        place = _Place(spilled.tell(), data.size)
        spilled.write(data)
    return place


def _read(spilled: IO[bytes], place: _Place, field: pa.Field[Any]) -> Any:
    # Not mapped into memory: what is touched of a mapping counts as the process's own.
    with _disk():
        spilled.seek(place.offset)
        data = spilled.read(place.length)
    return pa.ipc.read_record_batch(pa.py_buffer(data), pa.schema([field])).column(0)


@contextlib.contextmanager
def _temporary_file() -> Iterator[IO[bytes]]:
    with _disk():
        file = tempfile.TemporaryFile()  # noqa: SIM115  closed below
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):  # of what had no room, which was told when it came
            file.close()


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """Errors of the disk, told apart from those of a damaged file, as which Arrow raises them."""
    try:
        yield
    except OSError as error:
        raise ExportError(
            f"no temporary file could be made of the columns of a wide table: "
            f"{error.strerror or error}",
            "Make room in the folder for temporary files, or name another one in TMPDIR. It takes "
            "a decoded row group for each of --jobs.",
        ) from error
