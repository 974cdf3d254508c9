"""The main job against the sandbox: what arrives, what a second run does, what is left behind."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from neonsync.engine.events import CheckFinished, StepFinished
from neonsync.errors import ExitCode
from neonsync.report.documents import report, validation_report
from neonsync.sandbox import Sandbox
from tests.conftest import ROWS, Target, lake_folder

COLUMNS = [
    "restaurant_id",
    "inventory_item_id",
    "business_date",
    "dma_id",
    "dc_id",
    "state",
    "y_05",
    "y_50",
    "y_95",
]


def lake_rows(world: Sandbox) -> list[tuple[Any, ...]]:
    """The lake's own rows, read by another program than neonsync: pyarrow from the disk."""
    folder = lake_folder(world)
    partitioning = ds.partitioning(pa.schema([("business_date", pa.date32())]), flavor="hive")
    table = ds.dataset(folder, format="parquet", partitioning=partitioning).to_table(COLUMNS)
    rows = zip(*(table.column(name).to_pylist() for name in COLUMNS), strict=True)
    return sorted(rows, key=lambda row: row[:3])


def target_rows(target: Target) -> list[tuple[Any, ...]]:
    listed = ", ".join(COLUMNS)
    return target.sql(f"SELECT {listed} FROM forecast_data ORDER BY 1, 2, 3")


async def test_every_value_of_the_lake_arrives(target: Target) -> None:
    outcome = await target.sync()

    assert outcome.result.error is None
    assert outcome.result.exit_code is ExitCode.OK
    assert target_rows(target) == lake_rows(target.world)
    assert [entry.method for entry in outcome.result.published] == ["swap"]


async def test_the_target_has_the_documented_shape(target: Target) -> None:
    await target.sync()

    columns = dict(
        target.sql(
            "SELECT attname, format_type(atttypid, atttypmod) || CASE WHEN attnotnull"
            " THEN ' not null' ELSE '' END FROM pg_attribute"
            " WHERE attrelid = 'forecast_data'::regclass AND attnum > 0"
        )
    )
    assert columns == {
        "id": "bigint not null",
        "restaurant_id": "integer not null",
        "inventory_item_id": "integer not null",
        "business_date": "date not null",
        "dma_id": "character varying(50)",
        "dc_id": "integer",
        "state": "character varying(2) not null",
        "y_05": "numeric(10,2)",
        "y_50": "numeric(10,2) not null",
        "y_95": "numeric(10,2)",
        "created_at": "timestamp with time zone not null",
        "updated_at": "timestamp with time zone not null",
    }
    indexes = {
        name
        for (name,) in target.sql(
            "SELECT indexname FROM pg_indexes WHERE tablename = 'forecast_data'"
        )
    }
    assert indexes == {
        "forecast_data_pkey",
        "forecast_data_unique_key",
        "idx_forecast_business_date",
        "idx_forecast_state",
        "idx_forecast_state_date",
        "idx_forecast_dma",
        "idx_forecast_dc",
        "idx_forecast_composite",
    }
    # Nothing is named after the staging table, and the sequence goes on after the loaded rows.
    named = target.sql(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'forecast_data'::regclass"
    )
    assert all(not name.startswith("run_") for (name,) in named)
    target.sql(
        "INSERT INTO forecast_data (restaurant_id, inventory_item_id, business_date, state, y_50)"
        " VALUES (-1, -1, '2020-01-01', 'CA', 1)"
    )
    assert target.value("SELECT id > %s FROM forecast_data WHERE restaurant_id = -1", ROWS)
    assert target.value("SELECT pg_get_serial_sequence('forecast_data', 'id')") == (
        "public.forecast_data_id_seq"
    )


async def test_a_second_run_writes_nothing_and_says_so(target: Target) -> None:
    await target.sync()
    before = target.sql("SELECT id, xmin, ctid FROM forecast_data ORDER BY id")

    outcome = await target.sync()

    assert target.sql("SELECT id, xmin, ctid FROM forecast_data ORDER BY id") == before
    (published,) = outcome.result.published
    assert (published.method, published.inserted, published.updated) == ("merge", 0, 0)
    assert published.unchanged == ROWS
    told = [event.detail for event in outcome.events if isinstance(event, StepFinished)]
    assert any("nothing written" in detail for detail in told)


async def test_a_merge_writes_just_what_differs(target: Target) -> None:
    await target.sync()
    target.sql("UPDATE forecast_data SET y_50 = y_50 + 1, y_05 = NULL WHERE id <= 7")
    target.sql("DELETE FROM forecast_data WHERE id BETWEEN 8 AND 10")
    target.sql(
        "INSERT INTO forecast_data (restaurant_id, inventory_item_id, business_date, state, y_50)"
        " VALUES (-1, -1, '2020-01-01', 'CA', 1)"
    )
    before = {
        row[0]: row[1:]
        for row in target.sql("SELECT id, created_at, updated_at FROM forecast_data WHERE id <= 7")
    }

    outcome = await target.sync()

    (published,) = outcome.result.published
    assert (published.inserted, published.updated, published.unchanged) == (3, 7, ROWS - 10)
    kept = [row for row in target_rows(target) if row[0] != -1]
    assert kept == lake_rows(target.world)
    for key, created, updated in target.sql(
        "SELECT id, created_at, updated_at FROM forecast_data WHERE id <= 7"
    ):
        assert created == before[key][0], "created_at stays"
        assert updated > before[key][1], "updated_at tells of the update"
    # Rows that the source does not have are kept.
    assert target.value("SELECT count(*) FROM forecast_data WHERE restaurant_id = -1") == 1


async def test_nothing_is_left_behind(target: Target) -> None:
    before = target.exported_files()
    await target.sync()
    await target.sync()

    assert target.staging_tables() == []
    assert target.exported_files() == before
    assert target.sql("SELECT * FROM neonsync.chunks") == []
    statuses = target.sql("SELECT status, count(*) FROM neonsync.runs GROUP BY 1")
    assert statuses == [("succeeded", 2)]


async def test_the_checks_run_and_know_the_sources_states(target: Target) -> None:
    outcome = await target.sync()

    checks = {check.check: check for check in outcome.result.checks}
    assert list(checks) == [
        "table_existence",
        "record_count",
        "schema_validation",
        "data_integrity",
        "date_range",
        "index_verification",
        "performance",
        "completeness",
    ]
    assert {check.status.value for check in checks.values()} == {"passed"}
    assert "WA" in checks["data_integrity"].details["source_states"]
    assert checks["date_range"].details["distinct_dates"] == 90
    assert sum(isinstance(event, CheckFinished) for event in outcome.events) == 8


async def test_a_state_that_the_source_does_not_have_fails_the_validation(target: Target) -> None:
    await target.sync()
    target.sql(
        "INSERT INTO forecast_data (restaurant_id, inventory_item_id, business_date, state, y_50)"
        " VALUES (-1, -1, %s, 'ZZ', 1)",
        date(2026, 1, 1),
    )

    outcome = await target.sync()

    assert outcome.result.exit_code is ExitCode.VALIDATION
    assert outcome.result.status == "invalid"
    (failed,) = [check for check in outcome.result.checks if check.status == "failed"]
    assert failed.check == "data_integrity"
    assert failed.details["unknown_states"] == {"ZZ": 1}


async def test_a_missing_index_of_a_merged_target_is_built(target: Target) -> None:
    await target.sync()
    target.sql("DROP INDEX idx_forecast_dma")

    outcome = await target.sync()

    assert target.value("SELECT count(*) FROM pg_indexes WHERE indexname = 'idx_forecast_dma'") == 1
    assert outcome.result.exit_code is ExitCode.OK


async def test_the_reports_have_the_old_keys_and_the_new(target: Target) -> None:
    result = (await target.sync()).result

    content = json.loads(json.dumps(report(result)))
    assert {
        "startTime",
        "endTime",
        "duration",
        "recordsProcessed",
        "tablesSynced",
        "errors",
        "validationStatus",
        "branchInfo",
    } <= content.keys()
    assert content["recordsProcessed"] == ROWS
    assert content["tablesSynced"] == ["forecast_data"]
    assert content["validationStatus"] == "passed"
    assert content["branchInfo"]["id"].startswith("br-")
    assert content["branchInfo"]["mode"] == "full"
    assert content["rows"] == {
        "read": ROWS,
        "written": ROWS,
        "inserted": ROWS,
        "updated": 0,
        "unchanged": 0,
        "removed": 0,
        "deleted": 0,
    }
    assert content["athena"]["bytesScanned"] > 0
    assert content["athena"]["priceUsd"] == pytest.approx(
        content["athena"]["bytesBilled"] / 1e12 * 5, abs=1e-6
    )
    assert {query["purpose"] for query in content["athena"]["queries"]} == {"export", "count"}
    assert {step["step"] for step in content["steps"]} == {
        "extract",
        "load",
        "audit",
        "index",
        "publish",
        "verify",
        "clean up",
    }

    validation = json.loads(json.dumps(validation_report(result), default=str))
    assert validation["overallStatus"] == "passed"
    assert validation["connectionInfo"]["branch"] == target.name
    assert validation["summary"] == {"totalChecks": 8, "passed": 8, "failed": 0, "warnings": 0}
    assert {"check", "status", "details", "message"} <= validation["checks"][0].keys()
    checks = {check["check"]: check for check in validation["checks"]}
    count = checks["record_count"]
    assert target.value(count["neonSql"]) == count["details"]["measured"]
    assert "GROUPING SETS" in count["athenaSql"]
    for name in ("data_integrity", "date_range", "completeness"):
        assert checks[name]["athenaSql"] == count["athenaSql"]
        for statement in checks[name]["neonSql"].split(";"):
            assert target.sql(statement) != []
    assert checks["schema_validation"]["athenaSql"] == checks["schema_validation"]["neonSql"] == ""
