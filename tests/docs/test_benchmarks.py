"""The benchmarks run, and write what they promise; how fast anything is, is no matter of a test."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import benchmarks.__main__ as command

ROOT = Path(__file__).parents[2]


def test_the_load_is_measured_against_the_floor(tmp_path: Path) -> None:
    file = tmp_path / "numbers.json"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "benchmarks", "load"),
            *("--rows", "2000", "--rounds", "1", "--json", str(file)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr  # 1: a goal is missed
    document = json.loads(file.read_text())
    assert document["rounds"] == 1
    assert document["machine"]["cores"] >= 1
    figures = document["load"]
    assert list(figures) == ["first load of 2,000 rows", "staging of 2,000 rows"]
    for name, figure in figures.items():
        assert name in done.stdout
        assert figure["value"] > 0
        assert figure["proof"] == "counts"
        assert isinstance(figure["met"], bool)
        assert len(figure["samples"]) == 1
        assert figure["what"]
    assert figures["first load of 2,000 rows"]["goal"] == "≤ 1.2"


def test_every_benchmark_is_documented() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
    assert set(command._BENCHMARKS) <= documented
