"""HTTP on loopback for the sandbox's services: one threaded server, one guarded handler."""

from __future__ import annotations

import errno
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOOPBACK = "127.0.0.1"
_ALLOWED_HOSTS = frozenset({LOOPBACK, "localhost"})


class LoopbackServer(ThreadingHTTPServer):
    """A threaded HTTP server on 127.0.0.1 that runs in a thread of its own.

    ``port`` is the wished port: a sandbox that starts again likes its old address. When it is
    taken, or None, any free port is used; ``self.port`` tells which.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int | None = None) -> None:
        try:
            super().__init__((LOOPBACK, port or 0), handler)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port is None:
                raise
            super().__init__((LOOPBACK, 0), handler)
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.05}, name=handler.__name__
        )

    @property
    def port(self) -> int:
        """The port that the server listens on."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The server's address, without a trailing slash."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Serve in the background until ``stop``."""
        self._thread.start()

    def stop(self) -> None:
        """Stop accepting requests and close the listening socket. Safe to call twice."""
        if self._thread.is_alive():
            self.shutdown()
            self._thread.join()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in mid-request is everyday life: say nothing."""


def host_is_local(host_header: str | None) -> bool:
    """Whether a Host header names this machine.

    A web page that a browser shows can reach loopback by DNS rebinding; its Host header then
    still names the foreign site, which is refused.
    """
    if not host_header:
        return False
    return host_header.rsplit(":", 1)[0].lower() in _ALLOWED_HOSTS
