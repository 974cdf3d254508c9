"""Extract: UNLOAD to a fresh prefix, found again by its query id when a run starts again."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial

from neonsync.aggregates import Figures
from neonsync.athena import sql
from neonsync.athena.client import Pending, QueryStatus, Row
from neonsync.athena.digest import with_digest
from neonsync.athena.export import Export, read_export
from neonsync.athena.unscaled import with_unscaled
from neonsync.columns import SqlType
from neonsync.digest import Frame
from neonsync.engine import retry
from neonsync.engine.context import RunContext
from neonsync.engine.events import Level, Purpose
from neonsync.engine.names import slug, staging_name
from neonsync.engine.plan import TablePlan
from neonsync.engine.runs import ledger
from neonsync.engine.runs.ledger import ExportRecord
from neonsync.errors import ExportError, NeonsyncError

_DOING = {Purpose.COUNT: "counting", Purpose.FIGURES: "taking the figures of"}


@dataclass(frozen=True)
class SourceCounts:
    """Athena's own count of the source: all rows, rows by date, rows by state.

    ``lost`` counts what the configuration lets go, by the names of ``TablePlan.losses``.
    ``figures`` are what a proof by aggregates compares, and empty for the others. ``query_id`` is
    that of the query that has counted, empty where nothing was asked.
    """

    total: int
    dates: Counter[str | None]
    states: Counter[str | None]
    lost: Counter[str] = field(default_factory=Counter)
    figures: Figures = field(default_factory=dict)
    query_id: str = ""


def new_export(context: RunContext, table: TablePlan, method: str) -> ExportRecord:
    """The first attempt's record: a fresh prefix, and a token to start its query once.

    Where nothing is exported both stay empty.
    """
    record = ExportRecord(
        target=table.spec.qualified,
        attempt=0,
        prefix="",
        token="",
        query_id=None,
        results=(),
        staging=staging_name(context.lease.run_id, table.spec),
        method=method,
    )
    return with_fresh_prefix(context, record) if table.select else record


async def extract(
    context: RunContext,
    table: TablePlan,
    record: ExportRecord,
    frame: Frame | None,
    *,
    recorded: bool,
    at_work: Callable[[], None],
) -> tuple[ExportRecord, Export]:
    """Run the UNLOAD, or wait for the one that is recorded, and read what it wrote.

    With ``frame`` each row brings its digest. ``at_work`` is called when a query is started or
    found again: more than once where one fails.

    ``recorded`` tells that the record is an earlier attempt's, whose query may have failed since.
    Returns the record as it is now, with a fresh prefix if the recorded query had failed.

    Raises:
        ExportError: Athena failed the query, and trying again does not help.
    """
    while True:
        try:
            status = await _run_query(context, table, record, frame, at_work)
            if status.succeeded:
                record, export = await _read(context, record, status)
                _check_digest(export, frame)
                return record, export
            raise status.failure(
                f"Athena's export of {table.spec.source}", private=bool(table.spec.private)
            )
        except ExportError as error:
            # Of an earlier attempt's: Athena knows the query no more, it failed, or its files are
            # gone. That is no attempt of this run's.
            seconds = 0.0 if recorded else retry.pause(error, record.attempt, retry.QUERY)
            if seconds is None:
                raise
            useless = "the earlier export is of no use: " if recorded else ""
            context.notice(f"{table.spec.source}: {useless}{error}; exporting again", Level.WARNING)
        # A token that failed once returns the failed query for ever: a new attempt needs a new one.
        recorded = False
        record = await _start_afresh(context, record)
        await asyncio.sleep(seconds)


async def count_source(context: RunContext, table: TablePlan) -> SourceCounts:
    """Ask Athena to count the source by itself, apart from the export; its figures are not asked.

    Raises:
        ExportError: Athena failed the query, and trying again does not help.
    """
    rows, query_id = await _ask(context, table, Purpose.COUNT, table.count)
    dates: Counter[str | None] = Counter()
    states: Counter[str | None] = Counter()
    lost: Counter[str] = Counter()
    total = 0
    for kind, value, count, *losses in rows:
        if kind == "date":
            dates[value] += int(count)
        elif kind == "state":
            states[value] += int(count)
        else:
            total += int(count)
            for name, number in zip(table.losses, losses, strict=True):
                lost[name] += int(number)
    if table.spec.day is None:
        dates = Counter({None: total})
    return SourceCounts(total, +dates, +states, +lost, query_id=query_id)


async def figures_of_source(context: RunContext, table: TablePlan, statement: str) -> Figures:
    """Ask Athena for what a proof by aggregates compares; nothing where the statement is empty.

    Raises:
        ExportError: Athena failed the query, and trying again does not help.
    """
    if not statement:
        return {}
    rows, _ = await _ask(context, table, Purpose.FIGURES, statement)
    return {date if table.spec.day else None: tuple(values) for date, *values in rows}


async def _ask(
    context: RunContext, table: TablePlan, purpose: Purpose, statement: str
) -> tuple[list[Row], str]:
    """Athena's answer to a question about a table, asked again where the error may pass; and its
    query's id."""
    doing = f"{_DOING[purpose]} {table.spec.source}"

    def tell(error: Exception) -> None:
        context.notice(f"{doing} failed: {error}; again", Level.WARNING)

    ask_once = partial(_ask_once, context, table, purpose, statement)
    try:
        return await retry.persist(ask_once, retry.QUERY, tell)
    except NeonsyncError as error:
        error.message = f"{doing}: {error.message}"
        raise


async def _ask_once(
    context: RunContext, table: TablePlan, purpose: Purpose, statement: str
) -> tuple[list[Row], str]:
    location = f"{_base(context, table.spec.qualified)}{purpose}/"
    async with context.queries_stopped_on_cancel(purpose, table.spec.qualified) as queries:

        def ask() -> Pending[list[Row]]:
            pending = context.athena.ask(
                statement, location, queries.listen, private=bool(table.spec.private)
            )
            queries.add(pending.query_id)
            return pending

        pending = await queries.start(ask)
        return await queries.result(pending), pending.query_id


def export_statement(table: TablePlan, frame: Frame | None) -> str:
    """The SELECT of a table's export."""
    types = exported_types(table)
    if frame is None:
        return with_unscaled(table.select, types)
    types[frame.alias] = SqlType("bigint")
    return with_unscaled(with_digest(table.select, frame), types)


def exported_types(table: TablePlan) -> dict[str, SqlType]:
    """The Athena types of a table's columns, by their names in the exported files."""
    return {field.exported: field.source for field in table.resolved.frame.fields}


def _check_digest(export: Export, frame: Frame | None) -> None:
    """An earlier attempt may have exported for another target, with other columns.

    Raises:
        ExportError: the files have no digest of this frame.
    """
    if frame is not None and export.files and frame.alias not in export.columns:
        raise ExportError(
            "the exported rows have no digest of the columns that the target has now",
            "Run again for a fresh export.",
        )


async def _run_query(
    context: RunContext,
    table: TablePlan,
    record: ExportRecord,
    frame: Frame | None,
    at_work: Callable[[], None],
) -> QueryStatus:
    """Start the export's query, or find the one that is recorded, and wait for its end."""
    statement = sql.unload(export_statement(table, frame), record.prefix)
    results = record.prefix.removesuffix("data/") + "results/"
    resumed = record.query_id is not None
    async with context.queries_stopped_on_cancel(
        Purpose.EXPORT, table.spec.qualified, resumed=resumed
    ) as queries:

        def start() -> str:
            query_id = context.athena.start(statement, record.token, results)
            queries.add(query_id)
            return query_id

        if record.query_id is None:
            query_id = await queries.start(start)
            await _store(context, record, query_id, ())
        else:
            query_id = record.query_id
            queries.add(query_id)
        pending = context.athena.wait(query_id, queries.listen)
        at_work()
        return await queries.result(pending)


async def _store(
    context: RunContext, record: ExportRecord, query_id: str, results: tuple[str, ...]
) -> None:
    await context.with_connection(
        lambda connection: ledger.store_query(connection, context.lease, record, query_id, results)
    )


async def _read(
    context: RunContext, record: ExportRecord, status: QueryStatus
) -> tuple[ExportRecord, Export]:
    """Read what a query that succeeded has written."""
    results = tuple(
        address for address in (status.manifest_location, _metadata_address(status)) if address
    )
    await _store(context, record, status.query_id, results)

    def read() -> Awaitable[Export]:
        manifest = status.manifest_location
        return asyncio.to_thread(read_export, context.athena.s3, record.prefix, manifest)

    def tell(error: Exception) -> None:
        context.notice(f"{error}; reading it again", Level.WARNING)

    export = await retry.persist(read, retry.READ, tell)
    return replace(record, query_id=status.query_id, results=results), export


async def _start_afresh(context: RunContext, record: ExportRecord) -> ExportRecord:
    """Record a new attempt; what was loaded of the old export is forgotten with it."""
    fresh = with_fresh_prefix(context, record)
    await context.with_connection(
        lambda connection: ledger.store_export(connection, context.lease, fresh)
    )
    return fresh


def with_fresh_prefix(context: RunContext, record: ExportRecord) -> ExportRecord:
    """The record of a next attempt: a prefix that nothing lies under, and a token of its own."""
    attempt = record.attempt + 1
    base = _base(context, record.target)
    return replace(
        record,
        attempt=attempt,
        prefix=f"{base}{attempt}-{uuid.uuid4().hex}/data/",
        token=f"neonsync-{uuid.uuid4().hex}-{attempt}",
        query_id=None,
        results=(),
    )


def _base(context: RunContext, target: str) -> str:
    return f"{context.plan.output_location}neonsync/{context.lease.run_id}/{slug(target)}/"


def _metadata_address(status: QueryStatus) -> str | None:
    """The small file that Athena writes beside the manifest."""
    if status.manifest_location is None:
        return None
    folder = status.manifest_location.rsplit("/", 1)[0]
    return f"{folder}/{status.query_id}.metadata"
