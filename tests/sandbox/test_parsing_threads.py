"""Queries that come first and together are read by a whole grammar."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys, threading
from neonsync.sandbox.aws import parsing

sys.setswitchinterval(1e-6)
start, wrong = threading.Barrier(8), []

def parse():
    start.wait()
    try:
        parsing.query("SELECT coalesce(CAST(a AS varchar), '') FROM t WHERE b <> '''x'''")
    except Exception as error:
        wrong.append(str(error))

threads = [threading.Thread(target=parse) for _ in range(8)]
for each in threads: each.start()
for each in threads: each.join()
print(wrong)
"""


def test_the_first_queries_of_a_process_may_come_together() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
