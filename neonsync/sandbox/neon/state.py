"""What the Neon service remembers: a project with its branches, kept in one file."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from neonsync.sandbox.neon.errors import SandboxError

OPERATIONS_KEPT = 200
READ_WRITE, READ_ONLY = "read_write", "read_only"


class EndpointState(StrEnum):
    """What a compute is doing."""

    INIT = "init"
    ACTIVE = "active"
    IDLE = "idle"


class OperationStatus(StrEnum):
    """How far an operation has come; the first two mean that the project is busy."""

    SCHEDULING = "scheduling"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    ERROR = "error"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Role:
    """A Postgres role of a branch."""

    name: str
    password: str = field(repr=False)
    created_at: str


@dataclass(frozen=True)
class Database:
    """A database of a branch."""

    id: int
    name: str
    owner_name: str
    created_at: str


@dataclass(frozen=True)
class Branch:
    """A branch; a root branch has no parent."""

    id: str
    name: str
    created_at: str
    updated_at: str
    state_changed_at: str
    roles: tuple[Role, ...]
    databases: tuple[Database, ...]
    current_state: str = "init"
    pending_state: str | None = None
    parent_id: str | None = None
    parent_lsn: str | None = None
    parent_timestamp: str | None = None
    default: bool = False
    protected: bool = False
    expires_at: str | None = None
    init_source: str = "parent-data"
    annotation: dict[str, str] = field(default_factory=dict)
    logical_size: int | None = None
    last_reset_at: str | None = None
    # Where the branch's own past begins, and whose log leads there; None is its own base.
    history_start: str | None = None
    history_start_lsn: str | None = None
    history_parent: str | None = None


@dataclass(frozen=True)
class Endpoint:
    """A compute: the Postgres server of a branch, and the port that it listens on."""

    id: str
    branch_id: str
    port: int
    created_at: str
    updated_at: str
    current_state: EndpointState = EndpointState.INIT
    min_cu: float = 0.25
    max_cu: float = 0.25
    suspend_timeout_seconds: int = 0
    type: str = READ_WRITE
    disabled: bool = False
    started_at: str | None = None
    suspended_at: str | None = None


@dataclass(frozen=True)
class Operation:
    """A step of work on the project."""

    id: str
    action: str
    status: OperationStatus
    created_at: str
    updated_at: str
    branch_id: str | None = None
    endpoint_id: str | None = None
    total_duration_ms: int = 0
    failures: int = 0
    error: str | None = None


@dataclass
class State:
    """Everything that outlives a restart; dictionaries go from id to record, oldest first."""

    project_id: str
    created_at: str
    admin_password: str = field(repr=False)
    branches: dict[str, Branch] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    operations: dict[str, Operation] = field(default_factory=dict)


class Store:
    """The state in memory and on disk: read under a lock, written whole and atomically."""

    def __init__(self, path: Path, state: State) -> None:
        self._path = path
        self._state = state
        self._lock = threading.RLock()

    @contextmanager
    def read(self) -> Iterator[State]:
        """The state, which nobody changes meanwhile."""
        with self._lock:
            yield self._state

    @contextmanager
    def edit(self) -> Iterator[State]:
        """The state for changing; it is written when the block ends without an error."""
        with self._lock:
            yield self._state
            self._save()

    def _save(self) -> None:
        for surplus in list(self._state.operations)[:-OPERATIONS_KEPT]:
            del self._state.operations[surplus]
        write_private(self._path, json.dumps(asdict(self._state), indent=1))


def load(path: Path) -> State | None:
    """The state in the file, or None when there is none yet."""
    try:
        return _state(json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise SandboxError(
            f"{path} is not the state of this version's sandbox. Delete its folder to start anew."
        ) from error


def write_private(path: Path, text: str) -> None:
    """Replace the file's content in one step; only its owner can read it."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    draft.replace(path)


def now() -> str:
    """The present moment as Neon writes it; it sorts as text."""
    return timestamp(datetime.now(UTC))


def timestamp(moment: datetime) -> str:
    """A moment as Neon writes it."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _state(raw: dict[str, Any]) -> State:
    return State(
        **raw
        | {
            "branches": {key: _branch(value) for key, value in raw["branches"].items()},
            "endpoints": {key: _endpoint(value) for key, value in raw["endpoints"].items()},
            "operations": {key: _operation(value) for key, value in raw["operations"].items()},
        }
    )


def _branch(raw: dict[str, Any]) -> Branch:
    roles = tuple(Role(**role) for role in raw["roles"])
    databases = tuple(Database(**database) for database in raw["databases"])
    return Branch(**raw | {"roles": roles, "databases": databases})


def _endpoint(raw: dict[str, Any]) -> Endpoint:
    return Endpoint(**raw | {"current_state": EndpointState(raw["current_state"])})


def _operation(raw: dict[str, Any]) -> Operation:
    return Operation(**raw | {"status": OperationStatus(raw["status"])})
