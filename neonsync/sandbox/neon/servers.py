"""Endpoints as servers: started at their addresses, suspended, woken by whoever connects."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from neonsync.sandbox.neon.cluster import ADMIN, Cluster
from neonsync.sandbox.neon.computes import Computes, set_passwords
from neonsync.sandbox.neon.front import Fronts, RefusedError
from neonsync.sandbox.neon.state import (
    READ_ONLY,
    Endpoint,
    EndpointState,
    Store,
    now,
)

NOT_FOUND = "endpoint cannot be found. Check the endpoint ID, or whether it was deleted."
DISABLED = "endpoint is disabled. Enable it using Neon API and retry."
UNREACHABLE = "Couldn't connect to compute node"
_RETIRED_PORTS = 32  # so many deleted endpoints still tell that they are gone
_BRANCH_PATIENCE = 60.0


@dataclass(frozen=True)
class ComputeOptions:
    """``start_seconds``: how long a compute takes to start, on top of Postgres itself.

    ``idle_seconds``: when an unused compute that names no time of its own is suspended; None is
    never.
    """

    start_seconds: float = 0.0
    idle_seconds: float | None = None


class Servers:
    """The servers of all endpoints."""

    def __init__(self, store: Store, computes: Computes, options: ComputeOptions) -> None:
        self._store = store
        self._computes = computes
        self._options = options
        self._fronts = Fronts()
        self._refusals: dict[str, str] = {}
        self._retired: deque[int] = deque()
        self._last_used: dict[str, float] = {}
        self._closing = threading.Event()

    def start(self, endpoint_id: str) -> None:
        """Start an endpoint's server at its own address, unless it runs."""
        endpoint = self._endpoint(endpoint_id)
        if endpoint is None:
            return
        cluster = self._cluster(endpoint)
        with cluster.lock:
            if endpoint.branch_id in self._refusals:
                return
            if cluster.running:  # woken by a connection: where it is, the front passes bytes on
                self._note(endpoint_id, EndpointState.ACTIVE)
            else:
                self._closing.wait(self._options.start_seconds)
                self._fronts.leave(endpoint.port)
                with self._store.read() as state:
                    taken = {other.port for other in state.endpoints.values()}
                self._boot(endpoint, endpoint.port, taken)

    def start_all(self, endpoints: Sequence[Endpoint]) -> None:
        """Bring the computes of a stopped service back as they were, side by side."""
        for endpoint in endpoints:
            if endpoint.current_state is EndpointState.IDLE:
                self._listen(endpoint)
        awake = [each for each in endpoints if each.current_state is not EndpointState.IDLE]
        first = [each.id for each in awake if each.type != READ_ONLY]
        for ids in (first, [each.id for each in awake if each.id not in first]):
            if ids:
                with ThreadPoolExecutor(min(8, len(ids))) as pool:
                    list(pool.map(self.start, ids))

    def suspend(self, endpoint_id: str) -> None:
        """Stop an endpoint's server; who connects then wakes it."""
        endpoint = self._endpoint(endpoint_id)
        if endpoint is not None:
            self._cluster(endpoint).stop()
            self._note(endpoint_id, EndpointState.IDLE)
            self._listen(endpoint)

    def restart(self, endpoint_id: str) -> None:
        """Stop and start an endpoint's server: connections drop, the address stays."""
        endpoint = self._endpoint(endpoint_id)
        if endpoint is not None:
            self._cluster(endpoint).stop()
            self.start(endpoint_id)

    def ensure(self, branch_id: str) -> None:
        """Wake the writing compute of a branch, for work of the service's own."""
        with self._store.read() as state:
            writing = [
                each.id
                for each in state.endpoints.values()
                if each.branch_id == branch_id and each.type != READ_ONLY
            ]
        for endpoint_id in writing:
            self.start(endpoint_id)

    def retire(self, endpoint_id: str) -> None:
        """Stop an endpoint's server for good; its address will say that it is gone."""
        endpoint = self._endpoint(endpoint_id)
        if endpoint is None:
            return
        self.suspend(endpoint_id)
        if endpoint.type == READ_ONLY:
            self._computes.remove(_key(endpoint))
        self._retired.append(endpoint.port)
        while len(self._retired) > _RETIRED_PORTS:
            self._fronts.leave(self._retired.popleft())

    def refuse(self, branch_id: str, text: str | None) -> None:
        """Refuse every connection to a branch with this text; None lets them in again."""
        with self._store.read() as state:
            endpoints = [each for each in state.endpoints.values() if each.branch_id == branch_id]
        if text is None:
            self._refusals.pop(branch_id, None)
        else:
            self._refusals[branch_id] = text
            for endpoint in endpoints:
                self.suspend(endpoint.id)

    def idle_for(self, endpoint: Endpoint) -> float | None:
        """For how many seconds nobody has used a running server; None when it does not run."""
        cluster = self._cluster(endpoint)
        if not cluster.running:
            self._last_used.pop(endpoint.id, None)
            return None
        present = time.monotonic()
        with cluster.connect() as connection:
            row = connection.execute(
                "SELECT min(CASE state WHEN 'idle' THEN"
                " extract(epoch FROM clock_timestamp() - state_change) ELSE 0 END)::float8"
                " FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> %s",
                [ADMIN],
            ).fetchone()
        used = self._last_used.get(endpoint.id, present)
        if row is not None and row[0] is not None:
            used = max(used, present - float(row[0]))
        self._last_used[endpoint.id] = used
        return present - used

    def idle_limit(self, endpoint: Endpoint) -> float | None:
        """After how many idle seconds an endpoint is suspended; None is never."""
        if endpoint.suspend_timeout_seconds > 0:
            return endpoint.suspend_timeout_seconds
        return None if endpoint.suspend_timeout_seconds < 0 else self._options.idle_seconds

    def close(self) -> None:
        """Let nobody in any more."""
        self._closing.set()
        self._fronts.close()

    def _listen(self, endpoint: Endpoint) -> None:
        self._fronts.listen(endpoint.port, lambda user: self._wake(endpoint.id, user))

    def _wake(self, endpoint_id: str, user: str | None) -> int:
        endpoint = self._ready_endpoint(endpoint_id)
        if refusal := self._refusals.get(endpoint.branch_id):
            raise RefusedError(refusal)
        if endpoint.disabled:
            raise RefusedError(DISABLED)
        cluster = self._cluster(endpoint)
        with cluster.lock:
            # A replica asks for the log all the time, and a cancel for nothing that still runs.
            if not cluster.running and user not in (None, ADMIN):
                self._closing.wait(self._options.start_seconds)
                self._boot(endpoint, None)
            if not cluster.running:
                raise RefusedError(UNREACHABLE)
            return cluster.port

    def _ready_endpoint(self, endpoint_id: str) -> Endpoint:
        """The endpoint, once its branch is not being restored."""
        deadline = time.monotonic() + _BRANCH_PATIENCE
        while time.monotonic() < deadline:
            with self._store.read() as state:
                endpoint = state.endpoints.get(endpoint_id)
                if endpoint is None or state.branches[endpoint.branch_id].pending_state:
                    raise RefusedError(NOT_FOUND)
                if state.branches[endpoint.branch_id].current_state == "ready":
                    return endpoint
            if self._closing.wait(0.02):
                break
        raise RefusedError(UNREACHABLE)

    def _boot(self, endpoint: Endpoint, port: int | None, taken: set[int] | None = None) -> None:
        """Start the server; without a port at any, and the front passes the bytes on."""
        if self._closing.is_set():
            raise RefusedError(UNREACHABLE)
        with self._store.read() as state:
            branch = state.branches[endpoint.branch_id]
            primary = next(
                (
                    each.port
                    for each in state.endpoints.values()
                    if each.branch_id == branch.id and each.type != READ_ONLY
                ),
                None,
            )
        cluster = self._cluster(endpoint)
        if endpoint.type == READ_ONLY:
            cluster.copy(self._computes.cluster(branch.id))
            cluster.follow(primary)
        started = cluster.start(port, taken or ())
        if endpoint.type != READ_ONLY:
            set_passwords(cluster, branch.roles)
            self._computes.measure(branch.id)
        self._note(endpoint.id, EndpointState.ACTIVE, started if port else None)

    def _note(self, endpoint_id: str, condition: EndpointState, port: int | None = None) -> None:
        moment = now()
        with self._store.edit() as state:
            endpoint = state.endpoints.get(endpoint_id)
            if endpoint is not None:
                awake = condition is EndpointState.ACTIVE
                state.endpoints[endpoint_id] = replace(
                    endpoint,
                    port=port or endpoint.port,
                    current_state=condition,
                    updated_at=moment,
                    started_at=moment if awake else endpoint.started_at,
                    suspended_at=endpoint.suspended_at if awake else moment,
                )

    def _endpoint(self, endpoint_id: str) -> Endpoint | None:
        with self._store.read() as state:
            return state.endpoints.get(endpoint_id)

    def _cluster(self, endpoint: Endpoint) -> Cluster:
        return self._computes.cluster(_key(endpoint))


def _key(endpoint: Endpoint) -> str:
    """The folder of an endpoint's data: the branch's own, or a replica's."""
    replica = endpoint.type == READ_ONLY
    return f"{endpoint.branch_id}-{endpoint.id}" if replica else endpoint.branch_id
