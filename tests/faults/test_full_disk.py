"""The disk under the branch's tables is full: a real one, small, with other files on it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg import sql

from neonsync.engine.events import Step, StepStarted
from neonsync.errors import OutOfRoomError
from tests.conftest import ROWS, Target

DISK_BYTES = 16_000_000
FREE_FOR_SOME_ROWS = 800_000
FREE_FOR_ROWS_ALONE = 2_000_000
"""9,000 rows take 1.5 MB, their indexes as much again."""
LEDGER_BYTES = 400_000
"""What a run keeps on the disk: the tables of the ledger, whose run goes on."""


@dataclass(frozen=True)
class Disk:
    """A file system of its own, which the database of a branch lies on."""

    folder: Path

    @property
    def tables(self) -> Path:
        """Where Postgres keeps its tablespace."""
        return self.folder / "tables"

    def fill(self, free: int) -> None:
        """Let others' files take all but so many bytes of it."""
        taken = shutil.disk_usage(self.folder).free - free
        (self.folder / "others").write_bytes(bytes(taken))

    def empty(self) -> None:
        """Delete others' files."""
        (self.folder / "others").unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk; it is asked for before the branch, which must be gone when it is taken away."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount here")
    if mounted.returncode:
        pytest.skip(f"no disk can be made here: {mounted.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def target_on_disk(disk: Disk, target: Target) -> Target:
    """A branch whose tables, staging too, come to lie on the disk."""
    project = target.world.neon._alive().project
    with project.store.read() as state:
        branch = next(each for each in state.branches.values() if each.name == target.name)
    cluster = project.computes.cluster(branch.id)
    disk.tables.mkdir()
    owner = cluster.data.stat()
    os.chown(disk.tables, owner.st_uid, owner.st_gid)
    with cluster.connect() as connection:
        # A folder's name cannot be a parameter of this.
        connection.execute(
            sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(disk.tables)))
        )
        connection.execute("GRANT CREATE ON TABLESPACE small TO PUBLIC")
        connection.execute("ALTER DATABASE neondb SET default_tablespace = small")
    return target


@pytest.mark.parametrize(
    ("free", "step"),
    [(FREE_FOR_SOME_ROWS, Step.LOAD), (FREE_FOR_ROWS_ALONE, Step.INDEX)],
    ids=["COPY", "index build"],
)
async def test_a_disk_that_is_full_ends_the_run_which_goes_on_when_there_is_room(
    disk: Disk, target_on_disk: Target, free: int, step: Step
) -> None:
    target = target_on_disk
    disk.fill(free)

    first = await target.sync()

    error = first.result.error
    assert isinstance(error, OutOfRoomError), error
    assert "No space left on device" in str(error)
    assert "every table is as it was" in str(error)
    begun = [event.step for event in first.events if isinstance(event, StepStarted)]
    assert begun[-1] is step
    assert target.value("SELECT to_regclass('forecast_data')") is None
    assert target.staging_tables() == []
    assert shutil.disk_usage(disk.folder).free >= free - LEDGER_BYTES

    disk.empty()
    second = await target.sync()

    assert second.result.error is None, second.result.error
    assert second.result.run_id == first.result.run_id
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS
