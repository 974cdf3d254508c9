"""Binary COPY: Arrow batches, cast to the staging columns' exact types, encoded by pgpq."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from pgpq.encoders import StringEncoderBuilder
from pgpq.schema import Jsonb
from psycopg import sql

from neonsync.columns import arrow_type
from neonsync.digest import DigestSums, Frame
from neonsync.errors import LoadError, ServerError
from neonsync.postgres.changed_rows import corrected
from neonsync.postgres.connect import server_error
from neonsync.postgres.days import sum_by_day, wrapped_sum
from neonsync.postgres.fitting import Change, Fitting
from neonsync.postgres.refusals import Showing, in_function, refusal
from neonsync.postgres.staging import SCHEMA
from neonsync.tables import ColumnSpec, TableSpec

GROUP_ROWS = 32_768
GROUP_BYTES = 2 * 1024 * 1024

ReadBatch: TypeAlias = tuple[pa.RecordBatch, str]
"""Rows as they were read, and the name of their file for messages."""


@dataclass(frozen=True)
class EncodedBatch:
    """Bytes for COPY with what is in them; ``dates`` counts rows by date, None for NULL.

    ``digests`` are sums of the digests that the rows have brought; empty where they bring none.
    ``changes`` counts the values that were changed, as Postgres cannot hold them.
    """

    data: bytes
    rows: int
    dates: Counter[str | None]
    digests: DigestSums
    changes: Counter[Change]


@dataclass(frozen=True)
class FittedBatch:
    """Rows as their columns hold them, and their digests: int64, or None where they bring none."""

    batch: pa.RecordBatch
    digests: Any
    changes: Counter[Change]


class BatchEncoder:
    """Turns Arrow batches into one binary COPY stream; use a new one for each COPY.

    With ``frame`` each batch has the digests of its rows as its last column. With ``found`` what
    else Postgres would find is found here.
    """

    def __init__(
        self,
        spec: TableSpec,
        columns: tuple[ColumnSpec, ...],
        frame: Frame | None = None,
        *,
        found: bool = False,
    ) -> None:
        self._spec = spec
        self._frame = frame
        self._columns = columns
        self._fitting = Fitting(spec, found=found)
        self._schema = pa.schema(
            [pa.field(column.name, arrow_type(column.type, column.name)) for column in columns]
        )
        self._encoder = ArrowToPostgresBinaryEncoder.new_with_encoders(
            self._schema,
            {
                column.name: StringEncoderBuilder.new_with_output(field, Jsonb())
                if column.type.base == "jsonb"
                else ArrowToPostgresBinaryEncoder.infer_encoder(field)
                for column, field in zip(columns, self._schema, strict=True)
            },
        )

    def header(self) -> bytes:
        """What a stream begins with."""
        return bytes(self._encoder.write_header())

    def trailer(self) -> bytes:
        """What a stream ends with."""
        return bytes(self._encoder.finish())

    def encode(self, fitted: FittedBatch) -> EncodedBatch:
        """Encode rows that ``fit`` has cast."""
        dates, sums = self._by_day(fitted.batch, fitted.digests)
        return EncodedBatch(
            bytes(self._encoder.write_batch(fitted.batch)),
            fitted.batch.num_rows,
            dates,
            sums,
            fitted.changes,
        )

    def fit(self, batch: pa.RecordBatch, source: str) -> FittedBatch:
        """Cast a batch, whose columns stand in the order of ours.

        ``source`` names the file for error messages.

        Raises:
            LoadError: a value does not fit its column exactly.
        """
        arrays = []
        changes: Counter[Change] = Counter()
        for position, (column, field) in enumerate(zip(self._columns, self._schema, strict=True)):
            array, changed = self._fitting.fit(batch.column(position), field.type, column, source)
            arrays.append(array)
            changes += changed
        exact = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        digests = None
        if self._frame is not None:
            digests = batch.column(len(self._columns))
            if changes:
                digests = corrected(digests, batch, exact, self._frame)
        return FittedBatch(exact, digests, changes)

    def fit_together(self, batches: Sequence[ReadBatch]) -> FittedBatch:
        """Cast batches of one schema as a single one: each costs as much as some 10,000 rows.

        Raises:
            LoadError: as ``fit``, with the name of the file that the value is in.
        """
        if len(batches) == 1:
            return self.fit(*batches[0])
        try:
            return self.fit(_joined([batch for batch, _ in batches]), "of many")
        except LoadError:
            for batch, source in batches:
                self.fit(batch, source)
            raise

    def _by_day(
        self, batch: pa.RecordBatch, digests: Any
    ) -> tuple[Counter[str | None], DigestSums]:
        if self._spec.day is not None:
            return sum_by_day(batch, self._spec.day, digests)
        sums = DigestSums()
        if digests is not None:
            sums.add([(None, wrapped_sum(digests))])
        return Counter({None: batch.num_rows}), sums


def in_groups(batches: Iterable[ReadBatch]) -> Iterator[list[ReadBatch]]:
    """Batches of one schema that are together worth their while: small files give small ones."""
    group: list[ReadBatch] = []
    rows = size = 0
    for batch, source in batches:
        if group and batch.schema != group[0][0].schema:
            yield group
            group, rows, size = [], 0, 0
        group.append((batch, source))
        rows += batch.num_rows
        size += batch.nbytes
        if rows >= GROUP_ROWS or size >= GROUP_BYTES:
            yield group
            group, rows, size = [], 0, 0
    if group:
        yield group


def _joined(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    columns = zip(*(batch.columns for batch in batches), strict=True)
    arrays = [pa.concat_arrays(arrays) for arrays in columns]
    return pa.RecordBatch.from_arrays(arrays, schema=batches[0].schema)


def copy_statement(staging: str, columns: tuple[ColumnSpec, ...]) -> sql.Composed:
    """COPY into the named columns; identity and defaults fill the others."""
    return sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT binary)").format(
        sql.Identifier(SCHEMA, staging),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
    )


def copy_error(
    spec: TableSpec, error: psycopg.Error, *, show_values: bool = False
) -> LoadError | ServerError:
    """Our error for one of COPY: a value that Postgres refused, or trouble of the server's own."""
    diag = error.diag
    showing = Showing(spec.key, spec.private, show_values)
    if not (error.sqlstate or "").startswith(("22", "23")):
        return server_error(error, showing)
    told = refusal(error, showing)
    # A function gives any name to what it raises.
    function = in_function(error)
    if isinstance(error, psycopg.errors.CheckViolation) and not function:
        return LoadError(
            f'the constraint "{diag.constraint_name}" of {spec.qualified} refuses rows of '
            f"{spec.source}: {told}",
            "Mend the source, or change the constraint.",
        )
    name = (not function and diag.column_name) or _column(spec, diag.context or "")
    column = f', column "{name}"' if name else ""
    return LoadError(
        f"{spec.source} into {spec.qualified}{column}: {told}",
        "The target stays as it was. Mend the source, or declare the column so that it can hold "
        "the value.",
    )


def _column(spec: TableSpec, context: str) -> str:
    """The column that an error's CONTEXT names: a line of it tells where in a COPY that was."""
    places = [line for line in context.splitlines() if line.startswith("COPY ")]
    names = (column.name for column in spec.columns)
    # A text form would have the value after a colon.
    return next(
        (
            name
            for name in names
            if any(f"{place}: ".partition(f", column {name}: ")[1] for place in places)
        ),
        "",
    )
