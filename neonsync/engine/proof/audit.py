"""Audit: the proof, before publishing, that staging holds what Athena holds.

every piece of the manifest is in the ledger          nothing is missing
Athena's own count of each date = ledger = staging    nothing is missing, nothing twice
exact:      Athena's digest of each row, summed by date while loading = Postgres's of staging
aggregate:  Athena's figures of each column by date = Postgres's of staging
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass

from neonsync.aggregates import Figures, only_counted
from neonsync.digest import DigestSums
from neonsync.engine.concurrency import side_by_side
from neonsync.engine.context import RunContext
from neonsync.engine.events import Level
from neonsync.engine.loading.extract import SourceCounts
from neonsync.engine.loading.rows import Rows
from neonsync.engine.loading.source_changes import changed_since
from neonsync.engine.plan import DUPLICATES, TablePlan
from neonsync.engine.proof.compare import (
    bounded,
    compare_counts,
    count_by_date,
    differing_digests,
    differing_figures,
    figures_told,
    listed,
    said,
)
from neonsync.engine.proof.differences import explain
from neonsync.engine.proof.frames import measures_over
from neonsync.engine.runs import ledger
from neonsync.engine.runs.ledger import ExportRecord, LoadedChunks
from neonsync.errors import NeonsyncError, ProofError
from neonsync.postgres import staging
from neonsync.postgres.aggregates import aggregates_by_day
from neonsync.postgres.connect import Connection
from neonsync.postgres.digest import Sums, sum_by_day
from neonsync.postgres.fitting import NULL, Change
from neonsync.tables import ColumnSpec, TableSpec, Validation

SOURCE_UNKNOWN = (
    "Nothing was published. The source may have changed since the export began, though neither its "
    "files nor what Athena has read of it tell. To find out, run again with --fresh while nothing "
    "writes into it: only should it differ again, look at the files of the export."
)
SOURCE_CHANGED = (
    "Nothing was published, and nothing speaks against the copy. Run again when the source is at "
    "rest."
)
MAYBE_CHANGED = "Nothing was published. The source alone may be why: run again when it is at rest."
EXACT_TELLS = (
    " --validation exact compares the rows with those that were exported, whatever becomes of the "
    "source meanwhile."
)
STAGING_CHANGED = (
    "Nothing was published. What was loaded is what Athena counts, and the staging table holds "
    "other rows: look who writes into the schema neonsync, then run again with --fresh."
)


@dataclass(frozen=True)
class Proof:
    """What was compared, and found equal.

    ``changes`` are values that Postgres cannot hold, changed as configured; ``duplicates`` are rows
    of the source that were left out, as another row has their key. ``validation`` is the level,
    and ``not_compared`` are columns of which it told no more than whether there is a value.
    ``skipped`` ones were not compared at all: only a digest can be corrected by the ``changes``.
    The comparison took ``seconds``.
    """

    files: int
    rows: int
    dates: int
    changes: tuple[ChangedValues, ...] = ()
    duplicates: int = 0
    validation: Validation = Validation.COUNTS
    not_compared: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    seconds: float = 0.0


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
    columns: tuple[ColumnSpec, ...],
) -> tuple[Proof, DigestSums]:
    """Compare manifest, ledger, staging and Athena's own word, date by date.

    Statistics of staging are collected beside it, for the joins of a merge, or to go along with
    the table that is swapped in. ``columns`` are those that are loaded. Returns the digests beside
    the proof, for who wants to find them in the published table; there are none below exact.

    Raises:
        ProofError: something differs; the message names the dates and both counts.
        LoadError: a key stands twice, which a merge would meet only half-way.
    """
    name = table.spec.qualified
    started = time.monotonic()

    loaded: LoadedChunks
    staged: Sums

    async def look(connection: Connection) -> None:
        nonlocal loaded, staged
        loaded = await ledger.read_chunks(connection, context.lease.run_id, record.target)
        staged = await sum_by_day(
            connection, staging.relation(record.staging), table.spec.day, source.frame
        )
        if record.method == "merge":
            await staging.analyze(connection, record.staging, _joined_by(table.spec))

    async def prepare(connection: Connection) -> None:
        if record.method == "merge":
            # No plan of Postgres's spreads it over the processors: it takes as long as all else.
            await staging.find_duplicates(connection, record.staging, table.spec, table.spec.key)
        else:
            await staging.analyze(connection, record.staging)

    await side_by_side(map(context.with_connection, (look, prepare)))
    context.dates[name] = count_by_date(counts.dates, staged.rows)
    exported = source.keys()
    missing = exported - loaded.pieces
    if missing or loaded.pieces - exported:
        raise ProofError(
            f"{name}: {len(missing)} of {len(exported)} exported pieces are not loaded",
            "Nothing was published. Run again with a fresh export.",
            table=name,
        )
    try:
        compare_counts(name, "the ledger", counts.dates, loaded.dates)
    except ProofError as error:
        await _look_for_the_cause(context, table, record, counts, error)
        raise
    differing = differing_digests(loaded.digests, staged.digests)
    told = ""
    if source.frame is not None and differing:
        try:
            told = await explain(
                context, table, record, source, columns, differing, loaded.dates, staged.rows
            )
        except NeonsyncError as error:
            # The dates differ all the same.
            told = f"which rows they are could not be found out: {error.message}"
    try:
        compare_counts(name, "staging", counts.dates, staged.rows)
    except ProofError as error:
        error.message += f"; {told}" if told else ""
        error.remedy = STAGING_CHANGED
        raise
    changes = _changed(loaded.changes, counts)
    not_compared: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    if source.frame is not None:
        not_compared = source.frame.inexact
        if differing:
            raise _digests_differ(name, differing, len(counts.dates), told)
    elif table.validation is Validation.AGGREGATE:
        # What the loader has changed is another value than Athena's, and told as such.
        skipped = tuple(dict.fromkeys(change.column for change in changes))
        not_compared = await _compare_aggregates(context, table, record, counts, columns, skipped)
    proof = Proof(
        source.files,
        counts.total,
        len(counts.dates),
        changes,
        counts.lost[DUPLICATES],
        table.validation,
        not_compared,
        skipped,
        round(time.monotonic() - started, 3),
    )
    _tell(context, name, proof)
    return proof, loaded.digests


def _joined_by(spec: TableSpec) -> list[str]:
    """The columns that a merge's joins and conditions go by."""
    days = spec.day.columns if spec.day else ()
    return list(dict.fromkeys([*spec.key, *days]))


def _tell(context: RunContext, name: str, proof: Proof) -> None:
    for change in proof.changes:
        context.notice(f"{name}: {change}", Level.WARNING)
    if proof.duplicates:
        context.notice(
            f"{name}: {proof.duplicates:,} rows of the source were left out, "
            "as another row has their key",
            Level.WARNING,
        )
    if proof.not_compared:
        context.notice(
            f"{name}: of {', '.join(proof.not_compared)} only the presence of a value is compared"
        )
    if proof.skipped:
        context.notice(
            f"{name}: not compared, as values were changed in them: {', '.join(proof.skipped)}"
        )


async def _look_for_the_cause(
    context: RunContext,
    table: TablePlan,
    record: ExportRecord,
    counts: SourceCounts,
    error: ProofError,
) -> None:
    """Do not blame the copy where the source has changed while it was copied, or may have."""
    told = await changed_since(context.athena, table, record.query_id, counts.query_id)
    error.remedy = SOURCE_CHANGED if told else SOURCE_UNKNOWN
    if told:
        error.message += f". The source has changed since the export began: {told}"


def _digests_differ(name: str, dates: list[str | None], of: int, told: str) -> ProofError:
    """Rows are as many as they should be, and others than they should be: which, and where."""
    return ProofError(
        f"{name}: the rows differ from Athena's on {len(dates)} of {of} dates: "
        f"{listed([said(date) for date in dates])}; {told}",
        "Nothing was published. Run again with --fresh; should it differ again, the message tells "
        "which rows and columns to look at.",
        table=name,
        dates=bounded(dates),
        differing=len(dates),
    )


async def _compare_aggregates(
    context: RunContext,
    table: TablePlan,
    record: ExportRecord,
    counts: SourceCounts,
    columns: tuple[ColumnSpec, ...],
    skipped: tuple[str, ...],
) -> tuple[str, ...]:
    """Athena's figures of each column but the ``skipped`` ones against staging's.

    Returns the columns of which only the values were counted.

    Raises:
        ProofError: they differ.
    """
    name = table.spec.qualified
    measures = measures_over(table, columns)

    async def ask(connection: Connection) -> Figures:
        relation = staging.relation(record.staging)
        return await aggregates_by_day(connection, relation, table.spec.day, measures)

    ours = await context.with_connection(ask)
    differing = differing_figures(
        measures,
        counts.figures,
        ours,
        skipped,
        private=table.spec.private,
        show_values=context.plan.settings.show_values,
    )
    if not differing:
        return tuple(name for name in only_counted(measures) if name not in skipped)
    error = ProofError(
        f"{name}: the figures differ on {len(differing)} of {len(counts.dates)} dates: "
        f"{figures_told(differing)}",
        table=name,
        dates=bounded(list(differing)),
        differing=len(differing),
    )
    await _look_for_the_cause(context, table, record, counts, error)
    # As many rows as were exported are staged, and only that is known of them.
    cause = SOURCE_UNKNOWN if error.remedy == SOURCE_UNKNOWN else MAYBE_CHANGED
    error.remedy = cause + EXACT_TELLS
    raise error


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
