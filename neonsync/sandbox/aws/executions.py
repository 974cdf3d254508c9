"""Query executions: their record, their states, and the store that outlives the service."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from neonsync.sandbox.aws.errors import AthenaError, ErrorCategory, invalid_request
from neonsync.sandbox.aws.types import ResultColumn


class State(StrEnum):
    """The states of a query, in Athena's words."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def is_final(self) -> bool:
        """Whether a query in this state will change no more."""
        return self not in (State.QUEUED, State.RUNNING)


@dataclass(frozen=True)
class Submission:
    """What the client asked for; two with the same token must be equal."""

    query: str
    database: str = "default"
    catalog: str = "AwsDataCatalog"
    output_location: str = ""
    workgroup: str = "primary"
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a query that succeeded has left behind."""

    columns: tuple[ResultColumn, ...] = ()
    result: str = ""
    """The name of the result file in the output location; '' where there is none to read."""
    manifest_location: str = ""
    row_count: int = 0
    output_bytes: int = 0
    input_rows: int = 0
    has_header: bool = False


@dataclass(frozen=True)
class Execution:
    """One query on its way. Times are seconds since the epoch."""

    id: str
    submission: Submission
    output_location: str
    statement_type: str
    substatement_type: str
    submitted: float
    token: str = ""
    state: State = State.QUEUED
    started: float = 0.0
    completed: float = 0.0
    reason: str = ""
    error: AthenaError | None = None
    scanned_bytes: int = 0
    outcome: Outcome = Outcome()


class ExecutionStore:
    """The executions of one service, in memory and one JSON file each."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lock = threading.RLock()
        directory.mkdir(parents=True, exist_ok=True)
        loaded = [_load(path) for path in directory.glob("*.json")]
        self._executions = {e.id: e for e in sorted(loaded, key=lambda e: e.submitted)}
        self._tokens = {e.token: e.id for e in loaded if e.token}
        for execution in loaded:
            if not execution.state.is_final:
                self._fail_left_over(execution)

    def get(self, execution_id: str) -> Execution:
        """An execution; raises InvalidRequestException."""
        with self._lock:
            try:
                return self._executions[execution_id]
            except KeyError:
                raise invalid_request(f"QueryExecution {execution_id} was not found") from None

    def find(self, ids: Iterable[str]) -> tuple[list[Execution], list[str]]:
        """The executions with these ids, and the ids that are unknown."""
        with self._lock:
            wanted = list(ids)
            found = [self._executions[i] for i in wanted if i in self._executions]
            return found, [i for i in wanted if i not in self._executions]

    def latest_first(self) -> list[Execution]:
        """All executions, the newest first."""
        with self._lock:
            return list(reversed(self._executions.values()))

    def add(self, execution: Execution) -> tuple[Execution, bool]:
        """Record a new execution, unless its token is known: then the old one is returned.

        The second value says whether it is new. Raises InvalidRequestException when the token
        was used for another submission.
        """
        with self._lock:
            known = self._tokens.get(execution.token) if execution.token else None
            if known:
                old = self._executions[known]
                if old.submission != execution.submission:
                    raise invalid_request("Idempotent parameters do not match")
                return old, False
            self._put(execution)
            if execution.token:
                self._tokens[execution.token] = execution.id
            return execution, True

    def update(self, execution_id: str, **changes: Any) -> Execution:
        """Change fields of an execution, on disk too."""
        with self._lock:
            changed = replace(self._executions[execution_id], **changes)
            self._put(changed)
            return changed

    def _put(self, execution: Execution) -> None:
        self._executions[execution.id] = execution
        path = self._directory / f"{execution.id}.json"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(execution)), encoding="utf-8")
        temporary.replace(path)

    def _fail_left_over(self, execution: Execution) -> None:
        reason = "INTERNAL_ERROR_QUERY_ENGINE: the service ended while the query ran"
        error = AthenaError(int(ErrorCategory.SYSTEM), 100, True, reason)
        self.update(
            execution.id, state=State.FAILED, completed=time.time(), reason=reason, error=error
        )


def _load(path: Path) -> Execution:
    raw = json.loads(path.read_text(encoding="utf-8"))
    submission, outcome, error = raw["submission"], raw["outcome"], raw["error"]
    return Execution(
        **{
            **raw,
            "state": State(raw["state"]),
            "submission": Submission(
                **{**submission, "parameters": tuple(submission["parameters"])}
            ),
            "outcome": Outcome(
                **{**outcome, "columns": tuple(ResultColumn(**c) for c in outcome["columns"])}
            ),
            "error": AthenaError(**error) if error else None,
        }
    )
