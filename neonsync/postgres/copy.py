"""Binary COPY: Arrow batches, cast to the staging columns' exact types, encoded by pgpq."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import psycopg
import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from pgpq.encoders import StringEncoderBuilder
from pgpq.schema import Jsonb
from psycopg import sql

from neonsync.columns import arrow_type
from neonsync.errors import LoadError, ServerError
from neonsync.postgres.connect import Connection, server_error
from neonsync.postgres.days import count_days, day_of_row
from neonsync.postgres.fitting import Change, Fitting
from neonsync.postgres.staging import SCHEMA
from neonsync.tables import ColumnSpec, Day, TableSpec


@dataclass(frozen=True)
class EncodedBatch:
    """Bytes for COPY with what is in them; ``dates`` counts rows by date, None for NULL.

    ``changes`` counts the values that were changed, as Postgres cannot hold them.
    """

    data: bytes
    rows: int
    dates: Counter[str | None]
    changes: Counter[Change]


class BatchEncoder:
    """Turns Arrow batches into one binary COPY stream; use a new one for each COPY."""

    def __init__(self, spec: TableSpec, columns: tuple[ColumnSpec, ...]) -> None:
        self._spec = spec
        self._columns = columns
        self._fitting = Fitting(spec)
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

    def encode(self, batch: pa.RecordBatch, source: str) -> EncodedBatch:
        """Cast and encode a batch, whose columns stand in the order of ours.

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
        return EncodedBatch(
            bytes(self._encoder.write_batch(exact)), exact.num_rows, self._dates(exact), changes
        )

    def _dates(self, batch: pa.RecordBatch) -> Counter[str | None]:
        if self._spec.day is None:
            return Counter({None: batch.num_rows})
        return count_days(batch, self._spec.day)


def copy_statement(staging: str, columns: tuple[ColumnSpec, ...]) -> sql.Composed:
    """COPY into the named columns; identity and defaults fill the others."""
    return sql.SQL("COPY {} ({}) FROM STDIN WITH (FORMAT binary)").format(
        sql.Identifier(SCHEMA, staging),
        sql.SQL(", ").join(sql.Identifier(column.name) for column in columns),
    )


async def count_by_day(
    connection: Connection, schema: str, table: str, day: Day | None
) -> Counter[str | None]:
    """Rows of a table by day, as Postgres counts them; all under None without a day."""
    cursor = await connection.execute(
        sql.SQL("SELECT {}, count(*) FROM {} GROUP BY 1").format(
            sql.SQL("NULL::text") if day is None else day_of_row(day),
            sql.Identifier(schema, table),
        )
    )
    return Counter({day: int(count) for day, count in await cursor.fetchall()})


def copy_error(spec: TableSpec, error: psycopg.Error) -> LoadError | ServerError:
    """Our error for one of COPY: a value that Postgres refused, or trouble of the server's own."""
    diag = error.diag
    if not (error.sqlstate or "").startswith(("22", "23")):
        return server_error(error)
    if isinstance(error, psycopg.errors.CheckViolation):
        return LoadError(
            f'the constraint "{diag.constraint_name}" of {spec.qualified} refuses rows of '
            f"{spec.source}: {diag.message_detail or diag.message_primary}",
            "Mend the source, or change the constraint.",
        )
    where = (diag.context or "").splitlines()[0] if diag.context else ""
    column = f', column "{diag.column_name}"' if diag.column_name else ""
    return LoadError(
        f"{spec.source} into {spec.qualified}{column}: {diag.message_primary or error}"
        + (f" ({where})" if where else ""),
        "The target stays as it was. Mend the source, or declare the column so that it can hold "
        "the value.",
    )
