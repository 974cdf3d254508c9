"""What the proof costs, alone and as a share of a run; an exact re-sync against dlt's upsert."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from unittest.mock import patch

from psycopg import sql

from benchmarks import lake
from benchmarks.against import DLT, contest
from benchmarks.figures import Absent, Figure, Found, Goal, Options, median
from benchmarks.resync import Turns
from benchmarks.world import TARGET, Load, World, world
from neonsync.aggregates import measures_of
from neonsync.engine.plan import TablePlan, make_plan
from neonsync.postgres.aggregates import aggregates_by_day
from neonsync.postgres.connect import Connection, Database, connected
from neonsync.postgres.digest import sum_by_day
from neonsync.secret import Secret
from neonsync.settings import load_settings

ROWS = 1_000_000
EXACT, COUNTS = "exact", "counts"
DIGEST_GOAL, FIGURES_GOAL = Goal(2.5), Goal(0.6)
FIRST_GOAL, SAME_GOAL = Goal(15.0), Goal(60.0)
DLT_GOAL = Goal(5.0, at_least=True)
Query = Callable[[Connection], Awaitable[object]]


def measure(options: Options) -> list[Found]:
    """First loads and re-syncs at both levels in turn; the queries on what they have left."""
    rows = options.rows or ROWS
    first: dict[str, list[Load]] = {EXACT: [], COUNTS: []}
    same: dict[str, list[Load]] = {EXACT: [], COUNTS: []}
    found: list[Found] = []
    with world(rows) as there:
        there.load(proof=EXACT)
        for _ in range(options.rounds):
            for proof, loads in first.items():
                there.server.drop(TARGET)
                loads.append(there.load(proof=proof))
            for proof, loads in same.items():
                there.server.checkpoint()
                loads.append(there.load(proof=proof))
        found += _queries(there, rows, options.rounds)
        found += [
            _share(f"share of a first load of {rows:,} rows", FIRST_GOAL, first),
            _share(f"share of the same {rows:,} rows again", SAME_GOAL, same),
        ]
        if DLT.missing:
            return [*found, Absent("exact re-sync", f"not installed: {DLT.missing}")]
        files = lake.write_files(lake.read(there.lake), there.folder / "files")
        turns = Turns(EXACT)
        with contest(there, DLT) as dlt:
            dlt.load(files, rows)
            for _ in range(options.rounds):
                turns.take(there, dlt, files, rows)
        return [*found, turns.figure(f"the same {rows:,} rows again, exact", DLT_GOAL)]


def _share(name: str, goal: Goal, loads: Mapping[str, list[Load]]) -> Figure:
    """How much of an exact run goes into its proof, by the step; and beside it by the run."""
    exact, counts = loads[EXACT], loads[COUNTS]
    shares = [100 * load.step("audit") / load.from_files for load in exact]
    return Figure(
        name,
        median(shares),
        "%",
        goal,
        EXACT,
        shares,
        {
            "exact s": median(load.from_files for load in exact),
            "its audit s": median(load.step("audit") for load in exact),
            "counts s": median(load.from_files for load in counts),
            "its audit s at counts": median(load.step("audit") for load in counts),
            "exact, loader's CPU s": median(load.cpu for load in exact),
            "counts, loader's CPU s": median(load.cpu for load in counts),
        },
        "the step audit of the time from Parquet in S3 to published, which is without UNLOAD; the "
        "search for double keys and the statistics run beside the digest in it",
    )


def _queries(there: World, rows: int, rounds: int) -> list[Found]:
    """Both queries over a table like staging: the copied columns, and no index."""
    table = _table(there)
    columns = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.spec.columns)
    staging = sql.Identifier("staged")
    there.server.execute(
        sql.SQL("CREATE TABLE {} AS SELECT {} FROM {}").format(
            staging, columns, sql.Identifier(TARGET)
        )
    )
    there.server.execute(sql.SQL("ANALYZE {}").format(staging))
    frame, day = table.resolved.frame, table.spec.day
    measures = measures_of(frame)
    found: list[Found] = []
    asked: list[tuple[str, str, Goal, Query]] = [
        ("digest", EXACT, DIGEST_GOAL, lambda each: sum_by_day(each, staging, day, frame)),
        (
            "aggregates",
            "aggregate",
            FIGURES_GOAL,
            lambda each: aggregates_by_day(each, staging, day, measures),
        ),
        ("counts", COUNTS, FIGURES_GOAL, lambda each: sum_by_day(each, staging, day, None)),
    ]
    for name, proof, goal, query in asked:
        cpu, wall = [], []
        for _ in range(rounds):
            with there.server.spending() as spent:
                asyncio.run(_ask(there, query))
            cpu.append(spent.server_cpu)
            wall.append(spent.wall)
        found.append(
            Figure(
                f"{name} of {rows:,} rows",
                median(cpu),
                "CPU s",
                goal,
                proof,
                cpu,
                {"by the clock s": median(wall)},
                "the server's processors, for the query and its connection",
            )
        )
    there.server.drop("staged")
    return found


async def _ask(there: World, query: Query) -> None:
    async with connected(Database(Secret(there.server.served.uri()))) as connection:
        await query(connection)


def _table(there: World) -> TablePlan:
    """The forecast as a run would plan it."""
    environ = {k: v for k, v in there.environment.items() if not k.startswith("NEON_")}
    environ["NEON_CONNECTION_STRING"] = there.server.served.uri()
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, environ):
        settings = load_settings(
            flags={"report_dir": folder, "validation": EXACT},
            environ=environ,
            directory=Path(folder),
        )
        (table,) = make_plan(settings).tables
    return table
