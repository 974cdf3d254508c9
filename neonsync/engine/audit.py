"""Audit: the proof, before publishing, that staging holds what Athena holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from neonsync.engine import ledger
from neonsync.engine.context import RunContext
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
    exported = source.keys()
    missing = exported - loaded.pieces
    if missing or loaded.pieces - exported:
        raise ProofError(
            f"{name}: {len(missing)} of {len(exported)} exported pieces are not loaded",
            "Nothing was published. Run again with a fresh export.",
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
    differing = sorted(
        (date for date in source.keys() | ours.keys() if source[date] != ours[date]),
        key=lambda date: date or "",
    )
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
    )
