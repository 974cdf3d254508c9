"""The world of a benchmark in its own process, so that the loader's memory and CPU are apart.

``python -m benchmarks.world_program ORDER``, a JSON object: the sandbox with its lake, Athena, S3
and Neon, and a Postgres as initdb makes it. It says on stdout where everything is, and ends with
its stdin.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.plain_postgres import PlainPostgres
from neonsync.sandbox import Sandbox
from neonsync.sandbox.aws import AthenaOptions


def main(order: dict[str, Any]) -> int:
    """Serve until nobody holds the other end of stdin."""
    folder = Path(order["folder"])
    server = PlainPostgres(folder / "plain")
    world = Sandbox(folder / "sandbox", rows=order["rows"], athena=AthenaOptions(**order["athena"]))
    with world:
        served = server.start()
        try:
            told = {"environment": world.environment(), "server": asdict(served)}
            print(json.dumps(told), flush=True)
            sys.stdin.read()
        finally:
            server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
