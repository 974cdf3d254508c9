"""Staging over a line of 20 ms and 200 Mbit/s with TLS, against what the line carries."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec

from benchmarks import floor, lake
from benchmarks.figures import Absent, Figure, Found, Goal, Options, median
from benchmarks.server import Server
from benchmarks.world import TARGET, world

ROWS = 1_000_000
MBITS = 200.0
ROUND_TRIP = 0.020
GOAL = Goal(0.7, at_least=True)


def measure(options: Options) -> list[Found]:
    """The loader, and COPY of encoded bytes on two connections, in turn over the same line."""
    rows = options.rows or ROWS
    name = f"staging over {MBITS:g} Mbit/s and {ROUND_TRIP * 1000:g} ms"
    if find_spec("trustme") is None:
        return [Absent(name, "not installed: trustme")]
    with world(rows) as there, _line(there.server) as port:
        uri = there.server.served.uri(port=port, sslmode="require")
        there.load()
        encoded = lake.encoded(lake.read(there.lake))
        size = sum(map(len, encoded[1]))
        there.server.execute(f"CREATE TABLE shape (LIKE {TARGET} INCLUDING ALL EXCLUDING INDEXES)")
        there.server.drop(TARGET)
        ours, bare = [], []
        for _ in range(options.rounds):
            there.server.drop("floor")
            there.server.make_like("floor", "shape", indexes=False)
            began = time.perf_counter()
            floor.copy(uri, "floor", encoded)
            bare.append(time.perf_counter() - began)
            there.server.drop("floor")
            ours.append(there.load(until="load", uri=uri))
    carried = size / (MBITS * 1e6 / 8)
    ratios = [carried / load.step("load") for load in ours]
    return [
        Figure(
            name,
            median(ratios),
            "× the line",
            GOAL,
            f"{ours[-1].proof}, staged",
            ratios,
            {
                "ours s": median(load.step("load") for load in ours),
                "the line alone s": carried,
                "encoded COPY over it s": median(bare),
                "MB": size / 1e6,
            },
            "the step load, with TLS that ends at the line as at Neon's proxy, whose bytes are "
            "those of COPY; S3 is not behind the line",
        )
    ]


@contextlib.contextmanager
def _line(server: Server) -> Iterator[int]:
    order = {"port": server.served.port, "mbits": MBITS, "round_trip": ROUND_TRIP}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.line_program", json.dumps(order)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None  # noqa: S101  asked for above
    assert process.stdout is not None  # noqa: S101
    try:
        yield int(json.loads(process.stdout.readline())["port"])
    finally:
        process.stdin.close()
        process.wait()
