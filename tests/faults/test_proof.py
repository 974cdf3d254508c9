"""What the proof has to find: rows lost, doubled or changed; and what is not the copy's fault."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from neonsync.athena import export as export_module
from neonsync.engine import stage
from neonsync.engine.cancel import CancelToken
from neonsync.engine.context import RunContext
from neonsync.engine.events import ChunksPlanned, Event, Notice, Purpose
from neonsync.engine.loading.extract import count_source
from neonsync.engine.pipeline import run
from neonsync.engine.plan import TablePlan
from neonsync.engine.proof.audit import audit
from neonsync.engine.runs.ledger import ExportRecord
from neonsync.errors import ConfigError, ExitCode, NeonsyncError, ProofError
from tests.conftest import ROWS, Lake, Target, lake_folder
from tests.engine.test_bad_values import entry, frame, synced

Act = Callable[[RunContext, ExportRecord], None]


def before_the_audit(monkeypatch: pytest.MonkeyPatch, act: Act) -> None:
    """Do something when all is loaded."""

    async def acted(context: RunContext, table: TablePlan, record: ExportRecord, *rest: Any) -> Any:
        act(context, record)
        return await audit(context, table, record, *rest)

    monkeypatch.setattr(stage, "audit", acted)


def exported(target: Target) -> list[Path]:
    """The Parquet files of this branch's runs."""
    root = target.world.directory / "aws" / "s3" / target.world.aws.bucket / "athena-results"
    return [root / name for name in target.exported_files() if "/data/" in name]


def dated(count: int = 20) -> pd.DataFrame:
    days = [pd.Timestamp(f"2026-01-{1 + number % 2:02}").date() for number in range(count)]
    return frame(day=days, note=[f"n{number}" for number in range(count)])


IN_STAGING = {
    "a row lost": ("DELETE FROM {} WHERE id = 7", "2026-01-02: 10 in the source, 9 in staging"),
    "a row doubled": (
        "INSERT INTO {0} SELECT * FROM {0} WHERE id = 7",
        "2026-01-02: 10 in the source, 11 in staging",
    ),
    "a row changed": (
        "UPDATE {} SET note = 'other' WHERE id = 7",
        "1 row has other values: (7); columns that differ: note",
    ),
    "a column truncated": (
        "UPDATE {} SET note = left(note, 1)",
        "20 rows have other values",
    ),
    "a date moved": (
        "UPDATE {} SET day = '2026-01-01' WHERE id = 7",
        "2026-01-01: 10 in the source, 11 in staging",
    ),
}


@pytest.mark.parametrize("what", IN_STAGING)
async def test_what_somebody_does_to_staging_is_found_and_nothing_is_published(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    statement, told = IN_STAGING[what]
    target.configure(entry(lake.write("dated", dated()), date_column="day"))

    def act(_: RunContext, record: ExportRecord) -> None:
        target.sql(statement.format(f"neonsync.{record.staging}"))

    before_the_audit(monkeypatch, act)
    outcome = await target.sync()
    assert isinstance(outcome.result.error, ProofError)
    assert outcome.result.exit_code is ExitCode.VALIDATION
    assert told in str(outcome.result.error)
    assert "other'" not in str(outcome.result.error)
    assert target.value("SELECT to_regclass('t')") is None


async def test_a_chunk_loaded_twice_is_found(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a loader would that keeps its state apart from its rows."""
    target.configure(entry(lake.write("dated", dated()), date_column="day"))

    def twice(_: RunContext, record: ExportRecord) -> None:
        staging = f"neonsync.{record.staging}"
        target.sql(f"INSERT INTO {staging} SELECT * FROM {staging}")

    before_the_audit(monkeypatch, twice)
    outcome = await target.sync()
    assert isinstance(outcome.result.error, ProofError)
    assert "the counts differ on 2 of 2 dates" in str(outcome.result.error)


async def test_a_source_that_changes_meanwhile_is_told_and_the_copy_is_not_blamed(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = next(path for path in sorted(lake_folder(target.world).iterdir()) if path.is_dir())
    (file,) = folder.iterdir()
    added = folder / "added.parquet"
    exported = asyncio.Event()

    def listen(event: Event) -> None:
        if isinstance(event, ChunksPlanned):
            exported.set()

    async def changed_first(context: RunContext, table: TablePlan) -> Any:
        await exported.wait()
        added.write_bytes(file.read_bytes())
        return await count_source(context, table)

    monkeypatch.setattr(stage, "count_source", changed_first)
    try:
        result = await run(target.plan(), listen, CancelToken())
    finally:
        added.unlink()
    error = result.error
    assert isinstance(error, ProofError)
    assert "200 in the source, 100 in the ledger" in str(error)
    assert "The source has changed since the export began: s3://" in str(error)
    assert "added.parquet was written after it" in str(error)
    assert "nothing speaks against the copy" in error.remedy


async def test_a_source_that_changes_between_two_exports_is_counted_again(
    target: Target, tmp_path: Path
) -> None:
    folder = next(path for path in sorted(lake_folder(target.world).iterdir()) if path.is_dir())
    (file,) = folder.iterdir()
    away = tmp_path / file.name

    def listen(event: Event) -> None:
        if isinstance(event, Notice) and "exporting again" in event.message:
            shutil.move(file, away)

    target.world.aws.faults.fail_next_query("no luck", verb="UNLOAD")
    try:
        result = await run(target.plan(), listen, CancelToken())
    finally:
        shutil.move(away, file)
    assert result.error is None
    assert target.value("SELECT count(*) FROM forecast_data") == ROWS - 100
    assert [query.purpose for query in result.queries].count(Purpose.COUNT) == 2


async def test_a_file_that_is_replaced_between_two_reads_is_no_mixture(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Files as small as these would be kept from the reading of their footers.
    monkeypatch.setattr(export_module, "KEPT_BYTES", 0)
    target.configure(entry(lake.write("dated", dated()), date_column="day"))
    events: list[Event] = []

    def listen(event: Event) -> None:
        if isinstance(event, ChunksPlanned):  # the footers are read, the rows are not
            for file in exported(target):
                file.write_bytes(file.read_bytes() + b"\0")
        events.append(event)

    result = await run(target.plan(), listen, CancelToken())
    assert isinstance(result.error, NeonsyncError)
    assert "PreconditionFailed" in str(result.error)
    assert target.value("SELECT to_regclass('t')") is None


TABLES: dict[str, tuple[pd.DataFrame, dict[str, Any], str]] = {
    "no date column": (frame(note=["a", None, ""]), {}, "digest equal on 1 of 1 date"),
    "one date": (
        frame(day=[pd.Timestamp("2026-01-01").date()] * 3, note=["a", None, ""]),
        {"date_column": "day"},
        "digest equal on 1 of 1 date",
    ),
    "NULL dates": (
        frame(day=[pd.Timestamp("2026-01-01").date(), None, None], note=["a", None, ""]),
        {"date_column": "day"},
        "digest equal on 2 of 2 dates",
    ),
    "no rows": (
        frame(note=pd.array(["a"], dtype="string")).iloc[:0],
        {},
        "digest equal on 0 of 0 dates",
    ),
}


@pytest.mark.parametrize("what", TABLES)
async def test_odd_tables_are_proved_all_the_same(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    rows, settings, _ = TABLES[what]
    dtype = {"day": "date"} if "day" in rows else {}
    target.configure(entry(lake.write("odd", rows, dtype=dtype), **settings))
    outcome = await synced(target, verify_target="all")
    proof = outcome.result.proofs["public.t"]
    assert (proof.rows, proof.validation) == (len(rows), "exact")
    assert target.value("SELECT count(*) FROM t") == len(rows)
    if not len(rows):
        return

    def act(_: RunContext, record: ExportRecord) -> None:
        target.sql(f"UPDATE neonsync.{record.staging} SET note = NULL WHERE note = ''")

    target.sql("DROP TABLE t")
    before_the_audit(monkeypatch, act)
    again = await target.sync()
    assert isinstance(again.result.error, ProofError)
    assert "1 row has other values: (2); columns that differ: note" in str(again.result.error)


def test_a_table_without_a_key_is_refused_beforehand(planner: Target, lake: Lake) -> None:
    table = lake.write("keyless", frame(note=["a"]))
    planner.configure(f'[[tables]]\nsource = "{table}"\n')
    with pytest.raises(ConfigError, match="has no key to tell its rows by"):
        planner.plan()
