"""A line to a branch's database that can be cut, or fall silent, between the two ends."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
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
        self._loop = asyncio.new_event_loop()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Hang up on everybody; who comes next is let through."""
        self._loop.call_soon_threadsafe(self._hang_up)

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
            await asyncio.gather(
                self._pass(gate, reader, server_writer), self._pass(gate, server_reader, writer)
            )

    async def _pass(
        self, gate: asyncio.Event, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65_536):
            await gate.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


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
