"""``python -m benchmarks NAME [--json FILE]``: measure, print a table, and write the numbers."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import checks, ui

_BENCHMARKS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "checks": checks.measure,
    "ui": ui.measure,
}


def main() -> int:
    """Ends with 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=_BENCHMARKS)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    given = parser.parse_args()
    results = _BENCHMARKS[given.name]()
    machine = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
    }
    if given.json is not None:
        given.json.write_text(json.dumps({"machine": machine, given.name: results}, indent=1))
    print(f"{machine['system']}, {machine['cores']} cores, Python {machine['python']}")
    for name, result in results.items():
        print(_line(name, result))
    return 0 if all(result.get("met", True) for result in results.values()) else 1


def _line(name: str, result: Mapping[str, Any]) -> str:
    goal = ""
    if "goal" in result:
        verdict = "met" if result["met"] else "MISSED"
        goal = f"   goal {result['goal']:g} {result['unit']}: {verdict}"
    more = "".join(f", {key} {value:g}" for key, value in result.get("more", {}).items())
    return f"{name:<28}{result['value']:>9.1f} {result['unit']}{more}{goal}"


if __name__ == "__main__":
    sys.exit(main())
