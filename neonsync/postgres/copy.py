"""Binary COPY: Arrow batches, cast to the staging columns' exact types, encoded by pgpq."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from pgpq import ArrowToPostgresBinaryEncoder
from pgpq.encoders import StringEncoderBuilder
from pgpq.schema import Jsonb
from psycopg import sql

from neonsync.columns import arrow_type, fraction_limit, length_limit
from neonsync.errors import LoadError, ServerError
from neonsync.postgres.arrow import cast_exactly
from neonsync.postgres.connect import Connection, server_error
from neonsync.postgres.days import day_of_batch, day_of_row
from neonsync.postgres.staging import SCHEMA
from neonsync.tables import ColumnSpec, Day, TableSpec

VALUES_SHOWN = 3


@dataclass(frozen=True)
class EncodedBatch:
    """Bytes for COPY with what is in them; ``dates`` counts rows by date, None for NULL."""

    data: bytes
    rows: int
    dates: Counter[str | None]


class BatchEncoder:
    """Turns Arrow batches into one binary COPY stream; use a new one for each COPY."""

    def __init__(self, spec: TableSpec, columns: tuple[ColumnSpec, ...]) -> None:
        self._spec = spec
        self._columns = columns
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
        arrays = [
            self._cast(batch.column(position), field.type, column, source)
            for position, (column, field) in enumerate(
                zip(self._columns, self._schema, strict=True)
            )
        ]
        exact = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        return EncodedBatch(
            bytes(self._encoder.write_batch(exact)), exact.num_rows, self._dates(exact)
        )

    def _cast(self, array: Any, wanted: pa.DataType, column: ColumnSpec, source: str) -> Any:
        if array.type != wanted:
            # pgpq encodes by the declared type: an array of another type with the same width
            # would arrive as other values, so nothing but this exact type goes on.
            try:
                array = cast_exactly(array, wanted)
            except pa.ArrowException as error:
                raise LoadError(
                    f'{self._spec.source}, column "{column.name}", file {source}: '
                    f"a value does not fit {column.type}: {error}",
                    "Widen the target column, or mend the source.",
                ) from error
        if array.null_count and (not column.nullable or column.name in self._spec.key):
            raise LoadError(
                f'{self._spec.source}, column "{column.name}", file {source}: '
                f"{array.null_count} values are NULL, where the target allows none",
                "Mend the source; a key has no NULLs."
                if column.name in self._spec.key
                else "Mend the source, or allow NULL in the target column.",
            )
        limit = length_limit(column.type)
        if limit is not None:
            too_long = pc.greater(pc.utf8_length(array), pa.scalar(limit))
            count = pc.sum(too_long).as_py() or 0
            if count:
                shown = array.filter(too_long)[:VALUES_SHOWN].to_pylist()
                raise LoadError(
                    f'{self._spec.source}, column "{column.name}", file {source}: {count} values '
                    f"are longer than {column.type}, as {', '.join(map(repr, shown))}",
                    "Widen the target column, or mend the source.",
                )
        digits = fraction_limit(column.type)
        if digits is not None:
            unit = pa.scalar(10 ** (6 - digits), pa.int64())
            micros = array.cast(pa.int64())
            surplus = pc.not_equal(pc.multiply(pc.divide(micros, unit), unit), micros)
            if count := pc.sum(surplus).as_py() or 0:
                shown = array.filter(surplus)[:VALUES_SHOWN].to_pylist()
                raise LoadError(
                    f'{self._spec.source}, column "{column.name}", file {source}: {count} values '
                    f"have more digits of a second than {column.type} keeps, as "
                    f"{', '.join(map(str, shown))}",
                    "Widen the target column, or mend the source.",
                )
        return array

    def _dates(self, batch: pa.RecordBatch) -> Counter[str | None]:
        if self._spec.day is None:
            return Counter({None: batch.num_rows})
        counted = day_of_batch(batch, self._spec.day).value_counts()
        days, counts = counted.field("values"), counted.field("counts")
        return Counter(dict(zip(days.to_pylist(), counts.to_pylist(), strict=True)))


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
