"""Five hundred small files against one of the same rows."""

from __future__ import annotations

from benchmarks.figures import Figure, Found, Goal, Options, median
from benchmarks.world import world

ROWS = 1_000_000
FILES = 500
GOAL = Goal(1.3)


def measure(options: Options) -> list[Found]:
    """Two sandboxes whose UNLOAD writes one file and many, and one Postgres for both, in turn."""
    rows = options.rows or ROWS
    with world(rows, unload_files=1) as there, world(rows, unload_files=FILES) as other:
        there.load(until="load")
        one, many = [], []
        for _ in range(options.rounds):
            there.server.checkpoint()
            one.append(there.load(until="load"))
            there.server.checkpoint()
            many.append(there.load(until="load", aws=other.environment))
    ratios = [lots.staging / single.staging for single, lots in zip(one, many, strict=True)]
    return [
        Figure(
            f"{FILES} files of {rows:,} rows",
            median(ratios),
            "× one file",
            GOAL,
            f"{many[-1].proof}, staged",
            ratios,
            {
                "500 files s": median(load.staging for load in many),
                "one file s": median(load.staging for load in one),
                "500 files CPU s": median(load.cpu for load in many),
                "one file CPU s": median(load.cpu for load in one),
            },
            "from Athena's word that the files are there until all is staged, with the reading of "
            "the manifest and of every footer",
        )
    ]
