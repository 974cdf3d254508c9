"""Connections to the branch, with every setting of the session pinned."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from weakref import WeakSet

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from neonsync.errors import DatabaseAccessError, OutOfRoomError, ServerError
from neonsync.postgres.connect_errors import ConnectError, explain
from neonsync.postgres.refusals import Showing, message
from neonsync.postgres.telling import TellingCursor
from neonsync.retry import Backoff
from neonsync.secret import Secret, redact

Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

# psycopg warns of a COPY that ended with its connection; the error that follows says it all.
logging.getLogger("psycopg").addHandler(logging.NullHandler())
logging.getLogger("psycopg").propagate = False

CONNECT_TIMEOUT = 15
CONNECTING = Backoff(attempts=5, first=1.0, most=4.0)
STARTING_SECONDS = 30.0
"""How long a server that says that it is starting, or a compute that wakes up, is waited for."""
_log = logging.getLogger(__name__)
LETTING_GO_SECONDS = 1.0
"""For the server to give up a statement that was cancelled; it takes a fraction of it, and one that
does not answer would be waited for by psycopg for ten seconds."""
WORK_MEM = "256MB"
MAINTENANCE_WORK_MEM = "512MB"

# Roles and databases carry settings of their own: a statement_timeout of 5 s, another search
# path, row security. Whatever changes meaning or duration is set for the session.
_PINNED = {
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "quote_all_identifiers": "off",
    "client_encoding": "UTF8",
    # Off means: an error rather than rows that are hidden in silence.
    "row_security": "off",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "work_mem": WORK_MEM,
    "maintenance_work_mem": MAINTENANCE_WORK_MEM,
    # A server whose client is gone without a word keeps the client's locks, for two hours by
    # default.
    "tcp_keepalives_idle": "30",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "3",
}
# What the address leaves open, libpq takes from PGHOSTADDR, PGPORT and PGOPTIONS, where Neon's
# proxy reads an endpoint: the host that was checked would not be the one that answers.
_NOT_FROM_ENVIRONMENT = {"hostaddr": "", "port": "5432", "options": ""}
_PINNED_IF_POSSIBLE = {
    # A backend whose client was killed notices within a second, in the midst of an index build.
    "client_connection_check_interval": "1s",
    "transaction_timeout": "0",  # from Postgres 17 on
}


@dataclass(frozen=True)
class Database:
    """An address with its name for the server's list of sessions."""

    uri: Secret
    application_name: str = "neonsync"
    _open: WeakSet[Connection] = field(default_factory=WeakSet, repr=False, compare=False)

    def named(self, application_name: str) -> Database:
        """The same address under another name."""
        return Database(self.uri, application_name, self._open)

    def cut(self) -> None:
        """Cut every open connection: who waits for an answer that does not come has an error."""
        for connection in list(self._open):
            _cut(connection)


class _Line(psycopg.AsyncConnection[tuple[Any, ...]]):
    """A connection that lets go of a cancelled statement soon, also where nobody answers."""

    _cutting: asyncio.TimerHandle | None = None

    async def wait(self, *arguments: Any, **more: Any) -> Any:
        """Wait for what the server says; psycopg's own."""
        try:
            return await super().wait(*arguments, **more)
        finally:
            if self._cutting is not None:
                self._cutting.cancel()
                self._cutting = None

    async def cancel_safe(self, *, timeout: float = 30.0) -> None:  # noqa: ASYNC109  psycopg's
        """Cancel the statement at work; called by ``wait`` where its task is cancelled."""
        self._cutting = asyncio.get_running_loop().call_later(LETTING_GO_SECONDS, _cut, self)
        await super().cancel_safe(timeout=min(timeout, LETTING_GO_SECONDS))


def _cut(connection: Connection) -> None:
    if connection.closed:
        return
    line = socket.socket(fileno=os.dup(connection.fileno()))
    with line, contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


@contextlib.asynccontextmanager
async def connected(database: Database) -> AsyncIterator[Connection]:
    """An open, pinned, autocommitting connection that is closed at the end."""
    connection = await connect(database)
    try:
        yield connection
    finally:
        await connection.close()


async def connect(database: Database) -> Connection:
    """Open an autocommitting connection; a compute that wakes up is waited for.

    Raises:
        DatabaseAccessError: no connection after several attempts; without the password.
    """
    conninfo = _conninfo(database)
    # None is psycopg's own.
    cursors = TellingCursor if _log.isEnabledFor(logging.DEBUG) else None
    _log.debug("connecting to %s", _place(conninfo))
    deadline = time.monotonic() + STARTING_SECONDS
    attempt = 0
    while True:
        attempt += 1
        try:
            connection = await _Line.connect(
                conninfo.reveal(),
                autocommit=True,
                prepare_threshold=None,
                cursor_factory=cursors,
            )
            database._open.add(connection)
            await _made_ours(connection)
        except psycopg.OperationalError as error:
            text = redact(" ".join(str(error).split()), database.uri)
            reason = explain(text)
            _log.debug("attempt %d: %s; %s", attempt, reason.fault, text)
            # One that is starting has its time, and no number of attempts.
            starting = reason.starting and time.monotonic() < deadline
            chance = random.random()  # noqa: S311  # no cryptography
            number = min(attempt, CONNECTING.attempts - 1) if starting else attempt
            seconds = CONNECTING.seconds(number, chance)
            if reason.final or seconds is None:
                # Not chained: the traceback of the cause would show the conninfo.
                raise ConnectError(
                    f"the branch's database cannot be reached: {text}", reason
                ) from None
            await asyncio.sleep(seconds)
            continue
        return connection


def is_connection_lost(error: BaseException) -> bool:
    """Whether an error means that the session is gone, so that the work may be done again."""
    if not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
        return False
    state = error.sqlstate
    # A connection cut in mid-COPY has no state; 57P0x are the server's own goodbyes.
    return state is None or state.startswith(("08", "57P"))


def is_transient(error: BaseException) -> bool:
    """Whether the work that met an error may succeed when it is done again as a whole."""
    return is_connection_lost(error) or isinstance(
        error, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure
    )


def server_error(error: psycopg.Error, showing: Showing | None = None) -> ServerError:
    """Our error for one of Postgres that neither the data nor a lost connection has caused.

    ``showing`` as ``message`` has it.
    """
    text = message(error, showing)
    if isinstance(error, psycopg.errors.DiskFull):
        return OutOfRoomError(
            f"the branch has no room left: {text} (SQLSTATE {error.sqlstate})",
            "Make room on the branch, or raise its size limit, then run the same command again. "
            "What was staged is removed, so that it takes no room meanwhile.",
        )
    remedy = "Mend the cause, then run the same command again; it goes on where this run ended."
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        remedy = "Grant the role what is missing, then run the same command again."
    return ServerError(f"Postgres refused: {text} (SQLSTATE {error.sqlstate})", remedy)


def reading_error(error: psycopg.Error) -> DatabaseAccessError | ServerError:
    """Our error for one of Postgres, for who has only read and may well do it again."""
    if is_connection_lost(error):
        return DatabaseAccessError(
            f"the connection to the branch was lost: {message(error)}", "Run again."
        )
    return server_error(error)


def _conninfo(database: Database) -> Secret:
    fixed: dict[str, Any] = {
        "application_name": database.application_name,
        "connect_timeout": CONNECT_TIMEOUT,
        "keepalives": 1,
        "keepalives_idle": 15,
        "keepalives_interval": 5,
        "keepalives_count": 4,
        # Keepalives do not help where sent data is not acknowledged.
        "tcp_user_timeout": 60_000,
    }
    try:
        given = conninfo_to_dict(database.uri.reveal())
    except psycopg.ProgrammingError:
        raise DatabaseAccessError("Neon gave a connection address that libpq cannot read") from None
    return Secret(make_conninfo("", **{**_NOT_FROM_ENVIRONMENT, **given, **fixed}))


def _place(conninfo: Secret) -> str:
    given = conninfo_to_dict(conninfo.reveal())
    return f"{given.get('host')}, database {given.get('dbname')}, role {given.get('user')}"


async def _made_ours(connection: Connection) -> None:
    """Pin the session's settings; a line that falls silent meanwhile is one that never was.

    Raises:
        psycopg.OperationalError: the line is lost, or nothing has come over it for too long.
    """
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await _pin(connection)
    except TimeoutError:
        await connection.close()
        raise psycopg.OperationalError(
            f"timeout expired: no answer within {CONNECT_TIMEOUT} s"
        ) from None
    except BaseException:
        await connection.close()
        raise


async def _pin(connection: Connection) -> None:
    # Triggers and functions of the user's own run in our transactions and expect their own search
    # path; with pg_catalog before it nothing can stand in for what is meant here.
    path = (
        "set_config('search_path', concat_ws(', ', 'pg_catalog',"
        " nullif(current_setting('search_path'), '')), false)"
    )
    # One statement for all: with 20 ms of round trip, one for each would cost a third of a second.
    calls = [
        sql.SQL("set_config({}, {}, false)").format(sql.Literal(name), sql.Literal(value))
        for name, value in _PINNED.items()
    ]
    await connection.execute(
        sql.SQL("SELECT {}").format(sql.SQL(", ").join([sql.SQL(path), *calls]))
    )
    for name, value in _PINNED_IF_POSSIBLE.items():
        with contextlib.suppress(psycopg.Error):
            await connection.execute("SELECT set_config(%s, %s, false)", (name, value))
