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

from neonsync.digest import Field, Frame, digest_of, field_text, plain_values
from neonsync.engine.compare import DATES_SHOWN, listed
from neonsync.engine.context import RunContext
from neonsync.engine.ledger import ExportRecord
from neonsync.engine.plan import TablePlan
from neonsync.engine.rows import Rows
from neonsync.postgres import staging
from neonsync.postgres.comparison import EVERY_ROW, ComparedRows, Key
from neonsync.postgres.copy import BatchEncoder, FittedBatch
from neonsync.postgres.days import day_of_batch
from neonsync.tables import ColumnSpec, TableSpec

_DATES_READ = 3
"""So many of the differing dates are read again: they tell as well as all would."""
_LONGEST_SHOWN = 60
_MOST_ROWS = 1_000_000
"""And no more rows than this."""


@dataclass(frozen=True)
class Differences:
    """Keys by what is wrong with their rows, and in how many of the ``changed`` a column differs.

    ``disputed`` counts rows of which Athena's digest is not that of the values it exported.
    ``values`` are some of those that differ, in words, where they may be shown.
    """

    missing: tuple[Key, ...] = ()
    surplus: tuple[Key, ...] = ()
    changed: tuple[Key, ...] = ()
    columns: Mapping[str, int] | None = None
    disputed: int = 0
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        told = []
        for one, many, keys in (
            ("row is missing", "rows are missing", self.missing),
            ("row too many", "rows too many", self.surplus),
            ("row has other values", "rows have other values", self.changed),
        ):
            if keys:
                shown = listed(["(" + ", ".join(map(_readable, key)) + ")" for key in keys])
                told.append(f"{len(keys):,} {one if len(keys) == 1 else many}: {shown}")
        if self.columns:
            told.append(f"columns that differ: {listed(list(self.columns))}")
        if self.values:
            told.append(f"as {listed(self.values)}")
        if self.disputed:
            told.append(
                f"of {self.disputed:,} rows Athena's digest is not that of the values in its own "
                "files: either a value is read wrongly from them, or this Athena writes one "
                'otherwise than is known here; validation = "aggregate" does without digests'
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
        return self.frame.named(self.spec.key)

    def _texts(self, batch: pa.RecordBatch, field: Field) -> list[str]:
        return [field_text(field, value) for value in plain_values(batch.column(field.name))]


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
    look = ComparedRows(
        staging.relation(record.staging), table.spec, source.frame, source.columns, EVERY_ROW
    )
    count = await context.with_connection(lambda connection: look.count(connection, source.dates))
    if count > _MOST_ROWS:
        return f"their {count:,} rows are too many to be compared one by one"
    theirs = await asyncio.to_thread(source.digests)
    ours = await context.with_connection(lambda connection: look.digests(connection, source.dates))
    differing = differing_keys(theirs, ours)
    keys = frozenset(differing[:DATES_SHOWN])
    fields = await asyncio.to_thread(source.fields, keys)
    staged = await context.with_connection(
        lambda connection: look.fields(connection, source.dates, keys)
    )
    show_values = context.plan.settings.show_values
    return str(
        compare_rows(source.frame, differing, theirs, ours, fields, staged, show_values=show_values)
    )


def differing_keys(
    theirs: Mapping[Key, Sequence[int]], ours: Mapping[Key, Sequence[int]]
) -> list[Key]:
    """The keys whose rows have other digests on the other side, in order."""
    return sorted(
        key for key in {*theirs, *ours} if sorted(theirs.get(key, ())) != sorted(ours.get(key, ()))
    )


def compare_rows(
    frame: Frame,
    differing: Sequence[Key],
    theirs: Mapping[Key, Sequence[int]],
    ours: Mapping[Key, Sequence[int]],
    fields: Mapping[Key, Sequence[tuple[str, ...]]],
    staged: Mapping[Key, Sequence[tuple[str, ...]]],
    *,
    show_values: bool = False,
) -> Differences:
    """Sort the keys out. ``fields`` and ``staged`` have all fields of some of them, both sides."""
    count = {key: len(ours.get(key, ())) - len(theirs.get(key, ())) for key in differing}
    columns: Counter[str] = Counter()
    values: list[str] = []
    disputed = 0
    for key in (key for key in differing if not count[key] and key in fields):
        exported = sorted(fields[key])
        disputed += sorted(map(digest_of, exported)) != sorted(theirs[key])
        for left, right in zip(exported, sorted(staged.get(key, exported)), strict=True):
            pairs = zip(frame.fields, left, right, strict=True)
            differing_fields = [(field.name, a, b) for field, a, b in pairs if a != b]
            columns.update(name for name, _, _ in differing_fields)
            if show_values:
                values += [
                    f"({', '.join(map(_readable, key))}) {name}: "
                    f"{_shortened(a)} in Athena, {_shortened(b)} here"
                    for name, a, b in differing_fields
                ]
    return Differences(
        tuple(key for key in differing if count[key] < 0),
        tuple(key for key in differing if count[key] > 0),
        tuple(key for key in differing if not count[key]),
        columns,
        disputed,
        tuple(values),
    )


def _shortened(field: str) -> str:
    """A field as it is shown beside another one."""
    if field in ("", ":"):
        return "NULL"
    text = repr(_readable(field))[1:-1]
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _readable(field: str) -> str:
    """A field of a frame as people read it: a text without its length."""
    length, colon, text = field.partition(":")
    return text if colon and length.isdigit() else field
