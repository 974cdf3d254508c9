"""The benchmark's end of the world's process: its addresses, and runs of the loader against it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.plain_postgres import Served
from benchmarks.server import Server

TARGET = "forecast_data"
_QUIET = {"query_seconds": 0.0}


@dataclass(frozen=True)
class Load:
    """A run of the loader: moments in seconds from its beginning, steps, CPU and memory (MB).

    ``proof`` is the level of its plan.
    """

    seconds: float
    cpu: float
    status: str
    error: str
    proof: str
    rows: int
    published: Mapping[str, list[int]]
    queries: list[str]
    moments: Mapping[str, float]
    steps: Mapping[str, Mapping[str, float]]
    baseline: float
    peak: float

    @property
    def from_files(self) -> float:
        """From Athena's word that the files are there until the table is published."""
        return self.moments["published"] - self.moments["exported"]

    @property
    def after(self) -> float:
        """The checks and the clearing up, after the table is published."""
        return self.seconds - self.moments["published"]

    @property
    def unload(self) -> float:
        """What came before the files were there: the plan, the lease, the sandbox's UNLOAD."""
        return self.moments["exported"]

    def step(self, name: str) -> float:
        """The seconds of a step."""
        return self.steps[name]["ended"] - self.steps[name]["began"]

    @property
    def waiting(self) -> float:
        """How long Athena's count of the source was waited for when all rows were in staging."""
        return self.steps["audit"]["began"] - self.steps["load"]["ended"]

    @property
    def staging(self) -> float:
        """From the files' being there until all rows are in staging, footers included."""
        return self.steps["load"]["ended"] - self.moments["exported"]


@dataclass(frozen=True)
class World:
    """The sandbox and a plain Postgres, both in another process."""

    folder: Path
    environment: Mapping[str, str]
    server: Server

    @property
    def lake(self) -> Path:
        """Where the forecast's Parquet files lie, a folder for each date."""
        return self.folder / "sandbox" / "aws" / "s3" / "neonsync-sandbox" / "lake" / "forecast"

    def last_days(self, count: int) -> dict[str, str]:
        """The flag that narrows the forecast to its last days: those of the lake, not today's."""
        days = sorted(each.name.partition("=")[2] for each in self.lake.iterdir() if each.is_dir())
        return {"filters.from": days[-count:][0]}

    def load(
        self,
        *,
        config: str = "",
        until: str = "",
        uri: str = "",
        proof: str = "counts",
        aws: Mapping[str, str] | None = None,
        flags: Mapping[str, Any] | None = None,
    ) -> Load:
        """Run the loader into the plain Postgres, or into ``uri``, by the engine's front door.

        ``aws`` is another world's environment to read from; ``until`` the step to stop after,
        ``proof`` the level of validation.
        """
        environment = {
            name: value
            for name, value in (aws or self.environment).items()
            if not name.startswith("NEON_")
        }
        environment["NEON_CONNECTION_STRING"] = uri or self.server.served.uri()
        order = {"config": config, "until": until, "flags": {**(flags or {}), "validation": proof}}
        told = run_program("benchmarks.load_program", order, environment)
        load = Load(**told)
        if load.proof != proof:
            raise RuntimeError(f"the loader proves by {load.proof}, not by {proof}")
        if load.status not in ("succeeded", "cancelled" if until else "succeeded"):
            raise RuntimeError(f"the loader ended as {load.status}: {load.error}")
        return load


@contextlib.contextmanager
def world(rows: int, **athena: float) -> Iterator[World]:
    """Start a world with a lake of so many rows; it is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="neonsync-benchmark-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # Postgres has an account of its own where we are root
        order = {"folder": name, "rows": rows, "athena": {**_QUIET, **athena}}
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.world_program", json.dumps(order)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None  # noqa: S101  asked for above
            line = process.stdout.readline()
            if not line:
                raise RuntimeError("the sandbox did not start; its reason stands above")
            told = json.loads(line)
            server = Server(Served(**told["server"]))
            yield World(folder, told["environment"], server)
        finally:
            assert process.stdin is not None  # noqa: S101  asked for above
            process.stdin.close()
            process.wait()


def run_program(
    module: str, order: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run a module in a process of its own: JSON in on stdin, JSON out on stdout."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "NEON", "ATHENA_", "PG"))
    }
    done = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(order),
        stdout=subprocess.PIPE,
        text=True,
        env={**kept, **(environment or {})},
        check=True,
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
