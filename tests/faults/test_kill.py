"""``kill -9`` at any moment of a run, in each of its steps, into a table that is not there yet.

Readers see the old or the new, and the last run ends exact.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Target
from tests.faults.kills import kill_often


@pytest.mark.slow
@pytest.mark.timeout(400)  # where others leave it little of the processor
def test_thirty_kills_and_the_last_run_ends_exact(target: Target, tmp_path: Path) -> None:
    kill_often(target, tmp_path, "absent", 30)
