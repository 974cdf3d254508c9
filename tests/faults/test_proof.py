"""What the proof has to find: rows lost, doubled or changed; and what is not the copy's fault."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neonsync.athena import export as export_module
from neonsync.engine import stage
from neonsync.engine.cancel import CancelToken
from neonsync.engine.context import RunContext
from neonsync.engine.events import ChunksPlanned, Event, Notice, Purpose
from neonsync.engine.loading import source_changes
from neonsync.engine.loading.extract import count_source, figures_of_source
from neonsync.engine.pipeline import run
from neonsync.engine.plan import TablePlan
from neonsync.engine.proof import compare
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
    "a row lost": (
        "DELETE FROM {} WHERE id = 7",
        "2026-01-02: 10 in the source, 9 in staging; 1 row is missing: (7)",
    ),
    "a row doubled": (
        "INSERT INTO {0} SELECT * FROM {0} WHERE id = 7",
        "2026-01-02: 10 in the source, 11 in staging; 1 row too many: (7)",
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
        "2026-01-01: 10 in the source, 11 in staging, 2026-01-02: 10 in the source, 9 in staging; "
        "1 row has other values: (7); columns that differ: day",
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


@pytest.mark.parametrize(
    ("most_rows", "told"),
    [
        (
            200_000,
            "; on the first 20 of these 21 dates 20 rows have other values: (0), (1), ",
        ),
        (
            10,
            "; on the first 5 of these 21 dates 5 rows have other values: (0), (1), ",
        ),
        (1, "; the rows of a date are more than 1, too many to be compared one by one"),
    ],
)
async def test_rows_of_many_dates_are_named_as_far_as_they_can_be_read(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, most_rows: int, told: str
) -> None:
    monkeypatch.setattr(compare, "MOST_ROWS", most_rows)
    first = pd.Timestamp("2026-01-01")
    days = [(first + pd.Timedelta(days=number % 21)).date() for number in range(42)]
    rows = frame(day=days, note=["n"] * 42)
    target.configure(entry(lake.write("dated", rows), date_column="day"))

    def act(_: RunContext, record: ExportRecord) -> None:
        target.sql(f"UPDATE neonsync.{record.staging} SET note = 'other' WHERE id < 21")

    before_the_audit(monkeypatch, act)
    error = (await target.sync()).result.error
    assert isinstance(error, ProofError)
    assert "differ from Athena's on 21 of 21 dates" in error.message
    assert told in error.message
    assert ("(9)" in error.message) is (most_rows > 10)


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


def files_of(target: Target, table: str) -> list[Path]:
    """The files of a table that a test has written."""
    root = target.world.directory / "aws" / "s3" / target.world.aws.bucket / "other" / table
    return [path for path in sorted(root.rglob("*")) if path.is_file()]


def older(file: Path, rows: list[int]) -> None:
    """Write a file of the lake that is some time old."""
    pq.write_table(pa.table({"id": pa.array(rows, pa.int64())}), file)
    os.utime(file, (1_767_323_045, 1_767_323_045))


CHANGES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "a file is deleted": ('source = "{0}"', lambda file: file.unlink()),
    "a query's file is deleted": ('query = "SELECT * FROM lake.{0}"', lambda file: file.unlink()),
    "a query gets a file": (
        'query = "SELECT * FROM lake.{0}"',
        lambda file: older(file.with_name("third.parquet"), [17, 18]),
    ),
}


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("what", CHANGES)
async def test_what_no_file_tells_of_a_source_is_told_by_what_athena_has_read(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch, what: str, told: bool
) -> None:
    source, change = CHANGES[what]
    table = lake.write("a", pd.DataFrame({"id": range(2)}))
    (file,) = files_of(target, table)
    older(file, [0, 1])
    older(file.with_name("second.parquet"), [7, 8])
    target.configure(f'[[tables]]\n{source.format(table)}\ntarget = "t"\nkey = ["id"]\n')
    exported = asyncio.Event()

    def listen(event: Event) -> None:
        if isinstance(event, ChunksPlanned):
            exported.set()

    async def changed_first(context: RunContext, table: TablePlan) -> Any:
        await exported.wait()
        change(file)
        return await count_source(context, table)

    def silent(*_: object) -> None:
        raise NeonsyncError("the role may not ask")

    monkeypatch.setattr(stage, "count_source", changed_first)
    if not told:
        monkeypatch.setattr(source_changes, "_rows_read", silent)
    error = (await run(target.plan(), listen, CancelToken())).error
    assert isinstance(error, ProofError)
    now = 6 if "gets" in what else 2
    if told:
        assert f"Athena has read 4 rows of it for the export, and {now} to count them" in str(error)
        assert "nothing speaks against the copy" in error.remedy
    else:
        assert "The source may have changed since the export began" in error.remedy
        assert "--fresh" in error.remedy


async def test_a_source_that_changes_before_its_figures_are_taken_is_told(
    target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = lake.write("a", frame(amount=[5, 7]))
    target.configure(entry(table))
    (file,) = files_of(target, table)

    async def changed_first(context: RunContext, table: TablePlan, statement: str) -> Any:
        rows = pd.read_parquet(file).assign(amount=[5, 8])
        await asyncio.to_thread(rows.to_parquet, file)
        return await figures_of_source(context, table, statement)

    monkeypatch.setattr(stage, "figures_of_source", changed_first)
    error = (await target.sync(validation="aggregate")).result.error
    assert isinstance(error, ProofError)
    assert 'sum of "amount" differs. The source has changed since the export began: ' in str(error)
    assert "The source alone may be why" in error.remedy
    assert "--validation exact compares the rows with those that were exported" in error.remedy


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
