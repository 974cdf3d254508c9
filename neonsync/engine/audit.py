"""Audit: the proof, before publishing, that staging holds what Athena holds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from neonsync.engine import ledger
from neonsync.engine.context import DateCount, DateCounts, RunContext
from neonsync.engine.events import Level
from neonsync.engine.extract import SourceCounts
from neonsync.engine.ledger import ExportRecord, LoadedChunks
from neonsync.engine.plan import DUPLICATES, TablePlan
from neonsync.engine.rows import Rows
from neonsync.errors import ProofError
from neonsync.postgres import staging
from neonsync.postgres.connect import Connection
from neonsync.postgres.copy import count_by_day
from neonsync.postgres.fitting import NULL, Change

DATES_SHOWN = 20
DATES_KEPT = 400
"""So many dates of a table go into the reports with their counts."""


@dataclass(frozen=True)
class Proof:
    """What was compared, and found equal.

    ``changes`` are values that Postgres cannot hold, changed as configured; ``duplicates`` are rows
    of the source that were left out, as another row has their key.
    """

    files: int
    rows: int
    dates: int
    changes: tuple[ChangedValues, ...] = ()
    duplicates: int = 0


@dataclass(frozen=True)
class ChangedValues:
    """So many values of a column that were changed: made NULL or stripped, and why."""

    column: str
    action: str
    reason: str
    values: int

    def __str__(self) -> str:
        done = "made NULL" if self.action == NULL else self.action
        return f'{self.values:,} values of "{self.column}" {self.reason}, and were {done}'


async def audit(
    context: RunContext,
    table: TablePlan,
    record: ExportRecord,
    source: Rows,
    counts: SourceCounts,
) -> Proof:
    """Compare manifest, ledger, staging and Athena's own count, date by date.

    Raises:
        ProofError: something differs; the message names the dates and both counts.
        LoadError: a key stands twice, which a merge would meet only half-way.
    """
    name = table.spec.qualified

    async def look(connection: Connection) -> tuple[LoadedChunks, Counter[str | None]]:
        if record.method == "merge":
            await staging.find_duplicates(connection, record.staging, table.spec)
        return (
            await ledger.read_chunks(connection, context.lease.run_id, record.target),
            await count_by_day(connection, staging.SCHEMA, record.staging, table.spec.day),
        )

    loaded, staged = await context.with_connection(look)
    context.dates[name] = count_by_date(counts.dates, staged)
    exported = source.keys()
    missing = exported - loaded.pieces
    if missing or loaded.pieces - exported:
        raise ProofError(
            f"{name}: {len(missing)} of {len(exported)} exported pieces are not loaded",
            "Nothing was published. Run again with a fresh export.",
            table=name,
        )
    _compare(name, "the ledger", counts.dates, loaded.dates)
    _compare(name, "staging", counts.dates, staged)
    proof = Proof(
        source.files,
        counts.total,
        len(counts.dates),
        _changed(loaded.changes, counts),
        counts.lost[DUPLICATES],
    )
    for change in proof.changes:
        context.notice(f"{name}: {change}", Level.WARNING)
    if proof.duplicates:
        context.notice(
            f"{name}: {proof.duplicates:,} rows of the source were left out, "
            "as another row has their key",
            Level.WARNING,
        )
    return proof


def _changed(changes: Counter[Change], counts: SourceCounts) -> tuple[ChangedValues, ...]:
    """What the loader has changed, and what Athena has when it cast."""
    found = [
        ChangedValues(change.column, change.action, change.reason, count)
        for change, count in changes.items()
    ]
    found += [
        ChangedValues(column, NULL, "do not cast to the target's type", count)
        for column, count in counts.lost.items()
        if column != DUPLICATES
    ]
    return tuple(sorted(found, key=lambda change: (change.column, change.reason)))


def _compare(name: str, where: str, source: Counter[str | None], ours: Counter[str | None]) -> None:
    differing = [date for date in _in_order(source, ours) if source[date] != ours[date]]
    if not differing:
        return
    shown = ", ".join(
        f"{date or 'no date'}: {source[date]:,} in the source, {ours[date]:,} in {where}"
        for date in differing[:DATES_SHOWN]
    )
    more = f" and {len(differing) - DATES_SHOWN} more" if len(differing) > DATES_SHOWN else ""
    raise ProofError(
        f"{name}: the counts differ on {len(differing)} of {len(source)} dates: {shown}{more}",
        "Nothing was published. If the table was being written to while it was exported, run "
        "again; else look at the export's files.",
        table=name,
        # With the last one they bound all of them.
        dates=tuple(differing[: DATES_SHOWN - 1] + differing[DATES_SHOWN - 1 :][-1:]),
        differing=len(differing),
    )


def count_by_date(source: Counter[str | None], loaded: Counter[str | None]) -> DateCounts:
    """Both counts side by side; of too many dates those that differ, and the newest."""
    counts = [DateCount(date, source[date], loaded[date]) for date in _in_order(source, loaded)]
    differing = [each for each in counts if each.source != each.loaded]
    kept = set(differing[:DATES_KEPT])
    for each in reversed(counts):
        if len(kept) == DATES_KEPT:
            break
        kept.add(each)
    return DateCounts(len(counts), len(differing), tuple(each for each in counts if each in kept))


def _in_order(*counters: Counter[str | None]) -> list[str | None]:
    """All dates; numbers by their value, as in 2026-9-1."""
    dates = {date for counter in counters for date in counter if counter[date]}
    return sorted(
        dates, key=lambda date: re.sub(r"\d+", lambda digits: digits[0].zfill(9), date or "")
    )
