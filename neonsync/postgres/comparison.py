"""Postgres's side of a comparison: staging or a live table, by date and by single rows."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from neonsync.aggregates import Figures, Measure
from neonsync.columns import SqlType
from neonsync.digest import Field, Frame
from neonsync.postgres.aggregates import aggregates_by_day
from neonsync.postgres.connect import Connection, Database, connected
from neonsync.postgres.days import day_of_row
from neonsync.postgres.digest import Sums, field_text, row_digest, sum_by_day
from neonsync.tables import ColumnSpec, TableSpec

Key = tuple[str, ...]
"""The fields of a row's key as they stand in its frame."""


@contextlib.asynccontextmanager
async def reading(database: Database) -> AsyncIterator[Connection]:
    """A connection that cannot write."""
    async with connected(database) as connection:
        await connection.execute("SELECT set_config('default_transaction_read_only', 'on', false)")
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

    async def count(self, connection: Connection, days: Collection[str | None]) -> int:
        """The rows of some days."""
        ((count,),) = await self._rows(connection, [sql.SQL("count(*)")], days)
        return int(count)

    async def digests(
        self, connection: Connection, days: Collection[str | None]
    ) -> dict[Key, list[int]]:
        """The digests of the rows of some days by key, as some may stand twice."""
        found: dict[Key, list[int]] = defaultdict(list)
        wanted = [*self._key_texts(), row_digest(self.frame)]
        for *key, digest in await self._rows(connection, wanted, days):
            found[tuple(key)].append(int(digest))
        return found

    async def fields(
        self, connection: Connection, days: Collection[str | None], keys: Collection[Key]
    ) -> dict[Key, list[tuple[str, ...]]]:
        """All fields of the rows of some keys."""
        found: dict[Key, list[tuple[str, ...]]] = defaultdict(list)
        width = len(self.key)
        texts = [self._text(field) for field in self.frame.fields]
        for row in await self._rows(connection, [*self._key_texts(), *texts], days):
            if row[:width] in keys:
                found[row[:width]].append(row[width:])
        return found

    @property
    def key(self) -> list[Field]:
        """The fields of the key."""
        return self.frame.named(self.spec.key)

    @property
    def _relation(self) -> sql.Composed:
        return sql.SQL("{} AS t WHERE {}").format(self.table, self.condition)

    @property
    def _types(self) -> dict[str, SqlType]:
        return {column.name: column.type for column in self.columns}

    async def _rows(
        self,
        connection: Connection,
        wanted: Sequence[sql.Composable],
        days: Collection[str | None],
    ) -> list[tuple[Any, ...]]:
        statement = sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(wanted), self._relation)
        if self.spec.day is not None:
            known = sql.SQL(", ").join(sql.Literal(day or "") for day in days)
            within = sql.SQL(" AND coalesce({}, '') IN ({})")
            statement += within.format(day_of_row(self.spec.day), known)
        cursor = await connection.execute(statement)
        return await cursor.fetchall()

    def _key_texts(self) -> list[sql.Composable]:
        return [self._text(field) for field in self.key]

    def _text(self, field: Field) -> sql.Composable:
        return sql.SQL("concat({})").format(field_text(field))
