"""``python -m benchmarks [NAME…] [--rows N] [--rounds N] [--json FILE]``: measure, and judge.

Prints a table and writes the numbers; without a name everything but the UI is measured.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Found, Options, as_json, as_lines

_BENCHMARKS = {
    "load": "benchmarks.first_load",
    "resync": "benchmarks.resync",
    "peers": "benchmarks.first_load_peers",
    "memory": "benchmarks.memory",
    "growth": "benchmarks.growth",
    "line": "benchmarks.line",
    "files": "benchmarks.small_files",
    "overhead": "benchmarks.overhead",
    "checks": "benchmarks.checks",
    "proof": "benchmarks.proof",
    "ui": "benchmarks.ui",
}
"""Each module has ``measure(Options)``; imported when it is asked for."""


def main() -> int:
    """Ends with 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(_BENCHMARKS))
    parser.add_argument("--rows", type=int, help="rows of the lake; each has its own default")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of what is compared (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    given = parser.parse_args()
    names: Sequence[str] = given.names or [name for name in _BENCHMARKS if name != "ui"]
    for name in names:
        if name not in _BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(_BENCHMARKS)}")
    options = Options(given.rows, given.rounds)
    machine = {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
    }
    print(f"{machine['system']}, {machine['cores']} cores, Python {machine['python']}")
    print(f"medians of {options.rounds}; what is compared was measured in turn")
    document: dict[str, Any] = {"machine": machine, "rounds": options.rounds}
    met = True
    for name in names:
        began = time.perf_counter()
        found: list[Found] = importlib.import_module(_BENCHMARKS[name]).measure(options)
        print(f"\n{name} ({time.perf_counter() - began:.0f} s)", flush=True)
        print("\n".join(as_lines(found)), flush=True)
        document[name] = as_json(found)
        met = met and all(each.met for each in found if isinstance(each, Figure))
        if given.json is not None:  # after each: a long run may be cut off
            given.json.write_text(json.dumps(document, indent=1))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
