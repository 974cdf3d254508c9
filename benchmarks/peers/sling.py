"""Sling, incremental by its primary key, from CSV files: its Parquet reader wants to download."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pyarrow.csv as csv
import pyarrow.parquet as pq

from benchmarks.peers.common import Order, answer


def binary() -> Path:
    """The program that the package brings."""
    package = importlib.util.find_spec("sling_linux_amd64")
    for folder in (package and package.submodule_search_locations) or ():
        return Path(folder) / "bin" / "sling-linux-amd64"
    raise RuntimeError("sling-linux-amd64 is not installed")


def load(order: Order) -> None:
    """One run of the program; the CSV files are made by ``prepare``."""
    subprocess.run(
        [
            *(str(binary()), "run", "--src-stream", f"file://{order.folder}/csv"),
            *("--tgt-conn", "BENCH", "--tgt-object", f"{order.schema}.{order.table}"),
            *("--mode", "incremental", "--primary-key", ",".join(order.key)),
        ],
        env={
            **os.environ,
            "BENCH": order.uri,
            "HOME": order.folder,
            "SLING_DISABLE_TELEMETRY": "true",
        },
        stdout=subprocess.DEVNULL,
        check=True,
    )


def prepare(files: list[str], folder: Path) -> None:
    """Write the rows as CSV, which is not timed."""
    (folder / "csv").mkdir(parents=True, exist_ok=True)
    for file in files:
        csv.write_csv(pq.read_table(file), folder / "csv" / f"{Path(file).stem}.csv")


if __name__ == "__main__":
    answer(load)
