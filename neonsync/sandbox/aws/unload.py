"""A query's rows as Parquet files, dealt out to several or to partitions, in flat memory."""

from __future__ import annotations

import itertools
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast
from urllib.parse import quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from localbucket import TEMP_PREFIX
from sqlglot import exp

from neonsync.sandbox.aws import keys
from neonsync.sandbox.aws.errors import QueryFailed
from neonsync.sandbox.aws.options import AthenaOptions
from neonsync.sandbox.aws.parsing import is_unnamed, item_name
from neonsync.sandbox.aws.tables import NO_VALUE
from neonsync.sandbox.aws.types import unload_type

_Compression = Literal["gzip", "lz4", "none", "snappy", "zstd"]
_BATCH_ROWS = 131_072
_MOST_PARTITIONS = 100
# What Hive leaves as it is in the names of folders.
_SAFE = " !$&()+,-.;<>@_`|~"
_MOST_BUFFERED = 128 * 1024 * 1024


@dataclass(frozen=True)
class Unloaded:
    """What has been written."""

    files: tuple[Path, ...]
    rows: int
    partitions: dict[tuple[str, ...], str] = field(default_factory=dict)
    """The values of each partition that was written, and its folder."""


def refuse_bad_names(query: exp.Query) -> None:
    """Raise QueryFailed unless each item of the SELECT has a name, and each another."""
    seen: set[str] = set()
    for number, item in enumerate(query.selects, 1):
        if item.is_star and not is_unnamed(query):
            continue
        name = "" if item.is_star else item_name(item)
        if not name:
            raise QueryFailed(
                f"SYNTAX_ERROR: line 1:1: Column name not specified at position {number}"
            )
        _refuse_second(name, seen)


def storable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The relation in the types and lower-case names of UNLOAD; raises QueryFailed."""
    seen: set[str] = set()
    for name in relation.columns:
        _refuse_second(name.lower(), seen)
    items = []
    for name, kind in zip(relation.columns, relation.types, strict=True):
        source = duckdb.ColumnExpression(name)
        stored = unload_type(kind, name.lower())
        if stored != str(kind):
            source = source.cast(duckdb.sqltype(stored))
        items.append(source.alias(name.lower()))
    return relation.select(*items)


def unload(
    relation: duckdb.DuckDBPyRelation,
    directory: Path,
    compression: str,
    options: AthenaOptions,
    check: Callable[[], None],
) -> Unloaded:
    """Write the relation's rows under ``directory``; ``check`` raises to stop between batches.

    A stop or an error leaves the files that rows had reached, as orphans.
    """
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    dealer = _Dealer(reader.schema, directory, compression, options)
    try:
        for batch in reader:
            check()
            dealer.deal(batch)
        dealer.flush()
    finally:
        files = dealer.close()
    return Unloaded(files, dealer.rows)


def unload_partitioned(
    relation: duckdb.DuckDBPyRelation,
    keys: tuple[str, ...],
    directory: Path,
    compression: str,
    check: Callable[[], None],
) -> Unloaded:
    """Write the relation's rows into folders by its last columns, the keys, one file in each."""
    places = [f"partition key {number}" for number in range(len(keys))]
    text = duckdb.sqltype("VARCHAR")
    named = [
        duckdb.ColumnExpression(key).cast(text).alias(place)
        for key, place in zip(keys, places, strict=True)
    ]
    rest = [duckdb.ColumnExpression(name) for name in relation.columns[: -len(keys)]]
    ordered = relation.select(*rest, *named).order(", ".join(f'"{place}"' for place in places))
    files: list[Path] = []
    folders: dict[tuple[str, ...], str] = {}
    options = AthenaOptions(unload_files=1)
    dealer: _Dealer | None = None
    rows, current = 0, None
    reader = ordered.to_arrow_reader(_BATCH_ROWS)
    try:
        for batch in reader:
            check()
            for values, piece in _runs(batch, places):
                if values != current:
                    if dealer is not None:
                        files += dealer.finish()
                        dealer = None
                    if len(folders) == _MOST_PARTITIONS:
                        raise QueryFailed(
                            "HIVE_TOO_MANY_OPEN_PARTITIONS: Exceeded limit of "
                            f"{_MOST_PARTITIONS} open writers for partitions/buckets"
                        )
                    folder = "/".join(f"{k}={_escaped(v)}" for k, v in zip(keys, values))  # noqa: B905
                    folders[tuple(v or NO_VALUE for v in values)] = folder
                    dealer = _Dealer(piece.schema, directory / folder, compression, options)
                    current = values
                if dealer is not None:
                    dealer.deal(piece)
                rows += piece.num_rows
    finally:
        if dealer is not None:
            files += dealer.finish()
    return Unloaded(tuple(files), rows, folders)


def _runs(
    batch: pa.RecordBatch, places: list[str]
) -> Iterator[tuple[tuple[str | None, ...], pa.RecordBatch]]:
    """The batch in pieces of equal values in some columns, without these columns."""
    values = list(zip(*(batch.column(place).to_pylist() for place in places), strict=True))
    rest = batch.drop_columns(places)
    start = 0
    for group, run in itertools.groupby(values):
        size = sum(1 for _ in run)
        yield group, rest.slice(start, size)
        start += size


def _escaped(value: str | None) -> str:
    """A value as the name of a folder, as Hive writes it."""
    return NO_VALUE if not value else quote(value, safe=_SAFE)


@dataclass
class _File:
    """An object in the making: invisible to readers until it is closed and renamed."""

    path: Path
    temporary: Path
    writer: pq.ParquetWriter | None = None
    pending: list[pa.RecordBatch] = field(default_factory=list)
    pending_rows: int = 0


class _Dealer:
    """Deals rows out to the files, a slice of each batch to every one."""

    def __init__(
        self, schema: pa.Schema, directory: Path, compression: str, options: AthenaOptions
    ) -> None:
        self.rows = 0
        self._schema = schema
        self._compression = compression
        self._row_group_rows = options.row_group_rows
        self._buffered = 0
        # An object may stand where the directory is to be.
        keys.make_room(directory / "any")
        self._directory = directory
        self._files = [_file(directory) for _ in range(options.unload_files)]
        self._turn = itertools.cycle(self._files)

    def deal(self, batch: pa.RecordBatch) -> None:
        """Hand the batch's rows out; row groups that are full, or too much, are written."""
        self.rows += batch.num_rows
        for piece in self._pieces(batch):
            file = next(self._turn)
            file.pending.append(piece)
            file.pending_rows += piece.num_rows
            if file.pending_rows >= self._row_group_rows:
                self._write(file)
        self._buffered += batch.nbytes
        if self._buffered >= _MOST_BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Write everything that is pending."""
        for file in self._files:
            self._write(file)
        self._buffered = 0

    def finish(self) -> tuple[Path, ...]:
        """Write what is pending, and complete the files."""
        self.flush()
        return self.close()

    def close(self) -> tuple[Path, ...]:
        """Complete the files that have rows and make them visible."""
        written = [file for file in self._files if file.writer is not None]
        for file in written:
            assert file.writer is not None  # noqa: S101  narrowed above
            file.writer.close()
            file.temporary.replace(file.path)
        if not written and not any(self._directory.iterdir()):
            self._directory.rmdir()
        return tuple(file.path for file in written)

    def _pieces(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        size = -(-batch.num_rows // len(self._files))
        size = max(1, min(size, self._row_group_rows))
        for start in range(0, batch.num_rows, size):
            yield batch.slice(start, size)

    def _write(self, file: _File) -> None:
        if not file.pending:
            return
        if file.writer is None:
            file.writer = pq.ParquetWriter(
                file.temporary,
                self._schema,
                compression=cast(_Compression, self._compression.lower()),
                # Athena stores timestamps as INT96 and knows no page index.
                use_deprecated_int96_timestamps=True,
            )
        table = pa.Table.from_batches(file.pending, self._schema)
        file.writer.write_table(table, row_group_size=self._row_group_rows)
        self._buffered -= sum(piece.nbytes for piece in file.pending)
        file.pending, file.pending_rows = [], 0


def _file(directory: Path) -> _File:
    """A new file with a name like Athena's, without extension."""
    moment = datetime.now(UTC).strftime("%Y%m%d_%H%M%S")
    number = secrets.randbelow(100_000)
    letters = "".join(secrets.choice("abcdefghijkmnpqrstuvwxyz23456789") for _ in range(5))
    name = f"{moment}_{number:05d}_{letters}_{uuid.uuid4()}"
    return _File(directory / name, directory / f"{TEMP_PREFIX}{name}")


def _refuse_second(name: str, seen: set[str]) -> None:
    if name in seen:
        raise QueryFailed(
            f"SYNTAX_ERROR: line 1:1: Column name '{name}' specified more than once",
            error_type=1006,
        )
    seen.add(name)
