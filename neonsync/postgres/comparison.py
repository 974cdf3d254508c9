"""Postgres's side of a comparison: staging or a live table, by date and by single rows."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass

from psycopg import sql

from neonsync.aggregates import Figures, Measure
from neonsync.digest import Field, Frame
from neonsync.postgres.aggregates import aggregates_by_day
from neonsync.postgres.connect import Connection, Database, connected
from neonsync.postgres.days import day_of_row
from neonsync.postgres.digest import Sums, field_text, row_digest, sum_by_day
from neonsync.tables import ColumnSpec, TableSpec

Key = tuple[str, ...]
"""The fields of a row's key as they stand in its frame."""
KEY_SEPARATOR = "|"
_ROWS_AT_ONCE = 5_000


@contextlib.asynccontextmanager
async def reading(database: Database) -> AsyncIterator[Connection]:
    """A connection that cannot write."""
    async with connected(database) as connection:
        await connection.execute("SELECT set_config('default_transaction_read_only', 'on', false)")
        yield connection


@contextlib.asynccontextmanager
async def one_moment(database: Database) -> AsyncIterator[Connection]:
    """A connection that cannot write, and sees all as it was at its first question."""
    async with reading(database) as connection, connection.transaction():
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield connection


EVERY_ROW = sql.SQL("true")


@dataclass(frozen=True)
class ComparedRows:
    """Rows of ``table``, called ``t``, for which ``condition`` holds.

    ``columns`` are those of the frame with the types that they have there.
    """

    table: sql.Identifier
    spec: TableSpec
    frame: Frame
    columns: tuple[ColumnSpec, ...]
    condition: sql.Composable

    async def by_day(self, connection: Connection, *, digest: bool = True) -> Sums:
        """Rows and the sums of their digests."""
        frame = self.frame if digest else None
        return await sum_by_day(connection, self._relation, self.spec.day, frame)

    async def figures(self, connection: Connection, measures: Sequence[Measure]) -> Figures:
        """The figures of a proof by aggregates."""
        return await aggregates_by_day(connection, self._relation, self.spec.day, measures)

    async def digests(
        self, connection: Connection, days: Collection[str | None]
    ) -> AsyncIterator[tuple[Key, int]]:
        """Key and digest of the rows of some days, one by one: they may be many."""
        wanted = [*self._key_texts(), row_digest(self.frame)]
        # A server's cursor lives in a transaction.
        async with connection.transaction(), connection.cursor("digests") as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            await cursor.execute(self._select(wanted, days))
            async for *key, digest in cursor:
                yield tuple(key), int(digest)

    async def fields(
        self, connection: Connection, days: Collection[str | None], keys: Collection[Key]
    ) -> dict[Key, list[tuple[str, ...]]]:
        """All fields of the rows of some keys."""
        found: dict[Key, list[tuple[str, ...]]] = defaultdict(list)
        # No text of Postgres's has U+0000, nor can it be asked for.
        known = [key for key in map(KEY_SEPARATOR.join, keys) if "\0" not in key]
        if not known:
            return found
        texts = [self._text(field) for field in self.frame.fields]
        among = sql.SQL(" AND concat_ws({}, {}) IN ({})").format(
            sql.Literal(KEY_SEPARATOR),
            sql.SQL(", ").join(self._key_texts()),
            sql.SQL(", ").join(map(sql.Literal, known)),
        )
        statement = self._select([*self._key_texts(), *texts], days) + among
        cursor = await connection.execute(statement)
        width = len(self.key)
        for row in await cursor.fetchall():
            found[row[:width]].append(row[width:])
        return found

    @property
    def key(self) -> list[Field]:
        """The fields of the key."""
        return self.frame.named(self.spec.key)

    @property
    def _relation(self) -> sql.Composed:
        return sql.SQL("{} AS t WHERE {}").format(self.table, self.condition)

    def _select(
        self, wanted: Sequence[sql.Composable], days: Collection[str | None]
    ) -> sql.Composed:
        statement = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(wanted), self._relation)
        if self.spec.day is None:
            return statement
        day = day_of_row(self.spec.day)
        choices: list[sql.Composable] = []
        if None in days:
            choices.append(sql.SQL("{} IS NULL").format(day))
        if known := [day for day in days if day is not None]:
            listed = sql.SQL(", ").join(map(sql.Literal, known))
            choices.append(sql.SQL("{} IN ({})").format(day, listed))
        within = sql.SQL(" OR ").join(choices or [sql.SQL("false")])
        return statement + sql.SQL(" AND ({})").format(within)

    def _key_texts(self) -> list[sql.Composable]:
        return [self._text(field) for field in self.key]

    def _text(self, field: Field) -> sql.Composable:
        return sql.SQL("concat({})").format(field_text(field))
