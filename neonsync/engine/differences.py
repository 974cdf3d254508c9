"""Differences: of dates whose digests differ, the rows by their keys, and their columns.

Exported files and staging are read once more, which happens seldom. Keys are shown, as a row has
no other name; values never, since messages travel.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from psycopg import sql

from neonsync.columns import arrow_type
from neonsync.digest import Field, Frame, digest_of, field_text, plain_values
from neonsync.engine.compare import DATES_SHOWN, listed
from neonsync.engine.context import RunContext
from neonsync.engine.ledger import ExportRecord
from neonsync.engine.plan import TablePlan
from neonsync.engine.rows import Rows
from neonsync.postgres import digest as postgres
from neonsync.postgres import staging
from neonsync.postgres.arrow import cast_exactly
from neonsync.postgres.connect import Connection
from neonsync.postgres.copy import BatchEncoder, FittedBatch
from neonsync.postgres.days import day_of_batch, day_of_row
from neonsync.tables import ColumnSpec, TableSpec

Key = tuple[str, ...]
"""The fields of a row's key as they stand in its frame."""
_DATES_READ = 3
"""So many of the differing dates are read again: they tell as well as all would."""
_MOST_ROWS = 1_000_000
"""And no more rows than this."""


@dataclass(frozen=True)
class Differences:
    """Keys by what is wrong with their rows, and in how many of the ``changed`` a column differs.

    ``disputed`` counts rows of which Athena's digest is not that of the values it exported.
    """

    missing: tuple[Key, ...] = ()
    surplus: tuple[Key, ...] = ()
    changed: tuple[Key, ...] = ()
    columns: Mapping[str, int] | None = None
    disputed: int = 0

    def __str__(self) -> str:
        told = []
        for what, keys in (
            ("rows are missing", self.missing),
            ("rows too many", self.surplus),
            ("rows have other values", self.changed),
        ):
            if keys:
                shown = listed(["(" + ", ".join(map(_readable, key)) + ")" for key in keys])
                told.append(f"{len(keys):,} {what}: {shown}")
        if self.columns:
            told.append(f"columns that differ: {listed(list(self.columns))}")
        if self.disputed:
            told.append(
                f"of {self.disputed:,} rows Athena's digest is not that of the values it has "
                "exported, which says nothing against the copy: this Athena writes a value "
                'otherwise, and validation = "aggregate" does without digests'
            )
        return "; ".join(told) or "no row of the dates that were looked at differs any more"


@dataclass(frozen=True)
class _Source:
    """What Athena has exported, to be read once more."""

    rows: Rows
    spec: TableSpec
    columns: tuple[ColumnSpec, ...]
    frame: Frame
    dates: frozenset[str | None]

    def batches(self) -> Iterator[FittedBatch]:
        """The rows of the dates, in batches."""
        encoder = BatchEncoder(self.spec, self.columns, self.frame)
        for chunk in self.rows.chunks(frozenset()):
            for batch, origin in self.rows.batches(chunk):
                fitted = encoder.fit(batch, origin)
                wanted = self._of_the_dates(fitted.batch)
                yield FittedBatch(
                    fitted.batch.filter(wanted), fitted.digests.filter(wanted), fitted.changes
                )

    def _of_the_dates(self, batch: pa.RecordBatch) -> Any:
        if self.spec.day is None:
            return pa.repeat(True, batch.num_rows)
        days = day_of_batch(batch, self.spec.day)
        return pa.array([day in self.dates for day in days.to_pylist()], pa.bool_())

    def digests(self) -> dict[Key, list[int]]:
        """The digests of the rows by key, as some may stand twice."""
        found: dict[Key, list[int]] = defaultdict(list)
        for fitted in self.batches():
            keys = zip(*(self._texts(fitted.batch, field) for field in self.keys), strict=True)
            for key, digest in zip(keys, fitted.digests.to_pylist(), strict=True):
                found[key].append(digest)
        return found

    def fields(self, keys: Collection[Key]) -> dict[Key, list[tuple[str, ...]]]:
        """All fields of some rows."""
        found: dict[Key, list[tuple[str, ...]]] = defaultdict(list)
        for fitted in self.batches():
            texts = [self._texts(fitted.batch, field) for field in self.frame.fields]
            places = [self.frame.fields.index(field) for field in self.keys]
            for row in zip(*texts, strict=True):
                key = tuple(row[place] for place in places)
                if key in keys:
                    found[key].append(row)
        return found

    @property
    def keys(self) -> list[Field]:
        """The fields of the key."""
        by_name = {field.name: field for field in self.frame.fields}
        return [by_name[name] for name in self.spec.key]

    def _texts(self, batch: pa.RecordBatch, field: Field) -> list[str]:
        planned = arrow_type(field.type, field.name)
        values = plain_values(cast_exactly(batch.column(field.name), planned))
        return [field_text(field, value) for value in values]


async def explain(
    context: RunContext,
    table: TablePlan,
    record: ExportRecord,
    rows: Rows,
    columns: tuple[ColumnSpec, ...],
    dates: Sequence[str | None],
) -> str:
    """Compare the rows of some of these dates one by one, and say in words what differs."""
    if rows.frame is None:
        raise AssertionError("rows without a digest do not differ by it")
    source = _Source(rows, table.spec, columns, rows.frame, frozenset(dates[:_DATES_READ]))
    look = _Staging(record.staging, source)
    count = await context.with_connection(look.count)
    if count > _MOST_ROWS:
        return f"their {count:,} rows are too many to be compared one by one"
    theirs = await asyncio.to_thread(source.digests)
    ours = await context.with_connection(look.digests)
    differing = [key for key in {*theirs, *ours} if sorted(theirs[key]) != sorted(ours[key])]
    keys = frozenset(sorted(differing)[:DATES_SHOWN])
    fields = await asyncio.to_thread(source.fields, keys)
    staged = await context.with_connection(lambda connection: look.fields(connection, keys))
    return str(compare_rows(source.frame, sorted(differing), theirs, ours, fields, staged))


def compare_rows(
    frame: Frame,
    differing: Sequence[Key],
    theirs: Mapping[Key, Sequence[int]],
    ours: Mapping[Key, Sequence[int]],
    fields: Mapping[Key, Sequence[tuple[str, ...]]],
    staged: Mapping[Key, Sequence[tuple[str, ...]]],
) -> Differences:
    """Sort the keys out. ``fields`` and ``staged`` have all fields of some of them, both sides."""
    count = {key: len(ours.get(key, ())) - len(theirs.get(key, ())) for key in differing}
    columns: Counter[str] = Counter()
    disputed = 0
    for key in (key for key in differing if not count[key] and key in fields):
        exported = sorted(fields[key])
        disputed += sorted(map(digest_of, exported)) != sorted(theirs[key])
        for left, right in zip(exported, sorted(staged.get(key, exported)), strict=True):
            pairs = zip(frame.fields, left, right, strict=True)
            columns.update(field.name for field, a, b in pairs if a != b)
    return Differences(
        tuple(key for key in differing if count[key] < 0),
        tuple(key for key in differing if count[key] > 0),
        tuple(key for key in differing if not count[key]),
        columns,
        disputed,
    )


@dataclass(frozen=True)
class _Staging:
    """The same rows in staging."""

    name: str
    source: _Source

    async def count(self, connection: Connection) -> int:
        """How many there are."""
        ((count,),) = await self._rows(connection, [sql.SQL("count(*)")])
        return int(count)

    async def digests(self, connection: Connection) -> dict[Key, list[int]]:
        """As ``_Source.digests``."""
        found: dict[Key, list[int]] = defaultdict(list)
        wanted = [*self._keys(), postgres.row_digest(self.source.frame, self._types())]
        for *key, digest in await self._rows(connection, wanted):
            found[tuple(key)].append(int(digest))
        return found

    async def fields(
        self, connection: Connection, keys: Collection[Key]
    ) -> dict[Key, list[tuple[str, ...]]]:
        """As ``_Source.fields``."""
        found: dict[Key, list[tuple[str, ...]]] = defaultdict(list)
        texts = [self._text(field) for field in self.source.frame.fields]
        for row in await self._rows(connection, [*self._keys(), *texts]):
            key, fields = row[: len(self.source.keys)], row[len(self.source.keys) :]
            if key in keys:
                found[key].append(fields)
        return found

    async def _rows(
        self, connection: Connection, wanted: Sequence[sql.Composable]
    ) -> list[tuple[Any, ...]]:
        day, dates = self.source.spec.day, list(self.source.dates)
        statement = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(wanted), staging.relation(self.name)
        )
        if day is not None:
            statement += sql.SQL(" WHERE coalesce({}, '') = ANY (%s)").format(day_of_row(day))
        parameters = [] if day is None else [[date or "" for date in dates]]
        cursor = await connection.execute(statement, parameters)
        return await cursor.fetchall()

    def _keys(self) -> list[sql.Composable]:
        return [self._text(field) for field in self.source.keys]

    def _text(self, field: Field) -> sql.Composable:
        return sql.SQL("concat({})").format(postgres.field_text(field, self._types()))

    def _types(self) -> dict[str, Any]:
        return {column.name: column.type for column in self.source.columns}


def _readable(field: str) -> str:
    """A field of a frame as people read it: a text without its length."""
    length, colon, text = field.partition(":")
    return text if colon and length.isdigit() else field
