"""A line to a branch's database that can be cut, or fall silent, between the two ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from neonsync.engine.plan import Plan
from neonsync.secret import Secret


class Proxy:
    """Passes bytes on, in a thread of its own."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._open = asyncio.Event()
        self._open.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.passed = 0
        """Pieces that clients have sent: at most a message or a few."""
        self._is_last: Callable[[bytes], bool] | None = None
        self._passed_on = False
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Hang up on everybody; who comes next is let through."""
        self._loop.call_soon_threadsafe(self._hang_up)

    def cut_at(self, piece: int, *, passed_on: bool) -> None:
        """Hang up on everybody, once: in place of that piece of the clients', or of its answer."""
        self.cut_when(lambda _: self.passed == piece, passed_on=passed_on)

    def cut_when(self, is_last: Callable[[bytes], bool], *, passed_on: bool) -> None:
        """The same at the first piece that is the last one by what it says."""
        self._passed_on = passed_on
        self._is_last = is_last

    def fall_silent(self) -> None:
        """Keep all connections, take new ones, and pass nothing on."""
        self._loop.call_soon_threadsafe(self._open.clear)

    def fall_silent_for_those_who_are_here(self) -> None:
        """As a proxy that has forgotten its connections: new ones are well."""
        self._loop.call_soon_threadsafe(self._forget)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._accept, sock=self._listener)
        )
        self._loop.run_forever()
        server.close()
        self._hang_up()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _hang_up(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def _forget(self) -> None:
        self._open.clear()
        self._open = asyncio.Event()
        self._open.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gate = self._open
        # Cancelled at the end, of which asyncio would say much.
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await gate.wait()
            server_reader, server_writer = await asyncio.open_connection(
                "127.0.0.1", self._upstream
            )
            self._writers |= {writer, server_writer}
            line = _Line(gate)
            await asyncio.gather(
                self._pass(line, reader, server_writer), self._answer(line, server_reader, writer)
            )

    async def _pass(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass on what the client says."""
        while data := await reader.read(65_536):
            await line.gate.wait()
            self.passed += 1
            if self._is_last is not None and self._is_last(data):
                self._is_last = None
                line.answers = False
                if not self._passed_on:
                    self._hang_up()
            writer.write(data)
            await writer.drain()
        writer.close()

    async def _answer(
        self, line: _Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass on what the server says."""
        while data := await reader.read(65_536):
            await line.gate.wait()
            if not line.answers:
                self._hang_up()
                return
            writer.write(data)
            await writer.drain()
        writer.close()


@dataclass
class _Line:
    """A client's line to the server: whether anything passes, and whether answers do."""

    gate: asyncio.Event
    answers: bool = True


@contextmanager
def through_proxy(plan: Plan) -> Iterator[tuple[Plan, Proxy]]:
    """A plan whose run reaches its branch through a proxy."""
    address = urlsplit(plan.address.uri.reveal())
    assert address.port is not None
    proxy = Proxy(address.port)
    # The name stays, and the address of the machine that it is given with.
    netloc = address.netloc.removesuffix(str(address.port)) + str(proxy.port)
    uri = Secret(address._replace(netloc=netloc).geturl())
    try:
        yield replace(plan, address=replace(plan.address, uri=uri)), proxy
    finally:
        proxy.close()
