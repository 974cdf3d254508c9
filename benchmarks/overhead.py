"""What a run costs that has nothing to do, besides Athena's own time: the whole command."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from typing import Any

import boto3

from benchmarks.figures import Figure, Found, Goal, Options, median
from benchmarks.world import World, world

ROWS = 9_000
GOAL = Goal(3.0)
BRANCH = "benchmark"
PROOF = "counts"


def measure(options: Options) -> list[Found]:
    """The command against the sandbox's Neon and Athena, on a branch that has all rows already."""
    with world(options.rows or ROWS) as there:
        _command(there, "branches", "create", BRANCH)
        _command(there, "--headless", "--branch", BRANCH, "--validation", PROOF)
        walls, athena = [], []
        for _ in range(options.rounds):
            known = _queries(there)
            began = time.perf_counter()
            _command(there, "--headless", "--branch", BRANCH, "--validation", PROOF)
            walls.append(time.perf_counter() - began)
            asked = [each for key, each in _queries(there).items() if key not in known]
            athena.append(sum(map(_seconds, asked)))
    overheads = [wall - own for wall, own in zip(walls, athena, strict=True)]
    return [
        Figure(
            "a run with nothing to do",
            median(overheads),
            "s",
            GOAL,
            PROOF,
            overheads,
            {"whole command s": median(walls), "Athena's own s": median(athena)},
            "from the start of Python to its end, less what Athena says of its queries: Neon's "
            "API, the plan, lease, staging, audit, merge, checks, reports",
        )
    ]


def _command(there: World, *arguments: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "neonsync", *arguments],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": folder,
                "NEONSYNC_HISTORY_FILE": os.devnull,
                **{k: v for k, v in there.environment.items() if k != "NEON_CONNECTION_STRING"},
            },
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise RuntimeError(f"neonsync {' '.join(arguments)} failed: {done.stderr[-2000:]}")


def _queries(there: World) -> dict[str, Any]:
    """Athena's word on every query so far."""
    variables = there.environment
    client = boto3.Session(
        variables["AWS_ACCESS_KEY_ID"],
        variables["AWS_SECRET_ACCESS_KEY"],
        region_name=variables["AWS_REGION"],
    ).client("athena", endpoint_url=variables["AWS_ENDPOINT_URL"])
    ids = client.list_query_executions().get("QueryExecutionIds", [])
    found = client.batch_get_query_execution(QueryExecutionIds=ids[:50])["QueryExecutions"]
    return {each["QueryExecutionId"]: dict(each) for each in found}


def _seconds(execution: dict[str, Any]) -> float:
    return float(execution["Statistics"]["TotalExecutionTimeInMillis"]) / 1000
