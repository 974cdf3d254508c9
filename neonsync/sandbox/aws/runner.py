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

from neonsync.sandbox.aws import explain, parsing, results, statements, utilities, views
from neonsync.sandbox.aws.catalogue import Catalogue
from neonsync.sandbox.aws.ddl import Ddl
from neonsync.sandbox.aws.engines import Engines
from neonsync.sandbox.aws.errors import (
    ApiError,
    AthenaError,
    ErrorCategory,
    QueryCancelled,
    QueryFailed,
)
from neonsync.sandbox.aws.executions import Execution, ExecutionStore, Outcome, State, Submission
from neonsync.sandbox.aws.faults import Faults
from neonsync.sandbox.aws.files import object_path
from neonsync.sandbox.aws.options import AthenaOptions
from neonsync.sandbox.aws.session import Prepared, Session
from neonsync.sandbox.aws.sql.reasons import failure
from neonsync.sandbox.aws.types import ResultColumn
from neonsync.sandbox.aws.workgroups import PreparedStatement, WorkGroup, WorkGroups
from neonsync.sandbox.aws.writes import Writer

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
        self._engines = Engines(s3_root, scratch)
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
        """Cancel a query; returns when it has ended, or when patience (seconds) is over.

        Where a fault holds stops it returns at once, and the query is cancelled later.
        """
        if self._faults.stops_held:
            threading.Thread(target=self._stop_later, args=(execution_id,), daemon=True).start()
            return
        self._stop(execution_id, patience)

    def _stop_later(self, execution_id: str) -> None:
        self._faults.wait_for_stops()
        self._stop(execution_id, patience=5.0)

    def _stop(self, execution_id: str, patience: float) -> None:
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
        """Cancel whatever runs, wait for it, and release the memory."""
        with self._lock:
            ids = list(self._jobs)
        for execution_id in ids:
            self._stop(execution_id, patience=5.0)
        self._engines.close()

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
            planned = self._faults.take_failure(execution.submission.query)
            if planned:
                raise planned
            return self._evaluate(execution, job)
        finally:
            job.cancelled.wait(max(0.0, begun + least - time.monotonic()))
            job.check()

    def _evaluate(self, execution: Execution, job: _Job) -> Outcome:
        submission = execution.submission
        statement = self._parsed(submission)
        if isinstance(statement, statements.Utility):
            return self._answer(
                execution, utilities.answer(statement, self._catalogue, submission.database)
            )
        if isinstance(statement, statements.Ddl):
            ddl = Ddl(self._catalogue, self._s3_root, submission.database)
            lines = tuple(ddl.run(statement.text))
            return self._answer(execution, utilities.Answer((), lines))
        if isinstance(statement, statements.Prepare):
            self._prepare(submission, statement)
            return self._answer(execution, utilities.Answer((), ()))
        if isinstance(statement, statements.Execute):
            raise QueryFailed("NOT_SUPPORTED: a prepared statement cannot EXECUTE another")
        session = Session(self._catalogue, self._s3_root, submission.database, self._engines)
        job.session = session
        try:
            job.check()
            return self._query(execution, job, session, statement)
        except (duckdb.Error, pa.ArrowException) as error:
            job.check()
            raise failure(error, statement.query, submission.query) from error
        finally:
            job.session = None
            session.close()

    def _parsed(self, submission: Submission) -> statements.Statement:
        statement = statements.parse(submission.query, submission.parameters)
        if not isinstance(statement, statements.Execute):
            return statement
        found = self._groups.prepared(submission.workgroup, statement.name)
        if found is None:
            raise _no_such_statement(statement.name)
        return statements.parse(found.statement, statement.parameters)

    def _prepare(self, submission: Submission, statement: statements.Prepare) -> None:
        known = self._groups.prepared(submission.workgroup, statement.name)
        if not statement.text and known is None:
            raise _no_such_statement(statement.name)
        kept = PreparedStatement(statement.text, modified=time.time()) if statement.text else None
        self._groups.prepare(submission.workgroup, statement.name, kept)

    def _query(
        self, execution: Execution, job: _Job, session: Session, statement: statements.WithQuery
    ) -> Outcome:
        if isinstance(statement, statements.Select):
            return self._select(execution, job, session, statement.query)
        if isinstance(statement, statements.Explain):
            prepared = session.prepare(_with_names(statement.query), execution.submission.query)
            name, lines = explain.explained(
                prepared, session.connection, statement.kind, statement.form
            )
            column = ResultColumn(name, "varchar", 2147483647)
            return self._answer(execution, utilities.Answer((column,), tuple(lines)))
        if isinstance(statement, statements.CreateView):
            prepared = session.prepare(_with_names(statement.query), execution.submission.query)
            views.create(self._catalogue, execution.submission.database, statement, prepared)
            return self._answer(execution, utilities.Answer((), ()))
        writer = Writer(
            self._catalogue,
            self._s3_root,
            self._options,
            self._group(execution),
            execution,
            session,
            lambda query: self._bound(execution, session, query),
            job.check,
        )
        return writer.write(statement)

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

    def _bound(self, execution: Execution, session: Session, query: exp.Query) -> Prepared:
        """The query, bound, its bytes already on the bill: it is not run yet."""
        prepared = session.prepare(query, execution.submission.query)
        group = self._group(execution)
        scanned, cutoff = prepared.scanned_bytes, group.cutoff if group is not None else None
        if cutoff is not None and scanned > cutoff:
            # It scans up to the limit, and what was scanned is paid.
            self._store.update(execution.id, scanned_bytes=cutoff)
            raise QueryCancelled("Bytes scanned limit was exceeded")
        self._store.update(execution.id, scanned_bytes=scanned)
        return prepared

    def _group(self, execution: Execution) -> WorkGroup | None:
        """The execution's workgroup; None where it was deleted meanwhile."""
        try:
            return self._groups.get(execution.submission.workgroup)
        except ApiError:
            return None

    def _answer(self, execution: Execution, answer: utilities.Answer) -> Outcome:
        path = object_path(self._s3_root, execution.output_location)
        results.write_text(path, answer.lines)
        results.write_metadata(path.with_name(f"{path.name}.metadata"), answer.columns)
        return Outcome(answer.columns, path.name, row_count=len(answer.lines))


def _no_such_statement(name: str) -> QueryFailed:
    return QueryFailed(f"NOT_FOUND: Prepared statement not found: {name}")


def _with_names(query: exp.Query) -> exp.Query:
    """The query with Athena's names (``_col1``) for the items that have none."""
    named = query.copy()
    for index, item in enumerate(named.selects):
        if not item.is_star and not parsing.item_name(item):
            alias = exp.Alias(this=item.copy(), alias=exp.to_identifier(f"_col{index}"))
            item.replace(alias)
    return named
