"""One run of the engine in a process of its own, with the moments and the CPU of its steps.

``python -m benchmarks.load_program``: the order comes as JSON on stdin, the measurements go as JSON
to stdout. Seconds count from when everything is imported.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from neonsync.engine.cancel import CancelToken
from neonsync.engine.events import (
    ChunksPlanned,
    Event,
    QueryProgress,
    StepFinished,
    StepStarted,
    TablePublished,
)
from neonsync.engine.pipeline import run
from neonsync.engine.plan import make_plan
from neonsync.settings import load_settings


class _Log:
    """Notes when the events came; with ``until`` it stops the run when that step has ended."""

    def __init__(self, until: str) -> None:
        self._until = until
        self._began = time.perf_counter()
        self.cancel = CancelToken()
        self.moments: dict[str, float] = {}
        self.steps: dict[str, dict[str, float]] = {}
        self.rows = 0

    def now(self) -> float:
        return time.perf_counter() - self._began

    def note(self, moment: str) -> None:
        self.moments.setdefault(moment, self.now())

    def __call__(self, event: Event) -> None:
        if isinstance(event, StepStarted):
            self.steps[event.step] = {"began": self.now(), "cpu": time.process_time()}
        elif isinstance(event, StepFinished):
            step = self.steps[event.step]
            step |= {"ended": self.now(), "cpu": time.process_time() - step["cpu"]}
            if event.step == self._until:
                self.cancel.request()
        elif isinstance(event, QueryProgress) and event.state == "SUCCEEDED":
            self.note(event.query_id)
        elif isinstance(event, ChunksPlanned):
            self.rows += event.rows
        elif isinstance(event, TablePublished):
            self.note("published")


def main() -> int:
    """Run, and tell."""
    order = json.load(sys.stdin)
    baseline = _peak_megabytes()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "neonsync.toml"
        config.write_text(order["config"], encoding="utf-8")
        settings = load_settings(
            flags={"report_dir": folder, **order["flags"]},
            environ=os.environ,
            config=config,
            directory=Path(folder),
        )
        log = _Log(order["until"])
        cpu = time.process_time()
        plan = make_plan(settings)
        log.note("planned")
        result = asyncio.run(run(plan, log, log.cancel))
        for query in result.queries:
            # A run that fails before that says so in its error.
            if query.purpose == "export" and query.query_id in log.moments:
                log.moments["exported"] = log.moments[query.query_id]
        told: dict[str, Any] = {
            "seconds": log.now(),
            "cpu": time.process_time() - cpu,
            "status": result.status,
            "error": str(result.error or ""),
            "proof": ", ".join({str(table.validation) for table in plan.tables}),
            "rows": log.rows,
            "published": {
                entry.table: [entry.inserted, entry.updated, entry.unchanged]
                for entry in result.published
            },
            "queries": [query.query_id for query in result.queries],
            "moments": log.moments,
            "steps": log.steps,
            "baseline": baseline,
            "peak": _peak_megabytes(),
        }
    print(json.dumps(told))
    return 0


def _peak_megabytes() -> float:
    """The most memory that this program has had.

    Not getrusage's maximum where it can be helped: a process begins with that of its parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(each for each in status.read_text().splitlines() if each.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main())
