"""The peers as a benchmark sees them: what each is called, whether it is here, and its runs."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.lake import KEY
from benchmarks.peers.common import Order
from benchmarks.server import Server
from benchmarks.world import TARGET, World, run_program


@dataclass(frozen=True)
class Peer:
    """A loader to compare with; ``share`` of the rows is enough to know its rate."""

    name: str
    module: str
    packages: tuple[str, ...]
    share: float = 1.0

    @property
    def missing(self) -> str:
        """The packages that are not installed."""
        return ", ".join(name for name in self.packages if find_spec(name) is None)


DLT = Peer("dlt upsert", "dlt_upsert", ("dlt", "adbc_driver_postgresql", "psycopg2"))
SLING = Peer("Sling from CSV", "sling", ("sling_linux_amd64",))
PEERS = (
    DLT,
    SLING,
    Peer("psycopg executemany", "executemany", (), share=0.2),
    Peer("awswrangler (pg8000)", "aws_wrangler", ("awswrangler", "pg8000"), share=0.1),
    Peer("row by row", "row_by_row", (), share=0.04),
)


@dataclass(frozen=True)
class Contest:
    """A peer's place: a schema with an empty table in the target's shape, with all its indexes."""

    peer: Peer
    server: Server
    schema: str
    folder: Path

    def load(self, files: list[Path], rows: int) -> float:
        """Load so many rows of the files; the seconds that it took."""
        order = Order(
            self.server.served.uri(),
            self.schema,
            TARGET,
            list(KEY),
            [str(file) for file in files],
            str(self.folder),
            rows,
        )
        try:
            told = run_program(f"benchmarks.peers.{self.peer.module}", vars(order))
        except subprocess.CalledProcessError as error:
            raise RuntimeError(f"{self.peer.name} failed; its reason stands above") from error
        return float(told["seconds"])

    def rows(self) -> int:
        """What its table holds."""
        ((count,),) = self.server.execute(f"SELECT count(*) FROM {self.schema}.{TARGET}")
        return int(str(count))


@contextlib.contextmanager
def contest(there: World, peer: Peer) -> Iterator[Contest]:
    """Make the peer's table, like the one that the loader has made; it is gone at the end."""
    schema = f"peer_{peer.module}"
    folder = there.folder / schema
    folder.mkdir(exist_ok=True)
    there.server.make_like(TARGET, TARGET, indexes=True, schema=schema)
    try:
        yield Contest(peer, there.server, schema, folder)
    finally:
        there.server.execute(
            f"DROP SCHEMA IF EXISTS {schema} CASCADE;"
            f" DROP SCHEMA IF EXISTS {schema}_staging CASCADE"
        )
        there.server.checkpoint()
