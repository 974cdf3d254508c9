"""``neonsync validate``: what differs between branch and lake, and its repair, by the command."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from neonsync.cli.main import cli
from neonsync.errors import NeonsyncError
from tests.conftest import Lake, Target
from tests.engine.test_bad_values import entry, synced
from tests.engine.test_digest import mutable


@pytest.fixture
def compared(target: Target, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A configured target, in whose folder the commands run."""
    table = lake.write("mutable", mutable())
    target.configure(
        f"report_dir = {json.dumps(str(target.report_dir))}\n"
        + entry(table, date_column="day", types={"amount": "numeric(12,2)"})
    )
    monkeypatch.chdir(target.config.parent)
    return target


def run(target: Target, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["validate", "--branch", target.name, *arguments])


def document(result: Result) -> dict[str, Any]:
    assert not isinstance(result.exception, NeonsyncError), result.exception
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    return found


def test_what_differs_is_named_and_repaired_on_its_dates_alone(compared: Target) -> None:
    asyncio.run(synced(compared))
    equal = run(compared)
    assert equal.exit_code == 0, equal.output
    assert "✓ public.t: 20 rows, digest equal on 2 of 2 dates" in equal.stdout
    assert "Equal: 1 table" in equal.stdout
    assert "--repair" not in equal.output
    compared.sql("UPDATE t SET a = 'other' WHERE id = 7")
    compared.sql("DELETE FROM t WHERE id = 9")
    compared.sql("INSERT INTO t (id, day, a) VALUES (99, '2026-01-02', 'surplus')")
    before = compared.sql("SELECT ctid::text FROM t WHERE day = '2026-01-01' ORDER BY id")
    differs = run(compared)
    assert differs.exit_code == 4
    assert "2026-01-02: 10 rows on both sides, with other values" in differs.stdout
    assert "1 row is missing: (9); 1 row too many: (99); 1 row has other values: (7)" in (
        differs.stdout
    )
    assert "columns that differ: a" in differs.stdout
    assert "Add --repair" in differs.stderr
    assert "other" not in differs.stdout.replace("with other values", "").replace(
        "has other values", ""
    )
    with compared.config.open("r+") as file:
        text = file.read()
        file.seek(0)
        file.write(f"show_values = true\n{text}")
    assert "as (7) a: a7 in Athena, other here" in run(compared).stdout
    # A row that only the branch has is let go where that is wanted.
    kept = run(compared, "--repair", "--json")
    assert (kept.exit_code, document(kept)["equal"]) == (4, False)
    repaired = run(compared, "--repair", "--on-missing", "delete", "--json")
    assert (repaired.exit_code, document(repaired)["equal"]) == (0, True), repaired.output
    assert len(document(repaired)["repaired_by"]) == 1
    assert compared.value("SELECT a FROM t WHERE id = 7") == "a7"
    after = compared.sql("SELECT ctid::text FROM t WHERE day = '2026-01-01' ORDER BY id")
    assert after == before
    report = json.loads((compared.report_dir / "etl-report.json").read_text())
    assert report["tables"][0]["scope"] == "2026-01-02"
    newest = "SELECT metrics ->> 'scope' FROM neonsync.metrics ORDER BY measured_at DESC LIMIT 1"
    assert compared.value(newest) == "2026-01-02"


def test_a_repair_whose_checks_fail_is_no_success(compared: Target) -> None:
    asyncio.run(synced(compared))
    with compared.config.open("a") as file:
        file.write('[[checks]]\nname = "few"\ntable = "t"\nexpression = "id < 5"\n')
    compared.sql("UPDATE t SET a = 'other' WHERE id = 7")
    result = run(compared, "--repair", "--json")
    told = document(result)
    assert (result.exit_code, told["equal"], len(told["repaired_by"])) == (4, True, 1)
    (failed,) = told["failed_checks"]
    assert (failed["table"], failed["check"]) == ("public.t", "few")
    assert failed["message"]
    assert "Of what was repaired a check failed: public.t: few." in result.stderr
    again = run(compared, "--json")
    assert (again.exit_code, document(again)["failed_checks"]) == (0, [])


def test_less_is_compared_where_less_is_wanted_and_within_filters(compared: Target) -> None:
    asyncio.run(synced(compared))
    compared.sql("UPDATE t SET a = 'b7' WHERE id = 7")
    assert run(compared, "--validation", "counts").exit_code == 0
    assert run(compared, "--validation", "aggregate").exit_code == 0  # as long as the old one
    assert run(compared, "--to", "2026-01-01").exit_code == 0
    compared.sql("UPDATE t SET amount = 0 WHERE id = 7")
    found = run(compared, "--validation", "aggregate", "--json")
    assert found.exit_code == 4
    (table,) = document(found)["tables"]
    assert table["differing"] == [{"date": "2026-01-02", "source": 10, "target": 10}]
    assert table["rows_differ"] == '2026-01-02: sum of "amount" differs'


def test_a_table_that_is_not_there_is_told_and_nothing_is_made(compared: Target) -> None:
    result = run(compared, "--json")
    assert result.exit_code == 4
    (table,) = document(result)["tables"]
    assert table["error"] == "public.t does not exist"
    assert compared.value("SELECT to_regnamespace('neonsync')") is None


def test_a_column_that_is_missing_is_a_difference_that_a_repair_mends(
    compared: Target,
) -> None:
    text = compared.config.read_text()
    compared.configure(text.replace('date_column = "day"', 'date_column = "day"\non_drift = "add"'))
    asyncio.run(synced(compared))
    compared.sql("ALTER TABLE t DROP COLUMN a")
    repaired = run(compared, "--repair", "--json")
    assert (repaired.exit_code, document(repaired)["equal"]) == (0, True), repaired.output
    assert compared.value("SELECT a FROM t WHERE id = 7") == "a7"


def test_the_configured_mode_is_none_of_a_comparison(compared: Target) -> None:
    asyncio.run(synced(compared))
    compared.configure('mode = "test-data"\n' + compared.config.read_text(encoding="utf-8"))
    found = run(compared, "--validation", "counts")
    assert found.exit_code == 0, found.output
