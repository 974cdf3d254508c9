"""A first load by neonsync and by others, into a table with the same keys and indexes."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks import lake
from benchmarks.against import PEERS, SLING, Peer, contest
from benchmarks.figures import Absent, Figure, Found, Goal, Options, median
from benchmarks.world import TARGET, World, world

ROWS = 500_000
GOAL = Goal(1.0, at_least=True)
PROOF = "counts"


def measure(options: Options) -> list[Found]:
    """All in turn, several times."""
    rows = options.rows or ROWS
    present = [peer for peer in PEERS if not peer.missing]
    with world(rows) as there:
        there.load(proof=PROOF)
        there.server.execute(f"CREATE TABLE shape (LIKE {TARGET} INCLUDING ALL)")
        files = lake.write_files(lake.read(there.lake), there.folder / "files")
        ours: list[float] = []
        theirs: dict[str, list[float]] = {peer.name: [] for peer in present}
        for _ in range(options.rounds):
            there.server.drop(TARGET)
            ours.append(rows / there.load(proof=PROOF).from_files)
            for peer in present:
                theirs[peer.name].append(_rate(there, peer, files, rows))
    found: list[Found] = [Figure(f"neonsync, {rows:,} rows", median(ours), "rows/s", None, PROOF)]
    for peer in PEERS:
        if peer.missing:
            found.append(Absent(peer.name, f"not installed: {peer.missing}"))
            continue
        ratios = [our / their for our, their in zip(ours, theirs[peer.name], strict=True)]
        sample = "" if peer.share == 1 else f"its rate on a sample of {int(rows * peer.share):,}; "
        found.append(
            Figure(
                f"neonsync against {peer.name}",
                median(ratios),
                "× its rows/s",
                GOAL,
                f"ours {PROOF}, theirs none",
                ratios,
                {"its rows/s": median(theirs[peer.name])},
                f"{sample}ours from Parquet in S3 to published, its own from files on the disk to "
                "committed; both without UNLOAD and the start of Python",
            )
        )
    return found


def _rate(there: World, peer: Peer, files: list[Path], rows: int) -> float:
    wanted = max(1, int(rows * peer.share))
    with contest(there, peer) as place:
        if peer is SLING:
            from benchmarks.peers import sling

            sling.prepare([str(file) for file in files], place.folder)
        seconds = place.load(files, wanted)
        if place.rows() != wanted:
            raise RuntimeError(f"{peer.name} has loaded {place.rows():,} rows of {wanted:,}")
    shutil.rmtree(place.folder)
    return wanted / seconds
