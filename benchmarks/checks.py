"""What looking at a published table costs: all checks, and the quality metrics, on a million rows.

On the sandbox's Postgres, whose server shares the machine with whoever asks.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmarks.figures import Figure, Found, Goal, Options, median
from neonsync.engine.cancel import CancelToken
from neonsync.engine.pipeline import run
from neonsync.engine.plan import make_plan
from neonsync.neon.branches import Project
from neonsync.postgres.connect import Database, connected
from neonsync.sandbox import Sandbox
from neonsync.settings import load_settings
from neonsync.validation.checks import run_checks
from neonsync.validation.measure import measure as measure_table
from neonsync.validation.result import Expected

ROWS = 1_000_000
REPEATS = 5
CHECKS_GOAL = Goal(2_000)
"""Milliseconds for all checks together."""


def measure(options: Options) -> list[Found]:
    """All of it, on a million rows or as many as are asked for."""
    with tempfile.TemporaryDirectory(prefix="neonsync-bench-") as folder:
        return asyncio.run(_measure(Path(folder), options))


async def _measure(folder: Path, options: Options) -> list[Found]:
    with Sandbox(folder / "sandbox", rows=options.rows or ROWS) as sandbox:
        os.environ.update(sandbox.environment())
        flags = {"branch": "bench", "report_dir": str(folder)}
        settings = load_settings(flags=flags, environ=os.environ, directory=folder)
        await asyncio.to_thread(Project(settings.neon).create, "bench")
        plan = await asyncio.to_thread(make_plan, settings)
        result = await run(plan, lambda _: None, CancelToken())
        (table,) = plan.tables
        (measured,) = result.quality
        dates: Counter[str | None] = Counter({each.day: each.rows for each in measured.days})
        checks: list[float] = []
        single: Counter[str] = Counter()
        metrics: list[float] = []
        async with connected(Database(plan.address.uri)) as connection:
            cursor = await connection.execute("SELECT DISTINCT state FROM forecast_data")
            states = frozenset(state for (state,) in await cursor.fetchall())
            expected = Expected(measured.rows, states, dates, complete=True)
            for _ in range(REPEATS):
                began = time.monotonic()
                found = await run_checks(connection, table.spec, expected)
                checks.append((time.monotonic() - began) * 1000)
                single.update({check.check: check.seconds * 1000 / REPEATS for check in found})
                began = time.monotonic()
                await measure_table(connection, table.spec, source_rows=measured.rows)
                metrics.append((time.monotonic() - began) * 1000)
    return [
        Figure(
            "all checks",
            median(checks),
            "ms",
            CHECKS_GOAL,
            samples=checks,
            parts=dict(single.most_common(4)),
        ),
        Figure(
            "quality metrics",
            median(metrics),
            "ms",
            samples=metrics,
            parts={"rows": measured.rows, "sampled": measured.measured_rows},
        ),
        Figure("the whole run", result.seconds * 1000, "ms"),
    ]
