"""A line to Postgres: a bandwidth, a round trip, and TLS at its near end as at Neon's proxy.

``python -m benchmarks.line_program ORDER``: says the port that it listens on; ends with its stdin.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import tempfile
from pathlib import Path
from typing import Any

import trustme

from neonsync.sandbox.httpd import LOOPBACK

_CHUNK = 32 * 1024
_ROUTER_SECONDS = 0.05
"""So much of a direction's traffic waits in the line; who sends more has to wait."""
_SSL_REQUEST = b"\x00\x00\x00\x08\x04\xd2\x16\x2f"


class _Direction:
    """One way of the line, which all connections share."""

    def __init__(self, bytes_a_second: float, delay: float) -> None:
        self._rate = bytes_a_second
        self._delay = delay
        self._free_at = 0.0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on, each at its time, until the sender has hung up."""
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                at, data = await under_way.get()
                await asyncio.sleep(max(0.0, at - loop.time()))
                if not data:
                    return
                writer.write(data)
                await writer.drain()

        delivering = asyncio.ensure_future(deliver())
        try:
            while data := await reader.read(_CHUNK):
                self._free_at = max(self._free_at, loop.time()) + len(data) / self._rate
                under_way.put_nowait((self._free_at + self._delay, data))
                if (ahead := self._free_at - loop.time() - _ROUTER_SECONDS) > 0:
                    await asyncio.sleep(ahead)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            under_way.put_nowait((loop.time() + self._delay, b""))
            await asyncio.gather(delivering, return_exceptions=True)
            writer.close()


async def _serve(order: dict[str, Any]) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "both.pem"
        file.touch(0o600)
        trustme.CA().issue_cert("localhost", LOOPBACK).private_key_and_cert_chain_pem.write_to_path(
            str(file)
        )
        context.load_cert_chain(file)
    rate, delay = order["mbits"] * 1e6 / 8, order["round_trip"] / 2
    up, down = _Direction(rate, delay), _Direction(rate, delay)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if await reader.readexactly(len(_SSL_REQUEST)) != _SSL_REQUEST:
            writer.close()  # who does not ask for TLS gets nothing
            return
        await asyncio.sleep(order["round_trip"])
        writer.write(b"S")
        await writer.drain()
        await writer.start_tls(context)
        their_reader, their_writer = await asyncio.open_connection(LOOPBACK, order["port"])
        await asyncio.gather(up.carry(reader, their_writer), down.carry(their_reader, writer))

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(json.loads(sys.argv[1])))
