"""Athena queries that can be started once, found again and stopped."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pyathena.async_cursor import AsyncCursor
from pyathena.connection import Connection
from pyathena.error import Error as PyAthenaError
from pyathena.model import AthenaQueryExecution
from pyathena.util import RetryConfig

from neonsync import __version__
from neonsync.athena.sql import SourceTable
from neonsync.errors import AthenaAccessError, ExportError, NeonsyncError
from neonsync.settings import AthenaSettings

CATALOG = "awsdatacatalog"
POLL_SECONDS = 0.5
MINIMUM_BILLED_BYTES = 10_000_000
"""Athena bills at least 10 MB for a query that scans anything (AWS's price page)."""

_ACCESS_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

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


OnPoll = Callable[[QueryStatus], None]


class Athena:
    """The lake's query engine. Methods block; call them in a thread. Safe to share by threads."""

    def __init__(self, settings: AthenaSettings) -> None:
        """Open no connection yet.

        Raises:
            AthenaAccessError: the session cannot be set up, as for an unknown profile.
        """
        self._settings = settings
        # One layer of retries: botocore's. pyathena would multiply it by its own.
        config = Config(
            retries={"mode": "standard", "total_max_attempts": 8},
            connect_timeout=15,
            read_timeout=60,
            max_pool_connections=16,
            user_agent_extra=f"neonsync/{__version__}",
        )
        with translated_errors("connecting to AWS"):
            self.session = boto3.Session(region_name=settings.region)
            self.s3 = self.session.client("s3", config=config)
            self._connection: Connection[AsyncCursor] = Connection(
                session=self.session,
                region_name=settings.region,
                schema_name=settings.database,
                catalog_name=CATALOG,
                work_group=settings.workgroup,
                s3_staging_dir="",
                poll_interval=POLL_SECONDS,
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
        """A table of the configured database."""
        return SourceTable(CATALOG, self._settings.database, name)

    def output_location(self) -> str:
        """Where results go: the configured location, or else the workgroup's own.

        Raises:
            ExportError: neither names one.
        """
        if self._settings.output_location:
            return self._settings.output_location
        with translated_errors(f"reading the workgroup {self._settings.workgroup}"):
            answer = self.client.get_work_group(WorkGroup=self._settings.workgroup)
        configuration = answer["WorkGroup"].get("Configuration", {})
        location = configuration.get("ResultConfiguration", {}).get("OutputLocation", "")
        if not location:
            raise ExportError(
                f"the workgroup {self._settings.workgroup} has no output location, "
                "and ATHENA_OUTPUT_LOCATION is not set",
                "Set ATHENA_OUTPUT_LOCATION to an s3://bucket/prefix/ that Athena may write to.",
            )
        return str(location).rstrip("/") + "/"

    def start(self, sql: str, token: str, output_location: str) -> str:
        """Start a query and return its id at once.

        The same token with the same SQL gives the same query, so that a lost reply starts no
        second one. ``token`` has 32 to 128 characters.
        """
        # pyathena has no way to pass a token, so this one call is boto3's.
        with translated_errors("starting the query"):
            answer = self.client.start_query_execution(
                QueryString=sql,
                ClientRequestToken=token,
                QueryExecutionContext={"Database": self._settings.database, "Catalog": CATALOG},
                ResultConfiguration={"OutputLocation": output_location},
                WorkGroup=self._settings.workgroup,
            )
        return str(answer["QueryExecutionId"])

    def wait(self, query_id: str, on_poll: OnPoll) -> QueryStatus:
        """Wait until a query has ended, however it ended.

        ``on_poll`` gets each status; an exception that it raises ends the waiting, not the query.
        """
        with (
            self._cursor(lambda execution: on_poll(_status(execution))) as cursor,
            translated_errors(f"waiting for the query {query_id}"),
        ):
            return _status(cursor.poll(query_id).result())

    def stop(self, query_id: str) -> None:
        """Ask Athena to stop a query; one that has ended already is left as it is."""
        with self._cursor() as cursor, translated_errors(f"stopping the query {query_id}"):
            cursor.cancel(query_id).result()

    def rows(
        self, sql: str, output_location: str, on_start: Callable[[str], None], on_poll: OnPoll
    ) -> tuple[QueryStatus, list[tuple[Any, ...]]]:
        """Run a query with a small result and return all of its rows."""
        last: list[QueryStatus] = []

        def watch(execution: AthenaQueryExecution) -> None:
            last.append(_status(execution))
            on_poll(last[-1])

        with self._cursor(watch) as cursor, translated_errors("asking Athena"):
            query_id, result = cursor.execute(sql, s3_staging_dir=output_location)
            on_start(query_id)
            rows = result.result().fetchall()
        return last[-1], [tuple(row) for row in rows]

    @contextlib.contextmanager
    def _cursor(
        self, on_poll: Callable[[AthenaQueryExecution], None] | None = None
    ) -> Iterator[AsyncCursor]:
        cursor = self._connection.cursor(AsyncCursor, max_workers=1, on_poll=on_poll)
        try:
            yield cursor
        finally:
            cursor.close()


def billed_bytes(scanned: int) -> int:
    """What a query that scanned so many bytes is billed for."""
    return 0 if scanned == 0 else max(scanned, MINIMUM_BILLED_BYTES)


@contextlib.contextmanager
def translated_errors(doing: str) -> Iterator[None]:
    """Turn the errors of boto3 and pyathena into ours, with the cause chained.

    Raises:
        AthenaAccessError: keys, rights or the network; exit code 3.
        ExportError: Athena refused or failed the request.
    """
    try:
        yield
    except (NeonsyncError, CancelledError):
        raise
    except (PyAthenaError, ClientError, BotoCoreError) as error:
        raise _translate(error, doing) from error


def _translate(error: Exception, doing: str) -> NeonsyncError:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ClientError | BotoCoreError):
        cause = cause.__cause__
    if isinstance(cause, ClientError):
        code = str(cause.response.get("Error", {}).get("Code", ""))
        text = str(cause.response.get("Error", {}).get("Message", "")) or str(cause)
        if code in _ACCESS_CODES or code in ("403", "401"):
            return AthenaAccessError(
                f"AWS refused {doing}: {code}: {text}",
                "Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the "
                "role of the job. A run that was interrupted continues when started again.",
            )
        return ExportError(f"{doing} failed: {code}: {text}")
    if isinstance(cause, BotoCoreError):
        return AthenaAccessError(
            f"AWS could not be reached while {doing}: {cause}",
            "Check the network, AWS_REGION, the credentials and, if set, AWS_ENDPOINT_URL.",
        )
    return ExportError(f"{doing} failed: {error}")


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
