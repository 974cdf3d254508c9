"""Runs queries: a thread for each, from QUEUED to its final state."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlglot import exp

from neonsync.sandbox.aws import results, statements, unload, utilities
from neonsync.sandbox.aws.catalogue import Catalogue
from neonsync.sandbox.aws.errors import (
    ApiError,
    AthenaError,
    ErrorCategory,
    QueryCancelled,
    QueryFailed,
)
from neonsync.sandbox.aws.executions import Execution, ExecutionStore, Outcome, State
from neonsync.sandbox.aws.faults import Faults
from neonsync.sandbox.aws.files import has_objects, object_path
from neonsync.sandbox.aws.options import AthenaOptions
from neonsync.sandbox.aws.session import Prepared, Session
from neonsync.sandbox.aws.sql.reasons import failure
from neonsync.sandbox.aws.types import ResultColumn
from neonsync.sandbox.aws.workgroups import WorkGroups

_LOG = logging.getLogger(__name__)
# The part of a query's least time that it waits before it runs.
_QUEUED_SHARE = 0.2


@dataclass
class _Job:
    """The running side of an execution."""

    cancelled: threading.Event = field(default_factory=threading.Event)
    session: Session | None = None
    thread: threading.Thread | None = None

    def check(self) -> None:
        """Raise QueryCancelled once somebody has asked for it."""
        if self.cancelled.is_set():
            raise QueryCancelled("Query cancelled by user")


class QueryRunner:
    """Starts, stops and finishes queries."""

    def __init__(
        self,
        store: ExecutionStore,
        catalogue: Catalogue,
        groups: WorkGroups,
        s3_root: Path,
        scratch: Path,
        options: AthenaOptions,
        faults: Faults,
    ) -> None:
        self._store = store
        self._catalogue = catalogue
        self._groups = groups
        self._s3_root = s3_root
        self._scratch = scratch
        self._options = options
        self._faults = faults
        self._lock = threading.Lock()
        self._jobs: dict[str, _Job] = {}

    def start(self, execution: Execution) -> None:
        """Run a query that was just recorded, in the background."""
        job = _Job()
        job.thread = threading.Thread(
            target=self._run, args=(execution, job), name=f"query-{execution.id}", daemon=True
        )
        with self._lock:
            self._jobs[execution.id] = job
        job.thread.start()

    def stop(self, execution_id: str, patience: float = 5.0) -> None:
        """Cancel a query; returns when it has ended, or when patience (seconds) is over."""
        with self._lock:
            job = self._jobs.get(execution_id)
        if job is None or job.thread is None:
            return
        job.cancelled.set()
        deadline = time.monotonic() + patience
        # An interrupt that falls between two steps is lost, so it is repeated.
        while job.thread.is_alive() and time.monotonic() < deadline:
            session = job.session
            if session is not None:
                session.interrupt()
            job.thread.join(0.02)

    def stop_all(self) -> None:
        """Cancel whatever runs, and wait for it."""
        with self._lock:
            ids = list(self._jobs)
        for execution_id in ids:
            self.stop(execution_id)

    def _run(self, execution: Execution, job: _Job) -> None:
        try:
            outcome = self._execute(execution, job)
            self._finish(execution, State.SUCCEEDED, outcome=outcome)
        except QueryCancelled as stopped:
            self._finish(execution, State.CANCELLED, reason=str(stopped))
        except QueryFailed as failed:
            self._finish(execution, State.FAILED, reason=str(failed), error=failed.error)
        except Exception as error:
            # The boundary of the thread: whatever went wrong becomes the query's state.
            _LOG.debug("query %s", execution.id, exc_info=True)
            reason = f"GENERIC_INTERNAL_ERROR: {error}"
            blame = AthenaError(int(ErrorCategory.SYSTEM), 100, True, reason)
            self._finish(execution, State.FAILED, reason=reason, error=blame)
        finally:
            with self._lock:
                self._jobs.pop(execution.id, None)

    def _finish(self, execution: Execution, state: State, **changes: object) -> None:
        self._store.update(execution.id, state=state, completed=time.time(), **changes)

    def _execute(self, execution: Execution, job: _Job) -> Outcome:
        override = self._faults.query_seconds
        least = self._options.query_seconds if override is None else override
        begun = time.monotonic()
        job.cancelled.wait(least * _QUEUED_SHARE)
        job.check()
        self._store.update(execution.id, state=State.RUNNING, started=time.time())
        try:
            planned = self._faults.take_failure()
            if planned:
                raise planned
            return self._evaluate(execution, job)
        finally:
            job.cancelled.wait(max(0.0, begun + least - time.monotonic()))
            job.check()

    def _evaluate(self, execution: Execution, job: _Job) -> Outcome:
        submission = execution.submission
        statement = statements.parse(submission.query, submission.parameters)
        if isinstance(statement, statements.Utility):
            return self._utility(execution, statement)
        session = Session(self._catalogue, self._s3_root, submission.database, self._scratch)
        job.session = session
        try:
            job.check()
            if isinstance(statement, statements.Unload):
                return self._unload(execution, job, session, statement)
            return self._select(execution, job, session, statement.query)
        except (duckdb.Error, pa.ArrowException) as error:
            job.check()
            raise failure(error, statement.query, submission.query) from error
        finally:
            job.session = None
            session.close()

    def _select(
        self, execution: Execution, job: _Job, session: Session, query: exp.Query
    ) -> Outcome:
        named = _with_names(query)
        prepared = self._bound(execution, session, named)
        columns = results.result_columns(prepared.relation, prepared.labels)
        path = object_path(self._s3_root, execution.output_location)
        rows = results.rows_as_text(session.connection, prepared.sql, columns, job.check)
        count = results.write_csv(path, columns, rows)
        results.write_metadata(path.with_name(f"{path.name}.metadata"), columns)
        return Outcome(
            columns,
            path.name,
            row_count=count,
            output_bytes=path.stat().st_size,
            input_rows=prepared.input_rows,
            has_header=True,
        )

    def _unload(
        self, execution: Execution, job: _Job, session: Session, statement: statements.Unload
    ) -> Outcome:
        unload.refuse_bad_names(statement.query)
        target = object_path(self._s3_root, statement.location)
        bucket = self._s3_root / target.relative_to(self._s3_root.resolve()).parts[0]
        if not bucket.is_dir():
            raise QueryFailed(
                f"HIVE_WRITER_OPEN_ERROR: The specified bucket does not exist: {bucket.name}",
                error_type=401,
            )
        if has_objects(target):
            raise QueryFailed(
                f"HIVE_PATH_ALREADY_EXISTS: Target directory for table "
                f"'{execution.submission.database}.temp_table_{execution.id.replace('-', '')}' "
                f"already exists: {statement.location}. You may need to manually clean the data "
                f"at location '{execution.output_location}' before retrying. Athena will not "
                "delete data in your account."
            )
        session.connection.execute("SET preserve_insertion_order = false")
        prepared = self._bound(execution, session, statement.query)
        written = unload.unload(
            unload.storable(prepared.relation),
            target,
            statement.compression,
            self._options,
            job.check,
        )
        output = object_path(self._s3_root, execution.output_location)
        manifest = output.with_name(f"{output.name}-manifest.csv")
        location = statement.location
        results.write_text(manifest, (f"{location}{path.name}" for path in written.files))
        columns = (ResultColumn("rows", "bigint", 19),)
        results.write_metadata(output.with_name(f"{output.name}.metadata"), columns)
        return Outcome(
            columns,
            manifest_location=f"{execution.output_location}-manifest.csv",
            row_count=written.rows,
            output_bytes=sum(path.stat().st_size for path in written.files),
            input_rows=prepared.input_rows,
        )

    def _bound(self, execution: Execution, session: Session, query: exp.Query) -> Prepared:
        """The query, bound, its bytes already on the bill: it is not run yet."""
        prepared = session.prepare(query, execution.submission.query)
        scanned, cutoff = prepared.scanned_bytes, self._cutoff(execution)
        if cutoff is not None and scanned > cutoff:
            # It scans up to the limit, and what was scanned is paid.
            self._store.update(execution.id, scanned_bytes=cutoff)
            raise QueryCancelled("Bytes scanned limit was exceeded")
        self._store.update(execution.id, scanned_bytes=scanned)
        return prepared

    def _cutoff(self, execution: Execution) -> int | None:
        try:
            return self._groups.get(execution.submission.workgroup).cutoff
        except ApiError:
            return None

    def _utility(self, execution: Execution, statement: statements.Utility) -> Outcome:
        answer = utilities.answer(statement, self._catalogue, execution.submission.database)
        path = object_path(self._s3_root, execution.output_location)
        results.write_text(path, answer.lines)
        results.write_metadata(path.with_name(f"{path.name}.metadata"), answer.columns)
        return Outcome(answer.columns, path.name, row_count=len(answer.lines))


def _with_names(query: exp.Query) -> exp.Query:
    """The query with Athena's names (``_col1``) for the items that have none."""
    named = query.copy()
    for index, item in enumerate(named.selects):
        if not item.is_star and not statements.item_name(item):
            alias = exp.Alias(this=item.copy(), alias=exp.to_identifier(f"_col{index}"))
            item.replace(alias)
    return named
