"""What stands at a compute's address while its server does not: it wakes it, or says why not.

A server that was started by the API listens at the address itself, so that nothing is in
between. One that was woken by a connection listens elsewhere, and its bytes pass through here.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from neonsync.sandbox.httpd import LOOPBACK
from neonsync.sandbox.neon.errors import SandboxError

_SSL, _GSS, _CANCEL = 80877103, 80877104, 80877102
_LARGEST_STARTUP = 10_000
_CHUNK = 256 * 1024
_PATIENCE = 30.0

Wake = Callable[[str | None], int]
"""Gives the port of the server, which it may have to start; the user is None for a cancel."""


class RefusedError(Exception):
    """A connection is refused; the text is what the client reads."""


class Fronts:
    """Listens at any number of ports in one thread; each connection gets threads of its own."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._listeners: dict[int, socket.socket] = {}
        self._open: set[socket.socket] = set()
        self._lock = threading.RLock()
        self._stopping = False
        self._thread = threading.Thread(target=self._accept, name="neon-fronts", daemon=True)
        self._thread.start()

    def listen(self, port: int, wake: Wake) -> None:
        """Stand at a port; safe when it is stood at already, and when somebody else is there."""
        with self._lock:
            self.leave(port)
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((LOOPBACK, port))
            except OSError:
                listener.close()
                return
            listener.listen(64)
            listener.setblocking(False)
            self._listeners[port] = listener
            self._selector.register(listener, selectors.EVENT_READ, wake)
            self._nudge()

    def leave(self, port: int) -> None:
        """Make a port free; connections that were made there go on."""
        with self._lock:
            listener = self._listeners.pop(port, None)
            if listener is not None:
                self._selector.unregister(listener)
                listener.close()
                self._nudge()

    def close(self) -> None:
        """Leave every port, and cut every connection."""
        with self._lock:
            self._stopping = True
            for port in list(self._listeners):
                self.leave(port)
            for connection in list(self._open):
                _hang_up(connection)
            self._nudge()
        self._thread.join()
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def _nudge(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._waker.send(b".")

    def _accept(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                listener = key.fileobj
                if listener is self._woken:
                    self._woken.recv(4096)
                elif isinstance(listener, socket.socket):
                    # The port may have been left just now.
                    with contextlib.suppress(OSError):
                        connection, _ = listener.accept()
                        self._begin(connection, key.data)

    def _begin(self, connection: socket.socket, wake: Wake) -> None:
        threading.Thread(
            target=self._serve, args=(connection, wake), name="neon-front", daemon=True
        ).start()

    def _serve(self, client: socket.socket, wake: Wake) -> None:
        with self._held(client), contextlib.suppress(OSError):
            client.settimeout(_PATIENCE)
            startup = _startup(client)
            if startup is None:
                return
            try:
                port = wake(_user(startup))
            except (RefusedError, SandboxError) as error:
                _refuse(client, str(error))
                return
            client.settimeout(None)
            with (
                socket.create_connection((LOOPBACK, port), _PATIENCE) as server,
                self._held(server),
            ):
                server.settimeout(None)
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.sendall(startup)
                back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                back.start()
                _pump(client, server)
                back.join()

    @contextmanager
    def _held(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
            stopping = self._stopping
        try:
            if not stopping:
                yield
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()


def _startup(client: socket.socket) -> bytes | None:
    """The client's first packet, after its questions about encryption; None when it hangs up."""
    while True:
        head = _exactly(client, 8)
        if head is None:
            return None
        length, code = struct.unpack("!II", head)
        if code in (_SSL, _GSS):
            client.sendall(b"N")  # the embedded server has no encryption either
            continue
        if not 8 <= length <= _LARGEST_STARTUP:
            return None
        rest = _exactly(client, length - 8)
        return None if rest is None else head + rest


def _user(startup: bytes) -> str | None:
    """Who wants to connect; None when the packet only cancels a query."""
    if struct.unpack("!I", startup[4:8])[0] == _CANCEL:
        return None
    words = startup[8:].split(b"\0")
    return (
        dict(zip(words[::2], words[1::2], strict=False))
        .get(b"user", b"")
        .decode("utf-8", "replace")
    )


def _exactly(source: socket.socket, size: int) -> bytes | None:
    data = b""
    while len(data) < size:
        more = source.recv(size - len(data))
        if not more:
            return None
        data += more
    return data


def _refuse(client: socket.socket, text: str) -> None:
    fields = {b"S": "FATAL", b"V": "FATAL", b"C": "XX000", b"M": text}
    body = b"".join(key + value.encode() + b"\0" for key, value in fields.items()) + b"\0"
    client.sendall(b"E" + struct.pack("!I", len(body) + 4) + body)


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Forward bytes until one side ends; then neither goes on."""
    buffer = memoryview(bytearray(_CHUNK))
    with contextlib.suppress(OSError):
        while size := source.recv_into(buffer):
            target.sendall(buffer[:size])
    _hang_up(source)
    _hang_up(target)


def _hang_up(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
