"""A cursor that tells the debug log of each statement; of none of its parameters and rows."""

from __future__ import annotations

import logging
import time
from typing import Any, Self

import psycopg
from psycopg import sql

_log = logging.getLogger(__name__)
_LONGEST = 400


class TellingCursor(psycopg.AsyncCursor[tuple[Any, ...]]):
    """Used where somebody listens; see ``connect``."""

    async def execute(self, query: Any, params: Any = None, **options: Any) -> Self:
        """Execute, and tell how it went."""
        began = time.monotonic()
        try:
            await super().execute(query, params, **options)
        except psycopg.Error as error:
            self._tell(query, f"{type(error).__name__} {error.sqlstate or ''}".rstrip(), began)
            raise
        self._tell(query, self.statusmessage or "", began)
        return self

    def copy(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """Begin a COPY, and tell that it begins."""
        self._tell(statement, "begins", time.monotonic())
        return super().copy(statement, params, **options)

    def _tell(self, query: Any, outcome: str, began: float) -> None:
        text = query.as_string(self) if isinstance(query, sql.Composable) else query
        if isinstance(text, bytes):
            text = text.decode(errors="replace")
        text = " ".join(text.split())
        text = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        pid = self.connection.info.backend_pid
        _log.debug("[%s] %s: %s in %.3f s", pid, text, outcome, time.monotonic() - began)
