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
PROOF = "ours counts, theirs none"
_WHAT = (
    "ours from Parquet in S3 to published, its pipeline.run from files on the disk; both without "
    "UNLOAD and the start of Python, ours without the checks afterwards"
)


@dataclass
class _Turns:
    """The same work by both, again and again."""

    ours: list[Load] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    server_cpu: list[float] = field(default_factory=list)

    def figure(self, name: str) -> Figure:
        """What came out."""
        pairs = zip(self.ours, self.theirs, strict=True)
        ratios = [their / our.from_files for our, their in pairs]
        return Figure(
            name,
            median(ratios),
            "× faster than dlt",
            GOAL,
            PROOF,
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
        there.load()
        folder = there.folder / "files"
        files = lake.write_files(lake.read(there.lake), folder)
        same, changed = _Turns(), _Turns()
        written: list[float] = []
        with contest(there, DLT) as dlt:
            dlt.load(files, rows)
            for turn in range(options.rounds):
                before = there.server.written(TARGET)
                _take(there, dlt, files, rows, same)
                after = there.server.written(TARGET)
                written.append(0.0 if before == after else 1.0)
                count = lake.change(there.lake, ONE_IN, turn)
                files = lake.write_files(lake.read(there.lake), folder)
                _take(there, dlt, files, rows, changed)
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


def _take(there: World, dlt: Contest, files: list[Path], rows: int, turns: _Turns) -> None:
    there.server.checkpoint()
    with there.server.spending() as spent:
        turns.ours.append(there.load())
    turns.server_cpu.append(spent.server_cpu)
    there.server.checkpoint()
    turns.theirs.append(dlt.load(files, rows))
