"""What happens without a request: expired branches are deleted, idle computes suspended."""

from __future__ import annotations

import contextlib
import threading

import psycopg

from neonsync.sandbox.neon.endpoints import EndpointChanges
from neonsync.sandbox.neon.errors import ApiError
from neonsync.sandbox.neon.project import Project
from neonsync.sandbox.neon.state import EndpointState

_ROUND_SECONDS = 0.2


class Keeper:
    """Looks after a project in a thread of its own."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._changes = EndpointChanges(project)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="neon-keeper", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a round that has begun is finished. Safe when it never began."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(_ROUND_SECONDS):
            self._project.delete_expired()
            # Busy projects wait for the next round; a server may be stopped at this moment.
            with contextlib.suppress(ApiError, psycopg.OperationalError):
                self._suspend_idle()

    def _suspend_idle(self) -> None:
        servers = self._project.servers
        with self._project.store.read() as state:
            endpoints = list(state.endpoints.values())
        for endpoint in endpoints:
            limit = servers.idle_limit(endpoint)
            if limit is None or endpoint.current_state is not EndpointState.ACTIVE:
                continue
            idle = servers.idle_for(endpoint)
            if idle is not None and idle >= limit:
                self._changes.suspend(endpoint.id)
