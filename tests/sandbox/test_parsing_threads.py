"""Queries that come first and together are read by a whole grammar."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import neonsync.sandbox.aws.runner
print(*(f"sqlglot.dialects.{name}" in sys.modules for name in ("duckdb", "trino")))
"""


def test_the_dialects_are_loaded_before_queries_come_and_not_by_the_first_two_together() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split() == ["True", "True"]
