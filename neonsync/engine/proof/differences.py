"""Differences of staging: which rows are not as they were exported; the files are read once more.

It happens seldom, and costs no more memory than the rows of a few dates have digests.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from neonsync.digest import Field, Frame, field_text, plain_values
from neonsync.engine.context import RunContext
from neonsync.engine.loading.rows import Rows
from neonsync.engine.plan import TablePlan
from neonsync.engine.proof.compare import DATES_SHOWN, dates_to_read, of_some
from neonsync.engine.proof.readable import Readable
from neonsync.engine.proof.row_differences import Unmatched, compare_rows
from neonsync.engine.runs.ledger import ExportRecord
from neonsync.postgres import staging
from neonsync.postgres.comparison import EVERY_ROW, ComparedRows, Key
from neonsync.postgres.connect import Connection
from neonsync.postgres.copy import BatchEncoder, FittedBatch
from neonsync.postgres.days import day_of_batch
from neonsync.tables import ColumnSpec, TableSpec

MOST_EXPORTED_BYTES = 2_000_000_000
MOST_EXPORTED_ROWS = 20_000_000
"""What is read once more of an export, which has no order: all of it, for a few minutes."""


async def explain(
    context: RunContext,
    table: TablePlan,
    record: ExportRecord,
    rows: Rows,
    columns: tuple[ColumnSpec, ...],
    dates: Sequence[str | None],
    *sides: Mapping[str | None, int],
) -> str:
    """Compare the rows of some of these dates one by one, and say in words what differs.

    ``sides`` have the number of rows of each date, as exported and as staged.
    """
    if rows.frame is None:
        raise AssertionError("rows without a digest do not differ by it")
    read = dates_to_read(dates, *sides)
    if not read:
        return of_some(dates, read, "")
    source = _Source(rows, table.spec, columns, rows.frame, frozenset(read))
    look = ComparedRows(
        staging.relation(record.staging), table.spec, source.frame, source.columns, EVERY_ROW
    )
    if rows.rows > MOST_EXPORTED_ROWS or source.bytes > MOST_EXPORTED_BYTES:
        size = f"{rows.rows:,} rows, {source.bytes / 1e9:.1f} GB"
        return f"the export ({size}) is too large to be read once more for the rows that differ"

    async def staged(connection: Connection) -> Unmatched:
        found = Unmatched()
        async for key, digest in look.digests(connection, source.dates):
            found.held(key, digest)
        return found

    unmatched = await context.with_connection(staged)
    exported = await asyncio.to_thread(source.meet, unmatched)
    keys = [key for key in unmatched.differing() if key in exported]
    held = await context.with_connection(
        lambda connection: look.fields(connection, source.dates, keys)
    )
    found = compare_rows(
        source.frame,
        unmatched,
        exported,
        held,
        Readable(look.key, table.spec.private),
        show_values=context.plan.settings.show_values,
    )
    return of_some(dates, read, str(found))


@dataclass(frozen=True)
class _Source:
    """What Athena has exported, to be read once more."""

    rows: Rows
    spec: TableSpec
    columns: tuple[ColumnSpec, ...]
    frame: Frame
    dates: frozenset[str | None]

    @property
    def bytes(self) -> int:
        """Of all files, compressed."""
        return sum(chunk.bytes for chunk in self.rows.chunks(frozenset()))

    def meet(self, unmatched: Unmatched) -> dict[Key, list[tuple[str, ...]]]:
        """Let the rows meet those of the other side; the fields of some that are other there.

        Of a key that stands twice, the rows that have found an equal are left out.
        """
        found: dict[Key, list[tuple[str, ...]]] = defaultdict(list)
        for fitted in self._batches():
            keys = zip(*(self._texts(fitted.batch, field) for field in self._keys), strict=True)
            for place, (key, digest) in enumerate(
                zip(keys, fitted.digests.to_pylist(), strict=True)
            ):
                alone = unmatched.exported(key, digest)
                if alone and key in unmatched.ours and (key in found or len(found) < DATES_SHOWN):
                    row = fitted.batch.slice(place, 1)
                    found[key].append(
                        tuple(self._texts(row, field)[0] for field in self.frame.fields)
                    )
        return found

    def _batches(self) -> Iterator[FittedBatch]:
        """The rows of the dates, in batches."""
        encoder = BatchEncoder(self.spec, self.columns, self.frame)
        for chunk in self.rows.chunks(frozenset()):
            for batch, origin in self.rows.batches(chunk):
                fitted = encoder.fit(batch, origin)
                if self.spec.day is None:
                    yield fitted
                    continue
                wanted = self._of_the_dates(day_of_batch(fitted.batch, self.spec.day))
                if pc.any(wanted).as_py():
                    yield FittedBatch(
                        fitted.batch.filter(wanted), fitted.digests.filter(wanted), fitted.changes
                    )

    def _of_the_dates(self, days: Any) -> Any:
        return pc.is_in(days, value_set=pa.array([*self.dates], pa.string()))

    @property
    def _keys(self) -> list[Field]:
        return self.frame.named(self.spec.key)

    def _texts(self, batch: pa.RecordBatch, field: Field) -> list[str]:
        return [field_text(field, value) for value in plain_values(batch.column(field.name))]
