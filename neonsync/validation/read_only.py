"""A look at the branch that can change nothing, and that ends in time."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from neonsync.postgres.connect import Connection


@contextlib.asynccontextmanager
async def read_only(connection: Connection, limit_seconds: float) -> AsyncIterator[None]:
    """A READ ONLY transaction whose queries may each take so many seconds, 0 for any time.

    It is always rolled back, so that no setting of the session outlives what has made it.
    """
    async with connection.transaction(force_rollback=True):
        await connection.execute(
            "SELECT set_config('transaction_read_only', 'on', true),"
            " set_config('statement_timeout', %s, true)",
            (str(round(limit_seconds * 1000)),),
        )
        yield
