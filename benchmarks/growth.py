"""Whether staging keeps its pace as the table grows."""

from __future__ import annotations

from benchmarks.figures import Figure, Found, Goal, Options, median
from benchmarks.world import world

ROWS = 10_000_000
DAYS = 90
GOAL = Goal(0.9, at_least=True)


def measure(options: Options) -> list[Found]:
    """All rows, and those of a tenth of the days, in turn."""
    rows = options.rows or ROWS
    small, large, ratios = [], [], []
    with world(rows) as there:
        there.load(until="load")
        for _ in range(options.rounds):
            there.server.checkpoint()
            few = there.load(until="load", flags=there.last_days(DAYS // 10))
            there.server.checkpoint()
            many = there.load(until="load")
            small.append(few.rows / few.step("load"))
            large.append(many.rows / many.step("load"))
            ratios.append(large[-1] / small[-1])
    return [
        Figure(
            f"staging, {many.rows:,} rows to {few.rows:,}",
            median(ratios),
            "× its rows/s",
            GOAL,
            f"{many.proof}, staged",
            ratios,
            {"large rows/s": median(large), "small rows/s": median(small)},
            "the step load: the staging table, all chunks from S3, their ledger rows",
        )
    ]
