"""The same rows again, and 1 % of them changed, against dlt's upsert."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import lake
from benchmarks.against import DLT, Contest, contest
from benchmarks.figures import Absent, Figure, Found, Goal, Options, median
from benchmarks.world import TARGET, Load, World, world

ROWS = 500_000
ONE_IN = 100
GOAL = Goal(8.0, at_least=True)
PROOF = "counts"
_WHAT = (
    "ours from Parquet in S3 to published, its pipeline.run from files on the disk; both without "
    "UNLOAD and the start of Python, ours without the checks afterwards"
)


@dataclass
class Turns:
    """The same work by both, again and again, ours with a level of proof."""

    proof: str
    ours: list[Load] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)

    def take(self, there: World, dlt: Contest, files: list[Path], rows: int) -> None:
        """Ours, then theirs, each on a server that has written out what was before."""
        there.server.checkpoint()
        with there.server.spending() as spent:
            self.ours.append(there.load(proof=self.proof))
        self.server_cpu.append(spent.server_cpu)
        there.server.checkpoint()
        self.theirs.append(dlt.load(files, rows))

    def figure(self, name: str, goal: Goal = GOAL) -> Figure:
        """What came out."""
        pairs = zip(self.ours, self.theirs, strict=True)
        ratios = [their / our.from_files for our, their in pairs]
        return Figure(
            name,
            median(ratios),
            "× faster than dlt",
            goal,
            f"ours {self.proof}, theirs none",
            ratios,
            {
                "ours s": median(load.from_files for load in self.ours),
                "dlt s": median(self.theirs),
                "load s": median(load.step("load") for load in self.ours),
                "waited for Athena's count s": median(load.waiting for load in self.ours),
                "audit s": median(load.step("audit") for load in self.ours),
                "publish s": median(load.step("publish") for load in self.ours),
                "after publishing s": median(load.after for load in self.ours),
                "our whole run s": median(load.seconds for load in self.ours),
                "loader's CPU s": median(load.cpu for load in self.ours),
                "server's CPU s": median(self.server_cpu),
            },
            _WHAT,
        )


def measure(options: Options) -> list[Found]:
    """In turn; the table is both times the one that the load before has left."""
    rows = options.rows or ROWS
    if DLT.missing:
        return [Absent("re-sync", f"not installed: {DLT.missing}")]
    with world(rows) as there:
        there.load(proof=PROOF)
        folder = there.folder / "files"
        files = lake.write_files(lake.read(there.lake), folder)
        same, changed = Turns(PROOF), Turns(PROOF)
        written: list[float] = []
        with contest(there, DLT) as dlt:
            dlt.load(files, rows)
            for turn in range(options.rounds):
                before = there.server.written(TARGET)
                same.take(there, dlt, files, rows)
                after = there.server.written(TARGET)
                written.append(0.0 if before == after else 1.0)
                count = lake.change(there.lake, ONE_IN, turn)
                files = lake.write_files(lake.read(there.lake), folder)
                changed.take(there, dlt, files, rows)
                _, updated, _ = changed.ours[-1].published[f"public.{TARGET}"]
                if updated != count:
                    raise RuntimeError(f"{updated:,} rows were updated of {count:,} changed ones")
    return [
        same.figure(f"the same {rows:,} rows again"),
        Figure(
            "row versions written then",
            max(written),
            "(0: none)",
            Goal(0.0),
            PROOF,
            what="the statistics' counters and the newest xmin are as before",
        ),
        changed.figure(f"1 % of {rows:,} rows changed"),
    ]
