"""Runs that are killed many times, while somebody reads the table all the time."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.conftest import Target
from tests.engine.test_main_job import lake_rows, target_rows
from tests.faults.processes import running

BEFORE = {
    "absent": ["extract", "load", "audit", "index", "publish"],
    "merged": ["extract", "load", "audit", "publish"],
}
"""The steps up to where readers see something, by what the table is at the start."""
ANYWHERE = "extract"
# What the log says when a run has just entered a place worth dying in, once it may publish.
AFTERWARDS = ["publish begins", "publish: public.forecast_data", "clean up begins"]
STEP_BEGINS = re.compile(r"^\S+ (\w[\w ]*?)(?: public\.forecast_data)? begins$", re.MULTILINE)
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


def begins(step: str) -> str:
    """What the log says when a step begins."""
    return f"{step} begins" if step == "publish" else f"{step} public.forecast_data begins"


@contextmanager
def nothing_is_published(target: Target, start: str) -> Iterator[None]:
    """Let publishing wait: who reads sees no difference, and no run ends while it is to be killed.

    A snapshot from before the load keeps a table from being swapped in, a lock one from being
    merged into.
    """
    with psycopg.connect(target.uri) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.execute("SELECT 1")
        if start == "merged":
            connection.execute("LOCK TABLE forecast_data IN SHARE MODE")
        yield


def kill_often(target: Target, tmp_path: Path, start: str, kills: int) -> None:
    """Kill runs at random moments, let the last one end, and compare.

    ``start`` is the table's. Most of them die before anything is published, in each step at least
    once; a few when they may publish, or have done so.
    """
    seed = random.randrange(2**32)
    print(f"the moments are those of the seed {seed}")
    dice = random.Random(seed)
    steps = BEFORE[start]
    old: object = "absent"
    if start == "merged":
        with running(target, tmp_path) as run:
            assert run.finish() == 0, run.log
        target.sql("UPDATE forecast_data SET y_50 = y_50 + 1 WHERE id % 3 = 0")
        target.sql("DELETE FROM forecast_data WHERE id % 50 = 0")
        old = target.sql(DIGEST)[0]
    hits: Counter[str] = Counter()
    late = max(2, kills // 6)

    def kill_at(moment: str, most: float, *flags: str) -> None:
        with running(target, tmp_path, *flags) as run:
            assert run.wait_for_log(moment), run.log
            time.sleep(dice.uniform(0, most))  # anywhere between this moment and the next
            assert run.process.poll() is None, run.log
            run.kill()
            hits[STEP_BEGINS.findall(run.log)[-1]] += 1

    with reader(target) as seen:
        with nothing_is_published(target, start):
            while (kill := hits.total()) < kills - late or not hits.keys() >= set(steps):
                missing = [step for step in steps if not hits[step]] or steps
                step, most = dice.choice(missing), dice.choice([0, 0.04])
                if kill % 6 == 5:
                    step, most = ANYWHERE, 0.4
                # Most go on from what was killed, the others begin anew and clear it.
                fresh = ["--fresh"] if dice.random() < 0.2 else []
                kill_at(begins(step), most, *fresh)
        unseen = set(seen)
        for _ in range(late):
            with running(target, tmp_path) as run:
                run.wait_for_log(dice.choice(AFTERWARDS))
                time.sleep(dice.uniform(0, 0.06))
                run.kill()
        with running(target, tmp_path) as run:
            assert run.finish() == 0, run.log
    new = target.sql(DIGEST)[0]

    assert unseen == {old}, "a reader saw something of runs that have published nothing"
    assert set(seen) <= {old, new}, "a reader saw something between the old and the new"
    assert target_rows(target) == lake_rows(target.world)
    assert target.staging_tables() == []
    assert target.sql("SELECT * FROM neonsync.exports") == []
