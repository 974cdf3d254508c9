"""The Neon service: one project whose branches are real Postgres servers, behind Neon's API."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path

from neonsync.sandbox.httpd import LoopbackServer
from neonsync.sandbox.neon import names
from neonsync.sandbox.neon.api import Api
from neonsync.sandbox.neon.computes import Computes
from neonsync.sandbox.neon.errors import ApiError, SandboxError
from neonsync.sandbox.neon.faults import Faults
from neonsync.sandbox.neon.http import PREFIX, handler_for
from neonsync.sandbox.neon.keeper import Keeper
from neonsync.sandbox.neon.launcher import Launcher
from neonsync.sandbox.neon.lock import FolderLock
from neonsync.sandbox.neon.lookup import default_branch, endpoints_of, forget_branch
from neonsync.sandbox.neon.operations import Operations
from neonsync.sandbox.neon.project import DELETING, Project
from neonsync.sandbox.neon.request import Reply, Request
from neonsync.sandbox.neon.restores import RESETTING
from neonsync.sandbox.neon.rules import ComputeWish, Limits, new_endpoint, root_branch
from neonsync.sandbox.neon.servers import ComputeOptions, Servers
from neonsync.sandbox.neon.state import Branch, OperationStatus, State, Store, load, now
from neonsync.sandbox.neon.views import address


@dataclass(frozen=True)
class NeonOptions:
    """How the service behaves; the faults are on ``NeonService.faults``.

    ``operation_seconds``: how long each operation is at least seen as scheduling or running.
    ``compute``: how long computes take to start, and when idle ones are suspended.
    ``history_seconds``: how far back a branch can be restored, or branched from.
    ``durable``: whether data outlive a crash of the machine, for which servers wait for the disk;
    those of a process they outlive in any case.
    ``root_branches``: how many branches without a parent there may be; 3 is the Free plan's.
    """

    operation_seconds: float = 0.2
    history_seconds: float = 86_400
    root_branches: int = 3
    durable: bool = True
    compute: ComputeOptions = field(default_factory=ComputeOptions)


class NeonService:
    """Serves Neon's API on loopback; ``root`` keeps the state, so a restart finds it again."""

    def __init__(
        self,
        root: Path,
        api_key: str,
        *,
        port: int | None = None,
        options: NeonOptions = NeonOptions(),
    ) -> None:
        self._root = root.absolute()
        self._api_key = api_key
        self._wished_port = port
        self._options = options
        self._running: _Running | None = None
        self.faults = Faults(
            self._restart_compute, self._terminate_backends, self._refuse_connections
        )

    def start(self) -> None:
        """Start every branch's Postgres, then the API; returns when both can be used."""
        if self._running is not None:
            raise SandboxError("The Neon service is running already.")
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FolderLock(self._root)
        lock.acquire()
        try:
            self._running = _Running(self._root, lock, self._options, self.faults)
        except BaseException:
            lock.release()
            raise
        try:
            self._running.start()
            self._running.serve(self._api_key, self.faults, self._wished_port)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the API and every Postgres, cleanly. Safe to call twice."""
        running, self._running = self._running, None
        if running is not None:
            running.stop()

    @property
    def api_host(self) -> str:
        """The address of the API, as NEON_API_HOST wants it."""
        return self._alive().api_host

    @property
    def project_id(self) -> str:
        """The project's id: made once, kept for good."""
        with self._alive().project.store.read() as state:
            return state.project_id

    @property
    def default_branch(self) -> str:
        """The name of the project's default branch."""
        with self._alive().project.store.read() as state:
            return default_branch(state).name

    def connection_uri(self, branch_name: str) -> str:
        """The address of the branch's first database, for its first role."""
        with self._alive().project.store.read() as state:
            branch = _named(state, branch_name)
            endpoint_id = _endpoint_id(state, branch)
            endpoint = state.endpoints[endpoint_id]
            return address(endpoint, branch.roles[0], branch.databases[0])

    def _restart_compute(self, branch_name: str) -> None:
        project = self._alive().project
        with project.store.read() as state:
            endpoint_id = _endpoint_id(state, _named(state, branch_name))
        project.servers.restart(endpoint_id)

    def _terminate_backends(self, branch_name: str) -> int:
        project = self._alive().project
        with project.store.read() as state:
            branch_id = _named(state, branch_name).id
        return project.computes.terminate_backends(branch_id)

    def _refuse_connections(self, branch_name: str, text: str | None) -> None:
        project = self._alive().project
        with project.store.read() as state:
            branch_id = _named(state, branch_name).id
        project.servers.refuse(branch_id, text)

    def _alive(self) -> _Running:
        if self._running is None:
            raise SandboxError("The Neon service is not running.")
        return self._running


class _Running:
    """All that exists between start and stop."""

    def __init__(self, root: Path, lock: FolderLock, options: NeonOptions, faults: Faults) -> None:
        self._lock = lock
        self._faults = faults
        path = root / "state.json"
        self._store = Store(path, load(path) or _new_state())
        self._launcher = Launcher(root)
        self._computes = Computes(
            root / "branches", self._launcher, self._store, durable=options.durable
        )
        self._operations = Operations(self._store, options.operation_seconds, faults.operations)
        self._server: LoopbackServer | None = None
        self._stopping = False
        self.api_host = ""
        limits = Limits(
            options.history_seconds,
            options.root_branches,
            lambda: faults.clock,
            lambda: faults.size_limit,
        )
        self._servers = Servers(self._store, self._computes, options.compute)
        self.project = Project(self._store, self._computes, self._servers, self._operations, limits)
        self._keeper = Keeper(self.project)
        self._api = Api(self.project)

    def start(self) -> None:
        """Bring every branch back, or make the first one."""
        with self._store.edit() as state:
            _forget_unfinished(state)
            branch_ids, endpoints = set(state.branches), list(state.endpoints.values())
        self._computes.remove_all_but(branch_ids)
        if branch_ids:
            self._servers.start_all(endpoints)
        else:
            self._create_root()

    def serve(self, api_key: str, faults: Faults, port: int | None) -> None:
        """Open the API."""
        handler = handler_for(api_key, faults, self._answer)
        self._server = LoopbackServer(handler, port)
        self._server.start()
        self._keeper.start()
        self.api_host = self._server.url + PREFIX

    def stop(self) -> None:
        """The API first, then what is under way, then the servers."""
        self._stopping = True
        self._faults.release()
        if self._server is not None:
            self._server.stop()
        self._keeper.stop()
        self._operations.close()
        self._servers.close()
        self._computes.stop_all()
        self._launcher.close()
        self._lock.release()

    def _answer(self, request: Request) -> Reply:
        if self._stopping:  # a connection that was kept alive outlives the listening socket
            raise ApiError(503, "the service is stopped")
        return self._api.answer(request)

    def _create_root(self) -> None:
        branch = replace(root_branch(), current_state="ready")
        with self._store.read() as state:
            endpoint = new_endpoint(state, branch.id, ComputeWish())
        self._computes.create_root(branch, endpoint.port)
        with self._store.edit() as state:
            state.branches[branch.id] = branch
            state.endpoints[endpoint.id] = endpoint
        self._servers.start(endpoint.id)


def _new_state() -> State:
    return State(names.project_id(), now(), secrets.token_urlsafe(32))


def _forget_unfinished(state: State) -> None:
    """Drop branches that were being made or deleted when the service was killed."""
    for branch in list(state.branches.values()):
        if branch.current_state == RESETTING:  # its data are there, the old or the new ones
            state.branches[branch.id] = replace(branch, current_state="ready")
        elif branch.current_state != "ready" or branch.pending_state == DELETING:
            forget_branch(state, branch.id)
    for operation in list(state.operations.values()):
        if operation.status in (OperationStatus.SCHEDULING, OperationStatus.RUNNING):
            state.operations[operation.id] = replace(
                operation, status=OperationStatus.FAILED, error="the service was stopped"
            )


def _named(state: State, name: str) -> Branch:
    for branch in state.branches.values():
        if branch.name == name:
            return branch
    raise SandboxError(f"There is no branch named {name!r}.")


def _endpoint_id(state: State, branch: Branch) -> str:
    endpoints = endpoints_of(state, branch.id)
    if not endpoints:
        raise SandboxError(f"The branch {branch.name!r} has no compute.")
    return endpoints[0].id
