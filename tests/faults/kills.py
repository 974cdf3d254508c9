"""Runs that are killed many times, while somebody reads the table all the time."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.conftest import Target
from tests.engine.test_main_job import lake_rows, target_rows
from tests.faults.processes import running

# What the log says when a run has just entered a place worth dying in.
MOMENTS = [
    "extract public.forecast_data begins",
    "RUNNING",
    "load public.forecast_data begins",
    "loaded before: 0",
    ": chunk of",
    "audit public.forecast_data begins",
    "index public.forecast_data begins",
    "publish begins",
    "publish: public.forecast_data",
    "clean up begins",
]
# Of all rows in any order: the reader shall read often, and leave the processor to the runs.
DIGEST = (
    "SELECT count(*), sum(y_50), sum(hashtextextended(restaurant_id || '/' || inventory_item_id ||"
    " '/' || business_date || '/' || y_50, 0)::numeric) FROM forecast_data"
)


@contextmanager
def reader(target: Target) -> Iterator[list[object]]:
    """Somebody who reads the table all the time and writes down what they see."""
    seen: list[object] = []
    stop = threading.Event()

    def read() -> None:
        with psycopg.connect(target.uri, autocommit=True) as connection:
            while not stop.is_set():
                try:
                    seen.append(connection.execute(DIGEST.encode()).fetchone())
                except psycopg.errors.UndefinedTable:
                    seen.append("absent")
                except psycopg.Error as error:
                    seen.append(error)
                stop.wait(0.01)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield seen
    finally:
        stop.set()
        thread.join()


def kill_often(target: Target, tmp_path: Path, start: str, kills: int) -> None:
    """Kill runs at their moments, let the last one end, and compare; ``start`` is the table's."""
    dice = random.Random(start)
    old: object = "absent"
    if start == "merged":
        with running(target, tmp_path) as run:
            assert run.finish() == 0, run.log
        target.sql("UPDATE forecast_data SET y_50 = y_50 + 1 WHERE id % 3 = 0")
        target.sql("DELETE FROM forecast_data WHERE id % 50 = 0")
        old = target.sql(DIGEST)[0]
    killed_at: list[str] = []
    with reader(target) as seen:
        for kill in range(kills):
            moment = MOMENTS[kill % len(MOMENTS)]
            with running(target, tmp_path) as run:
                if run.wait_for_log(moment):
                    time.sleep(dice.uniform(0, 0.06))  # anywhere between this moment and the next
                    killed_at.append(moment)
                run.kill()
        with running(target, tmp_path) as run:
            assert run.finish() == 0, run.log
    new = target.sql(DIGEST)[0]

    assert len(killed_at) >= kills // 2, "the kills must have hit runs that were at work"
    assert set(seen) <= {old, new}, "a reader saw something between the old and the new"
    assert target_rows(target) == lake_rows(target.world)
    assert target.staging_tables() == []
    assert target.sql("SELECT * FROM neonsync.exports") == []
