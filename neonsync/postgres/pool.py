"""The connections of a run: one that has done its work is kept for the next piece of it.

To open one takes some ten round trips to Neon, TLS and the pinning of its session included, and a
run has dozens of small pieces of work.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from psycopg.pq import TransactionStatus

from neonsync.postgres.connect import Connection, Database, connect

KEPT = 3
"""So many are kept while nobody needs them."""


class Pool:
    """Hands out connections to one address; no two at work ever share one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._idle: list[Connection] = []

    @contextlib.asynccontextmanager
    async def connection(self, *, kept: bool = True) -> AsyncIterator[Connection]:
        """An open, pinned, autocommitting connection for a piece of work.

        ``kept`` promises that the work leaves the session's settings as they are, as code of the
        user's, in a trigger, may not. A connection whose work has failed is closed, and those that
        are idle with it: whatever has cut one has most likely cut all.
        """
        connection = self._take() or await connect(self._database)
        try:
            yield connection
        except BaseException:
            await connection.close()
            await self.close()
            raise
        if kept and len(self._idle) < KEPT and _is_free(connection):
            self._idle.append(connection)
        else:
            await connection.close()

    def cut(self) -> None:
        """Cut all lines to that address; see ``Database.cut``."""
        self._database.cut()

    async def close(self) -> None:
        """Close those that are idle."""
        while self._idle:
            await self._idle.pop().close()

    def _take(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if _is_free(connection):
                return connection
        return None


def _is_free(connection: Connection) -> bool:
    return connection.info.transaction_status == TransactionStatus.IDLE
