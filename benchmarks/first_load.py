"""A first load against the floor, and its staging against COPY of encoded bytes."""

from __future__ import annotations

from benchmarks import floor, lake
from benchmarks.figures import Figure, Found, Goal, Options, median
from benchmarks.world import TARGET, world

ROWS = 2_000_000
FLOOR_GOAL = Goal(1.2)
STAGING_GOAL = Goal(0.7, at_least=True)
PROOF = "counts"


def measure(options: Options) -> list[Found]:
    """The floor and the loader in turn, into the same shape, on the same server."""
    rows = options.rows or ROWS
    with world(rows) as there:
        server = there.server
        there.load(proof=PROOF)  # files into memory, and the table's shape
        tails = server.index_tails(TARGET)
        encoded = lake.encoded(lake.read(there.lake))
        server.execute(f"CREATE TABLE shape (LIKE {TARGET} INCLUDING ALL EXCLUDING INDEXES)")
        floors, loads, cpu = [], [], []
        for _ in range(options.rounds):
            server.drop(TARGET)
            floors.append(floor.measure(server, "shape", tails, encoded))
            with server.spending() as spent:
                loads.append(there.load(proof=PROOF))
            cpu.append(spent.server_cpu)
    ratios = [ours.from_files / bare.seconds for ours, bare in zip(loads, floors, strict=True)]
    staged = [bare.copy / ours.step("load") for ours, bare in zip(loads, floors, strict=True)]
    return [
        Figure(
            f"first load of {rows:,} rows",
            median(ratios),
            "× the floor",
            FLOOR_GOAL,
            PROOF,
            ratios,
            {
                "ours s": median(load.from_files for load in loads),
                "floor s": median(each.seconds for each in floors),
                "load s": median(load.step("load") for load in loads),
                "waited for Athena's count s": median(load.waiting for load in loads),
                "audit s": median(load.step("audit") for load in loads),
                "index s": median(load.step("index") for load in loads),
                "publish s": median(load.step("publish") for load in loads),
                "floor's copy s": median(each.copy for each in floors),
                "floor's indexes s": median(each.indexes for each in floors),
                "loader's CPU s": median(load.cpu for load in loads),
                "server's CPU s": median(cpu),
                "floor's server CPU s": median(each.server_cpu for each in floors),
                "before the files s": median(load.unload for load in loads),
                "after publishing s": median(load.after for load in loads),
            },
            "from Parquet in S3 (Athena has just said that it is there) to published with "
            f"{len(tails)} indexes and ANALYZE. Not in it: plan, lease, UNLOAD and Athena's count "
            "beside it, the checks afterwards, clearing up",
        ),
        Figure(
            f"staging of {rows:,} rows",
            median(staged),
            "× encoded COPY",
            STAGING_GOAL,
            PROOF,
            staged,
            {
                "rows/s": rows / median(load.step("load") for load in loads),
                "encoded COPY rows/s": rows / median(each.copy for each in floors),
                "loader's CPU s": median(load.steps["load"]["cpu"] for load in loads),
            },
            "2 connections each, into the same logged table; ours makes the table, reads Parquet "
            "from S3, encodes, writes the ledger",
        ),
    ]
