"""Athena queries that can be started once, found again and stopped."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeAlias, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pyathena.async_cursor import AsyncCursor
from pyathena.connection import Connection
from pyathena.model import AthenaQueryExecution
from pyathena.result_set import AthenaResultSet
from pyathena.util import RetryConfig

from neonsync import __version__
from neonsync.athena.failures import translated_errors, without_values
from neonsync.athena.pauses import FIRST_PAUSE, Pauses
from neonsync.athena.s3 import S3
from neonsync.athena.session import REQUESTS, session
from neonsync.athena.sql import SourceTable, result_type
from neonsync.errors import (
    AthenaAccessError,
    ConfigError,
    ExportError,
    QueryDelayedError,
    QueryError,
)
from neonsync.settings import AthenaSettings

CATALOG = "awsdatacatalog"
POLL_SECONDS = 0.5
"""The longest pause between two looks at a query."""
MINIMUM_BILLED_BYTES = 10_000_000
"""Athena bills at least 10 MB for a query that scans anything (AWS's price page)."""
_BYTES_PER_TB = 1e12

SYSTEM_ERROR = 1
"""Athena's error category for faults of its own; 2 is the user's, 3 others (AWS's docs)."""
READ_TIMEOUT = 30.0
"""Seconds without a byte after which an answer is given up; it holds within an object as well."""

# pyathena logs each failed query with a traceback before it raises; the error itself says it all.
logging.getLogger("pyathena").addHandler(logging.NullHandler())
logging.getLogger("pyathena").propagate = False


@dataclass(frozen=True)
class QueryStatus:
    """What GetQueryExecution says of a query; ``state`` is Athena's word."""

    query_id: str
    state: str
    scanned_bytes: int
    reason: str
    error_category: int | None
    retryable: bool | None
    manifest_location: str | None
    output_location: str | None

    @property
    def succeeded(self) -> bool:
        """Whether the result is there."""
        return self.state == AthenaQueryExecution.STATE_SUCCEEDED

    @property
    def finished(self) -> bool:
        """Whether the state is final."""
        return self.state in AthenaQueryExecution.TERMINAL_STATES

    def failure(self, doing: str, *, private: bool = False) -> QueryError:
        """The error for a query that has ended without its result.

        ``private`` tells that a value, which Athena may quote, is not to be shown.
        """
        stopped = self.state == AthenaQueryExecution.STATE_CANCELLED
        category = {1: "a fault of Athena's", 2: "a fault in the query or the data", 3: "others"}
        kind = category.get(self.error_category or 0, "no category given")
        why = "stopped by somebody, or by a limit of the workgroup" if stopped else kind
        reason = without_values(self.reason) if private else self.reason
        return QueryError(
            f"{doing} ended as {self.state}: {reason or 'no reason given'} "
            f"({why}, query {self.query_id})",
            "Find out who stopped it, then run again; the target is as it was."
            if stopped
            else "Look at the query in the Athena console; the target is as it was.",
            # Who stopped it did not mean it to be started again.
            transient=not stopped and (bool(self.retryable) or self.error_category == SYSTEM_ERROR),
        )


S = TypeVar("S")
T = TypeVar("T")
OnPoll = Callable[[QueryStatus], None]
Row: TypeAlias = tuple[Any, ...]


@dataclass(frozen=True)
class Pending(Generic[T]):
    """A query that somebody waits for; ``close`` ends the waiting, not the query."""

    query_id: str
    future: Future[T]
    cursor: AsyncCursor
    pauses: Pauses

    def close(self) -> None:
        """Let go of the thread that waits; it notices at once."""
        self.pauses.end()
        self.cursor.close()


class Athena:
    """The lake's query engine. Methods block; call them in a thread. Safe to share by threads."""

    def __init__(self, settings: AthenaSettings) -> None:
        """Open no connection yet.

        Raises:
            AthenaAccessError: the session cannot be set up, as for an unknown profile.
        """
        self._settings = settings
        self._location: str | None = None
        # A request is tried again here and nowhere else: pyathena would multiply it by its own
        # attempts, and the engine takes an answer that has not begun as final.
        config = Config(
            retries={"mode": "standard", "total_max_attempts": REQUESTS.attempts},
            connect_timeout=15,
            read_timeout=READ_TIMEOUT,
            tcp_keepalive=True,
            max_pool_connections=16,
            user_agent_extra=f"neonsync/{__version__}",
        )
        with translated_errors("connecting to AWS"):
            core = session()
            self.session = boto3.Session(botocore_session=core, region_name=settings.region)
            client = self.session.client("s3", config=config)
            self.s3 = S3(client, self.session, core.get_config_variable("ca_bundle"))
            self.glue = self.session.client("glue", config=config)
            self._connection: Connection[AsyncCursor] = Connection(
                session=self.session,
                region_name=settings.region,
                schema_name=settings.database,
                catalog_name=CATALOG,
                work_group=settings.workgroup,
                s3_staging_dir="",
                poll_interval=FIRST_PAUSE,
                retry_config=RetryConfig(attempt=1),
                config=config,
                kill_on_interrupt=False,
                cursor_class=AsyncCursor,
            )

    @property
    def client(self) -> Any:
        """The boto3 client of Athena, for calls that pyathena has no word for."""
        return self._connection.client

    def table(self, name: str) -> SourceTable:
        """A table of the configured database, or of the one that ``database.table`` names."""
        database, _, table = name.rpartition(".")
        return SourceTable(CATALOG, database or self._settings.database, table)

    def scratch_location(self) -> str:
        """A place of its own for the results of a query that only looks; raises the same."""
        return f"{self.output_location()}neonsync/plan/{uuid.uuid4().hex}/"

    def output_location(self) -> str:
        """Where results go: the configured location, or else the workgroup's own.

        Looked up once.

        Raises:
            ConfigError: there is no such workgroup or bucket, or neither names a location.
        """
        if self._location is None:
            self._location = self._find_location()
        return self._location

    def _find_location(self) -> str:
        name, configured = self._settings.workgroup, self._settings.output_location
        try:
            with translated_errors(f"reading the workgroup {name}"):
                answer = self.client.get_work_group(WorkGroup=name)
        except AthenaAccessError:
            # A role may well be allowed to run queries and not to look at the workgroup.
            if configured:
                return configured
            raise
        except ExportError as error:
            raise ConfigError(
                f"Athena has no workgroup {name!r}: {error}", "Set athena.workgroup."
            ) from error
        if configured:
            self._check_bucket(configured)
            return configured
        configuration = answer["WorkGroup"].get("Configuration", {})
        location = configuration.get("ResultConfiguration", {}).get("OutputLocation", "")
        if not location:
            raise ConfigError(
                f"the workgroup {self._settings.workgroup} has no output location, "
                "and ATHENA_OUTPUT_LOCATION is not set",
                "Set ATHENA_OUTPUT_LOCATION to an s3://bucket/prefix/ that Athena may write to.",
            )
        return str(location).rstrip("/") + "/"

    def _check_bucket(self, location: str) -> None:
        """Make sure that the bucket is there; a role may well be forbidden to list it.

        Raises:
            ConfigError: there is no such bucket.
        """
        bucket, _, prefix = location.removeprefix("s3://").partition("/")
        try:
            self.s3.client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=1)
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") == "NoSuchBucket":
                raise ConfigError(
                    f"the bucket {bucket} of athena.output_location ({location}) does not exist",
                    "Set ATHENA_OUTPUT_LOCATION to a place that Athena may write to.",
                ) from error
        except BotoCoreError:
            return  # the next call says so, and better

    def start(self, sql: str, token: str, output_location: str) -> str:
        """Start a query and return its id at once.

        The same token with the same SQL gives the same query, so that a lost reply starts no
        second one. ``token`` has 32 to 128 characters.
        """
        # pyathena has no way to pass a token, so this one call is boto3's.
        with translated_errors(f"starting a query with its results in {output_location}"):
            answer = self.client.start_query_execution(
                QueryString=sql,
                ClientRequestToken=token,
                QueryExecutionContext={"Database": self._settings.database, "Catalog": CATALOG},
                ResultConfiguration={"OutputLocation": output_location},
                WorkGroup=self._settings.workgroup,
            )
        return str(answer["QueryExecutionId"])

    def wait(self, query_id: str, on_poll: OnPoll) -> Pending[QueryStatus]:
        """Wait, in a thread of its own, until a query has ended, however it ended.

        ``on_poll`` gets each status, in that thread.
        """
        cursor, pauses = self._cursor(on_poll)
        return Pending(query_id, _then(cursor.poll(query_id), _status), cursor, pauses)

    def ask(
        self, sql: str, output_location: str, on_poll: OnPoll, *, private: bool = False
    ) -> Pending[list[Row]]:
        """Start a query with a small result; what is pending is all of its rows.

        ``private`` as ``QueryStatus.failure`` has it.
        """
        cursor, pauses = self._cursor(on_poll)
        with translated_errors("asking Athena"):
            query_id, result = cursor.execute(sql, s3_staging_dir=output_location)

        def rows(done: AthenaResultSet) -> list[Row]:
            # pyathena's AsyncCursor gives a failed query an empty result, and no error.
            if done.state != AthenaQueryExecution.STATE_SUCCEEDED:
                raise QueryStatus(
                    query_id=query_id,
                    state=done.state or "",
                    scanned_bytes=0,
                    reason=done.state_change_reason or "",
                    error_category=done.error_category,
                    retryable=done.retryable,
                    manifest_location=None,
                    output_location=None,
                ).failure("Athena's query", private=private)
            found = [tuple(row) for row in done.fetchall()]
            self._forget(done.output_location)
            return found

        return Pending(query_id, _then(result, rows), cursor, pauses)

    def columns(self, sql: str, output_location: str) -> list[tuple[str, str]]:
        """The columns of a SELECT's result, each with its type as Athena writes it; no rows.

        Raises:
            ExportError: Athena does not take the SELECT; the message says why.
            QueryDelayedError: it took too long, and was stopped.
        """
        cursor, _ = self._cursor(lambda _: None)
        with translated_errors("asking Athena for the columns of a query"):
            query_id, future = cursor.execute(sql, s3_staging_dir=output_location)
            minutes = self._settings.timeout_minutes
            try:
                result = future.result(minutes * 60 or None)
            except TimeoutError as error:
                self.stop(query_id)
                raise delayed(query_id, minutes) from error
            finally:
                cursor.close()
        self._forget(result.output_location)
        if result.state != AthenaQueryExecution.STATE_SUCCEEDED:
            raise ExportError(result.state_change_reason or f"the query ended as {result.state}")
        return [
            (name, result_type(type_, precision, scale))
            for name, type_, _, _, precision, scale, _ in result.description or []
        ]

    def _forget(self, output_location: str | None) -> None:
        """Delete what Athena has written of a small answer, wherever its workgroup wants it."""
        if not output_location:
            return
        bucket, _, key = output_location.removeprefix("s3://").partition("/")
        for name in (key, f"{key}.metadata"):
            # A few bytes that may not be deleted are no reason to stop.
            with contextlib.suppress(BotoCoreError, ClientError):
                self.s3.client.delete_object(Bucket=bucket, Key=name)

    def submitted_at(self, query_id: str) -> datetime:
        """When a query was submitted, in UTC."""
        with translated_errors("asking Athena for a query"):
            answer = self.client.get_query_execution(QueryExecutionId=query_id)
        submitted: datetime = answer["QueryExecution"]["Status"]["SubmissionDateTime"]
        return submitted

    def status(self, query_id: str) -> QueryStatus:
        """What Athena says of a query now."""
        with translated_errors("asking Athena for a query"):
            answer = self.client.get_query_execution(QueryExecutionId=query_id)
        return _status(AthenaQueryExecution(answer))

    def stop(self, query_id: str) -> None:
        """Ask Athena to stop a query; one that has ended already is left as it is."""
        with translated_errors(f"stopping the query {query_id}"):
            self.client.stop_query_execution(QueryExecutionId=query_id)

    def _cursor(self, on_poll: OnPoll) -> tuple[AsyncCursor, Pauses]:
        pauses = Pauses(POLL_SECONDS)

        def polled(execution: AthenaQueryExecution) -> None:
            status = _status(execution)
            on_poll(status)
            if not status.finished:
                pauses.take()

        return self._connection.cursor(AsyncCursor, max_workers=2, on_poll=polled), pauses


def delayed(query_id: str, minutes: float) -> QueryDelayedError:
    """The error for a query that was stopped as it took too long."""
    return QueryDelayedError(
        f"Athena's query {query_id} was not done in {minutes:g} minutes, and was stopped",
        "Set athena.timeout_minutes higher (0 is no limit), narrow the run by filters, or find out "
        "what keeps the workgroup busy.",
    )


def billed_bytes(scanned: int) -> int:
    """What a query that scanned so many bytes is billed for."""
    return 0 if scanned == 0 else max(scanned, MINIMUM_BILLED_BYTES)


def price(billed: int, per_tb: float) -> float:
    """What so many billed bytes cost, in dollars where a terabyte costs ``per_tb`` of them."""
    return billed / _BYTES_PER_TB * per_tb


def _then(future: Future[S], convert: Callable[[S], T]) -> Future[T]:
    """The future of what is made of a result, in the thread that has waited for it."""
    converted: Future[T] = Future()
    converted.set_running_or_notify_cancel()

    def finish(done: Future[S]) -> None:
        try:
            with translated_errors("waiting for Athena"):
                converted.set_result(convert(done.result()))
        except BaseException as error:
            converted.set_exception(error)

    future.add_done_callback(finish)
    return converted


def _status(execution: AthenaQueryExecution) -> QueryStatus:
    return QueryStatus(
        query_id=execution.query_id or "",
        state=execution.state or "",
        scanned_bytes=execution.data_scanned_in_bytes or 0,
        reason=execution.state_change_reason or "",
        error_category=execution.error_category,
        retryable=execution.retryable,
        manifest_location=execution.data_manifest_location,
        output_location=execution.output_location,
    )
