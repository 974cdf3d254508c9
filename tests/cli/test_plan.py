"""``plan``, ``--dry-run`` and ``tables``: what they tell, and that they write nothing anywhere."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from neonsync.cli.plan import run_plan
from neonsync.errors import ExitCode
from tests.cli.test_cli import neonsync, run
from tests.conftest import ROWS, Lake, Target


def state_of_everything(target: Target, lake: Lake, folder: Path) -> dict[str, Any]:
    """All that a program could have written to: S3, Athena, Neon, the branch, the disk."""
    athena = lake.client("athena")
    return {
        # What another test's run does to its own export, in its own time, is none of a plan's.
        "s3": {
            name
            for name in lake.files()
            if "/neonsync/run_" not in name and ".localbucket-records" not in name
        },
        "queries": athena.list_query_executions()["QueryExecutionIds"],
        "catalogue": sorted(
            table["Name"]
            for table in lake.client("glue").get_tables(DatabaseName="lake")["TableList"]
        ),
        "neon": (target.world.directory / "neon" / "state.json").read_text(),
        "relations": target.sql("SELECT oid, relname, relfilenode FROM pg_class ORDER BY oid"),
        "schemas": target.sql("SELECT oid, nspname FROM pg_namespace ORDER BY oid"),
        "disk": sorted(folder.rglob("*")),
    }


def plan(capsys: pytest.CaptureFixture[str], target: Target, **flags: Any) -> dict[str, Any]:
    """The plan as a program reads it."""
    code = run_plan({"branch": target.name, **flags}, None, as_json=True)
    assert code is ExitCode.OK
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_plan_tells_sql_ddl_method_rows_bytes_and_price(target: Target) -> None:
    done = neonsync(
        *f"plan --branch {target.name} --days 9 --states CA,TX".split(), env=target.environment
    )
    assert done.returncode == 0, done.stderr
    for part in (
        f"full into branch {target.name}",
        "forecast → public.forecast_data",
        "9 files in 9 of 90 partitions",
        'FROM "awsdatacatalog"."lake"."forecast"',
        "AND \"state\" IN ('CA', 'TX')",
        'CREATE TABLE "public"."forecast_data"',
        'CREATE INDEX "idx_forecast_composite"',
        "swap: built beside, and put in place in one step",
        "because it does not exist",
        "Price: about $0.0001",
        "Nothing was written.",
    ):
        assert part in done.stdout, done.stdout


@pytest.mark.parametrize("mode", ["full", "schema-only", "test-data"])
def test_a_plan_writes_nothing_anywhere(
    capsys: pytest.CaptureFixture[str], target: Target, lake: Lake, tmp_path: Path, mode: str
) -> None:
    before = state_of_everything(target, lake, tmp_path)
    filters = {"filters.states": "CA", "filters.days": "3"} if mode == "full" else {}
    plan(capsys, target, mode=mode, **filters)
    assert state_of_everything(target, lake, tmp_path) == before


def test_a_dry_run_writes_no_reports_either(target: Target, lake: Lake, tmp_path: Path) -> None:
    before = state_of_everything(target, lake, tmp_path)
    done = run(target, "--dry-run", "--branch", target.name)
    assert done.returncode == 0, done.stderr
    assert "Nothing was written." in done.stdout
    assert state_of_everything(target, lake, tmp_path) == before


def test_what_a_plan_foresees_is_what_a_run_does(
    capsys: pytest.CaptureFixture[str], target: Target
) -> None:
    foreseen = plan(capsys, target)["tables"][0]
    estimate = foreseen["estimate"]
    assert (estimate["rows"], estimate["exact"]) == (pytest.approx(ROWS, rel=0.1), False)
    days = plan(capsys, target, **{"filters.days": "9"})["tables"][0]["estimate"]
    assert (days["rows"], days["exact"], days["files"]) == (900, True, 9)
    outcome = asyncio.run(target.sync())
    assert estimate["scanned_bytes"] == pytest.approx(outcome.result.scanned_bytes, rel=0.15)
    assert estimate["billed_bytes"] == outcome.result.billed_bytes
    assert foreseen["method"] == outcome.result.published[0].method == "swap"
    target.sql("DROP INDEX idx_forecast_dc")
    again = plan(capsys, target)["tables"][0]
    assert (again["method"], again["reason"]) == ("merge", "it holds rows")
    assert [statement.split()[2] for statement in again["ddl"]] == ['"idx_forecast_dc"']


def test_a_plan_is_refused_for_what_a_run_is_refused_for(target: Target) -> None:
    target.sql("CREATE VIEW forecast_data AS SELECT 1 AS a")
    done = neonsync("plan", "--branch", target.name, env=target.environment)
    assert done.returncode == 1
    assert "view" in done.stderr
    assert "Traceback" not in done.stderr
    unknown = neonsync(
        *f"plan --branch {target.name} --table-filter Narnia".split(), env=target.environment
    )
    assert unknown.returncode == 2
    assert "'Narnia' is neither a table nor a state of forecast" in unknown.stderr
    assert "CA" in unknown.stderr


def test_tables_lists_what_the_lake_offers(target: Target) -> None:
    environment = {k: v for k, v in target.environment.items() if not k.startswith("NEON_")}
    done = neonsync("tables", env=environment)
    assert done.returncode == 0, done.stderr
    assert "forecast: 9 columns; 90 partitions, newest business_date=" in done.stdout
    assert "business_date date (partition)" in done.stdout
    assert "c_map map<string,int>" in done.stdout
    listed = json.loads(neonsync("tables", "--json", env=environment).stdout)
    forecast = next(table for table in listed if table["name"] == "forecast")
    assert (forecast["partitions"], forecast["files"]) == (90, 90)
    assert forecast["bytes"] > 10_000


def test_a_table_is_added_to_the_project_and_can_be_planned(target: Target, tmp_path: Path) -> None:
    config = tmp_path / "neonsync.toml"
    config.write_text("# mine\njobs = 3  # three\n")
    added = neonsync(
        "tables", "add", "all_types", "--key", "c_int", env=target.environment, cwd=tmp_path
    )
    assert added.returncode == 0, added.stderr
    assert config.read_text().startswith("# mine\njobs = 3  # three\n")
    shown = neonsync("plan", "--branch", target.name, env=target.environment, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "all_types → public.all_types" in shown.stdout
    again = neonsync(
        "tables", "add", "all_types", "--key", "c_int", env=target.environment, cwd=tmp_path
    )
    assert again.returncode == 2
    assert "has an entry for all_types already" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope", "--key", "a"], "Athena has no table lake.nope"),
        (["all_types", "--key", "c_integer"], "names the column 'c_integer', which is not there"),
        (["all_types"], "the key of all_types is not known"),
    ],
)
def test_an_entry_that_would_not_work_is_not_written(
    target: Target, tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = neonsync("tables", "add", *arguments, env=target.environment, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert not (tmp_path / "neonsync.toml").exists()


def without_a_key(target: Target, **more: str) -> dict[str, str]:
    """The environment of a job that has the connection string alone."""
    kept = ["AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"]
    kept += ["ATHENA_DB_NAME", "ATHENA_OUTPUT_LOCATION"]
    environment = {name: target.environment[name] for name in kept}
    return {**environment, "NEON_CONNECTION_STRING": target.uri, **more}


def test_a_branch_that_was_named_and_cannot_be_found_is_not_written_to_unconfirmed(
    target: Target, tmp_path: Path
) -> None:
    lost = without_a_key(target)
    endpoint = target.uri.split("@")[1].split(".")[0]
    asked = ["--headless", "--branch", "no-such-branch", "--days", "2"]
    for words in (asked, [*asked, "--confirm", "no-such-branch"]):
        refused = neonsync(*words, env=lost, cwd=tmp_path)
        assert refused.returncode == 6, refused.stderr
        assert "is the branch 'no-such-branch' (from --branch)" in refused.stderr
        assert f"--confirm {endpoint}" in refused.stderr
        assert "Set NEON_API_KEY and NEON_PROJECT_ID" in refused.stderr
    repair = ["validate", "--repair", "--branch", "no-such-branch", "--days", "2"]
    assert neonsync(*repair, env=lost, cwd=tmp_path).returncode == 6
    assert target.value("SELECT to_regclass('forecast_data')") is None

    planned = neonsync("plan", *asked[1:], env=lost, cwd=tmp_path)
    assert planned.returncode == 0, planned.stderr
    assert f"into branch not verified ({endpoint})" in planned.stdout
    assert f"a run into it needs NEON_API_KEY, or no branch named, or --confirm {endpoint}" in (
        planned.stdout
    )

    done = neonsync(*asked, "--confirm", endpoint, env=lost, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"branch not verified ({endpoint})" in done.stdout
    assert "no-such-branch or another" in done.stderr
    report = json.loads((tmp_path / "etl-report.json").read_text())
    assert report["branchInfo"] == {"id": endpoint, "name": "not verified", "mode": "full"}


def test_a_user_of_the_old_environment_changes_nothing(target: Target, tmp_path: Path) -> None:
    old = {
        "NEON_PROJECT_ID": "whatever-it-was",
        "DATA_MODE": "full",
        "TABLE_FILTER": "CA,TX",
        "DATE_RANGE_DAYS": "30",
    }
    done = neonsync("--headless", env=without_a_key(target, **old), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "could not be verified" in done.stderr
    assert target.sql("SELECT array_agg(DISTINCT state ORDER BY state) FROM forecast_data") == [
        (["CA", "TX"],)
    ]
    assert target.value("SELECT count(DISTINCT business_date) FROM forecast_data") == 30
    report = json.loads((tmp_path / "etl-report.json").read_text())
    assert report["branchInfo"]["mode"] == "full"
    password = target.uri.split(":")[2].split("@")[0]
    written = "".join(path.read_text() for path in tmp_path.iterdir() if path.is_file())
    assert password not in written + done.stdout + done.stderr
