"""Validate: a branch's tables against Athena, as both are now. Writes nothing anywhere.

Athena sums the digests of its rows by date, Postgres those of the target's rows within the same
scope; of dates whose sums differ the rows are told by their keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from neonsync.aggregates import Figures, measures_of
from neonsync.athena import comparison as athena_sql
from neonsync.athena.client import Athena, QueryStatus, Row, billed_bytes
from neonsync.digest import DigestSums
from neonsync.engine.compare import DATES_SHOWN, differing_digests, differing_figures, ordered
from neonsync.engine.concurrency import side_by_side
from neonsync.engine.differences import compare_rows, differing_keys
from neonsync.engine.frames import frame_over
from neonsync.engine.plan import Plan, TablePlan
from neonsync.engine.target import check_server
from neonsync.errors import NeonsyncError, TargetError
from neonsync.postgres.catalog import read_table, require_table
from neonsync.postgres.comparison import ComparedRows, Key, reading
from neonsync.postgres.connect import Connection, Database, server_error
from neonsync.postgres.digest import Sums
from neonsync.postgres.drift import loaded_columns
from neonsync.tables import Validation

BYTES_PER_TB = 1e12
_DATES_READ = 3
_MOST_ROWS = 200_000
"""Rows of differing dates that are compared one by one; Athena gives a thousand a page."""
_SIDE_BY_SIDE = 2


@dataclass(frozen=True)
class DateDifference:
    """A date that differs: its rows on both sides, None for rows without a date."""

    date: str | None
    source: int
    target: int


@dataclass(frozen=True)
class Comparison:
    """What came of one table: ``rows_differ`` tells in words which rows and columns do.

    ``error`` says why it could not be compared; then nothing else is told.
    """

    table: str
    scope: str
    validation: Validation
    source_rows: int = 0
    target_rows: int = 0
    dates: int = 0
    differing: tuple[DateDifference, ...] = ()
    rows_differ: str = ""
    not_compared: tuple[str, ...] = ()
    seconds: float = 0.0
    error: str = ""
    remedy: str = ""

    @property
    def equal(self) -> bool:
        """Whether it is sure that nothing differs."""
        return not self.differing and not self.error


@dataclass(frozen=True)
class Comparisons:
    """All tables, and what Athena bills for having been asked."""

    tables: tuple[Comparison, ...]
    scanned_bytes: int
    price: float

    @property
    def equal(self) -> bool:
        """Whether nothing differs in any table."""
        return all(table.equal for table in self.tables)


async def validate(plan: Plan, tell: Callable[[str], None] = lambda _: None) -> Comparisons:
    """Compare the tables of a plan that was made with ``compares``.

    ``tell`` gets a line when something that takes time begins. A table that cannot be compared
    does not stop the others.

    Raises:
        WrongTargetError: the server serves another branch.
        DatabaseAccessError: the branch's database cannot be reached.
    """
    athena = await asyncio.to_thread(Athena, plan.settings.athena)
    database = Database(plan.address.uri)
    async with reading(database) as connection:
        by_name = plan.settings.neon.api_key is not None
        await check_server(connection, plan.branch, verified=by_name)
    asked = _Asked(athena)
    room = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def compare(table: TablePlan) -> Comparison:
        async with room:
            tell(f"comparing {table.spec.qualified}")
            show = plan.settings.show_values
            return await _Table(table, asked, database, show).comparison()

    tables = await side_by_side(compare(table) for table in plan.tables)
    billed = sum(map(billed_bytes, asked.scanned.values()))
    price = billed / BYTES_PER_TB * plan.settings.athena.price_per_tb
    return Comparisons(tuple(tables), sum(asked.scanned.values()), price)


@dataclass
class _Asked:
    """Athena, and what its answers have cost; by query id in bytes."""

    athena: Athena
    scanned: dict[str, int] = field(default_factory=dict)

    async def ask(self, statement: str) -> list[Row]:
        """The rows of an answer; a query that nobody waits for any more is stopped."""

        def listen(status: QueryStatus) -> None:
            self.scanned[status.query_id] = status.scanned_bytes

        location = self.athena.scratch_location()
        pending = await asyncio.to_thread(self.athena.ask, statement, location, listen)
        try:
            return await asyncio.wrap_future(pending.future)
        except asyncio.CancelledError:
            with contextlib.suppress(NeonsyncError):
                await asyncio.shield(asyncio.to_thread(self.athena.stop, pending.query_id))
            raise
        finally:
            pending.close()


@dataclass
class _Table:
    """One table on both sides."""

    plan: TablePlan
    athena: _Asked
    database: Database
    show_values: bool

    async def comparison(self) -> Comparison:
        """Compare it; what goes wrong is its own."""
        started = time.monotonic()
        name, scope = self.plan.spec.qualified, str(self.plan.scope)
        try:
            return await self._compare(started)
        except psycopg.Error as error:
            problem: NeonsyncError = server_error(error)
        except NeonsyncError as error:
            problem = error
        return Comparison(
            name,
            scope,
            self.plan.validation,
            seconds=round(time.monotonic() - started, 3),
            error=problem.message,
            remedy=problem.remedy,
        )

    async def _compare(self, started: float) -> Comparison:
        plan = self.plan
        exact = plan.validation is Validation.EXACT
        async with reading(self.database) as connection:
            target = await self._target(connection)
        question = athena_sql.digests_by_day(plan.by_day, target.frame if exact else None)
        rows = await self.athena.ask(question)
        # Afterwards, so that what a run publishes meanwhile is not taken for lost.
        async with reading(self.database) as connection:
            ours = await target.by_day(connection, digest=exact)
        theirs = _sums(rows, exact, plan.spec.day is not None)
        dates = set(differing_digests(theirs.digests, ours.digests)) if exact else set()
        dates |= {
            date for date in {*theirs.rows, *ours.rows} if theirs.rows[date] != ours.rows[date]
        }
        told = ""
        if plan.validation is Validation.AGGREGATE:
            figures = await self._differing_figures(target)
            dates |= figures.keys()
            told = "; ".join(word for words in list(figures.values())[:1] for word in words)
        differing = ordered(dates)
        if differing and exact:
            told = await self._tell(target, differing, theirs, ours)
        return Comparison(
            plan.spec.qualified,
            str(plan.scope),
            plan.validation,
            theirs.rows.total(),
            ours.rows.total(),
            len({*theirs.rows, *ours.rows}),
            tuple(DateDifference(date, theirs.rows[date], ours.rows[date]) for date in differing),
            told,
            target.frame.inexact if exact else (),
            round(time.monotonic() - started, 3),
        )

    async def _target(self, connection: Connection) -> ComparedRows:
        spec = self.plan.spec
        table = await read_table(connection, spec.schema, spec.target)
        if table is None:
            raise TargetError(f"{spec.qualified} does not exist", "Sync it first.")
        await require_table(connection, table, spec)
        columns, _ = loaded_columns(table, spec)
        there = [column for column in columns if table.column(column.name) is not None]
        return ComparedRows(
            sql.Identifier(spec.schema, spec.target),
            spec,
            frame_over(self.plan, there),
            columns,
            self.plan.target_scope.condition("t"),
        )

    async def _differing_figures(self, target: ComparedRows) -> dict[str | None, list[str]]:
        every = measures_of(self.plan.resolved.frame)
        there = {each.name for each in target.frame.fields}
        places = [place for place, each in enumerate(every) if each.field.name in there]
        measures = [every[place] for place in places]
        dated = self.plan.spec.day is not None
        athena: Figures = {
            date if dated else None: tuple(values[place] for place in places)
            for date, *values in await self.athena.ask(self.plan.figures)
        }
        async with reading(self.database) as connection:
            ours = await target.figures(connection, measures)
        return differing_figures(measures, athena, ours, where="the target")

    async def _tell(
        self, target: ComparedRows, differing: list[str | None], theirs: Sums, ours: Sums
    ) -> str:
        """Which rows of some of these dates differ, and in which columns."""
        days = differing[:_DATES_READ] if self.plan.spec.day is not None else [None]
        count = max(sum(side.rows[day] for day in days) for side in (theirs, ours))
        if count > _MOST_ROWS:
            return f"{count:,} rows are too many to be compared one by one"
        frame, key = target.frame, target.key
        question = athena_sql.digests_of_rows(self.plan.by_day, frame, key, days)
        source: dict[Key, list[int]] = defaultdict(list)
        for *texts, digest in await self.athena.ask(question):
            source[_key(texts)].append(int(digest or 0))
        async with reading(self.database) as connection:
            found = await target.digests(connection, days)
            keys = differing_keys(source, found)
            shown = frozenset(keys[:DATES_SHOWN])
            fields = await target.fields(connection, days, shown)
        exported = await self._fields(target, days, shown)
        return str(
            compare_rows(frame, keys, source, found, exported, fields, show_values=self.show_values)
        )

    async def _fields(
        self, target: ComparedRows, days: Collection[str | None], keys: Collection[Key]
    ) -> dict[Key, list[tuple[str, ...]]]:
        found: dict[Key, list[tuple[str, ...]]] = defaultdict(list)
        if keys:
            key = target.key
            question = athena_sql.fields_of_rows(self.plan.by_day, target.frame, key, days, keys)
            for row in await self.athena.ask(question):
                found[_key(row[: len(key)])].append(_key(row[len(key) :]))
        return found


def _key(texts: Collection[str | None]) -> Key:
    return tuple(text or "" for text in texts)


def _sums(rows: list[Row], exact: bool, dated: bool) -> Sums:
    """Athena's answer; without a day all stands under None."""
    counts: Counter[str | None] = Counter()
    digests = DigestSums()
    for date, count, digest in rows:
        counts[date if dated else None] += int(count or 0)
        if exact:
            digests.add([(date if dated else None, int(digest or 0))])
    return Sums(counts, digests)
