"""A run that starts again pays for nothing twice, and starts afresh when it cannot go on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from neonsync.athena import export as export_module
from neonsync.engine import stage
from neonsync.engine.context import RunContext
from neonsync.engine.events import ChunksPlanned, Notice
from neonsync.engine.loading.extract import SourceCounts, count_source
from neonsync.engine.plan import TablePlan
from neonsync.errors import DatabaseAccessError, LoadError, ProofError
from tests.conftest import ROWS, Outcome, Target, lake_folder
from tests.engine.test_main_job import lake_rows, target_rows
from tests.engine.test_publish_rules import EMPTY_TARGET
from tests.faults.processes import running


def notices(outcome: Outcome) -> str:
    return "\n".join(event.message for event in outcome.events if isinstance(event, Notice))


async def fail_after_loading(target: Target, monkeypatch: pytest.MonkeyPatch) -> Outcome:
    """A run that is cut off from its database when all chunks are loaded."""

    async def cut_off(*_: object) -> None:
        raise DatabaseAccessError("cut off")

    with monkeypatch.context() as patched:
        patched.setattr(stage, "audit", cut_off)
        return await target.sync(jobs=1)


async def test_a_run_that_starts_again_uses_the_export_and_the_chunks_of_the_first(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await fail_after_loading(target, monkeypatch)
    assert first.result.exit_code == 3
    assert target.value("SELECT to_regclass('forecast_data')") is None

    second = await target.sync()

    assert second.result.error is None
    assert second.result.run_id == first.result.run_id
    (planned,) = [event for event in second.events if isinstance(event, ChunksPlanned)]
    assert planned.loaded_rows == ROWS
    exports = [
        {query.query_id for query in outcome.result.queries if query.purpose == "export"}
        for outcome in (first, second)
    ]
    assert exports[0] == exports[1]
    # The export is paid for once: the second run's price is its count's.
    assert second.result.billed_bytes == 10_000_000
    assert target_rows(target) == lake_rows(target.world)


@pytest.mark.parametrize("astray", [False, True])
async def test_chunks_are_loaded_once_when_some_were_loaded_before(
    target: Target, monkeypatch: pytest.MonkeyPatch, astray: bool
) -> None:
    monkeypatch.setattr(export_module, "CHUNK_ROWS", 2_000)
    await fail_after_loading(target, monkeypatch)
    staging = target.value("SELECT staging FROM neonsync.exports")
    chunks = target.sql("SELECT chunk, rows FROM neonsync.chunks ORDER BY loaded_at")
    assert len(chunks) > 2
    # One connection has loaded them in this order: as if the run had died before the last (the
    # first, where what is missing in staging is not what is missing in the ledger).
    chunk, rows = chunks[0 if astray else -1]
    target.sql(
        f"DELETE FROM neonsync.{staging} WHERE id IN"
        f" (SELECT id FROM neonsync.{staging} ORDER BY id DESC LIMIT %s)",
        rows,
    )
    target.sql("DELETE FROM neonsync.chunks WHERE chunk = %s", chunk)

    outcome = await target.sync(jobs=1)

    (planned,) = [event for event in outcome.events if isinstance(event, ChunksPlanned)]
    assert (planned.loaded_chunks, planned.loaded_rows) == (len(chunks) - 1, ROWS - rows)
    if astray:
        assert isinstance(outcome.result.error, ProofError | LoadError)
        assert target.value("SELECT to_regclass('forecast_data')") is None
    else:
        assert outcome.result.error is None
        assert target_rows(target) == lake_rows(target.world)


async def test_rows_that_wait_for_a_merge_are_loaded_anew_when_a_column_changes(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    await target.sync()
    await fail_after_loading(target, monkeypatch)
    kept = await target.sync()
    assert "loading it anew" not in notices(kept), "nothing has changed"
    await fail_after_loading(target, monkeypatch)
    target.sql("ALTER TABLE forecast_data ALTER dma_id TYPE text")

    outcome = await target.sync()

    assert outcome.result.error is None, outcome.result.error
    assert "the target has other columns than then; loading it anew" in notices(outcome)
    assert outcome.result.published[0].unchanged == ROWS


async def test_another_plan_starts_afresh_and_clears_the_old_one(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await fail_after_loading(target, monkeypatch)
    target.sql("UPDATE neonsync.runs SET fingerprint = 'another'")

    second = await target.sync()

    assert second.result.run_id != first.result.run_id
    assert "its plan was another one" in notices(second)
    assert target.staging_tables() == []
    assert not [name for name in target.exported_files() if first.result.run_id in name]


async def test_a_fresh_run_uses_nothing_of_the_earlier_one(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await fail_after_loading(target, monkeypatch)

    second = await target.sync(fresh=True)

    assert second.result.error is None
    assert second.result.run_id != first.result.run_id
    assert f"run {first.result.run_id} had left (--fresh was asked for)" in notices(second)
    (planned,) = [event for event in second.events if isinstance(event, ChunksPlanned)]
    assert planned.loaded_rows == 0
    exports = [
        {query.query_id for query in outcome.result.queries if query.purpose == "export"}
        for outcome in (first, second)
    ]
    assert not exports[0] & exports[1]
    assert target.staging_tables() == []
    assert target.exported_files() == []


def lose_a_file(target: Target) -> None:
    _results(target, "data").unlink()


def lose_the_manifest(target: Target) -> None:
    _results(target, "results").unlink()


def forget_the_query(target: Target) -> None:
    target.sql("UPDATE neonsync.exports SET query_id = gen_random_uuid()::text")


def change_a_file(target: Target) -> None:
    path = _results(target, "data")
    pq.write_table(pq.read_table(path), path, compression="zstd")


def _results(target: Target, kind: str) -> Path:
    """The first file of the only export: of its rows, or its manifest."""
    root = target.world.directory / "aws" / "s3" / target.world.aws.bucket / "athena-results"
    names = [name for name in target.exported_files() if f"/{kind}/" in name]
    return root / min(name for name in names if not name.endswith(".metadata"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lose_a_file, "files of the manifest are not in S3"),
        (lose_the_manifest, "the earlier export is of no use"),
        (forget_the_query, "was not found; exporting again"),
        (change_a_file, "it came from other files than the export has now"),
    ],
)
async def test_an_export_that_is_gone_or_changed_starts_afresh_and_says_why(
    target: Target,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Target], None],
    said: str,
) -> None:
    first = await fail_after_loading(target, monkeypatch)
    spoil(target)

    second = await target.sync()

    assert second.result.error is None, second.result.error
    assert second.result.run_id == first.result.run_id
    assert said in notices(second)
    assert target_rows(target) == lake_rows(target.world)
    assert target.staging_tables() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP TABLE neonsync.{staging}", "its staging table is gone"),
        (
            "ALTER TABLE forecast_data ADD COLUMN note text",
            "the target has other columns than then",
        ),
        (
            "CREATE VIEW v AS SELECT id FROM forecast_data",
            "published in another way now",
        ),
        (
            "DELETE FROM neonsync.{staging} WHERE restaurant_id % 2 = 0",
            "and the ledger says 9,000",
        ),
    ],
)
async def test_a_staging_table_that_does_not_fit_is_loaded_anew_and_says_why(
    target: Target, monkeypatch: pytest.MonkeyPatch, change: str, said: str
) -> None:
    target.sql(EMPTY_TARGET)
    await fail_after_loading(target, monkeypatch)
    target.sql(change.format(staging=target.value("SELECT staging FROM neonsync.exports")))

    outcome = await target.sync()

    assert outcome.result.error is None, outcome.result.error
    assert said in notices(outcome)
    assert "loading it anew" in notices(outcome)
    assert target_rows(target) == lake_rows(target.world)


async def test_an_export_that_is_too_old_is_not_continued(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await fail_after_loading(target, monkeypatch)
    target.sql("UPDATE neonsync.runs SET started_at = started_at - interval '7 hours'")

    second = await target.sync()

    assert second.result.run_id != first.result.run_id
    assert second.result.error is None
    assert "it began more than 6 hours ago" in notices(second)


async def test_counts_that_differ_publish_nothing_and_name_the_dates(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def one_more(context: RunContext, table: TablePlan) -> SourceCounts:
        counts = await count_source(context, table)
        counts.dates[min(date for date in counts.dates if date)] += 1
        return counts

    monkeypatch.setattr(stage, "count_source", one_more)

    outcome = await target.sync()

    assert isinstance(outcome.result.error, ProofError)
    assert outcome.result.exit_code == 4
    assert "differ on 1 of 90 dates" in str(outcome.result.error)
    assert "101 in the source, 100 in the ledger" in str(outcome.result.error)
    assert target.value("SELECT to_regclass('forecast_data')") is None


async def test_expired_keys_in_mid_run_end_with_3_and_the_next_run_goes_on(
    target: Target, tmp_path: Path
) -> None:
    target.world.aws.faults.query_seconds = 3.0
    try:
        with running(target, tmp_path) as run:
            assert run.wait_for_log("QUEUED")
            target.world.aws.faults.expire_keys()
            assert run.finish() == 3
    finally:
        target.world.aws.faults.expire_keys(False)
        target.world.aws.faults.query_seconds = None
    report = json.loads((tmp_path / "etl-report.json").read_text())
    assert "Expired" in report["errors"][0]["message"]
    run_id = report["runId"]

    target.sql("UPDATE neonsync.exports SET query_id = NULL")  # as if the answer had been lost
    outcome = await target.sync()

    assert outcome.result.run_id == run_id
    assert outcome.result.error is None


def duplicate_a_row(target: Target) -> Path:
    """Put a file into the lake that holds one of its rows a second time."""
    folder = lake_folder(target.world)
    day = sorted(folder.iterdir())[0]
    table = pq.ParquetFile(sorted(day.iterdir())[0]).read().slice(0, 1)
    path = day / "doubled.snappy.parquet"
    pq.write_table(table, path)
    return path


@pytest.mark.parametrize("filled", [False, True], ids=["swap", "merge"])
async def test_a_key_that_stands_twice_in_the_source_is_named_and_nothing_is_published(
    target: Target, filled: bool
) -> None:
    if filled:
        await target.sync()
    path = duplicate_a_row(target)
    try:
        outcome = await target.sync()
    finally:
        path.unlink()

    assert isinstance(outcome.result.error, LoadError)
    told = str(outcome.result.error)
    assert "the same key (restaurant_id, inventory_item_id, business_date): 1 key stands" in told
    assert target.staging_tables() == []
    if filled:
        assert target.value("SELECT count(*) FROM forecast_data") == ROWS
    else:
        assert target.value("SELECT to_regclass('forecast_data')") is None


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("state", "CAL", "longer than varchar(2) (1 of them), as 'CAL'"),
        ("state", "C ", None),
        ("state", None, "1 value is NULL"),
        ("dma_id", "a\x00b", "U+0000"),
    ],
    ids=["too long", "trailing blank", "NULL where none may be", "NUL character"],
)
async def test_a_value_that_postgres_cannot_hold_stops_the_table_and_names_the_column(
    target: Target, column: str, value: str | None, said: str | None
) -> None:
    folder = lake_folder(target.world)
    day = sorted(folder.iterdir())[0]
    row = pq.ParquetFile(sorted(day.iterdir())[0]).read().slice(0, 1)
    position = row.schema.get_field_index(column)
    row = row.set_column(position, column, pa.array([value], pa.string()))
    row = row.set_column(
        row.schema.get_field_index("restaurant_id"),
        "restaurant_id",
        pa.array([-5], row.schema.field("restaurant_id").type),
    )
    path = day / "odd.snappy.parquet"
    pq.write_table(row, path)
    try:
        outcome = await target.sync()
    finally:
        path.unlink()

    if said is None:
        assert outcome.result.error is None
        assert target.value("SELECT state FROM forecast_data WHERE restaurant_id = -5") == value
        return
    assert isinstance(outcome.result.error, LoadError)
    assert said in str(outcome.result.error)
    assert column in str(outcome.result.error)
    assert target.value("SELECT to_regclass('forecast_data')") is None
