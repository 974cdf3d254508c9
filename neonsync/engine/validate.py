"""Validate: a branch's tables against Athena, as both are now. Writes nothing anywhere.

Athena sums the digests of its rows by date, Postgres those of the target's rows within the same
scope; of dates whose sums differ the rows are told by their keys.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import psycopg
from psycopg import sql

from neonsync.aggregates import Figures, Measure, measures_of, only_counted
from neonsync.athena import comparison as athena_sql
from neonsync.athena.aggregates import aggregates_by_day
from neonsync.athena.client import Athena, Pending, QueryStatus, Row, billed_bytes, price
from neonsync.digest import DigestSums, Rule
from neonsync.engine import retry
from neonsync.engine.concurrency import side_by_side
from neonsync.engine.plan import Plan, TablePlan
from neonsync.engine.planning.target import check_server
from neonsync.engine.proof.calendar_days import select_of
from neonsync.engine.proof.compare import (
    DATES_SHOWN,
    dates_to_read,
    differing_digests,
    differing_figures,
    figures_told,
    of_some,
    ordered,
)
from neonsync.engine.proof.compared import Comparison, Comparisons, DateDifference
from neonsync.engine.proof.frames import frame_over
from neonsync.engine.proof.readable import Readable
from neonsync.engine.proof.row_differences import Unmatched, compare_rows
from neonsync.engine.queries import Queries
from neonsync.errors import NeonsyncError, TargetError
from neonsync.postgres.catalog import read_table, require_table
from neonsync.postgres.comparison import ComparedRows, Key, one_moment, reading
from neonsync.postgres.connect import Connection, Database, server_error
from neonsync.postgres.digest import Sums
from neonsync.postgres.drift import Drift, loaded_columns
from neonsync.tables import OnBadValue, Validation

_SIDE_BY_SIDE = 2
_log = logging.getLogger(__name__)


async def validate(
    plan: Plan, tell: Callable[[str], None] = lambda _: None, bill: Bill | None = None
) -> Comparisons:
    """Compare the tables of a plan that was made with ``compares``.

    ``tell`` gets a line when something that takes time begins. A table that cannot be compared
    does not stop the others. ``bill`` has what was asked also when it is cancelled.

    Raises:
        WrongTargetError: the server serves another branch.
        DatabaseAccessError: the branch's database cannot be reached.
    """
    athena = await asyncio.to_thread(Athena, plan.settings.athena)
    database = Database(plan.address.uri)
    async with reading(database) as connection:
        by_name = plan.settings.neon.api_key is not None
        await check_server(connection, plan.branch, verified=by_name)
    bill = bill if bill is not None else Bill()
    asked = _Asked(athena, plan.settings.athena.timeout_minutes, tell, bill)
    room = asyncio.Semaphore(_SIDE_BY_SIDE)

    async def compare(table: TablePlan) -> Comparison:
        async with room:
            tell(f"comparing {table.spec.qualified}")
            show = plan.settings.show_values
            of_table = replace(asked, private=bool(table.spec.private))
            return await _Table(table, of_table, database, show).comparison()

    tables = await side_by_side(compare(table) for table in plan.tables)
    cost = bill.price(plan.settings.athena.price_per_tb)
    return Comparisons(tuple(tables), bill.scanned_bytes, cost)


@dataclass(frozen=True)
class Bill:
    """What Athena has scanned for a comparison, by query; of one that was stopped too."""

    scanned: dict[str, int] = field(default_factory=dict)

    @property
    def scanned_bytes(self) -> int:
        """All of it."""
        return sum(self.scanned.values())

    def price(self, per_tb: float) -> float:
        """What it costs, in dollars where a terabyte costs ``per_tb`` of them."""
        return price(sum(map(billed_bytes, self.scanned.values())), per_tb)

    def note(self, status: QueryStatus) -> None:
        """Take in what is known of a query."""
        self.scanned[status.query_id] = status.scanned_bytes


@dataclass
class _Asked:
    """Athena, and what its answers have cost."""

    athena: Athena
    minutes: float
    tell: Callable[[str], None]
    bill: Bill
    private: bool = False
    """Whether Athena may be asked of a private column, so that its errors hold no value."""

    async def ask(self, statement: str) -> list[Row]:
        """The rows of an answer; a query that nobody waits for any more is stopped.

        Raises:
            QueryDelayedError: it took too long, and was stopped.
            ExportError: Athena failed the query, and trying again does not help.
        """

        def again(error: Exception) -> None:
            self.tell(f"{error}; asking again")

        return await retry.persist(partial(self._ask, statement), retry.QUERY, again)

    async def _ask(self, statement: str) -> list[Row]:
        queries = Queries(self.athena, self.minutes, self.bill.note)

        def ask() -> Pending[list[Row]]:
            location = self.athena.scratch_location()
            pending = self.athena.ask(statement, location, self.bill.note, private=self.private)
            queries.add(pending.query_id)
            return pending

        try:
            return await queries.result(await queries.start(ask))
        except asyncio.CancelledError:
            await queries.stop()
            raise


@dataclass
class _Table:
    """One table on both sides."""

    plan: TablePlan
    athena: _Asked
    database: Database
    show_values: bool
    cast: tuple[str, ...] = ()
    """Columns that are of another type than planned, as soon as the target is known."""

    async def comparison(self) -> Comparison:
        """Compare it; what goes wrong is its own."""
        started = time.monotonic()
        name, scope = self.plan.spec.qualified, str(self.plan.scope)
        try:
            return await self._compare(started)
        except psycopg.Error as error:
            problem = _told(name, self.cast, error)
        except NeonsyncError as error:
            problem = error
        except Exception as error:
            # The other tables shall not end with it; what it says may hold a value.
            _log.debug("comparing %s", name, exc_info=True)
            problem = NeonsyncError(
                f"unexpected: {type(error).__name__}",
                "Compare the table again; if it happens again, --debug shows more to be reported.",
            )
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
            target, drift = await self._target(connection)
        frame = target.frame if exact else None
        aggregate = plan.validation is Validation.AGGREGATE
        measures = measures_of(target.frame) if aggregate else ()
        rows = await self.athena.ask(athena_sql.digests_by_day(self._select(plan.by_day), frame))
        figures = await self._figures(measures) if aggregate else {}
        # Afterwards, so that what a run publishes meanwhile is not taken for lost.
        async with one_moment(self.database) as connection:
            ours = await target.by_day(connection, digest=exact)
            our_figures = await target.figures(connection, measures) if aggregate else {}
        theirs = _sums(rows, exact, plan.spec.day is not None)
        dates = set(differing_digests(theirs.digests, ours.digests)) if exact else set()
        dates |= {
            date for date in {*theirs.rows, *ours.rows} if theirs.rows[date] != ours.rows[date]
        }
        told = ""
        by_measure = differing_figures(
            measures,
            figures,
            our_figures,
            where="the target",
            private=plan.spec.private,
            show_values=self.show_values,
        )
        if by_measure:
            dates |= by_measure.keys()
            told = figures_told(by_measure)
        differing = ordered(dates)
        if differing and exact:
            try:
                told = await self._tell(target, differing, theirs, ours)
            except NeonsyncError as error:
                # The dates are known, and can be repaired.
                told = f"which rows differ could not be found out: {error}"
        return Comparison(
            plan.spec.qualified,
            str(plan.scope),
            plan.validation,
            theirs.rows.total(),
            ours.rows.total(),
            len({*theirs.rows, *ours.rows}),
            tuple(DateDifference(date, theirs.rows[date], ours.rows[date]) for date in differing),
            told,
            target.frame.inexact if exact else only_counted(measures),
            tuple(column.name for column in drift.added),
            drift.left_out,
            round(time.monotonic() - started, 3),
        )

    async def _target(self, connection: Connection) -> tuple[ComparedRows, Drift]:
        spec = self.plan.spec
        table = await read_table(connection, spec.schema, spec.target)
        if table is None:
            raise TargetError(f"{spec.qualified} does not exist", "Sync it first.")
        await require_table(connection, table, spec)
        columns, drift = loaded_columns(table, spec)
        # Columns that the next sync will add or widen are not yet what it makes of them.
        types = {column.name: column.type for column in table.columns}
        widened = {column.name for column in drift.widened}
        columns = tuple(
            replace(each, type=types[each.name]) if each.name in widened else each
            for each in columns
            if each.name in types
        )
        planned = {column.name: column.type for column in spec.columns}
        self.cast = tuple(each.name for each in columns if each.type != planned.get(each.name))
        rows = ComparedRows(
            sql.Identifier(spec.schema, spec.target),
            spec,
            frame_over(self.plan, columns),
            columns,
            self.plan.target_scope.condition("t"),
        )
        return rows, drift

    def _select(self, select: str) -> str:
        """What a sync makes of what Athena exports: on_bad_value strips U+0000 from texts."""
        spec = self.plan.spec
        if spec.on_bad_value is not OnBadValue.STRIP:
            return select
        kept = {*(spec.day.columns if spec.day is not None else ()), spec.state_column}
        fields = self.plan.resolved.frame.fields
        stripped = {
            each.exported
            for each in fields
            if each.rule in (Rule.TEXT, Rule.PADDED) and each.name not in kept
        }
        return athena_sql.without_nul(select, [each.exported for each in fields], stripped)

    async def _figures(self, measures: Sequence[Measure]) -> Figures:
        """Athena's answer; without a day all stands under None."""
        question = aggregates_by_day(self._select(self.plan.by_day), measures)
        dated = self.plan.spec.day is not None
        return {
            date if dated else None: tuple(values)
            for date, *values in await self.athena.ask(question)
        }

    async def _tell(
        self, target: ComparedRows, differing: list[str | None], theirs: Sums, ours: Sums
    ) -> str:
        """Which rows of some of these dates differ, and in which columns."""
        days = dates_to_read(differing, theirs.rows, ours.rows)
        if not days:
            return of_some(differing, days, "")
        select = self._select(select_of(self.plan, days))
        unmatched = Unmatched()
        question = athena_sql.digests_of_rows(select, target.frame, target.key, days)
        for *texts, digest in await self.athena.ask(question):
            unmatched.exported(_key(texts), int(digest or 0))
        # Somebody may write meanwhile: these two see one and the same moment.
        async with one_moment(self.database) as connection:
            async for key, digest in target.digests(connection, days):
                unmatched.held(key, digest)
            changed = [key for key in unmatched.differing() if not unmatched.surplus(key)]
            held = await target.fields(connection, days, changed[:DATES_SHOWN])
        found = compare_rows(
            target.frame,
            unmatched,
            await self._fields(target, select, days, changed[:DATES_SHOWN]),
            held,
            Readable(target.key, self.plan.spec.private),
            show_values=self.show_values,
            makes_null=self.plan.spec.on_bad_value is OnBadValue.NULL,
        )
        return of_some(differing, days, str(found))

    async def _fields(
        self,
        target: ComparedRows,
        select: str,
        days: Collection[str | None],
        keys: Collection[Key],
    ) -> dict[Key, list[tuple[str, ...]]]:
        """Athena's rows of some keys."""
        found: dict[Key, list[tuple[str, ...]]] = defaultdict(list)
        if keys:
            key = target.key
            question = athena_sql.fields_of_rows(select, target.frame, key, days, keys)
            for row in await self.athena.ask(question):
                found[_key(row[: len(key)])].append(_key(row[len(key) :]))
        return found


def _told(table: str, cast: Collection[str], error: psycopg.Error) -> NeonsyncError:
    """Our error for one of Postgres's, whose message may show a value."""
    if not (error.sqlstate or "").startswith("22"):
        return server_error(error)
    among = f", which are other ones for {', '.join(cast)}" if cast else ""
    return TargetError(
        f"a value in {table} cannot be read as the plan's types have it{among} "
        f"({type(error).__name__}, SQLSTATE {error.sqlstate})",
        "Give the columns the types of the plan, which neonsync plan shows, or set "
        'validation = "counts" for the table.',
    )


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
