"""The services together: they have the faces that the screens know, and are there at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from neonsync.services.factory import real
from neonsync.tui.ports import (
    BranchService,
    HistoryService,
    LakeService,
    Services,
    SetupService,
    SyncService,
)

HEAVY = "boto3 botocore psycopg pyarrow numpy requests pyathena neon_api rich click textual"


def test_each_service_has_the_face_that_the_screens_know() -> None:
    found = real(None, {})
    branches: BranchService = found.branches
    lake: LakeService = found.lake
    sync: SyncService = found.sync
    history: HistoryService = found.history
    setup: SetupService = found.setup
    assert Services(branches, lake, sync, history, setup)


def test_nothing_heavy_is_imported_before_a_service_is_asked(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from neonsync.services.factory import real\n"
        "found = real(None, {'HOME': sys.argv[1]})\n"
        "found.setup.needed(), found.lake.tables(), found.history.load()\n"
        f"print([name for name in {HEAVY.split()} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "[]"
